"""The fragment: every state in words, nothing unknown shown as zero, nothing hostile alive."""

from __future__ import annotations

import gzip
import html
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest

from donations.goals import Goal
from donations.snapshot import Freshness, Sum
from donations.web.assets import Assets, load_assets
from donations.web.fragment import FragmentWriter
from tests.web.samples import ADDRESSES, BTC, snapshot

HOME = "https://dons.example.org/"


@pytest.fixture(scope="module")
def assets() -> Assets:
    """The files of ``widget/``."""
    return load_assets()


class Reader(HTMLParser):
    """What a reader gets: elements, attributes, text; refuses tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self._address: int | None = None
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("input", "path"):
            if dict(attrs).get("class") == "address":
                self._address = len(self._open)
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if len(self._open) == self._address:
            self._address = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._address is not None and len(self._open) > self._address:
            self.texts.setdefault("address", []).append(data)


def write(assets: Assets, language: str = "fr", **changes: object) -> Reader:
    """The fragment of the sample with changed fields."""
    sample = replace(snapshot(), **changes)  # type: ignore[arg-type]
    return Reader(FragmentWriter(assets, assets.locales[language], HOME).write(sample))


def write_state(assets: Assets, freshness: Freshness, language: str = "fr") -> str:
    """The text of the fragment in one state."""
    writer = FragmentWriter(assets, assets.locales[language], HOME)
    return Reader(writer.write(snapshot(freshness))).text


@pytest.mark.parametrize("freshness", list(Freshness))
def test_addresses_and_codes_are_there_in_every_state(assets: Assets, freshness: Freshness) -> None:
    """Whatever is known or not, each address is whole and has its code and its link."""
    writer = FragmentWriter(assets, assets.locales["fr"], HOME)
    reader = Reader(writer.write(snapshot(freshness)))
    assert "".join(reader.texts["address"]) == "".join(ADDRESSES)
    assert [tag for tag, _ in reader.elements].count("svg") == 3
    links = [at["href"] for tag, at in reader.elements if at.get("class") == "wallet"]
    assert links == [coin.link for coin in snapshot().coins]


def test_unknown_is_said_and_never_zero(assets: Assets) -> None:
    """With nothing known there is no number at all but the goal."""
    text = write_state(assets, Freshness.NEVER).replace("0,5\u00a0BTC", "")
    assert "pas encore connu" in text
    assert not re.search(r"[0-9,.]+\s?(BTC|BCH|ETH|%)", text)
    assert "not yet known" in write_state(assets, Freshness.NEVER, "en")


def test_a_stale_number_keeps_its_age(assets: Assets) -> None:
    """A stale sum is shown with the moment and block it was true at."""
    text = write_state(assets, Freshness.STALE)
    assert "0,155\u00a0BTC" in text
    assert "le 21 sept. 2026 à 14:13 (UTC)" in text
    assert "bloc 925\u202f123" in text


def test_disagreement_is_said(assets: Assets) -> None:
    """When operators differ the reader is told, and sees the last number they shared."""
    assert "Les sources ne sont pas d’accord" in write_state(assets, Freshness.DISAGREE)
    assert "The sources disagree" in write_state(assets, Freshness.DISAGREE, "en")


def test_one_source_is_said(assets: Assets) -> None:
    """A number that only one operator vouches for says so."""
    assert "une seule source" in write_state(assets, Freshness.FRESH)
    assert "one source" in write_state(assets, Freshness.FRESH, "en")


def test_the_network_is_named(assets: Assets) -> None:
    """A bare 0x address says nothing about its chain, so the line beside it does."""
    assert "Ethereum mainnet only" in write_state(assets, Freshness.FRESH, "en")
    first, *others = snapshot().coins
    text = write(assets, coins=(replace(first, network="regtest"), *others)).text
    assert "Réseau d’essai regtest : sans valeur" in text


def test_two_addresses_of_one_chain_are_told_apart(assets: Assets) -> None:
    """Choices that would look alike show the end of their address."""
    first = snapshot().coins[0]
    other = replace(first, address="3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy")
    text = write(assets, coins=(first, other)).text
    assert "…EGKf" in text
    assert "…WNLy" in text


@pytest.mark.parametrize(
    ("received", "percent", "bar"),
    [
        (0, "0", 0),
        (499_999, "0", 0),
        (50_000_000, "100", 100),
        (10**12, "2\u202f000\u202f000", 100),
    ],
)
def test_the_goal_bar_is_clamped_and_its_text_is_not(
    assets: Assets, received: int, percent: str, bar: int
) -> None:
    """A goal that is exceeded shows a full bar and the true percentage."""
    reader = write(assets, goal=Goal("BTC", 8, 50_000_000, received, 0))
    bars = [at["value"] for tag, at in reader.elements if tag == "progress"]
    assert bars == [str(bar), str(bar)]
    assert f"({percent}\u00a0%)" in reader.text


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (1, 18, "<\u00a00,00000001\u00a0ETH"),
        (10**10, 18, "0,00000001\u00a0ETH"),
        (1_999_999_999_999_999_999, 18, "1,99999999\u00a0ETH"),
        (2**256 - 1, 0, "115\u202f792\u202f089"),
    ],
)
def test_amounts_are_cut_and_never_a_false_zero(
    assets: Assets, units: int, decimals: int, text: str
) -> None:
    """Eight decimals, never rounded up; what is smaller is said to be smaller."""
    shown = assets.locales["fr"].amount(units, decimals, "ETH")
    assert html.unescape(shown).startswith(text)


UNWANTED = "[\x00-\x08\x0b-\x1f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</bdi></h2><iframe srcdoc=x>",
    "$title ${fragment} $$",
    "abc\u202etxet desrever\u202c",
    "zero\u200bwidth\u2066isolate\u2069",
    "nul\x00bell\x07esc\x1b[2J",
    "line\nbreak\r\u2028separator\u2029end",
    "lone \ud800 surrogate",
    "&lt;b&gt; &amp;amp;",
)


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_is_text(assets: Assets, title: str) -> None:
    """A title with markup, template, direction or control characters changes one text, no more."""
    plain, hostile = write(assets, title="calm"), write(assets, title=title)
    assert [tag for tag, _ in plain.elements] == [tag for tag, _ in hostile.elements]
    assert [at for _, at in plain.elements] == [at for _, at in hostile.elements]
    assert not re.search(UNWANTED, hostile.text)
    hostile.text.encode()


def test_a_hostile_symbol_is_text(assets: Assets) -> None:
    """The symbol of a token is its contract's word, and stays one."""
    first = snapshot().coins[0]
    sums = (Sum("<b onclick=x>\u202e", 8, 1, 0, 1),)
    reader = write(assets, coins=(replace(first, sums=sums),))
    assert "<b onclick=x>" in reader.text
    assert not any("onclick" in at for _, at in reader.elements)


