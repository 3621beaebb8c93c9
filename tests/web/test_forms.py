"""The other forms over HTTP: kept, compressed, safe to embed, and calm with hostile requests."""

from __future__ import annotations

import json
import random
import re
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import pytest

from donations.errors import ConfigError
from donations.snapshot import Freshness
from donations.web import create_web
from donations.web.assets import integrity, load_assets
from donations.web.embed import embed_script
from donations.web.forms import PATHS
from donations.web.guide import Guide
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.web.samples import ADDRESSES, snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASSETS = load_assets()
HOME = "https://dons.example.org/"
LANGUAGES = ("fr", "en", "ar", "de")
OEMBED = f"/oembed?url={quote(HOME, safe='')}"
TYPES = {
    "/badge.svg": "image/svg+xml",
    "/badge.png": "image/png",
    "/badge.json": "application/json",
    "/card.png": "image/png",
    "/feed.atom": "application/atom+xml",
    "/inline.json": "application/json",
    "/static": "text/html",
    "/sandboxed": "text/html",
    "/embed": "text/html",
    OEMBED: "application/json",
}


@cache
def make_publisher(public_url: str | None = HOME, title: str = "Carnet") -> Publisher:
    """A publisher with one edition."""
    publisher = Publisher(ASSETS, languages=LANGUAGES, public_url=public_url)
    publisher.publish(snapshot(title=title))
    return publisher


