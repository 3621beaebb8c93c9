"""The widget in a real browser: on a foreign page with a strict policy, framed, hosted, alone."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from donations import qr
from donations.config_words import looks_like_an_address
from donations.snapshot import Freshness
from donations.web.fragment import FragmentWriter
from donations.web.server import serve
from tests.browser.blog import (
    ASSETS,
    Blog,
    decode,
    embedded,
    hosted,
    pasted,
    reading,
    service,
)
from tests.browser.measure import overflowing
from tests.browser.states import ARRIVED, EVIL, captured
from tests.web.samples import ADDRESSES, NOW, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from tests.browser.bench import Bench

PAYMENTS = [coin.payment for coin in snapshot().coins]


async def choose(page: Page, index: int) -> None:
    """Choose a coin by its label."""
    await page.locator("donation-widget label").nth(index).click()


async def inside(page: Page, expression: str) -> str:
    """What a JavaScript expression of ``root``, the element's shadow, tells."""
    script = f"(node) => {{ const root = node.shadowRoot; return String({expression}); }}"
    return str(await page.locator("donation-widget").first.evaluate(script))


@pytest.mark.parametrize("width", [280, 320, 412, 900])
def test_a_foreign_page_shows_codes_that_decode(bench: Bench, width: int) -> None:
    """Under a strict policy, at every width, each coin's code on the screen is its payment text."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), width=width) as visit:
            page = visit.page
            await visit.settle()
            for index, payment in enumerate(PAYMENTS):
                await choose(page, index)
                assert await decode(page.locator(".qr svg >> visible=true")) == [payment]
                assert await overflowing(page) == []
            assert visit.seen.complaints == []

    bench.run(law())


def test_a_reader_leaves_no_trace_and_meets_no_third_party(bench: Bench) -> None:
    """Two requests, both to the service; no cookie, no storage."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot()) as visit:
            await visit.settle()
            asked = [url for url in visit.seen.requests if not url.startswith("data:")]
            foreign = [url for url in asked if not url.startswith(visit.post)]
            assert foreign == [
                f"{visit.origin}/{ASSETS.script_name}",
                f"{visit.origin}/card?lang=fr",
            ]
            assert await visit.page.context.cookies() == []
            kept = "[localStorage.length, sessionStorage.length, document.cookie]"
            assert await visit.page.evaluate(kept) == [0, 0, ""]

    bench.run(law())


@pytest.mark.parametrize("refused", [False, True])
def test_the_copied_text_is_the_address(bench: Bench, refused: bool) -> None:
    """Copy by button, by its old way where the new one is refused, and by selection: no spaces."""
    refuse = "navigator.clipboard.writeText = () => Promise.reject()"
    select = "(node) => { getSelection().selectAllChildren(node); return `${getSelection()}`; }"

    async def law() -> None:
        async with embedded(bench.chromium, snapshot()) as visit:
            page = visit.page
            if refused:
                await page.add_init_script(refuse)
            await visit.settle()
            for index, address in enumerate(ADDRESSES):
                await choose(page, index)
                await page.locator(".copy >> visible=true").click()
                await page.locator(".copy >> visible=true", has_text="Adresse copiée").wait_for()
                assert await inside(page, "root.querySelector('[role=status]').textContent") == (
                    "Adresse copiée"
                )
                assert await page.evaluate("navigator.clipboard.readText()") == address
                assert await page.locator(".address").nth(index).evaluate(select) == address

    bench.run(law())


@pytest.mark.parametrize("path", ["", "frame"])
@pytest.mark.parametrize("freshness", list(Freshness))
def test_page_and_frame_work_without_script(bench: Bench, path: str, freshness: Freshness) -> None:
    """No script: coins can be chosen, codes decode, links are right, no dead button is shown."""

    async def law() -> None:
        async with hosted(bench.chromium, snapshot(freshness), script=False, width=320) as visit:
            page = visit.page
            await page.goto(f"{visit.origin}/{path}")
            for index, coin in enumerate(snapshot().coins):
                await choose(page, index)
                assert await decode(page.locator(".qr svg >> visible=true")) == [coin.payment]
                wallet = page.locator(".wallet >> visible=true")
                assert await wallet.get_attribute("href") == coin.link
            assert await page.locator(".copy >> visible=true").count() == 0
            assert visit.seen.complaints == []

    bench.run(law())


