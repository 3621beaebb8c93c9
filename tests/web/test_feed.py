"""The feed: valid Atom, the same entries for ever, nothing that may be taken back."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from donations.snapshot import Freshness, Gift, Snapshot, Stage
from donations.web.assets import load_assets
from donations.web.feed import write_feed
from tests.web.samples import NOW, snapshot

ASSETS = load_assets()
HOME = "https://dons.example.org/"
ATOM = "{http://www.w3.org/2005/Atom}"
GIFTS = (
    Gift("btc", "BTC", 8, 120_000, Stage.PENDING, NOW - 200, "aa" * 32),
    Gift("eth", "ETH", 18, 5 * 10**16, Stage.CONFIRMED, NOW - 86_400, "bb" * 32),
    Gift("btc", "BTC", 8, 200_000, Stage.FINAL, NOW - 6 * 86_400, "cc" * 32),
)


def sample(*gifts: Gift, title: str = "Carnet") -> Snapshot:
    """The sample with these gifts."""
    return replace(snapshot(title=title), gifts=gifts)


def read(shown: Snapshot, language: str = "fr", home: str = HOME) -> ET.Element:
    """The feed, parsed."""
    return ET.fromstring(write_feed(ASSETS.locales[language], shown, home))


def text(element: ET.Element, name: str) -> str:
    """The text of a child that must be there once."""
    (found,) = element.findall(f"{ATOM}{name}")
    return found.text or ""


@pytest.mark.parametrize("language", sorted(ASSETS.locales))
def test_what_rfc_4287_demands_is_there(language: str) -> None:
    """Feed and entries have id, title, updated and author; times are those of RFC 3339."""
    feed = read(sample(*GIFTS), language)
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert feed.attrib["{http://www.w3.org/XML/1998/namespace}lang"] == language
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    links = {link.attrib["rel"]: link.attrib["href"] for link in feed.findall(f"{ATOM}link")}
    assert links == {
        "self": f"{HOME}feed.atom?lang={language}",
        "alternate": f"{HOME}?lang={language}",
    }
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        assert text(element, "id").startswith("urn:uuid:")
        assert text(element, "title")
        assert moment.fullmatch(text(element, "updated"))


def test_only_gifts_in_a_block_are_told() -> None:
    """A feed reader keeps what it saw, so what is pending waits."""
    entries = read(sample(*GIFTS)).findall(f"{ATOM}entry")
    assert [text(entry, "title") for entry in entries] == ["0,05\u00a0ETH", "0,002\u00a0BTC"]
    assert text(read(sample(*GIFTS)), "updated") == text(entries[0], "updated")


def test_an_entry_keeps_its_identity_and_words() -> None:
    """Finality, another language, another address of the service: the same entry."""
    (first,) = read(sample(GIFTS[1])).findall(f"{ATOM}entry")
    final = replace(GIFTS[1], stage=Stage.FINAL)
    (second,) = read(sample(final)).findall(f"{ATOM}entry")
    assert ET.tostring(first) == ET.tostring(second)
    (moved,) = read(sample(final), "en", "https://new.example/").findall(f"{ATOM}entry")
    assert text(moved, "id") == text(first, "id")


def test_two_gifts_are_two_entries() -> None:
    """Equal amounts at the same moment, one transaction in two assets: each has its own id."""
    twins = [replace(GIFTS[2], id=each) for each in ("dd" * 32, "ee" * 32)]
    token = replace(GIFTS[2], id="dd" * 32, symbol="USDC", decimals=6)
    entries = read(sample(*twins, token)).findall(f"{ATOM}entry")
    assert len({text(entry, "id") for entry in entries}) == 3


def test_a_feed_without_gifts_is_valid_and_still() -> None:
    """Nothing given, or nothing known: no entry, and the bytes do not change with time."""
    fresh = write_feed(ASSETS.locales["fr"], sample(), HOME)
    later = replace(snapshot(Freshness.STALE, title="Carnet", observed=NOW + 999), gifts=())
    assert write_feed(ASSETS.locales["fr"], later, HOME) == fresh
    assert text(ET.fromstring(fresh), "updated") == "2009-01-03T18:15:05Z"


@pytest.mark.parametrize(
    "title",
    ["<b>&amp;", "]]>", "\x00\x01\x0b\x1f\x7f", "\ud800", "\ufffe\uffff", "\u202e", "\U0001ffff",
     "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;"],
)  # fmt: skip
def test_a_hostile_title_is_well_formed_text(title: str) -> None:
    """Markup is text and characters that XML forbids are gone."""
    body = write_feed(ASSETS.locales["fr"], sample(*GIFTS, title=f"a{title}z"), HOME)
    said = text(ET.fromstring(body), "title")
    assert said.startswith("a")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", body.decode())


def test_without_an_address_links_are_relative() -> None:
    """A service that does not know where it is still has a feed."""
    hrefs = [link.attrib["href"] for link in read(sample(*GIFTS), home="./").iter(f"{ATOM}link")]
    assert all(href.startswith("./") for href in hrefs)
