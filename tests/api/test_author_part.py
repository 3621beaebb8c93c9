"""The author's part: equal to the books recomputed, paged without gaps, written without loss."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from donations.books import check_text
from donations.web.api.author_forms import HIDDEN
from donations.web.api.throttle import Rate, Throttle
from donations.web.author.origin import COOKIE
from tests.api.author_part import BOB, author_part
from tests.api.interface import Interface, interface
from tests.benchmarks.many import config_of, make
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from donations.config import Config
    from tests.api.author_part import AuthorPart
    from tests.api.interface import Answer

GIFTS = 700
ROOT = "/api/v1/author"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of gifts that no test changes."""
    file = tmp_path_factory.mktemp("books") / "books.sqlite3"
    make(config_of(file), GIFTS)
    return file


@pytest.fixture
def config(made: Path, tmp_path: Path) -> Config:
    """The configuration of a copy of it."""
    copied = tmp_path / "books.sqlite3"
    with sqlite3.connect(made) as source, sqlite3.connect(copied) as target:
        source.backup(target)
    source.close()
    target.close()
    return config_of(copied)


def law(config: Config, judge: Callable[[AuthorPart], Awaitable[None]]) -> None:
    """Run a judgement over the author's part."""

    async def whole() -> None:
        async with author_part(config) as part:
            await judge(part)

    run(whole(), 60)


def rows(config: Config) -> list[sqlite3.Row]:
    """All transfers with their values, read with nothing of ours."""
    with sqlite3.connect(config.database) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(
            "SELECT t.*, v.minor FROM transfers t LEFT JOIN valuations v"
            " USING (chain, address, asset, id)"
        ).fetchall()
    connection.close()
    return found


def recomputed(config: Config, by: str) -> dict[str, dict[str, tuple[int, int, int, int]]]:
    """Units, transfers, minor units and how many are valued: by group and asset."""
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    for row in rows(config):
        if row["kind"] != "gift" or row["state"] not in ("final", "confirmed") or row["excluded"]:
            continue
        day = datetime.fromtimestamp(row["received_at"], config.timezone)
        named = {"month": f"{day:%Y-%m}", "year": f"{day:%Y}", "coin": row["asset"]}
        group = sums[named.get(by, "default")][row["asset"]]
        for place, more in enumerate(
            (int(row["amount"]), 1, int(row["minor"] or 0), int(row["minor"] is not None))
        ):
            group[place] += more
    return {
        name: {asset: (a, b, c, d) for asset, (a, b, c, d) in assets.items()}
        for name, assets in sums.items()
    }


@pytest.mark.parametrize("by", ["month", "year", "coin", "widget"])
def test_totals_are_those_of_the_books(config: Config, by: str) -> None:
    """Equal to the base unit and the cent, group by group, to what is added up again outside."""

    async def judge(part: AuthorPart) -> None:
        told = (await part.api.ask(f"{ROOT}/totals?by={by}")).json
        expected = recomputed(config, by)
        assert {
            group["name"]: {
                asset["asset"]: (
                    int(asset["received"]["units"]),
                    asset["received_worth"]["transfers"],
                    int((asset["received_worth"]["value"] or {"minor": "0"})["minor"]),
                    asset["received_worth"]["valued"],
                )
                for asset in group["assets"]
                if asset["received_worth"]["transfers"]
            }
            for group in told["groups"]
            if group["received"]["transfers"]
        } == expected
        together = told["total"]["received"]
        assert together["transfers"] == sum(
            figure[1] for assets in expected.values() for figure in assets.values()
        )
        assert together["unvalued"] == together["transfers"] - together["valued"] > 0
        minor = together["value"]["minor"]
        assert together["value"]["text"] == f"{minor[:-2]}.{minor[-2:]}".rstrip("0").rstrip(".")

    law(config, judge)


def test_what_nobody_knows_the_worth_of_is_null(config: Config) -> None:
    """Where no transfer of a sum has a value, the value is null, and the count says so."""
    with sqlite3.connect(config.database) as connection:
        connection.execute("DELETE FROM valuations")
        connection.execute("UPDATE totals SET minor = '0', valued = 0")
    connection.close()

    async def judge(part: AuthorPart) -> None:
        told = (await part.api.ask(f"{ROOT}/totals?by=coin")).json
        for group in told["groups"]:
            worth = group["received"]
            assert worth["value"] is None
            assert worth["unvalued"] == worth["transfers"] > 0
        entries = (await part.api.ask(f"{ROOT}/entries?limit=100")).json["entries"]
        assert {one["value"] for one in entries} == {None}

    law(config, judge)


