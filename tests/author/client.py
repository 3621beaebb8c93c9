"""The author's pages in a test: a service with two operators, and browsers that log in to it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from donations.author_token import digest_of
from donations.web import create_web
from donations.web.assets import load_assets
from donations.web.author.gate import Gate
from donations.web.author.pages import AuthorPages
from donations.web.author.words import Writers
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASSETS = load_assets()
TOKENS = {"Claire": "claire-0123456789-0123456789-0123456789", "Bob": "bob-token"}
PUBLIC = "https://donations.example"


def make_gate(public_url: str | None = PUBLIC) -> Gate:
    """A gate for those who hold one of ``TOKENS``."""
    return Gate({name: digest_of(token) for name, token in TOKENS.items()}, public_url=public_url)


@dataclass
class Browser:
    """One browser, which says where its requests come from as browsers do."""

    http: aiohttp.ClientSession
    base: str
    cookies: dict[str, str]

    async def ask(
        self, method: str, path: str, *, form: dict[str, str] | None = None, **headers: str
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

    async def log_in(self, token: str = TOKENS["Claire"], **headers: str) -> int:
        """The status of a login from our own page."""
        own = {"Sec_Fetch_Site": "same-origin", **headers}
        status, _, _ = await self.ask("POST", "/author/login", form={"token": token}, **own)
        return status

    async def form(self) -> str:
        """What the forms of this session carry."""
        _, _, page = await self.ask("GET", "/author")
        found = re.search(r'name="form" value="([^"]+)"', page)
        assert found is not None
        return found[1]


@asynccontextmanager
async def author_pages(gate: Gate | None = None) -> AsyncIterator[Browser]:
    """A browser that is not logged in, before the author's pages and the public ones."""
    gate = gate or make_gate()
    publisher = Publisher(ASSETS, languages=("fr",))
    pages = AuthorPages(gate, Writers("", "en"))
    app = create_web(publisher, Readiness, more=pages.routes(), gate=gate)
    async with (
        serve(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield Browser(http, f"http://127.0.0.1:{port}", {})