def test_a_foreign_page_without_script_keeps_its_own_text(bench: Bench) -> None:
    """No script: the addresses stand in the page as text and links, and no hole is kept free."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), lax=True, script=False) as visit:
            await visit.page.goto(visit.post)
            text = await visit.page.locator("donation-widget").inner_text()
            assert all(address in text for address in ADDRESSES)
            box = await visit.page.locator("donation-widget").bounding_box()
            assert box is not None
            assert box["height"] < 420

    bench.run(law())


def test_a_service_that_names_another_address_gets_a_warning(bench: Bench) -> None:
    """Page and service differ: words, no code, no address, no link to pay."""
    honest = snapshot()

    async def law() -> None:
        async with embedded(bench.chromium, captured(), printed=honest) as visit:
            await visit.settle()
            assert "diffèrent" in await visit.page.locator("[role=alert]").inner_text()
            shown = await inside(visit.page, "root.innerHTML")
            assert not [word for word in (EVIL, "bitcoin:", "<svg") if word in shown]

    bench.run(law())


def test_a_service_that_drops_an_address_gets_a_warning(bench: Bench) -> None:
    """An address of the page that the service no longer watches is a difference too."""

    async def law() -> None:
        fewer = snapshot(chains=("btc", "eth"))
        async with embedded(bench.chromium, fewer, printed=snapshot()) as visit:
            await visit.settle()
            assert "diffèrent" in await visit.page.locator("[role=alert]").inner_text()

    bench.run(law())


@pytest.mark.parametrize("title", [f"Envoyez à {EVIL} !", EVIL])
def test_a_service_that_says_an_address_elsewhere_gets_a_warning(bench: Bench, title: str) -> None:
    """An address in a title or sentence is refused like one in its place."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(title=title)) as visit:
            await visit.settle()
            assert await visit.page.locator("[role=alert]").count() == 1
            assert EVIL not in await inside(visit.page, "root.innerHTML")

    bench.run(law())


TITLES = (
    "", "a" * 25, "a" * 26, "0123456789" * 3, "é" * 40, "e\u0301" * 26, "A1" * 12 + " " + "b2" * 12,
    "x" * 20 + "\u200b" + "y" * 20, "x" * 20 + "-" + "y" * 20, "▀" * 4, "▀" * 5, "寄付" * 30,
    "ſ" * 30,
)  # fmt: skip


def test_the_configuration_refuses_what_the_script_would(bench: Bench) -> None:
    """A title gets a warning exactly when it cannot be configured."""

    async def law() -> None:
        writer = FragmentWriter(ASSETS, ASSETS.locales["fr"], "./")
        async with reading(bench.chromium) as (page, _):
            for title in TITLES:
                card = writer.write(snapshot(title=title), drawn=False)
                async with captured_service(bare=False, body=card) as blog, blog.online() as post:
                    await page.goto(post)
                    await page.locator("donation-widget .card").wait_for()
                    warned = await page.locator("[role=alert]").count()
                    assert warned == looks_like_an_address(title), title

    bench.run(law())


HOSTILE = """<div class="card" onclick="bad()" style="background:red"><h2 id="x">Dons</h2>
<script>bad()</script><img src="https://evil.example/x.png" onerror="bad()">
<iframe src="https://evil.example"></iframe><object data="https://evil.example"></object>
<form action="https://evil.example"><input type="password" name="seed"></form>
<input type="password"><link rel="stylesheet" href="https://evil.example/x.css">
<style>* { display: none }</style><a class="home" href="https://evil.example/">a</a>
<a href="javascript:bad()">b</a> <a href="bitcoin:EVIL">c</a> <svg><path d="M0 0h9"/></svg>
<p aria-label="EVIL" data-copied="EVIL">e</p><math><a href="javascript:bad()">f</a></math>
<div>COINS</div><p role="status"></p></div>"""
COIN = """<div class="coin"><div class="qr"><svg><path d="M0 0h1"/></svg></div>
<p class="address">ADDRESS</p> <a class="wallet" href="LINK" data-qr="BITS" title="t">w</a>
<button class="copy" onclick="bad()" data-done="ok">c</button></div>"""


