"""Badge and card: the numbers in every state and language, in pictures small enough to embed."""

from __future__ import annotations

import gzip
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from PIL import Image

from donations.goals import Goal
from donations.snapshot import Freshness, Snapshot, Sum
from donations.web.assets import load_assets
from donations.web.badge import HEIGHT, WIDTH, Badge, badge_json, badge_png, badge_svg, word_badge
from donations.web.card import card_png
from donations.web.letters import drawable
from tests.web.samples import NOW, snapshot

ASSETS = load_assets()
HOME = "https://dons.example.org/blog/"
NBSP = "\u00a0"
LATIN = sorted(set(ASSETS.locales) - {"ar"})
SVG = "{http://www.w3.org/2000/svg}"


def badge(shown: Snapshot, language: str = "fr", home: str | None = HOME) -> Badge:
    """The badge of a snapshot."""
    return word_badge(ASSETS.locales[language], shown, home)


def without_goal(freshness: Freshness = Freshness.FRESH) -> Snapshot:
    """The sample, collecting for nothing in particular."""
    return replace(snapshot(freshness, title="Carnet"), goal=None)


def reached(received: int) -> Snapshot:
    """The sample with so many satoshis of 0.5 BTC."""
    goal = Goal("BTC", 8, target=50_000_000, received=received, pending=0)
    return replace(snapshot(title="Carnet"), goal=goal)


def test_the_goal_is_told_with_its_percentage() -> None:
    """What came in, of how much, and how far that is."""
    assert badge(snapshot()).text == f"0,155{NBSP}BTC sur 0,5{NBSP}BTC (31{NBSP}%)"
    assert badge(snapshot(), "en").text == f"0.155{NBSP}BTC of 0.5{NBSP}BTC (31%)"


def test_without_a_goal_every_asset_is_told() -> None:
    """Totals of all coins, cut after six digits, never rounded up."""
    assert badge(without_goal()).text == (
        f"Reçu 0,155{NBSP}BTC · 1{chr(0x202F)}234,56{NBSP}BCH · 1,23456{NBSP}ETH · 25,5{NBSP}USDC"
    )
    assert badge(without_goal()).percent is None


def test_unknown_is_said_and_never_zero() -> None:
    """Before anything is known no number stands in the badge, with a goal or without."""
    for shown in (snapshot(Freshness.NEVER), without_goal(Freshness.NEVER)):
        said = badge(shown)
        assert "pas encore connu" in said.text
        assert not said.known
        assert not re.search(r"\b0\b(?!,5)", said.text)


def test_one_unknown_coin_does_not_hide_the_others() -> None:
    """The coin nothing is known of is marked, in the place of a number."""
    shown = without_goal()
    coins = (shown.coins[0], replace(shown.coins[1], sums=None, as_of=None), shown.coins[2])
    said = badge(replace(shown, coins=coins))
    assert "BCH ?" in said.text
    assert f"0,155{NBSP}BTC" in said.text


@pytest.mark.parametrize("freshness", [Freshness.STALE, Freshness.DISAGREE])
def test_an_old_number_carries_its_day(freshness: Freshness) -> None:
    """A number that is not of now says of when it is."""
    for shown in (snapshot(freshness), replace(snapshot(freshness), goal=None)):
        assert badge(shown).text.endswith("21 sept. 2026")
    assert "2026" not in badge(snapshot()).text


@pytest.mark.parametrize(
    ("received", "percent", "filled"),
    [(0, "0", 0), (499_999, "0", 0), (49_999_999, "99", 99), (50_000_000, "100", 100),
     (61_000_000, "122", 100)],
)  # fmt: skip
def test_the_bar_ends_where_the_goal_does(received: int, percent: str, filled: int) -> None:
    """More than the goal is told in words; the bar is full, and full only then."""
    said = badge(reached(received))
    assert f"({percent}{NBSP}%)" in said.text
    assert said.percent == filled
    bar = ET.fromstring(badge_svg(said)).findall(f"{SVG}rect")[2]
    assert int(bar.attrib["width"]) == 296 * filled // 100


@pytest.mark.parametrize("language", sorted(ASSETS.locales))
@pytest.mark.parametrize("freshness", list(Freshness))
@pytest.mark.parametrize("goal", [True, False])
def test_the_svg_is_small_and_says_all_of_it(
    language: str, freshness: Freshness, goal: bool
) -> None:
    """At most 700 B gzip; title, numbers and the page's address as text, and together as name."""
    shown = snapshot(freshness, title="Le carnet du mardi")
    said = badge(shown if goal else replace(shown, goal=None), language)
    body = badge_svg(said)
    assert len(gzip.compress(body, 9, mtime=0)) <= 700
    root = ET.fromstring(body)
    title, *texts = [element.text for element in root.findall(f"{SVG}text")]
    assert (title or "").strip("\u2068\u2069") == "Le carnet du mardi"
    assert texts == [said.text, "dons.example.org/blog"]
    assert root.attrib["aria-label"] == said.alt
    assert all(str(text) in said.alt for text in ("Le carnet du mardi", *texts))


