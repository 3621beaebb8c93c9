"""Several widgets over HTTP: each below its slug, and nothing of one below that of another."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import aiohttp
import pytest
from yarl import URL

from donations.web import create_web
from donations.web.api.operation import Operation, get
from donations.web.assets import load_assets
from donations.web.below import routes_below
from donations.web.live import Live
from donations.web.proofs import Proofs
from donations.web.public import Readiness, widget_routes
from donations.web.publisher import Publisher
from donations.web.server import serve
from donations.web.well_known import well_known_routes
from tests.web.samples import BTC, ETH, snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASSETS = load_assets()
HOME = "https://dons.example.org"
STATEMENT = {"donations.txt": b"the addresses\n"}


@cache
def publisher(slug: str) -> Publisher:
    """A widget of Bitcoin alone, or the usual one at the root."""
    made = Publisher(
        ASSETS, languages=("fr", "en"), public_url=f"{HOME}/w/{slug}" if slug else HOME
    )
    made.publish(replace(snapshot(chains=("btc",)), slug=slug, title=slug) if slug else snapshot())
    return made


async def bundle(chain: str, address: str, identity: str | None) -> bytes:
    """A bundle of anything."""
    return f'{{"{chain}": "{address} {identity}"}}'.encode()


@asynccontextmanager
async def client(live: Live) -> AsyncIterator[aiohttp.ClientSession]:
    """A service of the usual widget, and of two others; the second has no list of transfers."""
    proofs = Proofs(bundle)
    book = [*widget_routes(publisher("book")), *live.routes("book"),
            *proofs.routes({("btc", BTC)}), *well_known_routes(STATEMENT)]  # fmt: skip
    page = [*widget_routes(publisher("page")), *live.routes("page")]
    more = [*live.routes(), *proofs.routes(), *routes_below({"book": book, "page": page})]
    app = create_web(publisher(""), Readiness, more=more)
    app.on_shutdown.append(live.close)
    async with (
        serve(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def ask(session: aiohttp.ClientSession, path: str, method: str = "GET") -> tuple[int, str]:
    """Status and body of an answer."""
    async with session.request(method, path, allow_redirects=False) as answer:
        return answer.status, (await answer.read()).decode("utf-8", "replace")


def test_each_slug_answers_for_itself() -> None:
    """Its own words, its own addresses; what a widget does not have, it has not."""

    async def law() -> None:
        async with client(Live(())) as session:
            assert '<h2 id="dw-title" dir="auto">book</h2>' in (await ask(session, "/w/book/"))[1]
            assert ">page</h2>" in (await ask(session, "/w/page/card"))[1]
            assert ETH not in (await ask(session, "/w/book/snapshot.json"))[1]
            assert ETH in (await ask(session, "/snapshot.json"))[1]
            assert (await ask(session, f"/w/book/qr/btc/{BTC}.png"))[0] == 200
            for path in (
                f"/w/book/qr/eth/{ETH}.png", "/w/page/proof.json?chain=btc&address=x",
                "/w/page/.well-known/donations.txt", "/w/other/card", "/w/other", "/w//card",
                "/w/book/w/book/card", "/w/..%2fbook/card", "/w/book/card/", "/w/BOOK/card",
            ):  # fmt: skip
                assert (await ask(session, path))[0] == 404, path
            assert (await ask(session, "/w/book/card", "POST"))[0] == 405
            assert (await ask(session, "/w/book/card", "HEAD"))[0] == 200
            assert (await ask(session, "/w/book/.well-known/donations.txt"))[1] == "the addresses\n"

    run(law())


def test_a_widget_gives_proofs_of_its_own_addresses_alone() -> None:
    """Of what the root proves, a widget proves what it shows."""

    async def law() -> None:
        async with client(Live(())) as session:
            for chain, address, status in (("btc", BTC, 200), ("eth", ETH, 404), ("eth", BTC, 404)):
                query = f"proof.json?chain={chain}&address={address}"
                assert (await ask(session, f"/w/book/{query}"))[0] == status
                assert (await ask(session, f"/{query}"))[0] == 200

    run(law())


def test_news_of_a_widget_is_for_its_readers() -> None:
    """Whoever listens elsewhere hears nothing of it, not even its number."""

    async def law() -> None:
        live = Live((), clock=lambda: 1_790_000_000.0)
        async with (
            client(live) as session,
            session.get("/live") as root,
            session.get("/w/book/live") as book,
        ):
            first = [await _event(stream) for stream in (root, book)]
            live.announce("book")
            assert await _event(book) > first[1]
            live.announce()
            assert await _event(root) == first[0] + 1 == live.edition

    run(law())


async def _event(stream: aiohttp.ClientResponse) -> int:
    """The number of the next event."""
    async for line in stream.content:
        if line.startswith(b"id: "):
            return int(line[4:])
    raise AssertionError("the stream ended")


def test_a_path_keeps_the_words_of_its_document() -> None:
    """Below the slugs an operation has a name of its own, and the slug as a parameter."""

    async def handler(_request: object) -> object:
        raise AssertionError

    operation = Operation("getThing", "A thing", errors=(503,))
    given = get("/thing.json", handler, operation)  # type: ignore[arg-type]
    (found, _) = routes_below({"a": [given], "b": [given]})
    assert getattr(found, "path", "") == "/w/{slug}/thing.json"
    told = getattr(found, "operation", operation)
    assert (told.name, told.errors) == ("getThingOfWidget", (404, 503))
    assert [each.name for each in told.parameters] == ["slug"]
    assert routes_below({}) == []


@pytest.mark.parametrize("query", ["", "?lang=en", "?lang=en&x=%0D%0ASet-Cookie:a"])
def test_without_its_slash_a_widget_is_where_its_page_is(query: str) -> None:
    """What follows the question mark goes along, and stays one line."""

    async def law() -> None:
        async with client(Live(())) as session:
            url = URL(f"/w/book{query}", encoded=True)
            async with session.get(url, allow_redirects=False) as answer:
                assert answer.status == 308
                assert answer.headers["Location"] == f"book/{query}"
                assert "Set-Cookie" not in answer.headers

    run(law())
