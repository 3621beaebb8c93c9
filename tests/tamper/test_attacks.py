"""Pages that were tampered with, and pages that were not: what `inspect` says of each."""

from __future__ import annotations

import base64
import re

import pytest

from donations import qr
from donations.tamper.finding import ALARMS, What
from donations.web.assets import load_assets
from tests.tamper.pages import (
    BLOG,
    EVIL_BCH,
    EVIL_BTC,
    EVIL_ETH,
    EVIL_SEGWIT,
    HOME,
    SEGWIT,
    alarms,
    expectation,
    form,
    look,
    notes,
    post,
)
from tests.web.samples import BCH, BTC, ETH

SCRIPT = form()
NAME = load_assets().script_name
HASH = load_assets().integrity
TAG = re.search(r"<script[^>]*></script>", SCRIPT)[0]  # type: ignore[index]
DATA = base64.b64encode(f"<p>{EVIL_BTC}</p>".encode()).decode()
SAFE_CODES = (f"bitcoin:{SEGWIT}", f"bitcoin:{SEGWIT.upper()}", f"BITCOIN:{SEGWIT.upper()}")


@pytest.mark.parametrize("name", ["script", "compact", "static", "iframe"])
def test_what_embed_prints_is_right(name: str) -> None:
    """Every form, untouched, gives no finding at all."""
    assert look(post(form(name))) == ()