@asynccontextmanager
async def captured_service(*, bare: bool, body: str = "") -> AsyncIterator[Blog]:
    """A blog whose service answers with whatever an attacker likes; the script is the real one."""
    if not body:
        coins = "\n".join(COIN.replace("ADDRESS", address) for address in ADDRESSES)
        body = HOSTILE.replace("COINS", coins).replace("LINK", "javascript:bad()")
    body = body.replace("EVIL", EVIL).replace("BITS", qr.bits(f"bitcoin:{EVIL}"))

    async def fragment(_request: web.Request) -> web.Response:
        allow = {"Access-Control-Allow-Origin": "*"}
        return web.Response(text=body, content_type="text/html", headers=allow)

    app = web.Application()
    app.add_routes([web.get("/card", fragment)])
    async with serve(app, "127.0.0.1", 0) as port:
        origin = f"http://127.0.0.1:{port}"
        element = pasted(snapshot(), origin).partition("<script")[0]
        if bare:
            element = f'<donation-widget src="{origin}"></donation-widget>'
        script = '<script type="module" src="/widget.js"></script>'
        yield Blog(origin, element + script, policy=False)


@pytest.mark.parametrize("bare", [False, True])
def test_a_hostile_fragment_comes_to_nothing(bench: Bench, bare: bool) -> None:
    """No foreign request, no handler, no form, no payment link but the page's own."""

    async def law() -> None:
        async with (
            captured_service(bare=bare) as blog,
            blog.online() as post,
            reading(bench.chromium) as (page, seen),
        ):
            await page.goto(post)
            await page.locator("donation-widget .card").wait_for()
            names = "[...root.querySelectorAll('*')].map((node) => node.localName)"
            found = set((await inside(page, names)).split(","))
            assert not found & {
                "script",
                "img",
                "iframe",
                "form",
                "object",
                "section",
                "link",
                "style",
                "math",
            }
            html = await inside(page, "root.innerHTML")
            words = ("onclick", "onerror", "red", "javascript:", "evil.example", "password")
            assert not [word for word in words if word in html]
            assert not [url for url in seen.requests if "evil" in url]
            if not bare:
                assert EVIL not in html
                codes = await page.locator(".qr svg").all()
                assert [await decode(code) for code in codes] == [[each] for each in PAYMENTS]
                links = "nodes => nodes.map((node) => node.getAttribute('href'))"
                assert await page.locator("a.wallet").evaluate_all(links) == [
                    coin.link for coin in snapshot().coins
                ]

    bench.run(law())


_THREE = "".join(f'<p class="address">{address}</p>\n' for address in ADDRESSES)
_HOME = '<a class="home">h</a>'
_MARKED = "\u0323".join(EVIL)
_HIDDEN = "\u200b".join(EVIL)
_ATTACKS = {
    # The page's addresses stand somewhere, and a coin shows and pays another one.
    "a coin without address": f"""<div class="card">{_THREE}{_HOME}<div class="coin">
<div class="qr"></div><a class="wallet" href="bitcoin:EVIL" data-qr="BITS" title="t">w</a>
</div></div>""",
    "two addresses in one place": f"""<div class="card">{_HOME}{_THREE}
<p class="address">EVIL</p></div>""",
    "an address in pieces": f"""<div class="card">{_HOME}{_THREE}
<p><b>{EVIL[:9]}</b><span>{EVIL[9:]}</span></p></div>""",
    "an address with hidden letters": f"""<div class="card">{_HOME}{_THREE}
<p>{_HIDDEN}</p></div>""",
    "an address with combining marks": f"""<div class="card">{_HOME}{_THREE}
<p>{_MARKED}</p></div>""",
    "a code drawn with letters": f"""<div class="card">{_HOME}{_THREE}
<p>{"█▀▀▀▀▀█ ▄▀█▄▀▀▄█▀" * 9}</p></div>""",
    "an address in a word of the reader": f"""<div class="card">{_HOME}{_THREE}
<button class="copy" data-done="EVIL">c</button></div>""",
    "an address in the words of an age": f"""<div class="card" data-ago="1:1:{EVIL[:9]}">{_HOME}
{_THREE}<p><time datetime="2026-01-01"> </time>{EVIL[9:]}</p></div>""",
    "no card at all": "<p>EVIL</p>",
    "nothing": "",
}


