"""The watch over pages: what it remembers, when it reads, and what it says."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web

from donations.app import running
from donations.config import parse
from donations.errors import ConfigError, StoreError
from donations.fetch import Ways
from donations.own_word import own_word
from donations.public_web import NotPublic
from donations.store import Store
from donations.tamper import watch as watching
from donations.tamper.finding import Finding, What
from donations.tamper.lines import as_document, as_lines
from donations.tamper.state import PageState, after_failure, after_reading, fact, from_facts, news
from donations.tamper.watch import Watch
from tests.running import scene, until
from tests.tamper.pages import EVIL_BTC, config, expectation, form, post
from tests.test_public_web import site
from tests.web.samples import BTC, ETH

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config

SWAPPED = Finding(What.FOREIGN_ADDRESS, 7, f"{EVIL_BTC} is not in the configuration")
LOST = Finding(What.LOST, None, "the page does not hold what embed prints")
URL = "https://blog.example/a-post"


class Blog:
    """A blog on this machine whose page can be changed, and can fail."""

    def __init__(self) -> None:
        self.page, self.status, self.asked = post(form()), 200, 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text=self.page, content_type="text/html", status=self.status)


def settings(path: Path, port: int, hours: int = 6) -> Config:
    """A configuration that watches the blog on this machine, named in numbers."""
    text = (
        f'public_url = "https://dons.example.org/"\ndatabase = "{path / "d.sqlite3"}"\n'
        f'[addresses]\nbtc = "{BTC}"\nbch = "qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6"\n'
        f'eth = "{ETH}"\n[watch]\npages = ["http://127.0.0.1:{port}/post"]\nhours = {hours}\n'
        "[prices]\nenabled = false\n"
    )
    return parse(text, path / "config.toml", {})


async def opened(configuration: Config) -> tuple[Watch, Store]:
    store = Store(configuration.database, configuration.timezone)
    await store.run(store.open, {"btc": "mainnet", "bch": "mainnet", "eth": "mainnet"})
    watch = Watch(configuration.watch, expectation(), store)
    await watch.load()
    return watch, store


def test_a_finding_keeps_its_time() -> None:
    """What was found before keeps the time it was new, also when only its line moved."""
    first = after_reading(None, URL, [SWAPPED], 100)
    moved = Finding(SWAPPED.what, 9, SWAPPED.detail)
    second = after_reading(first, URL, [moved, LOST], 200)
    assert second.since == ((moved, 100), (LOST, 200))
    assert news(first, second) == ([LOST], [])
    assert news(second, after_reading(second, URL, [], 300)) == ([], [moved, LOST])
    assert second.alarms == (moved,)


def test_a_page_that_cannot_be_read_keeps_what_is_known() -> None:
    """A failure is no alarm and takes none away; the age of what is known grows."""
    read = after_reading(None, URL, [SWAPPED], 100)
    failed = after_failure(read, URL, "the web server answers 503", 200)
    assert (failed.read_at, failed.tried_at, failed.alarms) == (100, 200, (SWAPPED,))
    never = after_failure(None, URL, "no page within 10 seconds", 200)
    assert (never.read_at, never.findings) == (None, ())
    assert after_reading(failed, URL, [SWAPPED], 300).since == ((SWAPPED, 100),)


def test_states_come_back_from_the_store() -> None:
    """What is written as facts is read back the same; kinds of other releases are dropped."""
    for state in (
        after_reading(None, URL, [SWAPPED, LOST], 100),
        after_failure(None, URL, "é\n", 200),
    ):
        assert from_facts(dict([fact(state)]), [URL]) == {URL: state}
    name, value = fact(after_reading(None, URL, [SWAPPED], 1))
    assert from_facts({name: value.replace("foreign address", "x")}, [URL])[URL].findings == ()
    assert from_facts({name: value}, ["https://other.example/"]) == {}


def test_states_in_words() -> None:
    """Alarm, age and failure are told, and a page that was never read says how to read it."""
    alarmed = after_reading(None, URL, [SWAPPED], 1_000)
    lines = as_lines([URL], [alarmed], 1_000 + 3 * 3600)
    assert lines == [f"page {URL}: ALARM, read 3 h ago", f"      {SWAPPED}"]
    assert "donations check --pages" in as_lines([URL], [], 0)[0]
    assert as_lines([URL], [after_failure(None, URL, "why", 5)], 9)[0].endswith("not be read yet")
    (document,) = as_document([URL], [alarmed])
    assert document["findings"] == [
        {"what": "foreign address", "alarm": True, "line": 7, "detail": SWAPPED.detail,
         "since": 1_000}
    ]  # fmt: skip


@scene
async def test_each_change_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning when an address is swapped, none while it stays, one word when it is right."""
    caplog.set_level(logging.INFO, logger="donations.tamper.watch")
    blog = Blog()
    async with site(blog.answer) as port:
        watch, store = await opened(settings(tmp_path, port))
        await watch.read()
        assert not watch.alarmed
        assert caplog.records == []
        blog.page = blog.page.replace(BTC, EVIL_BTC)
        for _ in range(3):
            await watch.read()
            assert watch.alarmed
        warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert len(warnings) == len(set(warnings)) == len(watch.states[0].alarms)
        blog.status = 503
        for _ in range(2):
            await watch.read()
            assert watch.alarmed
        failures = [r for r in caplog.records if "cannot be read" in r.getMessage()]
        assert [r.levelno for r in failures] == [logging.INFO]
        blog.status, blog.page = 200, post(form())
        await watch.read()
        assert not watch.alarmed
        assert "right again" in caplog.records[-1].getMessage()
        store.close()