@pytest.mark.parametrize("language", sorted(load_assets().locales))
def test_the_words_of_a_language_are_complete(assets: Assets, language: str) -> None:
    """Every language has the sentences of English, with the same blanks to fill in."""
    english, other = assets.locales["en"], assets.locales[language]
    assert other.blanks() == english.blanks()
    for key, forms in other.forms().items():
        # A form that only millions have is spelled like the general one.
        assert forms == {other.cldr.plural_form(n) for n in range(200)} | {"other"}, key


def test_the_service_says_no_word_as_long_as_an_address(assets: Assets) -> None:
    """The element refuses a fragment that says such a word elsewhere than in an address."""
    for language in assets.locales.values():
        html = FragmentWriter(assets, language, HOME).write(snapshot())
        rest = re.sub(r'<p class="address".*?</p>', "", html, flags=re.DOTALL)
        said = re.sub(r"<[^>]*>", "", rest)
        assert not re.search(r"[0-9a-z]{26}", said, re.IGNORECASE)


def test_the_fragment_is_small(assets: Assets, capsys: pytest.CaptureFixture[str]) -> None:
    """Three coins with their codes, goal and gifts: 2,600 bytes gzip, 2,200 brotli at most."""
    for language in assets.locales.values():
        html = FragmentWriter(assets, language, HOME).write(snapshot()).encode()
        packed, smaller = len(gzip.compress(html, 9)), len(brotli.compress(html))
        with capsys.disabled():
            sizes = f"{len(html)} raw, {packed} gzip, {smaller} brotli"
            sys.stdout.write(f"\nfragment {language.tag}: {sizes}\n")
        assert packed <= 2600
        assert smaller <= 2200
        assert html.count(b"<") - html.count(b"</") <= 170
    assert BTC not in html.decode().replace("bitcoin:" + BTC, "")
