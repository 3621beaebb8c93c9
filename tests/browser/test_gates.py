"""The gates: bytes, requests, shifts, accessibility, boxes, codes, policies. Prints its table.

Normal runs take a part of the matrix that has every width, coin, theme and language in it;
``DONATIONS_LONG=1`` takes all combinations.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.blog import ASSETS, embedded, hosted
from tests.browser.measure import PAINTED, WATCH_SHIFTS, barriers, overflowing, read
from tests.browser.states import STATES
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.bench import Bench
    from tests.browser.blog import Visit
    from tests.measured import Table

WIDTHS = (280, 320, 412, 900)
THEMES: tuple[Theme, ...] = ("light", "dark", "forced")
LANGUAGES = ("fr", "en", "ar")
PAYMENTS = [coin.payment for coin in snapshot().coins]

Theme = Literal["light", "dark", "forced"]


async def wear(page: Page, theme: Theme) -> None:
    """Dress the reader's system in a theme."""
    await page.emulate_media(
        color_scheme="light" if theme == "light" else "dark",
        forced_colors="active" if theme == "forced" else "none",
    )


async def choose(page: Page, index: int) -> None:
    """Choose a coin."""
    await page.locator("donation-widget input").nth(index).evaluate("(node) => node.click()")


async def painted(page: Page) -> None:
    """Wait until what was changed is on the screen."""
    await page.evaluate(PAINTED)


def test_bytes_and_nodes(bench: Bench, table: Table) -> None:
    """Script with style, fragment, first load and frame fit their budgets, in every language."""

    async def law() -> None:
        async with hosted(bench.chromium, snapshot()) as visit:
            sizes = {
                (path, coding): max(
                    len(prepared.bodies[coding])
                    for tag in ASSETS.locales
                    if (prepared := visit.publisher.find(path, tag))
                )
                for path in ("/widget.js", "/fragment", "/card", "/compact", "/frame")
                for coding in ("gzip", "br")
            }
            for coding, script, fragment, load in (
                ("gzip", 3400, 2600, 6000),
                ("br", 2950, 2200, 5000),
            ):
                card = max(sizes["/card", coding], sizes["/compact", coding])
                table.gate(f"script + style, {coding}", sizes["/widget.js", coding], script, " B")
                table.gate(f"fragment, {coding}", sizes["/fragment", coding], fragment, " B")
                total = sizes["/widget.js", coding] + card
                table.gate(f"first load in all, {coding}", total, load, " B")
            table.gate("iframe page, gzip", sizes["/frame", "gzip"], 4500, " B")
            codes = [
                visit.publisher.find(f"/qr/{coin.chain}/{coin.address}.svg")
                for coin in snapshot().coins
            ]
            largest = max(len(code.bodies["gzip"]) for code in codes if code)
            table.gate("QR code SVG, gzip", largest, 550, " B")
            for path in ("", "frame"):
                await visit.page.goto(f"{visit.origin}/{path}")
                nodes = await visit.page.locator("donation-widget *").count()
                table.gate(f"DOM nodes, /{path}", nodes, 180)

    bench.run(law())


def test_requests_and_traces(bench: Bench, table: Table) -> None:
    """Two requests, both to the service; no cookie and no storage on any origin."""

    async def law() -> None:
        for form in ("card", "compact"):
            async with embedded(bench.chromium, snapshot(), form=form) as visit:
                await visit.settle()
                asked = [url for url in visit.seen.requests if not url.startswith("data:")]
                ours = [url for url in asked if url.startswith(visit.origin)]
                table.gate(f"requests, {form}", len(ours), 2)
                blog = [url for url in asked if url.startswith(visit.post)]
                table.gate(f"third-party requests, {form}", len(asked) - len(ours) - len(blog), 0)
                state = await visit.page.context.storage_state()
                kept = len(state["cookies"]) + len(state["origins"])
                table.gate(f"cookies and storage, {form}", kept, 0)

    bench.run(law())


@pytest.mark.parametrize("form", ["card", "compact"])
def test_nothing_moves(bench: Bench, table: Table, form: str) -> None:
    """With the documented snippet the text around stays put, on load and while scrolling."""

    async def law() -> None:
        worst = 0.0
        for width, lead in itertools.product((336, 412, 900), (1, 60)):
            async with embedded(
                bench.chromium, snapshot(), lax=True, form=form, width=width, lead=lead
            ) as visit:
                # High enough for what comes after the widget to be seen, and to be seen moving.
                await visit.page.set_viewport_size({"width": width, "height": 1300})
                await visit.page.add_init_script(WATCH_SHIFTS)
                await visit.page.goto(visit.post)
                for place in range(0, 4000, 400):
                    await visit.page.evaluate(f"scrollTo(0, {place})")
                    await painted(visit.page)
                await visit.page.locator("donation-widget .card").wait_for(state="attached")
                await painted(visit.page)
                worst = max(worst, await visit.page.evaluate("window.shift"))
        table.gate(f"layout shift, {form}", worst, 0.001)

    bench.run(law())