@pytest.mark.parametrize(
    "title",
    ["<script>alert(1)</script>", '"><rect/>', "a\x00\x1b\u202eb\ud800\ufffe", "&amp;", "x" * 200,
     "寄付" * 60, "ادعم", "]]>", "😀"],
)  # fmt: skip
def test_a_hostile_title_is_text(title: str) -> None:
    """Whatever the title is, the SVG is well-formed with the elements it always has."""
    shown = snapshot(title=title)
    root = ET.fromstring(badge_svg(badge(shown)).decode())
    calm = ET.fromstring(badge_svg(badge(snapshot(title="x"))).decode())
    assert [element.tag for element in root.iter()] == [element.tag for element in calm.iter()]
    picture = Image.open(io.BytesIO(badge_png(badge(shown), badge(shown, "en"))))
    assert picture.size == (2 * WIDTH, 2 * HEIGHT)


@pytest.mark.parametrize("units", [1, 10**18, 10**30, 21 * 10**14])
def test_amounts_of_any_size_fit(units: int) -> None:
    """What might be too long is written smaller, in both pictures."""
    shown = without_goal()
    coins = tuple(
        replace(coin, sums=(Sum(coin.symbol, coin.decimals, units, 0, 0),)) for coin in shown.coins
    )
    said = badge(replace(shown, coins=coins))
    for text in ET.fromstring(badge_svg(said)).findall(f"{SVG}text"):
        # Digits are as wide as half their height and more in any font.
        assert len(text.text or "") * float(text.attrib["font-size"]) / 2 < 296
    picture = Image.open(io.BytesIO(badge_png(said, said))).convert("RGB")
    margin = picture.crop((2 * WIDTH - 20, 4, 2 * WIDTH - 4, 2 * HEIGHT - 4))
    assert margin.getcolors() == [(16 * 136, (255, 255, 255))]


def test_without_an_address_the_badge_shows_none() -> None:
    """A service that does not know where it is prints no address."""
    said = badge(snapshot(), home=None)
    assert said.place == ""
    assert len(ET.fromstring(badge_svg(said)).findall(f"{SVG}text")) == 2


def test_right_to_left_starts_on_the_right() -> None:
    """In Arabic text and bar begin at the right edge."""
    root = ET.fromstring(badge_svg(badge(snapshot(), "ar")))
    assert root.attrib["direction"] == "rtl"
    assert {text.attrib["x"] for text in root.findall(f"{SVG}text")} == {str(WIDTH - 12)}
    bar = root.findall(f"{SVG}rect")[2].attrib
    assert int(bar["x"]) + int(bar["width"]) == WIDTH - 12


@pytest.mark.parametrize("language", LATIN)
def test_every_latin_language_can_be_drawn(language: str) -> None:
    """All words and months of a language have letters, so its PNG is in that language."""
    file = ASSETS.locales[language]
    for month in range(12):
        shown = snapshot(Freshness.STALE, observed=NOW + month * 30 * 86_400)
        for each in (shown, replace(shown, goal=None), snapshot(Freshness.NEVER)):
            said = word_badge(file, each, HOME)
            assert drawable(said.alt), {char for char in said.alt if not drawable(char)}
    assert badge_png(badge(snapshot(), language), badge(snapshot(), "en")) != badge_png(
        badge(snapshot(), "en"), badge(snapshot(), "en")
    ) or (language == "en")


def test_a_language_without_letters_is_drawn_in_english() -> None:
    """Arabic is not drawn: the picture is the English one, the words beside it are not."""
    arabic, english = badge(snapshot(), "ar"), badge(snapshot(), "en")
    assert badge_png(arabic, english) == badge_png(english, english)
    assert arabic.alt != english.alt


def test_the_png_shows_the_bar_at_its_length() -> None:
    """Two pixels a pixel, opaque white, and as much of the bar in the accent as was given."""
    picture = Image.open(io.BytesIO(badge_png(badge(reached(25_000_000)), badge(snapshot(), "en"))))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (640, 144), "P")
    row = [picture.convert("RGB").getpixel((x, 96)) for x in range(24, 616)]
    assert row.count((0x15, 0x57, 0x4B)) == 296
    assert row.count((0xDC, 0xDA, 0xD3)) == 296


def test_shields_get_what_their_schema_asks_for() -> None:
    """Schema version 1 of shields.io's endpoint badge, grey when the numbers are not of now."""
    document = json.loads(badge_json(badge(snapshot(title="Carnet"))))
    assert document == {
        "schemaVersion": 1,
        "label": "Carnet",
        "message": f"0,155{NBSP}BTC sur 0,5{NBSP}BTC (31{NBSP}%)",
        "color": "#15574b",
    }
    for freshness in (Freshness.STALE, Freshness.NEVER):
        assert json.loads(badge_json(badge(snapshot(freshness))))["color"] == "lightgrey"


@pytest.mark.parametrize(
    "title", ["Carnet", "Le carnet du mardi " * 8, "x" * 200, "寄付", "", " ", "a b c d " * 25]
)
def test_the_card_is_whole_whatever_the_title(title: str) -> None:
    """1200 by 630, all text inside its margins, even for a title that never ends."""
    coins = ("Bitcoin", "Bitcoin Cash", "Ethereum")
    body = card_png(title, coins, "dons.example.org", "Soutenir ce blog")
    picture = Image.open(io.BytesIO(body)).convert("RGB")
    assert picture.size == (1200, 630)
    right = picture.crop((1200 - 90, 0, 1200, 630))
    assert right.getcolors() == [(90 * 630, (0xF6, 0xF5, 0xF1))]
    assert len(body) < 30_000