@pytest.mark.parametrize("attack", _ATTACKS)
def test_no_trick_of_the_service_shows_another_address(bench: Bench, attack: str) -> None:
    """Whatever is sent: no foreign address is said, drawn, linked or copied."""

    async def law() -> None:
        async with (
            captured_service(bare=False, body=_ATTACKS[attack] or " ") as blog,
            blog.online() as post,
            reading(bench.chromium) as (page, _),
        ):
            async with page.expect_response("**/card*"):
                await page.goto(post)
            await page.evaluate("new Promise((done) => setTimeout(done, 100))")
            html = await page.locator("donation-widget").evaluate(
                "(node) => node.shadowRoot.innerHTML + node.innerHTML"
            )
            plain = re.sub(r"<[^>]*>|[\u0323\u200b]", "", html)
            assert EVIL not in html
            assert EVIL not in plain
            assert "█" not in plain
            for code in await page.locator("donation-widget svg >> visible=true").all():
                assert (await decode(code))[0] in PAYMENTS

    bench.run(law())


def test_an_address_that_an_age_completes_is_taken_down(bench: Bench) -> None:
    """Words that only later, with the age, make up an address: the warning replaces them."""
    body = (
        f'<div class="card" data-ago="1:60:{EVIL[:9]}">{_HOME}{_THREE}'
        f'<p id="x"><time datetime="2026-09-21T14:13:20Z">then </time>{EVIL[9:]}</p></div>'
    )

    async def law() -> None:
        async with (
            captured_service(bare=False, body=body) as blog,
            blog.online() as post,
            reading(bench.chromium) as (page, _),
        ):
            await page.clock.install(time=NOW)
            await page.goto(post)
            await page.locator("#x").wait_for()
            await page.clock.fast_forward(80_000)
            await page.locator("[role=alert]", has_text="diffèrent").wait_for()
            assert EVIL[9:] not in await inside(page, "root.innerHTML")

    bench.run(law())


def test_a_page_that_was_changed_is_told_apart(bench: Bench) -> None:
    """An address exchanged in the page itself: the honest service does not agree, and it shows."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), printed=captured()) as visit:
            await visit.settle()
            assert "diffèrent" in await visit.page.locator("[role=alert]").inner_text()
            assert await visit.page.locator("donation-widget svg").count() == 0

    bench.run(law())


def test_with_the_service_down_the_page_keeps_addresses_and_codes(bench: Bench) -> None:
    """Nobody answers: the page's own text stays, with the codes drawn from it."""

    async def law() -> None:
        async with service(snapshot()) as (origin, _):
            pass
        element = pasted(snapshot(), origin).partition("<script")[0]
        blog = Blog(origin, f'{element}<script type="module" src="/widget.js"></script>')
        async with reading(bench.chromium) as (page, _), blog.online() as post:
            await page.goto(post)
            await page.locator("donation-widget svg").nth(2).wait_for()
            codes = await page.locator("donation-widget svg").all()
            assert [await decode(code) for code in codes] == [[each] for each in PAYMENTS]
            text = await page.locator("donation-widget").inner_text()
            assert all(address in text for address in ADDRESSES)

    bench.run(law())


@pytest.mark.parametrize("own", [False, True])
def test_new_numbers_come_in_place(bench: Bench, own: bool) -> None:
    """After a minute a changed sum is shown, embedded or hosted; choice and focus stay."""
    first = snapshot()
    bch = first.coins[1]
    assert bch.sums is not None
    grown = replace(bch, sums=(replace(bch.sums[0], confirmed=100_000_000),))
    changed = replace(first, coins=(first.coins[0], grown, first.coins[2]))

    async def law() -> None:
        place = hosted if own else embedded
        async with place(bench.chromium, first) as visit:
            page = visit.page
            await page.clock.install()
            await visit.settle()
            await choose(page, 1)
            await page.locator(".copy >> visible=true").focus()
            visit.publisher.publish(changed)
            await page.clock.fast_forward(90_000)
            await page.locator(".sum b >> visible=true", has_text="235,56789012").wait_for()
            root = "document.querySelector('donation-widget').shadowRoot ?? document"
            assert await page.evaluate(f"({root}).activeElement.className") == "copy"
            assert visit.seen.complaints == []

    bench.run(law())


