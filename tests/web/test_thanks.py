"""The page for the one who gave: each state in plain words, and nothing kept or repeated."""

from __future__ import annotations

import random
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import pytest

from donations.arrivals import LATEST, UNSETTLED, Arrivals
from donations.chains.bch import BCH as BCH_CHAIN
from donations.chains.btc import BTC as BTC_CHAIN
from donations.chains.eth import ETH as ETH_CHAIN
from donations.ledger import Block, Key, Kind, State, Transfer
from donations.snapshot import Freshness, Shown
from donations.web import create_web
from donations.web.assets import integrity, load_assets
from donations.web.number import NotANumber, parse_number
from donations.web.page_words import load_pages
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from donations.web.thanks import Thanks
from tests import secret_material
from tests.web.samples import ADDRESSES, BCH, BTC, ETH, NOW, snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from donations.snapshot import Snapshot

ASSETS = load_assets()
TIP = 925_123  # of tests.web.samples
ID = "ab" * 32
OTHER = "cd" * 32
SHOWN = tuple(
    Shown(chain, "mainnet", address, {chain.symbol: chain.decimals, **more}, 2, 2)
    for chain, address, more in (
        (BTC_CHAIN, BTC, {}),
        (BCH_CHAIN, BCH, {}),
        (ETH_CHAIN, ETH, {"USDC": 6}),
    )
)
KEYS = {
    "btc": Key("btc", BTC, "BTC"),
    "bch": Key("bch", BCH, "BCH"),
    "eth": Key("eth", ETH, "ETH"),
    "usdc": Key("eth", ETH, "USDC"),
}


