"""Several widgets of one service on a simulated world: each at its place, with its own parts."""

from __future__ import annotations

import json
import re
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp

from donations.app import running
from donations.books import Annotation, Writing
from donations.config import DEFAULT
from donations.demo.story import BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from donations.goals import Elsewhere, Terms
from donations.ledger import Key
from donations.snapshot import Freshness
from donations.valuation import Valuation
from donations.web.forms import PATHS
from tests.running import config_on, scene, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from donations.app import Service
    from donations.config import Config
    from donations.snapshot import Coin, Snapshot

UNITS = 12_345_679  # an amount that nothing else is written as
SAID = re.compile(r"12[.,\s\u00a0\u202f]?345[.,\s\u00a0\u202f]?679|0[.,]12345|12345679")
FORMS = ("", "frame", "fragment", "card", "compact", "snapshot.json", "widget.js",
         *(path[1:] for path in PATHS), "thanks", "ledger", "ledger.json")  # fmt: skip
GOAL = Terms("EUR", 2, 50_000, fiat=True, offset=Elsewhere("virement", 12_000))


def config_of(world: World, folder: Path, **how: Any) -> Config:
    """Three widgets: all at the root, one that hides everything, one of Bitcoin alone."""
    config = config_on(world, folder, only=("btc", "eth"), **how)
    root = replace(config.widget, goal=None)
    bitcoin = tuple(each for each in root.addresses if each.chain == "btc")
    hidden = replace(root, slug="quiet", totals=False, gifts=False, ledger=False)
    book = replace(root, slug="book", title="Pour le livre", language="en", addresses=bitcoin)
    return replace(config, widgets=(root, hidden, replace(book, goal=GOAL)))


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[tuple[Service, aiohttp.ClientSession]]:
    """The service, and a reader of it."""
    async with (
        running(config) as (service, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield service, session


def shown(service: Service, place: int = 0) -> Snapshot:
    """What a widget shows."""
    published = service.stands[place].publisher.published
    assert published is not None
    return published


def received(service: Service, place: int = 0) -> list[int]:
    """What each coin of a widget received."""
    return [each.received for coin in shown(service, place).coins for each in coin.sums or ()]


async def text(session: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    """An answer."""
    async with session.get(path, allow_redirects=False) as answer:
        assert answer.status == status, path
        return (await answer.read()).decode("utf-8", "replace")


@scene
async def test_each_widget_has_every_form_at_its_place(tmp_path: Path) -> None:
    """What the root answers, each slug answers with its own words and addresses."""
    async with World(1) as world, opened(config_of(world, tmp_path)) as (service, session):
        await until(lambda: service.stands[2].publisher.published is not None)
        for form in FORMS:
            await until(lambda form=form: _is_there(session, f"/w/book/{form}"), what=form)
        for place, address in (("", ETH_ADDRESS), ("/w/book", None), ("/w/quiet", ETH_ADDRESS)):
            card = await text(session, f"{place}/card?lang=fr")
            assert ("0x" in card) == (address is not None)
        page = await text(session, "/w/book/")
        assert "Pour le livre" in page
        assert 'lang="en"' in page
        document = json.loads(await text(session, "/w/book/snapshot.json"))
        assert (document["slug"], document["language"]) == ("book", "en")
        assert [coin["chain"] for coin in document["coins"]] == ["btc"]
        assert json.loads(await text(session, "/snapshot.json"))["slug"] == "donations"
        inline = json.loads(await text(session, "/w/book/inline.json"))
        assert (await text(session, f"/w/book/{inline['script']}")).startswith("const")
        (btc,) = document["coins"]
        assert "<svg" in await text(session, f"/w/book/qr/btc/{btc['address']}.svg")
        await text(session, f"/w/book/qr/eth/{ETH_ADDRESS}.svg", 404)
        home = f"{service.config.public_url}/w/book/"
        for embed in ("/oembed", "/w/book/oembed"):
            told = json.loads(await text(session, f"{embed}?url={home}"))
            assert told["title"] == "Pour le livre"
            assert f"{home}sandboxed" in told["html"]
        await text(session, f"/w/quiet/oembed?url={home}", 404)
        await text(session, f"/oembed?url={home}&format=xml", 501)
        for unknown in ("/w/nobody/", "/w/nobody", "/w/book/nothing", "/w/book/healthz", "/w/"):
            await text(session, unknown, 404)
        async with session.get("/w/book?lang=fr", allow_redirects=False) as moved:
            assert (moved.status, moved.headers["Location"]) == (308, "book/?lang=fr")


async def _is_there(session: aiohttp.ClientSession, path: str) -> bool:
    async with session.get(path) as answer:
        assert answer.status in (200, 503), path
        return answer.status == 200


def _texts(widget: str) -> Iterator[str]:
    for form in FORMS:
        if not form.endswith(".png"):
            for language in ("fr", "en"):
                yield f"{widget}/{form}?lang={language}"


@scene
async def test_what_is_hidden_is_in_no_public_answer(tmp_path: Path) -> None:
    """Sums, gifts and the ledger of a widget that keeps them stand nowhere below its slug."""
    async with World(1) as world, opened(config_of(world, tmp_path)) as (service, session):
        await until(lambda: all(_settled(coin) for coin in shown(service, 1).coins))
        before = shown(service, 1)
        paid = world.btc.pay(BTC_SCRIPT, UNITS)
        world.btc.mine()
        await until(lambda: received(service)[:1] == [UNITS])
        await until(lambda: _says(session, "/ledger?lang=en"))
        told = [path for path in _texts("") if SAID.search(await text(session, path))]
        assert len(told) > 20, "the amount is found where it is public"
        for path in _texts("/w/quiet"):
            missing = path.partition("?")[0] in (
                "/w/quiet/feed.atom", "/w/quiet/ledger", "/w/quiet/ledger.json",
            )  # fmt: skip
            body = await text(session, path, 404 if missing else 200)
            assert not SAID.search(body), path
            assert "feed.atom" not in body, path
            assert not re.search(r'href="ledger\b', body), path
        document = json.loads(await text(session, "/w/quiet/snapshot.json"))
        assert "gifts" not in document
        assert not {"sums", "gifts", "opening"} & set(document["coins"][0])
        assert document["coins"][0]["state"] == "fresh"
        btc = service.config.widget.addresses[0].address
        await text(session, f"/w/quiet/proof.json?chain=btc&address={btc}", 404)
        # No news either: whoever listens cannot tell that a gift came.
        after = shown(service, 1)
        assert _ageless(before) == _ageless(after)
        # A giver still finds his own payment, wherever he asks.
        assert SAID.search(await text(session, f"/w/quiet/thanks?tx={paid}"))


@scene
async def test_the_root_hides_as_the_others_do(tmp_path: Path) -> None:
    """With one widget alone nothing of it is in the documented interface either."""
    async with World(1) as world:
        config = config_of(world, tmp_path)
        alone = replace(config.widgets[1], slug=DEFAULT)
        async with opened(replace(config, widgets=(alone,))) as (service, session):
            await until(lambda: all(_settled(coin) for coin in shown(service).coins))
            paid = world.btc.pay(BTC_SCRIPT, UNITS)
            world.btc.mine()
            await until(lambda: _says(session, f"/thanks?lang=en&tx={paid}"))
            for path in (
                *_texts(""),
                "/api/v1/totals",
                "/api/v1/gifts",
                "/openapi.json",
                "/readyz",
            ):
                async with session.get(path) as answer:
                    body = (await answer.read()).decode("utf-8", "replace")
                    hidden = re.match(r"/(feed|ledger|api)", path) is not None
                    assert answer.status == (404 if hidden else 200), path
                assert not SAID.search(body), path


async def _says(session: aiohttp.ClientSession, path: str) -> bool:
    return SAID.search(await text(session, path)) is not None


def _settled(coin: Coin) -> bool:
    return coin.freshness is Freshness.FRESH and coin.sources >= coin.required


def _ageless(snapshot: Snapshot) -> Snapshot:
    coins = (replace(coin, as_of=None) for coin in snapshot.coins)
    return replace(snapshot, coins=tuple(coins))


@scene
async def test_a_payment_is_told_where_its_address_is_shown(tmp_path: Path) -> None:
    """The page for givers and the proofs of a widget know its own addresses alone."""
    async with World(1) as world, opened(config_of(world, tmp_path)) as (service, session):
        await until(lambda: all(coin.as_of for coin in shown(service).coins))
        world.eth.pay(ETH_ADDRESS, 7 * 10**15)
        world.eth.mine()
        await until(lambda: shown(service).gifts)
        await until(lambda: service.stands[2]._thanks._arrivals.get("eth"))
        number = shown(service).gifts[0].id.partition(":")[0]
        assert "0.007" in await text(session, f"/thanks?lang=en&tx={number}")
        assert "0.007" not in await text(session, f"/w/book/thanks?lang=en&tx={number}")
        assert shown(service, 2).gifts == ()
        eth = next(a.address for a in service.config.widget.addresses if a.chain == "eth")
        await text(session, f"/w/book/proof.json?chain=eth&address={eth}", 404)


@scene
async def test_a_goal_is_fed_by_frozen_values_and_by_what_is_a_gift(tmp_path: Path) -> None:
    """Not valued: said; valued: counted, pending apart; no gift: taken back, and given back."""
    async with World(1) as world, opened(config_of(world, tmp_path)) as (service, session):

        def goal() -> Any:
            return shown(service, 2).goal

        def standing() -> tuple[int | None, int | None, int]:
            return goal().received, goal().pending, goal().unvalued

        await until(lambda: goal().received == 0)
        assert goal().percent == 24
        world.btc.pay(BTC_SCRIPT, UNITS)
        await until(lambda: standing() == (0, None, 1))
        world.btc.mine()
        await until(lambda: standing() == (None, 0, 1))
        assert "1 gift not valued yet" in await text(session, "/w/book/card?lang=en")
        (gift,) = await service.store.run(service.store.unvalued, None, 9)
        value = Valuation("EUR", 41_000, "3321", gift.received_at, "test", int(time.time()))
        await service.store.run(service.store.save_valuations, [(gift.key, gift.id, value)])
        service._changed.set()
        await until(lambda: standing() == (41_000, 0, 0))
        assert (goal().percent, goal().is_reached) == (106, True)
        card = await text(session, "/w/book/card?lang=fr")
        assert "410\u00a0€ + 120\u00a0€ sur 500\u00a0€ (106\u00a0%)" in card
        assert "Reçu autrement : 120\u00a0€ (virement)" in card
        key = Key("btc", gift.key.address, "BTC")
        excluded = Annotation(Writing.NOT_A_GIFT, "me", int(time.time()), key, gift.id, "test")
        kept = await service.annotate(excluded)
        await until(lambda: standing() == (0, 0, 0))
        assert not goal().is_reached
        undo = Annotation(Writing.UNDO, "me", int(time.time()), undoes=kept.sequence)
        await service.annotate(undo)
        await until(lambda: standing() == (41_000, 0, 0))
        assert service.config.widgets[0].slug == DEFAULT