@asynccontextmanager
async def client(publisher: Publisher | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """A session against our own server."""
    app = create_web(publisher or make_publisher(), Readiness, public_url=HOME)
    async with (
        serve(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


def text_of(path: str, language: str = "fr", publisher: Publisher | None = None) -> str:
    """The text of an answer."""
    found = (publisher or make_publisher()).find(path, language)
    assert found is not None
    return found.bodies["identity"].decode()


def test_the_list_is_whole() -> None:
    """Every path of the other forms is under test here."""
    assert {path for path in TYPES if path != OEMBED} == set(PATHS)


@pytest.mark.parametrize("path", TYPES)
def test_every_form_is_prepared_like_the_rest(path: str) -> None:
    """Its type, a 304 for its own tag, a time to be kept, HEAD, no other method."""

    async def law() -> None:
        async with client() as session:
            async with session.get(path) as first:
                assert (first.status, first.content_type) == (200, TYPES[path])
                assert first.headers["Cache-Control"].startswith("public, max-age=")
                assert "default-src 'none'" in first.headers["Content-Security-Policy"]
                body = await first.read()
                tag = first.headers["ETag"]
            async with session.get(path, headers={"If-None-Match": tag}) as again:
                assert (again.status, await again.read()) == (304, b"")
            async with session.head(path) as head:
                assert head.status == 200
            async with session.post(path, data=b"x") as post:
                assert post.status == 405
            assert body

    run(law())


@pytest.mark.parametrize("path", TYPES)
def test_any_page_may_embed_what_is_made_for_it(path: str) -> None:
    """Pictures, data and the frame go anywhere, isolated pages included; the guide does not."""

    async def law() -> None:
        async with client() as session, session.get(path) as answer:
            guide = path == "/embed"
            policy = "same-origin" if guide else "cross-origin"
            assert answer.headers["Cross-Origin-Resource-Policy"] == policy
            ancestors = "*" if path == "/sandboxed" else "'none'"
            assert f"frame-ancestors {ancestors}" in answer.headers["Content-Security-Policy"]

    run(law())


def test_no_request_whatever_it_holds_is_an_error_of_ours(seed: int) -> None:
    """Random queries, languages and hosts get 200, 304, 400, 404, 421 or 501, never 5xx else."""
    choose = random.Random(seed)
    words = ["lang", "url", "format", "maxwidth", "maxheight", "size", "color", "theme", "slug"]
    values = ["", "fr", "xx", "%00", "%ff", "%F0%9F%98%80", "../../etc/passwd", "<script>", "'\"",
              "9" * 400, "-1", "1e309", "NaN", "json", "xml", quote(HOME), "%E2%80%AE", "a" * 3000,
              "%0d%0aSet-Cookie:x=1", "{}", "$(x)", "%25", "[]"]  # fmt: skip
    hosts = ["dons.example.org", "localhost", "evil.example", "", "a b", "[::", "x" * 300, "é"]

    async def law() -> None:
        async with client() as session:
            for _ in range(400):
                path = choose.choice([*PATHS, "/oembed", "/", "/frame", "/badge", "/embed/", "/x"])
                query = "&".join(
                    f"{choose.choice(words)}={choose.choice(values)}"
                    for _ in range(choose.randrange(5))
                )
                headers = {"Host": choose.choice(hosts), "Origin": choose.choice(values[:3])}
                url = f"{path}?{query}"
                try:
                    async with session.get(url, headers=headers, skip_auto_headers=()) as answer:
                        assert answer.status in {200, 400, 404, 421, 501}, (url, headers)
                        assert "Set-Cookie" not in answer.headers
                except (ValueError, aiohttp.ClientError):
                    continue  # the client itself refuses to send such a header

    run(law(), 60)


def test_the_hosted_page_tells_machines_where_all_is() -> None:
    """oEmbed and feed are discovered, and a shared link has its picture, absolute and in size."""
    page = text_of("/", "en")
    head = page.partition("</head>")[0]
    assert f'href="{HOME}oembed?url={quote(HOME + "?lang=en", safe="")}"' in head
    assert 'type="application/json+oembed"' in head
    assert 'type="application/atom+xml" href="feed.atom?lang=en"' in head
    assert f'property="og:image" content="{HOME}card.png?lang=en"' in head
    assert '<meta property="og:image:width" content="1200">' in head
    assert '<meta property="og:title" content="Carnet">' in head


def test_what_is_discovered_is_answered() -> None:
    """The oEmbed link in the page's head leads to an answer about that very page."""

    async def law() -> None:
        async with client() as session:
            async with session.get("/?lang=en") as answer:
                page = await answer.text()
            link = re.findall(r'json\+oembed"[^>]*href="([^"]+)"', page)[0]
            async with session.get(f"/{link.removeprefix(HOME)}") as answer:
                assert answer.status == 200
                assert "lang=en" in (await answer.json())["html"]

    run(law())


def test_a_hostile_title_adds_nothing_to_any_form() -> None:
    """Every HTML form has the elements it always has, whatever the title is."""
    hostile = make_publisher(title="\"><script>alert(1)</script>\u202e' onload='x")
    for path in ("/", "/embed", "/static", "/sandboxed"):
        calm_tags, hostile_tags = (
            re.findall(r"<[a-z/!][a-z0-9-]*", text_of(path, "fr", publisher))
            for publisher in (make_publisher(), hostile)
        )
        assert calm_tags == hostile_tags, path


def test_the_sandboxed_frame_needs_nothing_a_sandbox_forbids() -> None:
    """Wallet links are not shown, and the address of the hosted page can be read and typed."""
    page = text_of("/sandboxed")
    assert ".wallet,p:has(.home){display:none}" in page
    assert ">dons.example.org</a>" in page
    assert "localStorage" not in page + ASSETS.script.decode()
    assert "cookie" not in ASSETS.script.decode()
    for address in ADDRESSES:
        assert address in re.sub(r"<[^>]+>", "", page)


def test_the_static_form_holds_the_whole_card_and_the_pasted_addresses() -> None:
    """Style and card stand in the shadow root; beside it is what the script form pastes."""
    form = text_of("/static", "en")
    element = form[form.index("<donation-widget") :]
    root = element.partition('<template shadowrootmode="open">')[2].partition("</template>")[0]
    assert root.startswith("<style>")
    assert root.count("<svg") == 3
    pasted = embed_script(ASSETS, snapshot().coins, public_url=HOME, language="en", title="Carnet")
    bare = pasted[pasted.index("<donation-widget") :]
    assert element.replace(f'<template shadowrootmode="open">{root}</template>\n', "") == bare


def test_the_inline_document_pins_the_script_it_names() -> None:
    """What a plugin pins is the script that is served, and the addresses of the snapshot."""
    document = json.loads(text_of("/inline.json"))
    assert document["script"] == ASSETS.script_name
    assert document["integrity"] == integrity(ASSETS.script, "sha384")
    assert [one["address"] for one in document["addresses"]] == list(ADDRESSES)
    assert document["card"] == text_of("/fragment")


# -- the guide


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_guide_shows_every_form_with_what_to_paste(language: str) -> None:
    """Each form has a title, a text to copy, and for what can be shown a preview."""
    page = text_of("/embed", language)
    names = re.findall(r'<section id="([a-z]+)"', page)
    assert names == [
        "script", "compact", "alias", "frame", "static", "wordpress", "badge", "shields", "feed",
        "link",
    ]  # fmt: skip
    for section in page.split("<section ")[1:]:
        assert "<pre " in section
    words = Guide().languages
    assert words["fr"].keys() == words["en"].keys()
    assert words[language]["heading"] in page
    assert ASSETS.integrity in page


def test_what_the_guide_gives_to_copy_is_what_the_command_prints() -> None:
    """The script form on the page, unescaped, is the text of `donations embed`."""
    page = text_of("/embed", "fr")
    first = re.findall(r"<code>(.*?)</code>", page, re.DOTALL)[0]
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'")):
        first = first.replace(entity, char)
    pasted = embed_script(ASSETS, snapshot().coins, public_url=HOME, language="fr", title="Carnet")
    assert first.replace("&amp;", "&") == pasted.strip()


def test_the_guide_asks_nobody_else() -> None:
    """All that the page itself loads is its own; others' addresses stand in texts to copy."""
    page = re.sub(r"<pre.*?</pre>", "", text_of("/embed"), flags=re.DOTALL)
    for source in re.findall(r'\b(?:src|data)="([^"]*)"', page):
        assert not re.match(r"https?:|//", source), source


def test_the_guide_may_do_no_more_than_it_does() -> None:
    """A strict policy: own script, two known styles, own frames and pictures."""

    async def law() -> None:
        async with client() as session, session.get("/embed") as answer:
            policy = answer.headers["Content-Security-Policy"]
            page = await answer.text()
        for style in re.findall(r"<style>(.*?)</style>", page, re.DOTALL):
            assert integrity(style.encode()) in policy
        assert "unsafe" not in policy
        assert not re.search(r'<[^>]*\sstyle="', re.sub(r"<pre.*?</pre>", "", page, flags=re.S))

    run(law())


def test_a_service_without_an_address_says_so() -> None:
    """Nothing wrong is given to copy: the page says which key to set, and pictures still work."""
    homeless = make_publisher(None)
    page = text_of("/embed", "en", homeless)
    assert "public_url" in page
    assert "https://dons.example.org" in page
    assert "None" not in page
    assert page.count("<pre ") == 1  # the words for shields.io, which need no address
    assert text_of("/static", "en", homeless) == ""
    with pytest.raises(ConfigError):
        embed_script(ASSETS, snapshot().coins, public_url=None, language="en")


def test_forms_of_every_state_are_made(long: bool) -> None:
    """Nothing known, stale, disagreeing: every form is there in every language."""
    for number, freshness in enumerate(Freshness):
        publisher = Publisher(ASSETS, languages=tuple(ASSETS.locales), public_url=HOME)
        publisher.publish(snapshot(freshness))
        # Each language in one state at least.
        for language in sorted(ASSETS.locales)[0 if long else number :: 1 if long else 4]:
            for path in PATHS:
                found = publisher.find(path, language)
                assert found is not None
                assert found.bodies["identity"]