async def every(api: Interface, query: str = "", limit: int = 97) -> list[dict[str, Any]]:
    """All entries that a query lets through, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        told = (await api.ask(f"{ROOT}/entries?limit={limit}{query}{cursor}")).json
        assert len(told["entries"]) <= limit
        found += told["entries"]
        if told["next"] is None:
            return found
        cursor = f"&cursor={told['next']}"


FILTERS: dict[str, Callable[[sqlite3.Row], bool]] = {
    "": lambda row: True,
    "&asset=USDC": lambda row: row["asset"] == "USDC",
    "&chain=eth": lambda row: row["chain"] == "eth",
    "&chain=btc&asset=ETH": lambda row: False,
    "&state=dropped": lambda row: row["state"] == "dropped",
    "&kind=own": lambda row: row["kind"] == "own",
    "&valued=false": lambda row: row["minor"] is None,
    "&valued=true&widget=default": lambda row: row["minor"] is not None,
    "&excluded=true": lambda row: False,
}


@pytest.mark.parametrize("query", FILTERS)
def test_lists_are_whole_and_in_order(config: Config, query: str) -> None:
    """Page by page each transfer that a filter lets through is told once, the newest first."""

    async def judge(part: AuthorPart) -> None:
        told = await every(part.api, query)
        names = [(e["time"], e["chain"], e["address"], e["asset"], e["id"]) for e in told]
        assert names == sorted(names, reverse=True)
        assert len(set(names)) == len(names)
        wanted = filter(FILTERS[query], rows(config))
        expected = {
            (r["received_at"], r["chain"], r["address"], r["asset"], r["id"]) for r in wanted
        }
        if "valued=false" not in query:
            assert set(names) == expected
        else:
            assert set(names) <= expected

    law(config, judge)


def test_times_bound_a_list(config: Config) -> None:
    """`since` is within, `until` is not."""

    async def judge(part: AuthorPart) -> None:
        whole = await every(part.api)
        first, last = whole[500]["time"], whole[100]["time"]
        told = await every(part.api, f"&since={first}&until={last}")
        assert told == [one for one in whole if first <= one["time"] < last]

    law(config, judge)


def path_of(entry: dict[str, Any]) -> str:
    return f"{ROOT}/entries/{entry['chain']}/{entry['address']}/{entry['asset']}/{entry['id']}"


async def post(part: AuthorPart, path: str, body: object, **how: Any) -> Answer:
    return await part.api.ask(f"{ROOT}/{path}", "POST", json=body, **how)


def remark(entry: dict[str, Any], writing: str, expects: int, text: str = "") -> dict[str, Any]:
    named = {name: entry[name] for name in ("chain", "address", "asset", "id")}
    return {**named, "writing": writing, "text": text, "expects": expects}


def test_what_is_written_shows_and_can_be_undone(config: Config) -> None:
    """A note, a thank-you and "not a gift" stand in the entry; the sum follows, and comes back."""

    async def judge(part: AuthorPart) -> None:
        found = (await part.api.ask(f"{ROOT}/entries?kind=gift&state=final&valued=true")).json
        entry = found["entries"][0]
        before = (await part.api.ask(f"{ROOT}/totals")).json["total"]
        sequence = 0
        for writing, text in (("note", "from a neighbour"), ("thanks", "Merci !"),
                              ("not a gift", "a test")):  # fmt: skip
            kept = await post(part, "annotations", remark(entry, writing, sequence, text))
            assert kept.status == 201
            sequence = kept.json["sequence"]
        full = (await part.api.ask(path_of(entry))).json
        told = full["entry"]
        assert (told["note"], told["thanks"], told["reason"], told["excluded"]) == (
            "from a neighbour", "Merci !", "a test", True,
        )  # fmt: skip
        assert [one["by"] for one in full["annotations"]] == ["Claire"] * 3
        without = (await part.api.ask(f"{ROOT}/totals")).json["total"]
        assert without["received"]["transfers"] == before["received"]["transfers"] - 1
        assert int(without["received"]["value"]["minor"]) == int(
            before["received"]["value"]["minor"]
        ) - int(entry["value"]["minor"])
        undone = await post(part, "undoings", {"undoes": sequence})
        assert undone.status == 201
        assert (await part.api.ask(f"{ROOT}/totals")).json["total"] == before
        assert (await post(part, "undoings", {"undoes": sequence})).status == 409

    law(config, judge)


def test_two_who_write_at_once_do_not_overwrite_each_other(config: Config) -> None:
    """One is kept, the other told which entry came between, whoever is first; and then it works."""

    async def judge(part: AuthorPart) -> None:
        entry = (await part.api.ask(f"{ROOT}/entries?kind=gift")).json["entries"][0]
        async with interface(part.port, **BOB) as bobs:
            claire, bob = await asyncio.gather(
                post(part, "annotations", remark(entry, "note", 0, "mine")),
                bobs.ask(f"{ROOT}/annotations", "POST", json=remark(entry, "note", 0, "no, mine")),
            )
            assert sorted([claire.status, bob.status]) == [201, 409]
            first, second = (claire, bob) if claire.status == 201 else (bob, claire)
            assert second.json["sequence"] == first.json["sequence"]
            told = (await part.api.ask(path_of(entry))).json
            assert len(told["annotations"]) == 1
            again = remark(entry, "note", first.json["sequence"], "both of us")
            assert (await post(part, "annotations", again)).status == 201

    law(config, judge)


def test_a_gift_that_came_another_way(config: Config) -> None:
    """In minor units of a currency or base units of an asset, exact, and undone as all is."""

    async def judge(part: AuthorPart) -> None:
        for unit, units, amount in (("EUR", "1234", "12.34"), ("JPY", "1234", "1234"),
                                    ("ETH", "1", "0.000000000000000001")):  # fmt: skip
            body = {"unit": unit, "units": units, "received_at": 1_700_000_000, "text": "cash"}
            kept = await post(part, "manual-gifts", body)
            assert kept.status == 201
            last = (await part.api.ask(f"{ROOT}/manual-gifts")).json["gifts"][-1]
            assert (last["sequence"], last["manual"]["amount"]) == (kept.json["sequence"], amount)
            assert last["manual"]["units"] == units
        assert (await post(part, "undoings", {"undoes": kept.json["sequence"]})).status == 201
        left = (await part.api.ask(f"{ROOT}/manual-gifts")).json["gifts"]
        assert [one["manual"]["unit"] for one in left] == ["EUR", "JPY"]
        assert (await part.api.ask(f"{ROOT}/totals")).json["manual"] == 2

    law(config, judge)


GIFT = {"unit": "EUR", "units": "1", "received_at": 1}
BAD_BODIES: list[tuple[str, object, int, str | None]] = [
    ("manual-gifts", {**GIFT, "unit": "XQZ"}, 404, "unit"),
    ("manual-gifts", {**GIFT, "units": "0"}, 400, "units"),
    ("manual-gifts", {**GIFT, "units": "-1"}, 400, "units"),
    ("manual-gifts", {**GIFT, "units": 1}, 400, "units"),
    ("manual-gifts", {**GIFT, "units": "1\n"}, 400, "units"),
    ("manual-gifts", {**GIFT, "units": "1e3"}, 400, "units"),
    ("manual-gifts", {**GIFT, "units": "٣"}, 400, "units"),
    ("manual-gifts", {**GIFT, "received_at": 1.5}, 400, "received_at"),
    ("manual-gifts", {**GIFT, "received_at": True}, 400, "received_at"),
    ("manual-gifts", {**GIFT, "received_at": 8_000_000_000}, 409, "received_at"),
    ("manual-gifts", {**GIFT, "widget": "none"}, 404, "widget"),
    ("manual-gifts", {**GIFT, "text": "x" * 501}, 400, "text"),
    ("manual-gifts", {**GIFT, "text": "a\u202eb"}, 400, "text"),
    ("manual-gifts", {**GIFT, "text": "\ud800"}, 400, "text"),
    ("manual-gifts", {**GIFT, "more": 1}, 400, "body"),
    ("manual-gifts", {"unit": "EUR"}, 400, "received_at"),
    ("manual-gifts", [], 400, "body"),
    ("undoings", {"undoes": 10**12}, 404, None),
    ("undoings", {"undoes": 0}, 400, "undoes"),
    ("undoings", {"undoes": 10**400}, 400, "undoes"),
    ("annotations", {}, 400, "address"),
]


@pytest.mark.parametrize(("path", "body", "status", "parameter"), BAD_BODIES)
def test_what_cannot_be_kept_is_refused_by_name(
    made: Path, path: str, body: object, status: int, parameter: str | None
) -> None:
    """The problem names the field, repeats nothing, and nothing is kept."""

    async def judge(part: AuthorPart) -> None:
        answer = await post(part, path, body)
        assert (answer.status, answer.json.get("parameter")) == (status, parameter)
        assert (await part.api.ask(f"{ROOT}/manual-gifts")).json == {"gifts": []}

    law(config_of(made), judge)


BODIES: list[tuple[bytes, str, int]] = [
    (b'{"undoes": 1, "undoes": 2}', "application/json", 400),
    (b'{"undoes": NaN}', "application/json", 400),
    (b"", "application/json", 400),
    (b"\xff", "application/json", 400),
    (b"[" * 10_000, "application/json", 400),
    (b"{}", "text/plain", 415),
    (b"{}", "application/x-www-form-urlencoded", 415),
    (b"{}", "application/json; charset=utf-16", 415),
    (b" " * 20_000, "application/json", 413),
    (b'{"undoes": 1.0}', "application/json; charset=utf-8", 404),
]


@pytest.mark.parametrize(("body", "kind", "status"), BODIES)
def test_only_json_is_read(made: Path, body: bytes, kind: str, status: int) -> None:
    """Other types are a 415, more than 16 KiB a 413, and what is no JSON a 400."""

    async def judge(part: AuthorPart) -> None:
        answer = await part.api.ask(
            f"{ROOT}/undoings", "POST", data=body, headers={"Content-Type": kind}
        )
        assert answer.status == status

    law(config_of(made), judge)


def test_the_token_alone_opens_it(made: Path) -> None:
    """Not a cookie, not another scheme, not a token in the address; and nothing is read before."""

    async def judge(part: AuthorPart) -> None:
        paths = [
            path.replace("{", "").replace("}", "")
            for path in part.api.document["paths"]
            if path.startswith(ROOT)
        ]
        cookie = {"Cookie": f"{COOKIE}={part.gate.sessions.open('Claire')}"}
        async with interface(part.port) as stranger:
            for path in paths:
                for headers in (
                    {}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}, cookie,
                    {"Authorization": ""}, {"Origin": "https://evil.example"},
                ):  # fmt: skip
                    method = "POST" if stranger.operation(path) is None else "GET"
                    answer = await stranger.ask(path, method, headers=headers)
                    assert answer.status in (401, 403, 429), (path, headers)
                    assert "access-control-allow-origin" not in answer.headers
                    assert answer.headers["cache-control"] == "no-store"

    law(config_of(made), judge)


def test_nothing_of_it_is_for_pages_of_other_origins(made: Path) -> None:
    """With the token, too: no answer carries leave to be read elsewhere, and none is kept."""

    async def judge(part: AuthorPart) -> None:
        for path in ("totals", "entries", "health", "nothing", "entries?limit=0"):
            answer = await part.api.ask(f"{ROOT}/{path}", headers={"Origin": "https://a.example"})
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert answer.headers["cache-control"] == "no-store"
        wish = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        asked = await part.api.ask(f"{ROOT}/totals", "OPTIONS", headers=wish)
        assert not [name for name in asked.headers if name.startswith("access-control")]

    law(config_of(made), judge)


def test_the_schema_of_a_text_allows_what_is_kept_and_nothing_else() -> None:
    """Code point by code point: what the document's pattern lets through, `check_text` keeps."""
    hidden = {c for first, last in HIDDEN for c in range(first, last + 1)}
    seen = [c for c in range(0x110000) if c not in hidden and not 0xD800 <= c <= 0xDFFF]
    for at in range(0, len(seen), 100):
        check_text("x".join(map(chr, seen[at : at + 100])))  # so that no words come together
    kept = []
    for code in hidden:
        with suppress(ValueError):
            kept.append(check_text(f"a{chr(code)}b"))
    assert len(kept) <= 8  # what later versions of Unicode have


def test_an_author_has_a_limit_of_his_own(made: Path) -> None:
    """A program that asks without end is told to wait; the other operator is not."""

    async def judge() -> None:
        async with author_part(config_of(made), throttle=Throttle(Rate(0.01, 5))) as part:
            answers = [await part.api.ask(f"{ROOT}/health") for _ in range(8)]
            assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
            assert 90 <= int(answers[-1].headers["retry-after"]) <= 100
            async with interface(part.port, **BOB) as bobs:
                assert (await bobs.ask(f"{ROOT}/health")).status == 200

    run(judge())
