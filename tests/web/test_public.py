"""The public answers as a client sees them: coding, caching, methods, headers, readiness."""

from __future__ import annotations

import gzip
import json
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

import aiohttp
import brotli  # type: ignore[import-untyped]  # ships no types
import pytest

from donations.reasons import Reason
from donations.snapshot import Freshness
from donations.web import create_web
from donations.web.assets import integrity, load_assets
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.web.samples import ADDRESSES, BCH, BTC, snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from donations.snapshot import Snapshot

ASSETS = load_assets()
PUBLIC = (
    "/",
    "/frame",
    "/fragment",
    "/fragment?lang=en",
    "/snapshot.json",
    f"/qr/btc/{BTC}.svg",
    f"/qr/bch/{BCH}.png",
    "/widget.js",
    f"/{ASSETS.script_name}",
)


@cache
def make_publisher(published: Snapshot | None) -> Publisher:
    """A publisher of both languages with one edition, or none."""
    publisher = Publisher(ASSETS, languages=("fr", "en"))
    if published is not None:
        publisher.publish(published)
    return publisher


@asynccontextmanager
async def client(
    published: Snapshot | None = None,
    readiness: Readiness | None = None,
    public_url: str | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session against our own server, which decompresses nothing by itself."""
    app = create_web(
        make_publisher(published), lambda: readiness or Readiness(), public_url=public_url
    )
    async with serve(app, "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(
            base, auto_decompress=False, headers={"Accept-Encoding": "identity"}
        ) as session:
            yield session


@pytest.mark.parametrize("path", PUBLIC)
def test_an_unchanged_answer_is_a_304_in_every_coding(path: str) -> None:
    """Whatever coding was sent, its own tag brings 304 without a body, and no other tag does."""

    async def law() -> None:
        tags = set()
        async with client(snapshot()) as session:
            for coding in ("identity", "gzip", "br"):
                wish = {"Accept-Encoding": coding}
                async with session.get(path, headers=wish) as first:
                    assert first.status == 200
                    tag = first.headers["ETag"]
                    tags.add(tag)
                    assert first.headers["Cache-Control"].startswith("public, max-age=")
                for held in (tag, f'"other", W/{tag}', "*"):
                    async with session.get(path, headers={**wish, "If-None-Match": held}) as again:
                        assert (again.status, await again.read()) == (304, b"")
                        for name in ("ETag", "Cache-Control", "Vary"):
                            assert again.headers.get(name) == first.headers.get(name)
                for held in ('"other"', tag.strip('"'), "", '"', "W/"):
                    async with session.get(path, headers={**wish, "If-None-Match": held}) as again:
                        assert again.status == 200
        assert len(tags) == (1 if path.endswith(".png") else 3)

    run(law())


@pytest.mark.parametrize("path", PUBLIC)
def test_head_is_get_without_a_body(path: str) -> None:
    """HEAD tells the length and all headers of GET."""

    async def law() -> None:
        async with client(snapshot()) as session:
            async with session.get(path) as get:
                body = await get.read()
            async with session.head(path) as head:
                assert (head.status, await head.read()) == (200, b"")
                ours = {key: value for key, value in head.headers.items() if key != "Date"}
                assert ours == {key: val for key, val in get.headers.items() if key != "Date"}
                assert head.headers["Content-Length"] == str(len(body))

    run(law())


@pytest.mark.parametrize(
    ("wish", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("gzip;q=0", "identity"),
        ("identity;q=1, gzip;q=0.5", "identity"),
        ("GZIP", "gzip"),
        ("gzip;q=2", "identity"),
        ("gzip;q=nan, br;q=-1", "identity"),
        (";;,,\x7f", "identity"),
    ],
)
def test_the_coding_is_the_smallest_that_is_wished_for(wish: str | None, coding: str) -> None:
    """Quality values are obeyed, the smaller wins a tie, and what cannot be read is no wish."""
    prepared = make_publisher(snapshot()).find("/")
    assert prepared is not None
    assert prepared.choose(wish) == coding
    assert gzip.decompress(prepared.bodies["gzip"]) == prepared.bodies["identity"]
    assert brotli.decompress(prepared.bodies["br"]) == prepared.bodies["identity"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused_by_name(method: str) -> None:
    """405 with the methods that work; nothing public can be written."""

    async def law() -> None:
        async with client(snapshot()) as session:
            for path in PUBLIC:
                async with session.request(method, path, data=b"x" * 20_000) as answer:
                    assert answer.status == 405
                    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}

    run(law())


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/index.html",
        "/widget.0123456789abcdef.js",
        "/widget.css",
        "/qr/btc/1BitcoinEaterAddressDontSendf59kuE.svg",
        f"/qr/eth/{BTC}.svg",
        f"/qr/btc/{BTC}.gif",
        f"/qr/btc/{BTC}.svg/",
        "/qr/../snapshot.json/",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/locales/fr.json",
        "/.git/config",
        "/fragment/",
    ],
)
def test_what_is_not_there_is_404(path: str) -> None:
    """Only what was prepared exists: no file is read and no code is drawn on request."""

    async def law() -> None:
        async with client(snapshot()) as session, session.get(path) as answer:
            assert answer.status == 404
            assert answer.headers["Cache-Control"] == "no-store"

    run(law())


@pytest.mark.parametrize("language", ["", "de", "fr-CA", "../en", "%00", "%ff", "x" * 2000])
def test_an_unknown_language_gets_the_default_one(language: str) -> None:
    """A hostile or unknown language changes nothing: the widget goes on in its own."""

    async def law() -> None:
        async with client(snapshot()) as session:
            async with session.get("/fragment") as plain:
                expected = await plain.read()
            async with session.get(f"/fragment?lang={language}&lang=en&x=y") as answer:
                assert (answer.status, await answer.read()) == (200, expected)

    run(law())


@pytest.mark.parametrize("path", [*PUBLIC, "/healthz", "/readyz", "/nope"])
def test_every_answer_carries_the_safe_headers(path: str) -> None:
    """No banner, no cookie, no sniffing, no referrer, and a policy for everything."""

    async def law() -> None:
        async with client(snapshot()) as session, session.get(path) as answer:
            assert "Server" not in answer.headers
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
            closed = path in ("/", "/frame", "/nope")
            assert answer.headers.get("Access-Control-Allow-Origin") == (None if closed else "*")

    run(law())


def test_documents_run_only_our_script_and_style() -> None:
    """The policy names the very style sheet of the page; only the frame may be framed."""

    async def law() -> None:
        async with client(snapshot()) as session:
            for path, ancestors in (("/", "'none'"), ("/frame", "*")):
                async with session.get(path) as answer:
                    page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
                style = page.partition("<style>")[2].partition("</style>")[0]
                assert f"style-src '{integrity(style.encode())}'" in policy
                assert f"frame-ancestors {ancestors}" in policy
                assert "unsafe" not in policy
                assert "style=" not in page
                assert f'<script type="module" src="{ASSETS.script_name}"></script>' in page

    run(law())


def test_the_pinned_script_is_the_alias_and_lasts_for_ever() -> None:
    """The hashed name is immutable, the alias short-lived, the bytes and the pin the same."""

    async def law() -> None:
        async with client(snapshot()) as session:
            async with session.get(f"/{ASSETS.script_name}") as pinned:
                body = await pinned.read()
                assert pinned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            async with session.get("/widget.js") as alias:
                assert await alias.read() == body
                assert "max-age=3600" in alias.headers["Cache-Control"]
            assert integrity(body, "sha384") == ASSETS.integrity

    run(law())


def test_the_document_keeps_base_units_exact() -> None:
    """Amounts are strings in base units with their decimal text; ages and states are there."""

    async def law() -> None:
        async with client(snapshot()) as session, session.get("/snapshot.json") as answer:
            document = json.loads(await answer.read())
        eth = document["coins"][2]
        assert eth["sums"][0]["received"] == {
            "units": "1234567890123456789",
            "text": "1.234567890123456789",
        }
        assert [coin["address"] for coin in document["coins"]] == list(ADDRESSES)
        assert eth["state"] == "fresh"
        assert eth["as_of"]["height"] == 925_123

    run(law())


def test_unknown_is_null_in_the_document() -> None:
    """What is not known is null, never 0 and never missing."""

    async def law() -> None:
        async with (
            client(snapshot(Freshness.NEVER)) as session,
            session.get("/snapshot.json") as answer,
        ):
            document = json.loads(await answer.read())
        for coin in document["coins"]:
            assert (coin["state"], coin["sums"], coin["as_of"], coin["gifts"], coin["opening"]) == (
                "never",
                None,
                None,
                None,
                None,
            )
        assert document["goal"]["received"] is None

    run(law())


def test_before_the_first_edition_the_service_lives_but_has_nothing() -> None:
    """Alive is not ready: 200 from /healthz, 503 with a reason from /readyz, 503 for the rest."""

    async def law() -> None:
        async with client(None, Readiness((Reason.STARTING,))) as session:
            async with session.get("/healthz") as answer:
                assert (answer.status, await answer.json()) == (200, {"status": "alive"})
            async with session.get("/readyz") as answer:
                assert answer.status == 503
                assert (await answer.json())["reasons"] == ["starting"]
            async with session.get("/") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            async with session.get("/widget.js") as answer:
                assert answer.status == 200

    run(law())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("dons.example.org", 200),
        ("DONS.example.org:443", 200),
        ("dons.example.org.", 200),
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("attacker.example", 421),
        ("dons.example.org.attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
        ("dons.example.org@attacker.example", 421),
        ("10.0.0.1", 421),
        ("[::", 421),
    ],
)
def test_only_our_host_is_answered(host: str, status: int) -> None:
    """A name that somebody else lets point here is refused, our own and loopback are not."""

    async def law() -> None:
        async with (
            client(snapshot(), public_url="https://dons.example.org") as session,
            session.get("/", headers={"Host": host}) as answer,
        ):
            assert answer.status == status

    run(law())