def test_what_the_plugin_for_wordpress_prints_is_right() -> None:
    """Its element has the addresses in <code>, and the card of the day in a shadow root."""
    static = form("static")
    root = static[static.index("<template") : static.index("</template>") + 11]
    page = re.sub(r">([^<>]+)</a></li>", r"><code>\1</code></a></li>", SCRIPT)
    page = page.replace("\n", "").replace("<p>", f"{root}<p>", 1)
    assert page.count("<code>") == 3
    assert look(post(page)) == ()
    assert "FOREIGN_ADDRESS" in alarms(post(page.replace(f"<code>{BTC}", f"<code>{EVIL_BTC}")))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        # another address in the widget
        (BTC, EVIL_BTC, What.FOREIGN_ADDRESS),
        (BCH, EVIL_BCH, What.FOREIGN_ADDRESS),
        (BCH, BCH.partition(":")[2].replace("q", "p", 1), What.IMITATION),
        (ETH, EVIL_ETH, What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_BTC}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_SEGWIT}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_SEGWIT.upper()}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_BTC[:9]}&#8203;{EVIL_BTC[9:]}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_BTC[:9]}\u200d{EVIL_BTC[9:]}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_BTC[:9]}<b>{EVIL_BTC[9:]}</b><", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_BTC[:9]}<!-- x -->{EVIL_BTC[9:]}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{EVIL_BTC[:9]}<!-- --!>{EVIL_BTC[9:]}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{BCH}<", What.PAYMENT_LINK),
        (f">{BTC}<", f">{BTC[:-1]}<", What.PAYMENT_LINK),
        (f">{BTC}<", f">{BTC.replace('B', chr(0x412))}<", What.IMITATION),
        (f">{BTC}<", f">&#x{ord(EVIL_BTC[0]):x};{EVIL_BTC[1:]}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f"><!-- {BTC} -->{EVIL_BTC}<", What.FOREIGN_ADDRESS),
        (f'">{BTC}<', f"\" data-z='{EVIL_BTC}'>{BTC}<", What.FOREIGN_ADDRESS),
        (f">{BTC}<", f">{BTC}<span data-x='{EVIL_BTC}'></span><", What.FOREIGN_ADDRESS),
        # payment links
        (f'"bitcoin:{BTC}"', f'"bitcoin:{EVIL_BTC}"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"BITCOIN:{EVIL_BTC}"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"bitcoin://{EVIL_BTC}"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"bit&Tab;coin:{EVIL_BTC}"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"bitcoin:%31{EVIL_BTC[1:]}"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"bitcoin:{BTC}?r=https://evil.example/pay"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"bitcoin:{BTC}?amount=1&pj=https://evil.test"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"bitcoin:{BTC}?lightning=lnbc1evil"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', '"bitcoin:"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', f'"{BCH}"', What.PAYMENT_LINK),
        (f'"bitcoin:{BTC}"', '"https://evil.example/pay"', What.LINK),
        (f'"bitcoin:{BTC}"', '"javascript:pay()"', What.LINK),
        (f'"ethereum:{ETH}@1"', f'"ethereum:{ETH}@56"', What.PAYMENT_LINK),
        (f'"ethereum:{ETH}@1"', f'"ethereum:{EVIL_ETH}@1"', What.PAYMENT_LINK),
        (
            f'"ethereum:{ETH}@1"',
            f'"ethereum:{ETH}@1/transfer?address={EVIL_ETH}&amp;uint256=1"',
            What.PAYMENT_LINK,
        ),
        (f'"{BCH}"', f'"{EVIL_BCH}"', What.PAYMENT_LINK),
        # codes
        (qr.bits(f"bitcoin:{BTC}"), qr.bits(f"bitcoin:{EVIL_BTC}"), What.CODE),
        (qr.bits(f"bitcoin:{BTC}"), qr.bits(ETH), What.CODE),
        (qr.bits(f"bitcoin:{BTC}"), "AAAA", What.CODE),
        # the service, the script and its hash
        (f'src="{HOME}"', 'src="https://evil.example/"', What.SERVICE),
        (f'src="{HOME}"', 'src="https://dons.example.org.evil.example/"', What.SERVICE),
        (f'src="{HOME}"', 'src="./"', What.SERVICE),
        (f'{HOME}{NAME}"', f'https://evil.example/{NAME}"', What.SCRIPT),
        (f'{HOME}{NAME}"', 'https://evil.example/x.js"', What.SCRIPT),
        (f'{HOME}{NAME}"', f'{HOME}widget.0123456789abcdef.js"', What.SCRIPT),
        (f'{HOME}{NAME}"', f'http://dons.example.org/{NAME}"', What.SCRIPT),
        (f' integrity="{HASH}"', "", What.INTEGRITY),
        (HASH, f"sha384-{'A' * 64}", What.INTEGRITY),
        (HASH, f"{HASH} sha384-{'A' * 64}", What.INTEGRITY),
        (HASH, HASH.replace("sha384", "sha512"), What.INTEGRITY),
        # what embed does not print
        ("<ul>", "<ul><img src='https://evil.example/qr.png'>", What.INSERTED),
        ("<ul>", f"<ul><img src='data:text/html,{EVIL_BTC}'>", What.FOREIGN_ADDRESS),
        ("<ul>", f"<ul><iframe srcdoc='<p>{EVIL_BTC}</p>'></iframe>", What.INSERTED),
        ("<ul>", "<ul><script>1</script>", What.INSERTED),
        ("<ul>", "<ul onclick='pay()'>", What.SCRIPT),
        ("<ul>", "<ul><svg><path d='M0 0h9'/></svg>", What.CODE),
    ],
)  # fmt: skip
def test_each_change_inside_the_widget_alarms(old: str, new: str, what: What) -> None:
    """One thing swapped in what embed printed raises the alarm of its kind."""
    assert old in SCRIPT
    assert what.name in alarms(
        post(SCRIPT.replace(old, new, 1) if ">" in old else SCRIPT.replace(old, new))
    )


