"""The public part: totals that are null while unknown, gifts by cursor, a payment by its number."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from donations.arrivals import Arrivals
from donations.ledger import Kind, State
from donations.snapshot import Freshness
from donations.web import create_web
from donations.web.api.public import PublicApi
from donations.web.assets import load_assets
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.api.interface import interface
from tests.web.samples import NOW, snapshot
from tests.web.test_ledger import listing
from tests.web.test_thanks import ID, OTHER, SHOWN, transfer
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from donations.ledger import Transfer
    from donations.snapshot import Shown, Snapshot
    from tests.api.interface import Answer, Interface

ASSETS = load_assets()


@asynccontextmanager
async def public_part(
    *transfers: Transfer,
    edition: Snapshot | None = None,
    lists: bool = True,
    shown: Sequence[Shown] = SHOWN,
) -> AsyncIterator[tuple[Interface, PublicApi]]:
    """The interface of a service that has published these."""
    api = PublicApi(shown, lists=lists)
    api.publish(edition or snapshot(), Arrivals(transfers).copy())
    api.take_list(listing(*transfers))
    app = create_web(Publisher(ASSETS, languages=("fr",)), Readiness, more=api.routes())
    async with serve(app, "127.0.0.1", 0) as port, interface(port) as asked:
        yield asked, api


def ask(path: str, *transfers: Transfer, edition: Snapshot | None = None) -> Answer:
    """One answer."""

    async def law() -> Answer:
        async with public_part(*transfers, edition=edition) as (api, _):
            return await api.ask(path)

    return run(law())


def gift(number: int, at: int = NOW, **more: Any) -> Transfer:
    return transfer(State.FINAL, named=f"{number:064x}", at=at, **more)


def test_totals_are_those_of_the_snapshot() -> None:
    """By address and by asset, in base units as text, and the same as a decimal number."""
    told = ask("/api/v1/totals").json
    assert {one["symbol"]: one["received"]["units"] for one in told["assets"]} == {
        "BTC": "15500000",
        "BCH": "123456789012",
        "ETH": "1234567890123456789",
        "USDC": "25500000",
    }
    assert told["assets"][2]["received"]["text"] == "1.234567890123456789"
    assert told["goal"]["target"] == {"units": "50000000", "text": "0.5"}


def test_what_is_not_known_is_null() -> None:
    """Of an address that was never read nothing is told, and so of no asset that it may hold."""
    told = ask("/api/v1/totals", edition=snapshot(Freshness.NEVER)).json
    for one in told["assets"]:
        assert (one["received"], one["pending"], one["unknown"]) == (None, None, 1)
    assert told["goal"]["received"] is None


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_all_gifts_are_told_once_and_in_order(limit: int) -> None:
    """Whatever the size of a page: the newest first, gifts alone, and an end."""
    gifts = [gift(n, at=NOW - n // 3) for n in range(250)]
    others = [gift(1_000 + n, at=NOW - n, kind=Kind.OWN, amount=-5_000) for n in range(40)]

    async def law() -> list[str]:
        async with public_part(*gifts, *others) as (api, _):
            return [one["id"] for one in await every(api, limit)]

    told = run(law(), 60)
    expected = sorted(gifts, key=lambda t: (t.received_at, t.id), reverse=True)
    assert told == [one.id for one in expected]


async def every(api: Interface, limit: int, cursor: str | None = None) -> list[dict[str, Any]]:
    """All gifts from a cursor on."""
    found: list[dict[str, Any]] = []
    while True:
        at = "" if cursor is None else f"&cursor={cursor}"
        told = (await api.ask(f"/api/v1/gifts?limit={limit}{at}")).json
        assert len(told["gifts"]) <= limit
        found += told["gifts"]
        cursor = told["next"]
        if cursor is None:
            return found


def test_gifts_that_arrive_meanwhile_move_no_page(seed: int) -> None:
    """While a reader goes on, newer and older gifts come: what was there is told exactly once."""
    chance = random.Random(seed)

    async def law() -> None:
        there = [gift(n, at=NOW - chance.randrange(50)) for n in range(120)]
        held = [*there]
        async with public_part(*held) as (api, part):
            found: list[str] = []
            cursor = None
            while True:
                at = "" if cursor is None else f"&cursor={cursor}"
                told = (await api.ask(f"/api/v1/gifts?limit={chance.randint(1, 9)}{at}")).json
                found += [one["id"] for one in told["gifts"]]
                cursor = told["next"]
                if cursor is None:
                    break
                number = 1_000 + len(held)
                held.append(gift(number, at=NOW + 30 - chance.randrange(100)))
                part.take_list(listing(*held))
        assert len(set(found)) == len(found), seed
        assert {one.id for one in there} <= set(found), seed

    run(law(), 60)


CURSORS: Sequence[str] = (
    "", "x", "1", "~~~~", "-1~btc~1~BTC~a", "01~btc~1~BTC~a", "1~btc~1~BTC~a~b", "1~btc~1~BTC~",
    "1~btc~1~BTC~a%00", "1~btc~1~BTC~a%0A", "1.5~btc~1~BTC~a", "1e9~btc~1~BTC~a",
    "9" * 12 + "~btc~1~BTC~a", "%D9%A1~btc~1~BTC~a", "1~BTC~1~BTC~a", "1~btc~'--~BTC~a",
)  # fmt: skip


@pytest.mark.parametrize("cursor", CURSORS)
def test_what_is_no_cursor_is_refused_by_name(cursor: str) -> None:
    """400, and the problem names the parameter and repeats nothing of it."""
    answer = ask(f"/api/v1/gifts?cursor={cursor}", gift(1))
    assert (answer.status, answer.json["parameter"]) == (400, "cursor")
    assert "next" in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=1.0", "limit"),
        ("limit=", "limit"), ("limit=%C2%B2", "limit"), ("limit=1&limit=2", "limit"),
        ("limit=9" + "9" * 400, "limit"), ("limt=1", None), ("limit=1&x=", None),
    ],
)  # fmt: skip
def test_what_is_no_parameter_is_refused(query: str, parameter: str | None) -> None:
    """Out of range, twice, or of another name: 400, never the usual answer."""
    answer = ask(f"/api/v1/gifts?{query}", gift(1))
    assert (answer.status, answer.json.get("parameter")) == (400, parameter)


def test_a_payment_is_found_by_its_number() -> None:
    """In whichever case, with 0x or without: all that it brought, wherever it stands."""
    given = (
        transfer(State.REPLACED, named=ID, replaced_by=OTHER),
        transfer(State.FINAL, of="eth", named=f"0x{OTHER}"),
    )
    for written in (ID, ID.upper(), f"0x{ID}", f"0X{ID}"):
        told = ask(f"/api/v1/payments/{written}", *given).json["payments"]
        assert [(one["id"], one["stands"], one["replaced_by"]) for one in told] == [
            (ID, "replaced", OTHER)
        ]
    of_ethereum = ask(f"/api/v1/payments/{OTHER}", *given).json["payments"]
    assert [one["asset"] for one in of_ethereum] == ["ETH"]


def test_an_old_payment_is_found_in_the_list() -> None:
    """Beyond what is kept for givers, too; and only what the number names."""
    gifts = [gift(n << 200, at=NOW - n) for n in range(1, 300)]

    async def law() -> None:
        async with public_part(*gifts) as (api, part):
            part.publish(snapshot(), {})
            for one in (gifts[0], gifts[150], gifts[-1]):
                told = (await api.ask(f"/api/v1/payments/{one.id}")).json["payments"]
                assert [payment["id"] for payment in told] == [one.id]

    run(law())


@pytest.mark.parametrize(("number", "status"), [(OTHER, 404), ("1", 400), ("0x" + "g" * 64, 400)])
def test_a_number_that_pays_nothing_here(number: str, status: int) -> None:
    """404 for one that may be right, 400 for what is none."""
    assert ask(f"/api/v1/payments/{number}", gift(1)).status == status


def test_a_list_that_is_hidden_has_no_address() -> None:
    """Not served and not described; one payment is told to whoever knows its number, as before."""

    async def law() -> None:
        async with public_part(gift(1), lists=False) as (api, _):
            assert (await api.ask("/api/v1/gifts")).status == 404
            assert "/api/v1/gifts" not in api.document["paths"]
            assert (await api.ask(f"/api/v1/payments/{1:064x}")).status == 200

    run(law())


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200), ("application/json", 200), ("application/*;q=0.1", 200), ("", 200),
        ("text/html, application/xhtml+xml, */*;q=0.8", 200), (";;,,", 200),
        ("text/html", 406), ("application/json;q=0, */*", 406), ("*/*;q=0.0", 406),
        ("application/json; charset=utf-8; q=1", 200),
    ],
)  # fmt: skip
def test_only_json_can_be_had(accept: str, status: int) -> None:
    """406 for those who refuse it, and for nobody else."""

    async def law() -> int:
        async with public_part() as (api, _):
            return (await api.ask("/api/v1/totals", headers={"Accept": accept})).status

    assert run(law()) == status