async def _look(visit: Visit, coins: tuple[int, ...]) -> tuple[list[str], list[str]]:
    found: list[str] = []
    boxes: list[str] = []
    for coin in coins:
        await choose(visit.page, coin)
        await painted(visit.page)
        where = f"coin {coin}, {visit.page.viewport_size}"
        found += [f"{where}: {each}" for each in await barriers(visit.page)]
        boxes += [f"{where}: {each}" for each in await overflowing(visit.page)]
    return found, boxes


@pytest.mark.parametrize("theme", THEMES)
def test_everyone_can_use_it(bench: Bench, table: Table, theme: Theme, long: bool) -> None:
    """axe finds nothing, and decides everything; no box sticks out of its parent."""
    # Each language has each width in one theme or another, each theme each width and coin.
    shift = THEMES.index(theme)

    async def law() -> None:
        found: list[str] = []
        boxes: list[str] = []
        looked = 0
        for row, tag in enumerate(LANGUAGES):
            async with embedded(bench.chromium, snapshot(), language=tag) as visit:
                await wear(visit.page, theme)
                await visit.settle()
                for column, width in enumerate(WIDTHS):
                    await visit.page.set_viewport_size({"width": width, "height": 900})
                    coins = (0, 1, 2) if long else ((row + column + shift) % 3,)
                    more = await _look(visit, coins)
                    found += [f"{tag} {each}" for each in more[0]]
                    boxes += [f"{tag} {each}" for each in more[1]]
                    looked += len(coins)
        assert found == []
        table.gate(f"axe violations + incomplete, {theme}, {looked} looks", len(found), 0)
        assert boxes == []
        table.gate(f"boxes that overflow, {theme}, {looked} looks", len(boxes), 0)

    bench.run(law(), 300)


@pytest.mark.parametrize("theme", ["light", "forced"])
def test_the_closed_line_is_usable(bench: Bench, table: Table, theme: Theme, long: bool) -> None:
    """Closed and open, the line for the foot of a post passes too, and is about 72 px high."""

    async def law() -> None:
        for tag in LANGUAGES:
            async with embedded(bench.chromium, snapshot(), form="compact", language=tag) as visit:
                await wear(visit.page, theme)
                await visit.settle()
                heights = []
                for width in WIDTHS if long else (280, 900):
                    await visit.page.set_viewport_size({"width": width, "height": 900})
                    await painted(visit.page)
                    box = await visit.page.locator("donation-widget").bounding_box()
                    heights.append(box["height"] if box else 0)
                    assert await barriers(visit.page) == []
                    assert await overflowing(visit.page) == []
                table.gate(f"height of the closed line, {tag}, {theme}", max(heights), 76, " px")
                await visit.page.locator("donation-widget .card > summary").click()
                assert await _look(visit, (2,)) == ([], [])

    bench.run(law())


def test_every_state_fits_and_is_usable(bench: Bench, table: Table, long: bool) -> None:
    """Very large, very small, none, stale, in every language of the service and every theme."""
    tags = sorted(ASSETS.locales)

    async def law() -> None:
        looked = 0
        async with hosted(bench.chromium, snapshot()) as visit:
            for number, (name, edition) in enumerate(STATES.items()):
                visit.publisher.publish(edition)
                for tag in tags if long else (tags[number % len(tags)],):
                    theme = THEMES[(number + len(tag)) % 3]
                    await wear(visit.page, theme)
                    await visit.page.goto(f"{visit.origin}/?lang={tag}&state={name}")
                    for width in (900, 280):
                        await visit.page.set_viewport_size({"width": width, "height": 900})
                        for coin in range(3):
                            await choose(visit.page, coin)
                            assert await overflowing(visit.page) == [], (name, tag, width, coin)
                    assert await barriers(visit.page) == [], (name, tag, theme)
                    looked += 1
        table.gate(f"axe and boxes over {len(STATES)} states, {looked} looks", 0, 0)

    bench.run(law(), 600)