@pytest.mark.parametrize(
    "text",
    [
        f"<p>BTC : {EVIL_BTC}</p>",
        f"<p>{EVIL_BTC}</p>",
        f"<p>{EVIL_BTC[:8]}&shy;{EVIL_BTC[8:]}</p>",
        f"<p>&#49;{EVIL_BTC[1:]}</p>",
        f"<p>{' '.join(EVIL_BTC[i : i + 4] for i in range(0, 34, 4))}</p>",
        f"<p><b>{EVIL_BTC[:4]}</b><i>{EVIL_BTC[4:]}</i></p>",
        f"<p>{EVIL_BCH.partition(':')[2]}</p>",
        f"<p>{EVIL_ETH.lower()}</p>",
        f"<p>{EVIL_SEGWIT.upper()}</p>",
        f"<a href='bitcoin:{EVIL_BTC}'>Give</a>",
        f"<a href='bitcoin:%31{EVIL_BTC[1:]}'>Give</a>",
        f"<button data-clipboard-text='{EVIL_BTC}'>Copy</button>",
        f"<input value={EVIL_ETH}>",
        f"<iframe srcdoc='<b>{EVIL_BTC[:5]}</b>{EVIL_BTC[5:]}'></iframe>",
        f"<iframe src='data:text/html;base64,{DATA}'></iframe>",
        f"<object data='data:text/html,%3Cp%3E{EVIL_BTC}'></object>",
        f"<img src='https://evil.example/qr?data={EVIL_BTC}'>",
        f"<!--> <p>{EVIL_BTC}</p> -->",
        f"<!-- --!> <p>{EVIL_BTC}</p> <!-- -->",
        f"<script><!-- <script></script> <!-- </script> {EVIL_BTC}<p>",
        f"<style><!--</style><p>{EVIL_BTC}</p>",
        f"<noscript>{EVIL_BTC}</noscript>",
        f"<textarea>{EVIL_BTC}</textarea>",
        f"<svg><text>{EVIL_BTC}</text></svg>",
        f"<![CDATA[ > {EVIL_BTC}",
        f"<a title='>' href=x>{EVIL_BTC}</a>",
        f"<plaintext>{EVIL_BTC}",
        f"<style>.x::after{{content:'{EVIL_BTC}'}}</style>",
        f"<style>.x::after{{content:'\\31 {EVIL_BTC[1:9]}' \"{EVIL_BTC[9:]}\"}}</style>",
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_foreign_address_near_the_widget_alarms(text: str, place: str) -> None:
    """However it is written, an address of a watched chain beside the widget is seen."""
    page = post(SCRIPT, before=text) if place == "before" else post(SCRIPT, after=text)
    assert "FOREIGN_ADDRESS" in alarms(page)


@pytest.mark.parametrize(
    "addition",
    [
        f"<script>document.body.innerHTML=x.replace('{BTC}','{EVIL_BTC}')</script>",
        f"<script>addEventListener('copy',()=>navigator.clipboard.writeText('{EVIL_ETH}'))</script>",
        "<script>customElements.define('donation-widget', class extends HTMLElement {})</script>",
        f'<script type=importmap>{{"imports":{{"{HOME}{NAME}":"https://evil.example/"}}}}</script>',
        f"<script src='https://evil.example/{NAME}'></script>",
        f"<script src='https://evil.example/x.js' integrity='{HASH}'></script>",
    ],
)
def test_programs_that_take_the_place_of_ours_alarm(addition: str) -> None:
    """A script that swaps addresses, our element or our script is an alarm wherever it stands."""
    assert "SCRIPT" in alarms(post(SCRIPT, head=addition))
    assert (
        alarms(post(SCRIPT, head="<script src='https://cdn.example/jquery.js'></script>")) == set()
    )


def test_a_base_leads_relative_addresses_elsewhere() -> None:
    """Addresses are read as the browser does, from <base> on."""
    relative = SCRIPT.replace(HOME, "./")
    assert alarms(post(relative, head=f'<base href="{HOME}">')) == set()
    assert "SERVICE" in alarms(post(relative, head='<base href="https://evil.example/">'))
    assert alarms(post(SCRIPT, head='<base href="https://evil.example/">')) == set()


def test_frames_are_of_the_service() -> None:
    """A frame that takes the place of ours is an alarm; another one on the page is none."""
    frame = form("iframe")
    for url in ("https://evil.example/", "http://dons.example.org/", "//evil.example/"):
        assert "FRAME" in alarms(post(frame.replace(HOME, url)))
    film = "<iframe src='https://video.example/embed/1'></iframe>"
    assert alarms(post(frame, before=film)) == set()
    assert alarms(post(film)) == set()
    assert "LOST" in notes(post(film))


def test_pictures_of_codes_are_of_the_service() -> None:
    """The service's pictures are known by their address; a stranger's copy is an alarm."""
    ours = f"<img src='{HOME}qr/btc/{BTC}.png'>"
    assert alarms(post(SCRIPT, after=ours)) == set()
    assert "CODE" in alarms(post(SCRIPT, after=ours.replace(HOME, "https://evil.example/")))
    assert alarms(post(SCRIPT, after=ours.replace(BTC, EVIL_BTC))) >= {"CODE", "FOREIGN_ADDRESS"}


@pytest.mark.parametrize(
    "rule",
    [
        "<style>donation-widget{display:none}</style>",
        "<style>article donation-widget , x { color:red; visibility : hidden }</style>",
        "<style>donation-widget{opacity:0}</style>",
        "<style>donation-widget{position:absolute;left:-9999px}</style>",
        "<style>donation-widget{height:0;overflow:hidden}</style>",
        "<style>donation-widget { transform: translateX(-9999px) }</style>",
    ],
)
def test_a_hidden_widget_makes_every_offered_address_suspect(rule: str) -> None:
    """The original hidden by CSS, and a foreign address far away on the page: an alarm."""
    far = "<p>word</p>" * 300 + f"<p>BTC: {EVIL_BTC}</p>"
    assert "HIDDEN" in notes(post(SCRIPT, head=rule))
    assert "FOREIGN_ADDRESS" in alarms(post(SCRIPT, head=rule, after=far))
    for wrapped in (f"<div hidden>{SCRIPT}</div>", f"<div style='display: none'>{SCRIPT}</div>",
                    f"<template>{SCRIPT}</template>", f"<noscript>{SCRIPT}</noscript>",
                    f"<dialog>{SCRIPT}</dialog>"):  # fmt: skip
        assert "FOREIGN_ADDRESS" in alarms(post(wrapped, after=far)), wrapped
    assert alarms(post(SCRIPT, after=far)) == set()
    assert "ELSEWHERE" in notes(post(SCRIPT, after=far))


def test_the_footer_without_the_widget_is_watched_too() -> None:
    """Where the page names addresses as text alone, a foreign one in their place is an alarm."""
    mine = f"<footer>BTC : {BTC}<br>BCH : {BCH}<br>ETH : {ETH}</footer>"
    assert alarms(post(mine)) == set()
    assert "LOST" in notes(post(mine))
    for own, evil in ((BTC, EVIL_BTC), (BCH, EVIL_BCH), (ETH, EVIL_ETH)):
        assert "FOREIGN_ADDRESS" in alarms(post(mine.replace(own, evil)))
    assert "FOREIGN_ADDRESS" in alarms(post(f"<p>BTC: {EVIL_BTC}</p>"))


def test_readers_comments_raise_no_alarm() -> None:
    """A commenter's address is not the author's place, near the widget or far from it."""
    comment = f"<ol class=comment-list><li>BTC: {EVIL_BTC}</li></ol>"
    far = "<p>word</p>" * 300
    assert alarms(post(SCRIPT, after=far + comment)) == set()
    assert notes(post(SCRIPT, after=far + comment)) == set()
    assert alarms(post(SCRIPT, after=comment)) == set()
    assert "ELSEWHERE" in notes(post(SCRIPT, after=comment))


def test_nobody_hides_behind_the_word_comment() -> None:
    """When the widget itself is put among "comments", they excuse nothing."""
    evil = f"<p>BTC: {EVIL_BTC}</p>"
    assert "FOREIGN_ADDRESS" in alarms(post(f"<div class=comment>{SCRIPT}{evil}</div>"))
    assert "FOREIGN_ADDRESS" in alarms(post(SCRIPT.replace("<ul>", f"<ul class=comment>{evil}")))
    assert "FOREIGN_ADDRESS" in alarms(post(SCRIPT, after=f"<p class=comment><div>{evil}</div>"))


def test_letters_of_other_alphabets_imitate() -> None:
    """A look-alike of an address, near the widget or in it, is an alarm."""
    false = BTC.replace("B", "В").replace("y", "у")  # Cyrillic
    assert not false.isascii()
    assert "IMITATION" in alarms(post(SCRIPT, before=f"<p>{false}</p>"))
    assert "IMITATION" in alarms(post(SCRIPT.replace(f">{BTC}<", f">{false}<")))
    assert alarms(post(SCRIPT, before=f"<p>{BTC[:9]}\u200b{BTC[9:]}</p>")) == set()


@pytest.mark.parametrize("code", SAFE_CODES)
def test_capital_letters_are_legal_where_the_chain_reads_them(code: str) -> None:
    """Bech32 and CashAddr in capitals make smaller codes: no alarm for the author's own."""
    table = f'btc = "{SEGWIT}"'
    printed = form(addresses=table)
    changed = printed.replace(qr.bits(f"bitcoin:{SEGWIT}"), qr.bits(code))
    changed = changed.replace(f'"bitcoin:{SEGWIT}"', f'"{code}"')
    assert alarms(post(changed), table) == set()
    evil = printed.replace(qr.bits(f"bitcoin:{SEGWIT}"), qr.bits(f"bitcoin:{EVIL_SEGWIT.upper()}"))
    assert "CODE" in alarms(post(evil), table)


def test_harmless_spellings_of_a_link_are_no_alarm() -> None:
    """An amount, a label, escapes and capitals of the scheme pay the same address."""
    for link in (
        f"bitcoin:{BTC}?amount=0.01&label=Thanks",
        f"BITCOIN:{BTC}",
        f"bitcoin:%31{BTC[1:]}",
    ):
        assert alarms(post(SCRIPT.replace(f'"bitcoin:{BTC}"', f'"{link}"'))) == set(), link
    assert alarms(post(SCRIPT.replace(BCH, BCH.upper()))) == set()


def test_a_link_that_leads_elsewhere_alarms_anywhere() -> None:
    """A payment request added to a link with the author's own address is an alarm."""
    link = f"<a href='bitcoin:{BTC}?r=https://evil.example'>{BTC}</a>"
    assert "PAYMENT_LINK" in alarms(post(SCRIPT, before=link + "<p>w</p>" * 900))


def test_the_page_that_sends_readers_away_alarms() -> None:
    """A forwarding to another host is an alarm; to the page itself it is none."""
    assert "REFRESH" in alarms(
        post(SCRIPT, head="<meta http-equiv=Refresh content='0; url=https://evil.example/'>")
    )
    assert alarms(post(SCRIPT, head="<meta http-equiv=refresh content=300>")) == set()
    assert alarms(post(SCRIPT, head=f"<meta http-equiv=refresh content='9;url={BLOG}'>")) == set()


def test_milder_things_are_notes() -> None:
    """A lost script, an unpinned one and a missing coin lead no gift astray."""
    assert notes(post(SCRIPT.replace(TAG, ""))) == {"NO_SCRIPT"}
    bare = f"<script type=module src='{HOME}widget.js'></script>"
    assert notes(post(SCRIPT.replace(TAG, bare))) == {"UNPINNED"}
    line = re.search(r"<li>Ethereum.*?</li>", SCRIPT, re.DOTALL)
    assert line is not None
    assert notes(post(SCRIPT.replace(line[0], ""))) == {"INCOMPLETE"}
    for page in (SCRIPT.replace(TAG, ""), SCRIPT.replace(TAG, bare), SCRIPT.replace(line[0], "")):
        assert alarms(post(page)) == set()


def test_every_kind_of_finding_is_met_here() -> None:
    """The closed list has no member that nothing can raise, and alarms are most of it."""
    assert len(ALARMS) == 11
    assert expectation().codes


def test_nothing_hostile_reaches_the_log() -> None:
    """What a finding repeats is short, printable and of one line."""
    hostile = "https://evil.example/\x1b[2J\n" + "x" * 5000
    for page in (SCRIPT.replace(f'"bitcoin:{BTC}"', f'"{hostile}"'),
                 SCRIPT.replace(f'src="{HOME}"', f'src="{hostile}"'),
                 SCRIPT.replace(NAME, f"widget.\x1b[2J{'x' * 5000}.js")):  # fmt: skip
        for finding in look(post(page)):
            assert str(finding).isprintable(), finding
            assert len(str(finding)) < 300
