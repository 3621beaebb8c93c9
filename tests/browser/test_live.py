"""The stream of news in a real browser: a gift shows at once, also after a lost connection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from donations.snapshot import Gift, Stage
from donations.web import create_web
from donations.web.live import Caps, Live
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.browser.blog import ASSETS, browser, reading
from tests.running import free_port, until
from tests.web.samples import NOW, snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from playwright.async_api import Page

# The minute of polling must not be what brings the news.
AT_ONCE = 20_000


async def shows(page: Page, amount: str) -> None:
    """Wait until the latest gift is this one."""
    await page.locator("li b").first.filter(has_text=amount).wait_for(timeout=AT_ONCE)


def test_a_gift_shows_while_the_donor_looks_on() -> None:
    """After a copy each edition shows at once, over a restart of the service too."""

    async def law() -> None:
        publisher = Publisher(ASSETS, languages=("fr", "en"))
        publisher.publish(edition := snapshot())
        port = free_port()

        def give(live: Live, units: int) -> None:
            nonlocal edition
            gift = Gift("btc", "BTC", 8, units, Stage.PENDING, NOW + units, id=f"{units:064x}")
            edition = replace(edition, gifts=(gift, *edition.gifts))
            assert publisher.publish(edition)
            live.announce()

        async with browser() as chromium, reading(chromium) as (page, seen):
            live = Live(caps=Caps(retry_seconds=0.2))
            app = create_web(publisher, Readiness, more=live.routes())
            app.on_shutdown.append(live.close)
            async with serve(app, "127.0.0.1", port):
                await page.goto(f"http://127.0.0.1:{port}/?lang=fr")
                assert len(live) == 0, "nobody listens before a copy"
                await page.locator(".copy").first.click()
                await until(lambda: len(live) == 1)
                give(live, 31_000)
                await shows(page, "0,00031")
            live = Live(caps=Caps(retry_seconds=0.2))
            app = create_web(publisher, Readiness, more=live.routes())
            app.on_shutdown.append(live.close)
            async with serve(app, "127.0.0.1", port):
                await until(lambda: len(live) == 1, seconds=20)
                give(live, 42_000)
                await shows(page, "0,00042")
                await page.goto("about:blank")
                await until(lambda: len(live) == 0)
            assert not [text for text in seen.complaints if "Content Security" in text]

    run(law(), seconds=90)


def test_a_refused_stream_changes_nothing() -> None:
    """Where all places are taken the widget goes on as before, without a word."""

    async def law() -> None:
        publisher = Publisher(ASSETS, languages=("fr",))
        publisher.publish(snapshot())
        live = Live(caps=Caps(streams=0))
        app = create_web(publisher, Readiness, more=live.routes())
        async with (
            serve(app, "127.0.0.1", 0) as port,
            browser() as chromium,
            reading(chromium) as (page, _),
        ):
            await page.goto(f"http://127.0.0.1:{port}/")
            async with page.expect_response("**/live") as refused:
                await page.locator(".copy").first.click()
            assert (await refused.value).status == 503
            assert await page.locator(".copy").first.is_visible()

    run(law(), seconds=60)
