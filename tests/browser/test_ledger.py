"""The page of all transfers in a browser: nothing sticks out, and anybody can read it."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from donations.web import create_web
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.browser.blog import ASSETS
from tests.browser.test_gates import THEMES, wear
from tests.nodes import install
from tests.web.test_ledger import STATES, many, pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from tests.browser.bench import Bench

# Everything that axe knows of WCAG 2.0 to 2.2; what it cannot decide counts as found.
_AXE = """
async () => {
  const found = await axe.run(document);
  return [...found.violations, ...found.incomplete].map(
    (rule) => `${rule.id}: ${rule.nodes[0].html.slice(0, 120)} ${rule.nodes[0].failureSummary}`);
}
"""
_WIDE = """
() => [...document.querySelectorAll("body *")].filter(
  (node) => node.getBoundingClientRect().right > innerWidth + 1
    || node.getBoundingClientRect().left < -1
).map((node) => node.outerHTML.slice(0, 99))
"""


@asynccontextmanager
async def reading(bench: Bench, width: int) -> AsyncIterator[tuple[Page, str]]:
    """A window of this width, and the service with every state on the newest of three pages."""
    states = [given for given, _ in STATES]
    made = pages(*many(250), *states)
    app = create_web(Publisher(ASSETS, languages=("fr",)), Readiness, more=made.routes())
    async with serve(app, "127.0.0.1", 0) as port:
        context = await bench.chromium.new_context(viewport={"width": width, "height": 800})
        yield await context.new_page(), f"http://127.0.0.1:{port}/ledger"
        await context.close()


def test_it_fits_and_can_be_read_by_all(bench: Bench, long: bool) -> None:
    """From 280 pixels on, in light, dark and forced colours, from right to left too."""
    looks = [*itertools.product((280, 320, 800), THEMES, ("fr", "en", "ar", "pl"))]

    async def law() -> None:
        axe = install.axe().read_text(encoding="utf-8")
        for width, theme, language in looks if long else looks[::5]:
            async with reading(bench, width) as (page, url):
                await wear(page, theme)
                await page.goto(f"{url}?lang={language}&page=2")
                look = (width, theme, language)
                assert await page.evaluate(_WIDE) == [], look
                assert not await page.evaluate(
                    "document.documentElement.scrollWidth > innerWidth"
                ), look
                await page.evaluate(axe)
                assert await page.evaluate(_AXE) == [], look

    bench.run(law(), seconds=240)