def transfer(
    state: State, *, of: str = "btc", named: str = ID, deep: int = 1, at: int = NOW, **more: object
) -> Transfer:
    """A transfer whose block, if it has one, has ``deep`` confirmations at the published tip."""
    in_block = state in (State.CONFIRMED, State.FINAL)
    made = Transfer(
        key=KEYS[of],
        id=named,
        kind=Kind.GIFT,
        state=state,
        amount=150_000 if of != "eth" else 5 * 10**16,
        block=Block(TIP - deep + 1, "00" * 32, at) if in_block else None,
        consumes=frozenset(),
        brings=(),
        spends=(),
        coinbase=False,
        first_seen=at,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def thanks(*transfers: Transfer, edition: Snapshot | None = None) -> Thanks:
    """The page with these transfers published."""
    page = Thanks(ASSETS, SHOWN, {"btc": 6, "bch": 10, "eth": 0})
    page.publish(edition or snapshot(), Arrivals(transfers).copy())
    return page


@asynccontextmanager
async def client(page: Thanks) -> AsyncIterator[aiohttp.ClientSession]:
    """A session against a server with the page."""
    app = create_web(Publisher(ASSETS, languages=("fr",)), Readiness, more=page.routes())
    async with (
        serve(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


def ask(page: Thanks, query: str) -> tuple[int, str, dict[str, str]]:
    """Status, page and headers (lower case) of one request."""

    async def law() -> tuple[int, str, dict[str, str]]:
        async with client(page) as session, session.get(f"/thanks?{query}") as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, await answer.text(), headers

    return run(law())


def words(html: str) -> str:
    """What a reader reads of the page, without the languages and the form."""
    body = html.partition("<h1>")[2].partition("<footer>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


STATES = [
    (
        transfer(State.SEEN),
        "0.0015 BTC Seen Seen Confirmed Final The network knows your gift",
        True,
    ),
    (transfer(State.SEEN), "0.0015 BTC", True),
    (transfer(State.CONFIRMED), "Confirmed once Seen Confirmed once Final", True),
    (transfer(State.CONFIRMED, deep=4), "Confirmed 4 times", True),
    (transfer(State.CONFIRMED, deep=4), "is in block 925,120", True),
    (transfer(State.CONFIRMED, deep=4), "From confirmation number 6 on", True),
    (transfer(State.CONFIRMED, of="bch"), "From confirmation number 10 on", True),
    (transfer(State.CONFIRMED, of="eth", named="0x" + ID), "a quarter of an hour", True),
    (transfer(State.FINAL, deep=6), "Final Seen Confirmed 6 times Final", False),
    (transfer(State.FINAL, deep=6), "arrived for good, in block 925,118", False),
    (transfer(State.FINAL, deep=6, missing_since=NOW), "arrived for good", False),
    (transfer(State.SEEN, missing_since=NOW), "Not seen at the moment", True),
    (transfer(State.DROPPED), "Did not arrive", False),
    (transfer(State.REPLACED, replaced_by=OTHER), f"took its place. {OTHER}", False),
    (transfer(State.REPLACED, replaced_by=OTHER), "does not pay this blog", False),
    (transfer(State.CONFIRMED, kind=Kind.OWN), "Not counted as a gift", False),
    (transfer(State.FINAL, of="usdc", named=f"0x{ID}:0"), "0.15 USDC", False),
    (transfer(State.CONFIRMED, of="eth", named=f"0x{ID}:internal"), "that of a block", True),
    (transfer(State.CONFIRMED, deep=-3), "Confirmed once", True),
]


@pytest.mark.parametrize(("given", "said", "again"), STATES)
def test_each_state_is_said_in_plain_words(given: Transfer, said: str, again: bool) -> None:
    """The page says where the payment stands, and looks again by itself while news may come."""
    status, html, headers = ask(thanks(given), f"lang=en&tx={ID}")
    assert status == 200
    assert said in words(html)
    assert headers.get("refresh") == ("30" if again else None)
    assert "<script" not in html


def test_one_who_wants_quiet_gets_it() -> None:
    """The page that asks again links to itself without that."""
    page = thanks(transfer(State.SEEN))
    _, html, _ = ask(page, f"lang=en&tx={ID}")
    link = re.search(r'thanks\?(lang=en&amp;tx=\w+&amp;still=1)"', html)
    assert link is not None
    status, _, headers = ask(page, link[1].replace("&amp;", "&"))
    assert (status, headers.get("refresh")) == (200, None)


def test_a_replacement_that_pays_is_followed() -> None:
    """A raised fee is a replacement too: the donor is led to what took its place."""
    page = thanks(
        transfer(State.REPLACED, replaced_by=OTHER), transfer(State.CONFIRMED, named=OTHER)
    )
    _, html, _ = ask(page, f"lang=en&tx={ID}")
    assert "pays this blog too" in words(html)
    assert f'href="thanks?lang=en&amp;tx={OTHER}"' in html
    assert "Confirmed once" in words(ask(page, f"lang=en&tx={OTHER}")[1])


@pytest.mark.parametrize("form", ["{}", "0x{}", "0X{}", " {} ", "%09{}%0D%0A"])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("of", ["btc", "eth"])
def test_a_number_is_found_as_wallets_write_it(form: str, upper: bool, of: str) -> None:
    """With or without 0x, in either case, with blanks around, on every chain."""
    known = transfer(State.FINAL, of=of, named=("0x" if of == "eth" else "") + ID)
    given = form.format(ID.upper() if upper else ID)
    status, html, _ = ask(thanks(known), f"lang=en&tx={given}")
    assert status == 200
    assert "arrived for good" in words(html)


def test_what_one_transaction_pays_is_shown_together() -> None:
    """Ether, tokens and two chains under one number are all told, a flood of them is cut."""
    both = thanks(
        transfer(State.FINAL, of="usdc", named=f"0x{ID}:0"),
        transfer(State.FINAL, of="eth", named=f"0x{ID}"),
    )
    text = words(ask(both, f"lang=en&tx=0x{ID}")[1])
    assert "0.15 USDC" in text
    assert "0.05 ETH" in text
    flood = thanks(*(transfer(State.FINAL, of="usdc", named=f"0x{ID}:{n}") for n in range(300)))
    assert ask(flood, f"tx={ID}")[1].count("USDC") == 10


def test_the_unknown_is_said_honestly() -> None:
    """Not seen is not lost: what to expect, where it should have gone, and what is not covered."""
    status, html, headers = ask(thanks(), f"lang=en&tx={ID}")
    text = words(html)
    assert status == 200
    for part in (
        "Not seen yet",
        "within a minute",
        "with its block",
        "under its block",
        *ADDRESSES,
    ):
        assert part in text
    assert f"latest {LATEST:,}" in text
    assert headers["refresh"] == "30"


@pytest.mark.parametrize("freshness", [Freshness.STALE, Freshness.NEVER, Freshness.DISAGREE])
def test_silent_sources_are_named(freshness: Freshness) -> None:
    """When the sources have no news, "not seen" says so."""
    page = thanks(edition=snapshot(freshness))
    assert "no recent news from this network" in words(ask(page, f"lang=en&tx={ID}")[1])


def test_without_a_known_tip_nothing_is_counted() -> None:
    """Confirmations are counted from the published block, or not at all."""
    page = thanks(transfer(State.CONFIRMED), edition=snapshot(Freshness.NEVER))
    text = words(ask(page, f"lang=en&tx={ID}")[1])
    assert "is in block 925,123" in text
    assert "once" not in text


BAD = [
    "x",
    "ab" * 31,
    "ab" * 33,
    "0x" + "ab" * 31,
    "0x0x" + "ab" * 32,
    "zz" * 32,
    "ab " * 32,
    BTC,
    ETH,
    "<script>alert(1)</script>",
    '" autofocus onfocus="alert(1)',
    "\u202e" + ID,
    "\u200b" + ID,
    "\uff10" * 64,
    "\u0661" * 64,
    "\x00" + ID,
    "$style ${body} %s {0}",
    "A" * 5000,
    "https://example.org/tx/" + ID,
]


@pytest.mark.parametrize("given", BAD)
def test_bad_input_is_refused_in_a_clear_sentence_without_an_echo(given: str) -> None:
    """400, the form again, and nothing of what was given."""
    page = thanks(transfer(State.SEEN))
    empty = ask(page, "lang=en")[1]
    status, html, headers = ask(page, f"lang=en&tx={quote(given)}")
    assert status == 400
    assert "That is not the number of a transaction." in words(html)
    assert "refresh" not in headers
    alarm = re.search(r'<p class="alarm" role="alert">.*?</p>\n?', html)
    assert alarm is not None
    plain = html.replace(alarm[0], "").replace(' aria-invalid="true" autofocus', "")
    assert plain == empty


def test_key_material_is_refused_without_an_echo(seed: int) -> None:
    """A private key or recovery words bring a warning; no piece of them comes back."""
    rng = random.Random(seed)
    page = thanks()
    for make in (
        secret_material.wif,
        secret_material.extended,
        secret_material.encrypted,
        secret_material.mini_key,
        secret_material.nsec,
        lambda rng: " ".join(["abandon"] * 11 + ["about"]),
    ):
        secret = make(rng)
        with pytest.raises(NotANumber) as caught:
            parse_number(secret)
        assert secret not in repr(caught.value)
        status, html, headers = ask(page, f"lang=en&tx={quote(secret)}")
        assert status == 400
        assert "move your money to a new wallet" in words(html)
        assert secret not in html
        assert secret.split(" ")[0] not in html
        assert secret not in repr(headers)


def test_the_page_is_kept_by_nobody() -> None:
    """No cache, no cookie, no referrer, no search engine, no script, no frame."""
    for query in ("", f"tx={ID}", "tx=x"):
        _, html, headers = ask(thanks(transfer(State.SEEN)), query)
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex"
        assert not headers.keys() & {"set-cookie", "etag", "access-control-allow-origin", "server"}
        policy = headers["content-security-policy"]
        style = html.partition("<style>")[2].partition("</style>")[0]
        assert f"style-src '{integrity(style.encode())}'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "http" not in html.replace("http-equiv", "")


def test_the_form_works_by_itself() -> None:
    """The page without a number asks for one by a plain GET form."""
    for query in ("", "tx=", "tx=%20%0A", "tx"):
        status, html, _ = ask(thanks(), f"lang=fr&{query}")
        assert status == 200
        assert '<form class="box" action="thanks" method="get">' in html
        assert 'name="tx"' in html
        assert 'name="lang" value="fr"' in html


@pytest.mark.parametrize("language", ["de-XX", "../en", "%00", "<b>", "x" * 500])
def test_an_unknown_language_gets_the_blogs_own(language: str) -> None:
    """Whatever stands there, the page is in the language of the blog."""
    assert '<html lang="fr"' in ask(thanks(), f"lang={language}")[1]


def test_all_languages_say_the_same() -> None:
    """Each language has words for every sentence, with the same values in it."""
    pages = load_pages(ASSETS, "thanks")
    assert {"fr", "en"} <= set(pages)
    blanks = {tag: page.locale.blanks() for tag, page in pages.items()}
    for tag, values in blanks.items():
        assert values == blanks["en"], tag
    states = [given for given, _, _ in STATES]
    for tag in pages:
        for given in states:
            assert ask(thanks(given), f"lang={tag}&tx={ID}")[0] == 200


def test_before_the_first_edition_there_is_no_page() -> None:
    """503 until something is known."""
    assert ask(Thanks(ASSETS, SHOWN, {}), f"tx={ID}")[0] == 503


def name(number: int) -> str:
    return f"{number:064x}"


def test_the_index_is_bounded_and_keeps_what_is_latest() -> None:
    """20,000 settled gifts leave the latest of them, in whatever order they came."""
    rng = random.Random(5)
    gifts = [transfer(State.FINAL, named=name(n), at=NOW + n) for n in range(20_000)]
    rng.shuffle(gifts)
    held = Arrivals(gifts).copy()["btc"]
    assert LATEST <= len(held) <= LATEST + 1000
    assert {bytes.fromhex(name(n)) for n in range(20_000 - LATEST, 20_000)} <= held.keys()


def test_a_flood_of_unsettled_payments_is_bounded() -> None:
    """What is unsettled stays beside what is settled, and is bounded too."""
    settled = [transfer(State.FINAL, named=name(n), at=NOW) for n in range(100)]
    flood = [transfer(State.SEEN, named=name(n), at=NOW + n) for n in range(1000, 16_000)]
    held = Arrivals([*settled, *flood]).copy()["btc"]
    assert {bytes.fromhex(name(n)) for n in range(100)} <= held.keys()
    assert len(held) <= 100 + UNSETTLED + 1000
    assert bytes.fromhex(name(15_999)) in held


def test_a_copy_stands_still() -> None:
    """What was published does not change under a reader; a change replaces what was held."""
    index = Arrivals([transfer(State.SEEN)])
    before = index.copy()
    index.apply([transfer(State.CONFIRMED)])
    number = bytes.fromhex(ID)
    assert [a.whereabouts for a in before["btc"][number]] == ["pending"]
    assert [a.whereabouts for a in index.copy()["btc"][number]] == ["confirmed"]


def test_what_has_no_number_is_not_indexed() -> None:
    """Withdrawals and openings are named otherwise."""
    index = Arrivals(
        [transfer(State.FINAL, of="eth", named=f"{n}") for n in ("withdrawal 5", "", "x")]
    )
    assert index.copy() == {}


def test_the_hosted_page_leads_to_it() -> None:
    """One who gave finds the page, in the language that is being read."""
    publisher = Publisher(ASSETS, languages=("fr", "en"))
    publisher.publish(snapshot())
    prepared = publisher.find("/", "en")
    assert prepared is not None
    link = b'<a href="thanks?lang=en">Has my gift arrived?</a>'
    assert link in prepared.bodies["identity"]