@pytest.mark.parametrize("act", [".copy", ".wallet"])
def test_who_is_about_to_give_sees_the_gift_arrive(bench: Bench, act: str) -> None:
    """After a copy or a wallet's opening a gift shows at once, is marked, and is said once."""
    said = """(node) => {
      const status = node.shadowRoot.querySelector("[role=status]");
      window.said = [];
      new MutationObserver(() => status.textContent && window.said.push(status.textContent))
        .observe(status, { childList: true });
    }"""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot()) as visit:
            page = visit.page
            await visit.settle()
            # No wallet is there to open; the page must not be left.
            await page.locator("donation-widget").evaluate(
                "(node) => node.addEventListener('click', (event) => event.preventDefault())"
            )
            await page.locator("donation-widget").evaluate(said)
            async with page.expect_response("**/live"):
                await page.locator(f"{act} >> visible=true").click()
            visit.publisher.publish(ARRIVED)
            await page.locator("li.new", has_text="0,025 BTC").wait_for()
            marked = await page.locator("li.new").count()
            news = [each for each in await page.evaluate("window.said") if "0,025" in each]
            assert (marked, news) == (1, ["Nouveau don : 0,025\u00a0BTC"])
            assert visit.seen.complaints == []

    bench.run(law())


def test_an_element_that_is_taken_away_stops_asking(bench: Bench) -> None:
    """Removed: no request, no stream. Put back: it goes on."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot()) as visit:
            page = visit.page
            await page.clock.install()
            await visit.settle()
            await page.evaluate("window.gone = document.querySelector('donation-widget')")
            await page.evaluate("gone.remove()")
            before = len(visit.seen.requests)
            await page.clock.fast_forward(600_000)
            assert len(visit.seen.requests) == before
            async with page.expect_response("**/card*"):
                await page.evaluate("document.querySelector('article').append(gone)")
                await page.clock.fast_forward(90_000)

    bench.run(law())


def test_an_unchanged_widget_costs_a_304(bench: Bench) -> None:
    """Nothing new: the poll asks with the tag it holds."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot()) as visit:
            await visit.page.clock.install()
            await visit.settle()
            async with visit.page.expect_request(f"{visit.origin}/card*") as asked:
                await visit.page.clock.fast_forward(90_000)
            request = await asked.value
            await request.response()
            prepared = visit.publisher.find("/card", "fr")
            assert prepared is not None
            tag = (await request.all_headers()).get("if-none-match")
            assert prepared.matches(tag, "br") or prepared.matches(tag, "gzip")

    bench.run(law())


def test_ages_are_worded_by_the_reader(bench: Bench) -> None:
    """The bytes hold the absolute time and how ages are worded; the page says how long ago."""

    async def law() -> None:
        async with hosted(bench.chromium, snapshot()) as visit:
            await visit.page.clock.install(time=NOW + 3 * 3600 + 60)
            await visit.settle()
            state = visit.page.locator(".fresh >> visible=true")
            await state.filter(has_text="Vérifié il y a 3 heures, bloc 925").wait_for()
            title = await state.locator("time").get_attribute("title")
            assert title == "le 21 sept. 2026 à 14:13 (UTC)"
            gifts = await visit.page.locator("li time").all_text_contents()
            assert gifts == ["il y a 3 heures", "il y a 1 jour", "il y a 6 jours"]
            await visit.page.clock.fast_forward(40 * 86_400_000)
            await visit.page.locator("li time", has_text="15 sept. 2026").wait_for()

    bench.run(law())


AGES = {
    "ar": "قبل 22 دقيقة", "de": "vor 22 Minuten", "en": "22 minutes ago", "es": "hace 22 minutos",
    "fr": "il y a 22 minutes", "it": "22 minuti fa", "nl": "22 minuten geleden",
    "pl": "22 minuty temu", "pt": "há 22 minutos",
}  # fmt: skip


def test_ages_are_worded_in_every_language(bench: Bench) -> None:
    """A gift of 22 minutes ago is said so in each language, where every plural differs."""

    async def law() -> None:
        async with hosted(bench.chromium, snapshot()) as visit:
            await visit.page.clock.install(time=NOW - 200 + 22 * 60 + 9)
            for tag, age in AGES.items():
                await visit.page.goto(f"{visit.origin}/?lang={tag}")
                await visit.page.locator("li time", has_text=age).wait_for()

    bench.run(law())


def test_two_widgets_and_two_scripts_get_along(bench: Bench) -> None:
    """The element twice on a page, its script under both names: no error, both shown."""

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), twice=True) as visit:
            page = visit.page
            await visit.settle()
            await page.locator("donation-widget .card").nth(1).wait_for()
            for index in (0, 1):
                await page.locator("donation-widget").nth(index).locator("label").nth(2).click()
                assert await page.locator(".qr svg >> visible=true").count() == 2
            assert visit.seen.complaints == []

    bench.run(law())
