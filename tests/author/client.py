"""The author's pages in a test: a service with two operators, and browsers that log in to it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from donations.author_token import digest_of
from donations.desk import Desk
from donations.store import Store
from donations.web import create_web
from donations.web.assets import load_assets
from donations.web.author.gate import Gate
from donations.web.author.pages import AuthorPages
from donations.web.author.room import Sources
from donations.web.author.words import Writers
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.benchmarks import many

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from donations.author_facts import UpstreamLine
    from donations.books import Annotation
    from donations.config import Config
    from donations.overview import Price
    from donations.records import Annotated

ASSETS = load_assets()
TOKENS = {"Claire": "claire-0123456789-0123456789-0123456789", "Bob": "bob-token"}
PUBLIC = "https://donations.example"
# Of the made gifts: 24 November 2026, in the afternoon.
NOW = 1_795_528_800


def make_gate(public_url: str | None = PUBLIC) -> Gate:
    """A gate for those who hold one of ``TOKENS``."""
    return Gate({name: digest_of(token) for name, token in TOKENS.items()}, public_url=public_url)


@dataclass
class Browser:
    """One browser, which says where its requests come from as browsers do."""

    http: aiohttp.ClientSession
    base: str
    cookies: dict[str, str] = field(default_factory=dict)

    def another(self) -> Browser:
        """Somebody else's browser."""
        return Browser(self.http, self.base)

    async def ask(
        self, method: str, path: str, *, form: Mapping[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers (lower case) and text; "_" in a header's name stands for "-"."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Host", "donations.example")
        sent.setdefault("Accept", "text/html")
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with self.http.request(
            method, self.base + path, data=form, headers=sent, allow_redirects=False
        ) as answer:
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            told = {name.lower(): value for name, value in answer.headers.items()}
            told["all cookies"] = "\n".join(answer.headers.getall("Set-Cookie", []))
            return answer.status, told, await answer.text()

    async def page(self, path: str) -> str:
        """A page that is there."""
        status, _, page = await self.ask("GET", path)
        assert status == 200, page
        return page

    async def log_in(self, token: str = TOKENS["Claire"], **headers: str) -> int:
        """The status of a login from our own page."""
        own = {"Sec_Fetch_Site": "same-origin", **headers}
        status, _, _ = await self.ask("POST", "/author/login", form={"token": token}, **own)
        return status

    async def form(self) -> str:
        """What the forms of this session carry."""
        found = re.search(r'name="form" value="([^"]+)"', await self.page("/author"))
        assert found is not None
        return found[1]

    async def send(
        self, path: str, fields: Mapping[str, str], form: str | None = None
    ) -> tuple[int, str]:
        """Status and text of a form of ours that is sent."""
        word = await self.form() if form is None else form
        status, _, text = await self.ask(
            "POST", path, form={**fields, "form": word}, Sec_Fetch_Site="same-origin"
        )
        return status, text


@asynccontextmanager
async def author_pages(
    config: Config,
    gate: Gate | None = None,
    *,
    prices: Mapping[str, Price] | None = None,
    upstreams: tuple[UpstreamLine, ...] = (),
    doubt: str = "",
) -> AsyncIterator[Browser]:
    """A browser that is not logged in, before the pages of a database that exists."""
    gate = gate or make_gate()
    store = Store(config.database, config.timezone, config.currency)
    store.open({name: settings.network.name for name, settings in config.chains.items()})
    desk = Desk(config)

    async def keep(annotation: Annotation, expects: int | None) -> Annotated:
        return await store.run(store.annotate, annotation, expects)

    sources = Sources(
        desk, lambda: upstreams, lambda: prices or {}, keep, lambda: NOW, lambda *_: doubt
    )
    pages = AuthorPages(gate, Writers(config.title, "en", config.timezone), sources)
    app = create_web(
        Publisher(ASSETS, languages=("fr",)), Readiness, more=pages.routes(), gate=gate
    )
    try:
        async with (
            serve(app, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        ):
            yield Browser(http, f"http://127.0.0.1:{port}")
    finally:
        desk.close()
        store.close()


def made(folder: Path, gifts: int) -> Config:
    """The configuration of a new database with so many gifts up to ``NOW``."""
    config = many.config_of(folder / "gifts.sqlite3")
    many.make(config, gifts, now=NOW)
    return config
