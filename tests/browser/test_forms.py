"""The forms beside the script, in Chromium: sandboxed, static, pictures, and the authors' page."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.snapshot import Freshness, Sum
from donations.web.badge import badge_svg, word_badge
from donations.web.embed import HEIGHT_FRAME, embed_frame
from donations.web.embed import HEIGHT_NARROW as HEIGHT_CARD_NARROW
from donations.web.embed import HEIGHT_WIDE as HEIGHT_CARD
from donations.web.oembed import HEIGHT_NARROW, HEIGHT_WIDE
from tests.browser.blog import ASSETS, Blog, decode, reading
from tests.browser.known import GIVEN, opened
from tests.browser.measure import PAINTED, WATCH_SHIFTS, barriers, overflowing
from tests.browser.states import STATES
from tests.nodes import install
from tests.web.samples import BCH, BTC, ETH, snapshot

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.bench import Bench
    from tests.measured import Table

PAYMENTS = (f"bitcoin:{BTC}", BCH, ETH)
# What is in the frames is tested by itself.
PAGE_AXE = """async () => {
  const found = await axe.run(document, { iframes: false });
  const open = [...found.violations, ...found.incomplete];
  return open.filter((rule) => rule.id !== "frame-tested").map(
    (rule) => `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""
# The width of the page, and its height with each coin chosen.
SIZES = """[document.documentElement.scrollWidth,
  ...[...document.querySelectorAll("[type=radio]")].map((radio) => {
    radio.checked = true;
    return document.querySelector("main").getBoundingClientRect().bottom;
  })]"""
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


async def page_barriers(page: Page) -> list[str]:
    """What axe finds on the whole page."""
    await page.evaluate(install.axe().read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(PAGE_AXE)
    return found


# -- the frame for a sandbox


def test_the_frame_works_in_the_sandbox_of_wordpress(bench: Bench) -> None:
    """Scripts alone are allowed there: choosing and copying work, no link is dead in it."""

    async def law() -> None:
        async with opened(bench.chromium) as at:
            frame = (
                f'<iframe src="{at.home}sandboxed?lang=fr" width="600" height="{HEIGHT_WIDE}" '
                'sandbox="allow-scripts" security="restricted"></iframe>'
            )
            async with Blog(at.home.rstrip("/"), frame, policy=False).online() as post:
                await at.page.goto(post)
                inside = at.page.frame_locator("iframe")
                await inside.locator("label").nth(0).click()
                links = inside.locator("a >> visible=true")
                assert await links.count() == 1, "all but the address to read are gone"
                assert await decode(inside.locator(".qr svg").first) == [PAYMENTS[0]]
                await inside.locator("donation-widget:defined").wait_for()
                await inside.locator(".copy").first.click()
                said = inside.locator("[role=status]", has_text="copiée")
                await said.wait_for(state="attached")
                place = inside.locator(".place a")
                assert await place.text_content() == at.home.removeprefix("http://").rstrip("/")
                assert await place.is_visible()

    bench.run(law())


def test_the_frame_fits_the_height_that_oembed_gives(bench: Bench, long: bool) -> None:
    """In every language and state nothing has to scroll: in a narrow and a wide column, and where
    a phone shows a post that was written for a wide one. Nor sideways in the narrowest column.
    """
    states = {**{each.value: snapshot(each) for each in Freshness}, **STATES}
    high = (Freshness.STALE, "long-title", "goal-exceeded")
    rooms = ((540, HEIGHT_WIDE), (320, HEIGHT_WIDE), (320, HEIGHT_NARROW), (280, HEIGHT_NARROW))

    async def law() -> None:
        async with opened(bench.chromium, script=False) as at:
            for name, shown in states.items():
                if not long and name not in high:
                    continue
                at.publisher.publish(shown)
                # The longest words are Arabic, German and Spanish.
                for language in ASSETS.locales if long else ("ar", "de", "es", "fr"):
                    await at.page.goto(f"{at.home}sandboxed?lang={language}&state={name}")
                    for width, room in rooms:
                        await at.page.set_viewport_size({"width": width, "height": room})
                        wide, *heights = await at.page.evaluate(SIZES)
                        assert wide <= width, (width, language, name)
                        # A title of three lines may scroll where there is least room.
                        if (width, room) in rooms[::2] or name != "long-title":
                            assert max(heights) <= room, (width, room, language, name, heights)

    bench.run(law(), 300)


# -- the iframe


FRAME = "document.querySelector('iframe').clientHeight"


def test_the_iframe_fits_and_nothing_moves(bench: Bench, table: Table) -> None:
    """With the script that comes with it the frame has the height of its width before it is seen;
    without, it holds everything; a card that is higher gets more, and no other frame does.
    """
    worst = 0.0

    async def law() -> None:
        nonlocal worst
        for width, script, title, high in (
            (900, True, "", (HEIGHT_CARD, HEIGHT_CARD)),
            (336, True, "", (HEIGHT_CARD_NARROW, HEIGHT_CARD_NARROW)),
            (900, False, "", (HEIGHT_FRAME, HEIGHT_FRAME)),
            (336, True, "Le carnet du mardi " * 10, (HEIGHT_CARD_NARROW + 1, 1200)),
        ):
            shown = snapshot(title=title)
            async with opened(bench.chromium, shown, width=width, script=script) as at:
                text = embed_frame(ASSETS, public_url=at.home, language="fr")
                lie = "<script>parent.postMessage({donations:1999},`*`)</script>"
                text += f'<iframe srcdoc="{lie}"></iframe>'
                blog = Blog(at.home.rstrip("/"), text, policy=False)
                async with blog.online() as post:
                    await at.page.add_init_script(WATCH_SHIFTS)
                    await at.page.goto(post)
                    inside = at.page.frame_locator("iframe").first
                    await inside.locator(".card").wait_for()
                    if title:
                        await at.page.wait_for_function(f"{FRAME} > {HEIGHT_CARD_NARROW}")
                    elif script:
                        await at.page.evaluate(PAINTED)
                        worst = max(worst, await at.page.evaluate("shift"))
                    assert high[0] <= await at.page.evaluate(FRAME) <= high[1]
                    assert await inside.locator("body").evaluate("(body) => body.scrollHeight") <= (
                        await at.page.evaluate(FRAME)
                    )
                    assert not at.seen.complaints
        table.gate("layout shift, iframe", worst, 0.001)

    bench.run(law())


# -- the static form


@pytest.mark.parametrize("width", [320, 900])
def test_the_static_form_asks_for_nothing(bench: Bench, table: Table, width: int) -> None:
    """Without script: no request, no shift, codes that pay, no barrier, no box that sticks out."""

    async def law() -> None:
        async with opened(bench.chromium, width=width, script=False) as at:
            text = at.text("/static")
            bare = text[: text.index("<script")]
            async with Blog(at.home.rstrip("/"), bare, policy=False).online() as post:
                await at.page.goto(post)
                for coin, payment in enumerate(PAYMENTS):
                    await at.page.locator(".card label").nth(coin).click()
                    assert await decode(at.page.locator(".qr svg").nth(coin)) == [payment]
                assert not [url for url in at.seen.requests if not url.startswith(post)]
        async with opened(bench.chromium, width=width) as at:
            bare = at.text("/static")[: at.text("/static").index("<script")]
            async with Blog(at.home.rstrip("/"), bare, policy=False).online() as post:
                await at.page.add_init_script(WATCH_SHIFTS)
                await at.page.goto(post)
                await at.page.evaluate(PAINTED)
                shift = await at.page.evaluate("shift")
                table.gate(f"layout shift, static form, {width} px", shift, 0.001)
                assert not await barriers(at.page)
                assert not await overflowing(at.page)
                asked = [url for url in at.seen.requests if not url.startswith(post)]
                table.gate(f"requests, static form, {width} px", len(asked), 0)

    bench.run(law())


def test_the_static_form_heals_where_inline_styles_are_forbidden(bench: Bench) -> None:
    """Its style is blocked there; the script adopts the same one, and copies from the page."""

    async def law() -> None:
        async with (
            opened(bench.chromium) as at,
            Blog(at.home.rstrip("/"), at.text("/static")).online() as post,
        ):
            await at.page.goto(post)
            await at.page.locator(".card .coin").nth(1).wait_for(state="hidden")
            await at.page.locator(".card .copy").first.click()
            said = at.page.locator("[role=status]", has_text="copiée")
            await said.wait_for(state="attached")
            assert await at.page.evaluate("navigator.clipboard.readText()") == BTC

    bench.run(law())


# -- pictures


def test_badge_and_card_are_small(bench: Bench, table: Table) -> None:
    """The gates of the pictures, over all languages and states."""
    largest = 0
    for locale in ASSETS.locales.values():
        for freshness in Freshness:
            said = word_badge(locale, snapshot(freshness), "https://dons.example.org/")
            largest = max(largest, len(gzip.compress(badge_svg(said), 9, mtime=0)))
    table.gate("badge SVG, gzip", largest, 700, " B")

    async def law() -> None:
        async with opened(bench.chromium) as at:
            for path, allowed in (("/badge.png", 6_000), ("/card.png", 16_000)):
                found = at.publisher.find(path, "fr")
                assert found is not None
                table.gate(f"{path[1:]}", len(found.bodies["identity"]), allowed, " B")

    bench.run(law())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_badge_is_readable_in_both_themes(bench: Bench, scheme: str) -> None:
    """As a picture in a page: dark ground for a dark screen, light for a light one."""

    async def law() -> None:
        async with opened(bench.chromium, scheme=scheme) as at:
            await at.page.goto(f"{at.home}badge.svg?lang=fr")
            assert not at.seen.complaints
            ground = await at.page.evaluate("getComputedStyle(document.querySelector('.p')).fill")
            assert ground == ("rgb(28, 29, 31)" if scheme == "dark" else "rgb(255, 255, 255)")

    bench.run(law())


TITLES = (
    "", "Les carnets d’un promeneur du mardi, chronique", "WWW MMM " * 9, "x" * 60,
    "寄付のお願い" * 5, "ادعم هذه المدونة " * 5, "Поддержать этот блог " * 3, "😀" * 30,
)  # fmt: skip


def test_no_word_of_the_badge_sticks_out(bench: Bench) -> None:
    """In every language and state, with the longest titles and sums, all text is in the frame."""
    everything = replace(snapshot(Freshness.STALE), goal=None)
    large = Sum("BTC", 8, 21 * 10**26, 0, 0)
    shown = [
        *(snapshot(freshness) for freshness in Freshness),
        everything,
        replace(everything, coins=(replace(everything.coins[0], sums=(large,) * 3),)),
        *(snapshot(title=title) for title in TITLES),
    ]
    ends = """[...document.querySelectorAll("text")].map((text) => {
      const box = text.getBBox();
      return [box.x, box.x + box.width];
    })"""

    async def law() -> None:
        async with reading(bench.chromium) as (page, _):
            for locale in ASSETS.locales.values():
                for each in shown:
                    said = word_badge(locale, each, "https://dons.example.org/")
                    await page.set_content(badge_svg(said).decode())
                    boxes = await page.evaluate(ends)
                    assert min(left for left, _ in boxes) >= 8, (said, boxes)
                    assert max(right for _, right in boxes) <= 312, (said, boxes)

    bench.run(law())


# -- the page for authors


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_guide_is_for_everyone(bench: Bench, language: str) -> None:
    """No barrier for axe and nothing that sticks out, on a phone and a desk, light and dark."""

    async def law() -> None:
        for width in (320, 900):
            for scheme in ("light", "dark"):
                async with opened(bench.chromium, width=width, scheme=scheme) as at:
                    await at.page.goto(f"{at.home}embed?lang={language}")
                    for form in ("script", "compact"):
                        element = at.page.locator(f"#{form} donation-widget")
                        await element.scroll_into_view_if_needed()
                        await element.locator("h2").wait_for()
                    found = await page_barriers(at.page)
                    assert not found, "\n".join(found)
                    assert await at.page.evaluate(SIDEWAYS) <= 0
                    assert not at.seen.complaints

    bench.run(law(), 120)


def test_the_guide_works_without_script(bench: Bench) -> None:
    """Texts, pictures and frames are all there; its requests go to the service alone."""

    async def law() -> None:
        async with opened(bench.chromium, script=False) as at:
            await at.page.goto(f"{at.home}embed?lang=fr")
            for image in await at.page.locator(".preview img").all():
                await image.scroll_into_view_if_needed()
            frame = at.page.frame_locator("#frame iframe")
            await at.page.locator("#frame iframe").scroll_into_view_if_needed()
            await frame.locator(".card").wait_for()
            assert await at.page.locator("#static .card svg").first.is_visible()
            assert not [url for url in at.seen.requests if not re.match(f"{at.home}|data:", url)]
            assert not at.seen.complaints

    bench.run(law())


# -- the page for the one who gave


def test_the_page_for_givers_is_for_everyone(bench: Bench) -> None:
    """Each answer passes axe and fits, on a phone and a desk, in each theme, from right to left."""
    asked = ["", "&tx=oops", f"&tx={'00' * 32}", *(f"&tx={each.id}" for each in GIVEN.values())]

    async def law() -> None:
        async with opened(bench.chromium) as at:
            for number, query in enumerate(asked):
                language = ("fr", "ar", "de", "en")[number % 4]
                dark, forced = number % 3 == 1, number % 3 == 2
                await at.page.emulate_media(
                    color_scheme="dark" if dark else "light",
                    forced_colors="active" if forced else "none",
                )
                await at.page.set_viewport_size({"width": (320, 900)[number % 2], "height": 900})
                await at.page.goto(f"{at.home}thanks?lang={language}{query}")
                assert await at.page.evaluate(SIDEWAYS) <= 0
                assert not await page_barriers(at.page), query

    bench.run(law())