@pytest.mark.parametrize("density", [1, 2, 3])
def test_codes_are_read_by_three_decoders(
    bench: Bench, table: Table, density: int, long: bool
) -> None:
    """At every density and in the dark, each code on the screen is its payment text."""

    async def law() -> None:
        missed: list[str] = []
        looked = 0
        for theme in THEMES if long else (THEMES[density - 1],):
            async with embedded(bench.chromium, snapshot(), width=320, density=density) as visit:
                await wear(visit.page, theme)
                await visit.settle()
                for coin, payment in enumerate(PAYMENTS):
                    await choose(visit.page, coin)
                    texts = await read(visit.page.locator(".qr svg >> visible=true"))
                    looked += len(texts)
                    missed += [name for name, text in texts.items() if text != [payment]]
        table.gate(f"codes not read at {density}x, of {looked}", len(missed), 0)

    bench.run(law())


def test_strict_hosts_complain_of_nothing(bench: Bench, table: Table) -> None:
    """A strict policy, an isolated page (COEP), an opaque origin: no complaint, and it renders."""

    async def law() -> None:
        for isolated in (False, True):
            async with embedded(bench.chromium, snapshot(), isolated=isolated) as visit:
                await visit.settle()
                await visit.page.locator(".copy >> visible=true").click()
                await visit.page.locator(".copy", has_text="Adresse copiée").wait_for()
                complaints = visit.seen.complaints
                assert complaints == []
                name = "isolated (COEP)" if isolated else "strict CSP"
                table.gate(f"violations, {name} host", len(complaints), 0)

    bench.run(law())


def test_an_opaque_origin_shows_it(bench: Bench) -> None:
    """In a sandboxed frame, whose origin is "null", the element works as anywhere."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), lax=True) as visit:
            await visit.page.goto(f"{visit.post}sandboxed")
            frame = visit.page.frame_locator("iframe")
            await frame.locator("donation-widget .card").wait_for()

    bench.run(law())


_HOSTS = {
    "all unset": "* { all: unset }",
    "all initial, important size": "html { font-size: 62.5% } * { font-size: 9px !important }",
    "letters": "body { letter-spacing: .3em; text-transform: uppercase; text-align: center; "
    "word-spacing: 1em; line-height: 3; white-space: pre; font-style: italic }",
    "loud": "div, p, b, span, a, button, label, svg { display: none !important }",
    "from right to left": "html { direction: rtl; text-align: right }",
    "flex": "article { display: flex } donation-widget { width: 280px }",
}


@pytest.mark.parametrize("host", _HOSTS)
def test_no_host_style_gets_in(bench: Bench, host: str) -> None:
    """Whatever the theme does to everything, the card is laid out and readable as ever."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), style=_HOSTS[host]) as visit:
            await visit.settle()
            assert await overflowing(visit.page) == []
            text = visit.page.locator("donation-widget .address >> visible=true")
            size = "(node) => parseFloat(getComputedStyle(node).fontSize)"
            assert 14 <= await text.evaluate(size) <= 18
            spaced = "(node) => getComputedStyle(node).letterSpacing"
            assert await text.evaluate(spaced) == "normal"
            assert (await read(visit.page.locator(".qr svg >> visible=true")))["zxing-cpp"] == [
                PAYMENTS[0]
            ]

    bench.run(law())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_card_is_as_dark_as_its_host(bench: Bench, scheme: str) -> None:
    """A light blog keeps a light card in a dark system; one that follows its reader is followed."""
    ground = "(node) => getComputedStyle(node).backgroundColor"

    async def law() -> None:
        for style, dark in (
            (":root { color-scheme: light }", False),
            (":root { color-scheme: light dark }", scheme == "dark"),
            ("body { color-scheme: dark }", True),
        ):
            async with embedded(bench.chromium, snapshot(), style=style, scheme=scheme) as visit:
                await visit.settle()
                card = visit.page.locator("donation-widget .card")
                shown = "rgb(34, 34, 34)" if dark else "rgb(255, 255, 255)"
                assert await card.evaluate(ground) == shown

    bench.run(law())


def test_states_have_a_face(bench: Bench) -> None:
    """A gift that is on its way is told apart in the bar, by length and by colour."""

    async def law() -> None:
        edition = STATES["goal-mostly-pending"]
        async with hosted(bench.chromium, edition) as visit:
            await visit.page.goto(visit.origin)
            bars = visit.page.locator("progress")
            values = await bars.evaluate_all("(all) => all.map((bar) => bar.value)")
            colours = await bars.evaluate_all(
                "(all) => all.map((bar) => getComputedStyle(bar).color)"
            )
            assert values == [90, 10]
            assert colours[0] != colours[1]

    bench.run(law())
