"""The page of all transfers: each state and level in plain words, page by page, without a query."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import pytest

from donations.app import running
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.ledger import Kind, Level, State
from donations.listing import Listing, place_of
from donations.snapshot import Established, Freshness
from donations.web import create_web
from donations.web.assets import integrity, load_assets
from donations.web.ledger import LedgerPages
from donations.web.page_words import load_pages
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.running import agrees, config_on, scene, until
from tests.web.samples import NOW, snapshot
from tests.web.test_thanks import ID, KEYS, OTHER, SHOWN, transfer
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from donations.ledger import Key, Transfer
    from donations.snapshot import Snapshot

ASSETS = load_assets()
PROVEN = Level.PROVEN


def listing(*transfers: Transfer) -> Listing:
    """The listing of these."""

    def read(keys: Sequence[Key], since: int) -> Iterator[Transfer]:
        return (t for t in sorted(transfers, key=place_of) if t.received_at >= since)

    return Listing(SHOWN).renew(KEYS.values(), (), read)


def pages(*transfers: Transfer, edition: Snapshot | None = None) -> LedgerPages:
    """The pages with these transfers published."""
    made = LedgerPages(ASSETS)
    made.publish(edition or snapshot(), listing(*transfers))
    return made


def many(number: int) -> list[Transfer]:
    return [transfer(State.FINAL, named=f"{n:064x}", at=NOW - n * 86_400) for n in range(number)]


def ask(made: LedgerPages, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers (lower case) of one request."""

    async def law() -> tuple[int, str, dict[str, str]]:
        app = create_web(Publisher(ASSETS, languages=("fr",)), Readiness, more=made.routes())
        async with (
            serve(app, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
            session.get(path, headers=headers) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, await answer.text(), told

    return run(law())


def rows(html: str) -> str:
    """What a reader reads between the addresses and the explanations."""
    body = html.partition("</ul>")[2].partition('<section class="box" id="words">')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


STATES = [
    (transfer(State.SEEN), "+0.0015 BTC Gift pending agreed by 2 operators Sep 21, 2026 "),
    (transfer(State.CONFIRMED, level=PROVEN), "Gift confirmed proven Sep 21, 2026 · block 925,123"),
    (transfer(State.FINAL, deep=9, level=PROVEN), "final proven Sep 21, 2026 · block 925,115"),
    (transfer(State.FINAL, of="eth", named=f"0x{ID}"), "+0.05 ETH Gift final agreed by 2"),
    (transfer(State.FINAL, kind=Kind.OWN, amount=-7_000), "\u22120.00007 BTC Own transfer final"),
    (transfer(State.FINAL, kind=Kind.OPENING), "There before the watch final"),
    (transfer(State.FINAL, kind=Kind.UNATTRIBUTED), "Other income or expense final"),
    (transfer(State.SEEN, missing_since=NOW), "Gift not seen at the moment Sep"),
    (transfer(State.DROPPED), "Gift did not arrive Sep"),
    (transfer(State.REPLACED, replaced_by=OTHER), f"Gift replaced replaced by {OTHER} Sep"),
    (transfer(State.CONFIRMED, coinbase=True), "Gift mined, not mature yet agreed"),
    (transfer(State.FINAL, of="usdc", named=f"0x{ID}:0"), "+0.15 USDC Gift"),
]


@pytest.mark.parametrize(("given", "said"), STATES)
def test_each_state_and_level_is_said(given: Transfer, said: str) -> None:
    """A row tells amount, kind, where it stands, how well it is established, and its number."""
    status, html, _ = ask(pages(given), "/ledger?lang=en")
    assert status == 200
    assert said in rows(html)
    assert given.id in rows(html)
    gone = given.state in (State.DROPPED, State.REPLACED)
    assert ("<s>" in html) is gone


def test_one_operator_is_not_called_agreement() -> None:
    """Where one operator is asked, the page says that one told it, and speaks of no agreement."""
    one = tuple(replace(shown, required=1, operators=1) for shown in SHOWN)
    edition = snapshot()
    edition = replace(edition, coins=tuple(replace(c, required=1) for c in edition.coins))
    made = LedgerPages(ASSETS)
    alone = Listing(one).renew(KEYS.values(), (), lambda *_: iter([transfer(State.FINAL)]))
    made.publish(edition, alone)
    html = ask(made, "/ledger?lang=en")[1]
    assert "told by one operator" in rows(html)
    assert "Independent operators were asked" not in html


def test_what_is_claimed_is_not_public() -> None:
    """A transfer that too few operators tell is on no page and in no JSON."""
    made = pages(transfer(State.CONFIRMED, level=Level.CLAIMED), transfer(State.FINAL, named=OTHER))
    for path in ("/ledger", "/ledger.json"):
        body = ask(made, path)[1]
        assert OTHER in body
        assert ID not in body


def test_the_newest_comes_first_and_every_transfer_once() -> None:
    """Walking from the newest page by "Older" meets all 250 transfers, each once, in order."""
    made = pages(*many(250))
    path, met = "/ledger?lang=en", []
    while path:
        html = ask(made, path)[1]
        met += re.findall(r'<code dir="ltr">([0-9a-f]{64})</code>', html)
        older = re.search(r'href="(ledger\?[^"]+)" rel="next"', html)
        path = f"/{older[1].replace('&amp;', '&')}" if older else ""
    assert met == [f"{n:064x}" for n in range(250)]


@pytest.mark.parametrize("page", ["0", "4", "-1", "1.0", "x", "", "9" * 50, "%00", "１"])
def test_other_pages_are_not_found(page: str) -> None:
    """A number that is none, or beyond the last page, is 404 in both forms."""
    made = pages(*many(250))
    assert ask(made, f"/ledger?page={page}")[0] == 404
    assert ask(made, f"/ledger.json?page={page}")[0] == 404


def test_the_json_tells_the_same() -> None:
    """Every page in JSON: amounts as text, the level, the block, and what all of it is as of."""
    made = pages(*many(150), transfer(State.CONFIRMED, named=OTHER, at=NOW + 5, level=PROVEN))
    newest = json.loads(ask(made, "/ledger.json")[1])
    assert (newest["version"], newest["page"], newest["pages"]) == (1, 2, 2)
    assert newest["transfers"] == 151
    last = newest["entries"][-1]
    assert (last["id"], last["units"], last["amount"]) == (OTHER, "150000", "0.0015")
    assert (last["level"], last["stands"], last["block"]["height"]) == (
        "proven",
        "confirmed",
        925_123,
    )
    assert newest["as_of"][0]["height"] == 925_123
    first = json.loads(ask(made, "/ledger.json?page=1")[1])
    assert len(first["entries"]) == 100


def test_what_is_not_known_is_said() -> None:
    """Before the first answer of the network it says so; after it, that nothing came so far."""
    empty = LedgerPages(ASSETS)
    assert ask(empty, "/ledger")[0] == 503
    empty.publish(snapshot(Freshness.NEVER), Listing(SHOWN))
    assert "Not yet known" in rows(ask(empty, "/ledger?lang=en")[1])
    empty.publish(snapshot(), Listing(SHOWN))
    assert "No transfer so far" in rows(ask(empty, "/ledger?lang=en")[1])


def test_the_page_can_do_nothing() -> None:
    """No script, nothing from elsewhere, framed by nobody, and a style sheet known by its hash."""
    _, html, headers = ask(pages(*many(3)), "/ledger?lang=ar")
    policy = headers["content-security-policy"]
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert f"style-src '{integrity(style.encode())}'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in html
    assert "http" not in html
    assert '<html lang="ar" dir="rtl">' in html


def test_nothing_given_from_outside_becomes_html() -> None:
    """Names of assets and transactions, titles and queries are text wherever they stand."""
    evil = '<b onclick=x>&\u202e"'
    made = pages(
        transfer(State.REPLACED, named=evil, replaced_by=evil), edition=snapshot(title=evil)
    )
    html = ask(made, "/ledger?lang=en&page=1&x=<b>")[1]
    assert "<b onclick" not in html
    assert "&lt;b onclick=x&gt;&amp;&quot;" in html


def test_the_bytes_are_known_again() -> None:
    """Whoever holds the bytes gets 304 until something changed."""
    made = pages(*many(3))
    tag = ask(made, "/ledger")[2]["etag"]
    assert ask(made, "/ledger", **{"If-None-Match": tag})[0] == 304
    made.publish(snapshot(), listing(*many(4)))
    assert ask(made, "/ledger", **{"If-None-Match": tag})[0] == 200


def test_all_languages_say_the_same() -> None:
    """Each language has every sentence, with the same values in it, and its page is whole."""
    words = load_pages(ASSETS, "ledger")
    assert set(words) == set(ASSETS.locales)
    blanks = {tag: page.locale.blanks() for tag, page in words.items()}
    made = pages(*(given for given, _ in STATES), transfer(State.FINAL, amount=1, named=OTHER))
    for tag, values in blanks.items():
        assert values == blanks["en"], tag
        status, html, _ = ask(made, f"/ledger?lang={tag}")
        assert status == 200
        assert f'<html lang="{tag}"' in html
        assert "$" not in html


def test_few_pages_are_kept() -> None:
    """Whoever asks for every page in every language does not fill the memory."""
    made = pages(*many(1_000))
    for tag in ASSETS.locales:
        for page in range(1, 11):
            assert ask(made, f"/ledger?lang={tag}&page={page}")[0] == 200
    assert len(made._kept) <= 64


def test_the_hosted_page_leads_to_it() -> None:
    """Beside the link stands how many gifts are proven; without a list there is no link."""
    publisher = Publisher(ASSETS, languages=("en", "fr"))
    publisher.publish(replace(snapshot(language="en"), established=Established(15, 12)))
    page = publisher.find("/", "en")
    assert page is not None
    link = '<a href="ledger?lang=en">Every transfer</a> 15 gifts, of these proven: 12'
    assert link.encode() in page.bodies["identity"]
    publisher.publish(snapshot(language="en"))
    page = publisher.find("/", "en")
    assert page is not None
    assert b"ledger?" not in page.bodies["identity"]


def test_gifts_are_not_counted_before_anything_is_known() -> None:
    """Unknown is never zero: the link stands alone until every address was read."""
    publisher = Publisher(ASSETS, languages=("en",))
    unknown = snapshot(Freshness.NEVER, language="en")
    publisher.publish(replace(unknown, established=Established(0, 0)))
    page = publisher.find("/", "en")
    assert page is not None
    assert b'<a href="ledger?lang=en">Every transfer</a> </p>' in page.bodies["identity"]


@scene
async def test_a_gift_is_listed_as_it_moves(tmp_path: Path) -> None:
    """In a running service a gift is listed as pending, then confirmed; a reorg moves it back.

    Reading the pages asks the database nothing: they stay when it is gone.
    """
    async with World(4) as world:
        config = config_on(world, tmp_path, only=("btc",))
        async with (
            running(config) as (service, port),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):

            async def stands(word: str) -> bool:
                async with session.get("/ledger.json") as answer:
                    entries = (await answer.json())["entries"]
                    return [entry["stands"] for entry in entries] == [word]

            await until(lambda: agrees(service, world), seconds=60)
            world.btc.pay(BTC_SCRIPT, 50_000)
            await until(lambda: stands("pending"), seconds=60)
            world.btc.mine(1)
            await until(lambda: stands("confirmed"), seconds=60)
            world.btc.mine(6)
            await until(lambda: stands("final"), seconds=60)
            await asyncio.to_thread(shutil.rmtree, tmp_path)
            async with session.get("/ledger?lang=en") as answer:
                assert "0.0005" in await answer.text()


@scene
async def test_an_author_may_hide_it(tmp_path: Path) -> None:
    """With ledger = false there is no such page, and no way to it."""
    async with World(5) as world:
        config = config_on(world, tmp_path, only=("btc",))
        config = replace(config, widgets=(replace(config.widget, ledger=False),))
        async with (
            running(config) as (service, port),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            await until(lambda: agrees(service, world), seconds=60)
            for path in ("/ledger", "/ledger.json"):
                async with session.get(path) as answer:
                    assert answer.status == 404
            async with session.get("/") as answer:
                assert "ledger" not in await answer.text()


def test_income_from_inside_calls_names_its_transactions() -> None:
    """Their numbers stand under the transfer, in the page and in the JSON; of very many the page
    writes out six, and how many more there are."""
    came = transfer(State.FINAL, of="eth", named=f"0x{ID}:internal")
    for count in (0, 1, 6, 1_240):
        numbers = [f"0x{n:064x}" for n in range(count)]
        told = Listing(SHOWN).renew(
            KEYS.values(), (), lambda *_: iter([came]), partial(_same, numbers)
        )
        made = LedgerPages(ASSETS)
        made.publish(snapshot(), told)
        _, html, _ = ask(made, "/ledger?lang=en")
        assert [number in rows(html) for number in numbers[:7]] == [n < 6 for n in range(count)][:7]
        assert ("+ 1,234" in rows(html)) == (count == 1_240)
        _, text, _ = ask(made, "/ledger.json")
        assert json.loads(text)["entries"][0]["transactions"] == numbers


def _same(numbers: list[str], _: Transfer) -> list[str]:
    return numbers