@scene
async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """After a restart the alarm stands, and the page is not read again before its time."""
    blog = Blog()
    blog.page = blog.page.replace(BTC, EVIL_BTC)
    async with site(blog.answer) as port:
        configuration = settings(tmp_path, port)
        watch, store = await opened(configuration)
        await watch.read()
        store.close()
        again, store = await opened(configuration)
        assert again.alarmed
        assert again.states == watch.states
        again.tick()
        assert again._reading is None
        assert min(again._due.values()) - time.monotonic() > 3600
        store.close()
        word = await asyncio.to_thread(own_word, configuration)
        assert not word.good
        assert "ALARM" in word.lines()[0]
        now = await asyncio.to_thread(lambda: own_word(configuration, now=True))
        assert not now.good
        assert blog.asked == 2


@scene
async def test_pages_are_read_when_they_are_due(tmp_path: Path) -> None:
    """`tick` begins one reading at a time, soon after a start, and then after the interval."""
    blog = Blog()
    async with site(blog.answer) as port:
        watch, store = await opened(settings(tmp_path, port, hours=2))
        (url,) = watch._due
        assert 15 < watch._due[url] - time.monotonic() <= 120
        watch._due[url] = 0.0
        watch.tick()
        reading = watch._reading
        watch.tick()
        assert watch._reading is reading
        assert reading is not None
        await reading
        assert blog.asked == 1
        assert 0.9 * 7200 - 5 < watch._due[url] - time.monotonic() < 1.1 * 7200
        blog.status = 500
        watch._due[url] = 0.0
        watch.tick()
        assert watch._reading is not None
        await watch._reading
        assert watch._due[url] - time.monotonic() < 1.1 * 900
        await watch.close()
        store.close()


@scene
async def test_a_store_that_fails_stops_no_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be remembered is still known, and the log says so."""

    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    blog = Blog()
    async with site(blog.answer) as port:
        watch, store = await opened(settings(tmp_path, port))
        monkeypatch.setattr(store, "remember", full)
        await watch.read()
        assert watch.states[0].read_at is not None
        assert "the disk is full" in caplog.text
        store.close()


@scene
async def test_an_error_of_ours_is_told_and_not_repeated_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody foresaw stands in the log, and the page waits for its next time."""

    def broken(*_any: object) -> None:
        raise ZeroDivisionError

    blog = Blog()
    async with site(blog.answer) as port:
        watch, store = await opened(settings(tmp_path, port))
        monkeypatch.setattr(watching, "inspect", broken)
        watch._due = dict.fromkeys(watch._due, 0.0)
        watch.tick()
        await until(lambda: "the watch over the pages failed" in caplog.text)
        assert min(watch._due.values()) - time.monotonic() > 600
        store.close()


@scene
async def test_ending_does_not_wait_for_a_page(tmp_path: Path) -> None:
    """A page that never answers is given up at once when the service stops."""
    release = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with site(never) as port:
        watch, store = await opened(settings(tmp_path, port))
        watch._due = dict.fromkeys(watch._due, 0.0)
        watch.tick()
        await asyncio.sleep(0)
        start = time.monotonic()
        await watch.close()
        assert time.monotonic() - start < 2
        release.set()
        store.close()


@scene
async def test_the_service_raises_the_alarm(tmp_path: Path) -> None:
    """/readyz names an alarm about a page, and the service stays ready for its readers."""
    blog = Blog()
    blog.page = blog.page.replace(BTC, EVIL_BTC)
    async with site(blog.answer) as port:
        configuration = settings(tmp_path, port)
        watch, store = await opened(configuration)
        await watch.read()
        store.close()
        chains = {
            name: replace(each, upstreams=(), agree=1)
            for name, each in configuration.chains.items()
        }
        server = replace(configuration.server, port=0)
        alone = replace(configuration, server=server, chains=chains, public_url=None)
        async with running(alone) as (service, own), ClientSession() as session:
            await until(lambda: service.pages is not None and service.pages.alarmed)
            async with session.get(f"http://127.0.0.1:{own}/readyz") as answer:
                told = await answer.json()
            assert told["alarms"] == ["pages"]
            assert "pages" not in told["reasons"]


def test_a_database_that_cannot_be_read_stops_no_check(tmp_path: Path) -> None:
    """What is in the way is a line of its own; the pages count as not read."""
    configuration = settings(tmp_path, 1)
    assert own_word(configuration).trouble is None
    configuration.database.write_bytes(b"not a database" * 100)
    word = own_word(configuration)
    assert word.trouble
    assert word.lines()[0] == f"pages: {word.trouble}"
    assert word.good


def test_the_safe_ways_are_the_usual_ones() -> None:
    """Nothing but the sockets that judge addresses stands between the watch and the web."""
    ways = watching.safe_ways("https://blog.example/")
    assert isinstance(ways, Ways)
    assert ways.resolver is None
    assert ways.open_socket is not None
    with pytest.raises(NotPublic):
        ways.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443)))


@pytest.mark.parametrize(
    "line",
    ['pages = ["ftp://blog.example/"]', 'pages = ["blog.example"]', 'pages = ["https://"]',
     'pages = ["https://a:b@blog.example/"]', 'pages = ["https://b.example/#x"]',
     'pages = ["https://b.example/", "https://b.example/"]', 'pages = ["https://b.example:0/"]',
     "hours = 0", "hours = 1000", 'page = "https://b.example/"', 'pages = ["https://b ad/"]'],
)  # fmt: skip
def test_a_page_is_an_address_of_the_web(line: str) -> None:
    """What cannot be watched is an error that names the key."""
    with pytest.raises(ConfigError, match="watch"):
        parse(f'[addresses]\nbtc = "{BTC}"\n[watch]\n{line}\n', environment={})


def test_no_pages_is_no_watch() -> None:
    """Without the table nothing is read."""
    assert config().watch.pages == ()
    assert PageState(URL, 0).alarms == ()
