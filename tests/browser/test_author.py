"""The author's pages in a browser: they fit, anybody can read them, with and without script."""

from __future__ import annotations

import itertools
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from donations.author_facts import UpstreamLine
from donations.overview import Price
from donations.reasons import Reason
from tests.author.client import NOW, TOKENS, author_pages, made, make_gate
from tests.author.test_told import keep_some
from tests.browser.test_gates import THEMES, wear
from tests.nodes import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from donations.config import Config
    from tests.browser.bench import Bench

# As in `test_ledger`; but of the words in a picture, and of those that a table has scrolled away,
# axe cannot tell what is behind them: they have the colours of the text around them.
_AXE = """
async () => {
  const found = await axe.run(document);
  const words = (rule) => rule.id === "color-contrast"
    && rule.nodes.every((node) => /^<(text|td|th)\\b/.test(node.html));
  return [...found.violations, ...found.incomplete.filter((rule) => !words(rule))].map((rule) =>
    `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 120) + node.failureSummary)}`);
}
"""
# What sticks out, but for tables, which scroll by themselves.
_WIDE = """
() => [...document.querySelectorAll("body *")].filter(
  (node) => !node.parentElement.closest(".scroll")
    && (node.getBoundingClientRect().right > innerWidth + 1
      || node.getBoundingClientRect().left < -1)
).map((node) => node.outerHTML.slice(0, 99))
"""
PATHS = (
    "/author",
    "/author/gifts?state=final",
    "/author/by-hand",
    "/author/health",
    "/author/told",
)
PRICES = {
    "BTC": Price("60123.1", NOW - 60, "kraken"),
    "BCH": Price("401", NOW - 60, "kraken"),
    "ETH": Price("2512.5", NOW - 60, "kraken"),
    "USDC": Price("0.91", NOW - 60, "kraken"),
}
UPSTREAMS = (
    UpstreamLine("btc", "electrum.example", "ssl://electrum.example:50002", NOW, None, False,
                 False),
    UpstreamLine(
        "btc", "fulcrum.example.org", "ssl://fulcrum.example.org:50002", NOW - 4000,
        Reason.TIMEOUT, True, True,
    ),
    UpstreamLine(
        "eth", "liar.example", "https://liar.example", NOW - 60, Reason.LIE, False, False,
        "height 24000000 is " + "ab" * 32, NOW + 80_000,
    ),
    UpstreamLine("eth", "new.example", "https://new.example", None, None, False, False),
)  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A database of these tests, with two thousand gifts, of which some were told."""
    config = made(tmp_path_factory.mktemp("author"), 2000)
    keep_some(config)
    return config


@asynccontextmanager
async def author(
    bench: Bench, config: Config, width: int, *, script: bool = True
) -> AsyncIterator[tuple[Page, str, list[str]]]:
    """A window of this width with somebody logged in; the requests it makes."""
    async with author_pages(config, make_gate(None), prices=PRICES, upstreams=UPSTREAMS) as browser:
        context = await bench.chromium.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=script
        )
        page, asked = await context.new_page(), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"{browser.base}/author")
        await page.fill("#token", TOKENS["Claire"])
        await page.click("form button")
        await page.wait_for_url(f"{browser.base}/author")
        yield page, browser.base, asked
        await context.close()


async def a_gift(page: Page, base: str) -> str:
    await page.goto(f"{base}/author/gifts?state=final&kind=gift&asset=ETH")
    link = await page.get_attribute(".rows .sum", "href")
    assert link is not None
    return link.removeprefix("..")


def test_they_fit_and_can_be_read_by_all(bench: Bench, config: Config, long: bool) -> None:
    """From 280 pixels on, in light, dark and forced colours: axe finds nothing, nothing sticks out.

    DONATIONS_PICTURES=FOLDER keeps what was seen.
    """
    looks = [*itertools.product((280, 320, 1200), THEMES, ("en", "fr"))]
    pictures = os.environ.get("DONATIONS_PICTURES")

    async def law() -> None:
        axe = install.axe().read_text(encoding="utf-8")
        for width, theme, language in looks if long else looks[::4]:
            async with author(bench, config, width) as (page, base, _):
                await wear(page, theme)
                gift = await a_gift(page, base)
                for path in (*PATHS, gift, "/author/gifts?state=x"):
                    await page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}")
                    await page.evaluate(
                        "document.querySelectorAll('details').forEach(d => d.open = 1)"
                    )
                    look = (width, theme, language, path)
                    assert await page.evaluate(_WIDE) == [], look
                    assert not await page.evaluate(
                        "document.documentElement.scrollWidth > innerWidth"
                    ), look
                    await page.evaluate(axe)
                    assert await page.evaluate(_AXE) == [], look
                    if pictures:
                        name = path.partition("?")[0].strip("/").replace("/", "-")
                        file = Path(pictures, f"{name}-{width}-{theme}-{language}.png")
                        await page.screenshot(path=file, full_page=True)

    bench.run(law(), seconds=300)


@pytest.mark.parametrize("script", [True, False])
def test_everything_works_with_and_without_script(
    bench: Bench, config: Config, script: bool
) -> None:
    """Login, search, a note and its undoing, logout; and nothing is asked of anybody else."""

    async def law() -> None:
        async with author(bench, config, 900, script=script) as (page, base, asked):
            assert "€" in await page.inner_text(".big")
            await page.goto(f"{base}/author/gifts")
            await page.click("summary")
            await page.select_option("#asset", "USDC")
            if not script:
                await page.click(".search details button")
            await page.wait_for_url("**/gifts?*asset=USDC*")
            assert "USDC" in await page.inner_text(".rows")
            assert "BTC" not in await page.inner_text(".rows")
            await page.click(".rows .sum >> nth=20")
            await page.fill("#note", f"with script: {script}")
            await page.click("form:has(#note) button")
            await page.wait_for_selector(".history")
            assert f"with script: {script}" in await page.inner_text(".history")
            assert await page.input_value("#note") == f"with script: {script}"
            assert (await page.locator(".copy").count() > 0) == script
            await page.click(".history button")
            await page.wait_for_selector(".history li >> nth=1")
            assert await page.input_value("#note") == ""
            await page.click("header button")
            await page.wait_for_url("**/author/login")
            assert {urlsplit(url).netloc for url in asked} == {urlsplit(base).netloc}

    bench.run(law(), seconds=90)


def test_links_to_strangers_tell_them_nothing(bench: Bench, config: Config) -> None:
    """They open by a click alone, without referrer and without a way back."""

    async def law() -> None:
        async with author(bench, config, 900) as (page, base, asked):
            await page.goto(f"{base}{await a_gift(page, base)}")
            links = await page.evaluate(
                "[...document.querySelectorAll('a')].filter(a => a.origin !== location.origin)"
                ".map(a => [a.href, a.rel, a.referrerPolicy])"
            )
            assert len(links) >= 2
            for href, rel, referrer in links:
                assert href.startswith("https://")
                assert {"noreferrer", "noopener"} <= set(rel.split())
                assert referrer == "no-referrer"
            assert all(url.startswith(base) for url in asked)

    bench.run(law(), seconds=60)
