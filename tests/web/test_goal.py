"""Goals in words: every language, every kind, nothing that is unknown as a number."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest

from donations.goals import Elsewhere, Every, Goal, Period, Phase
from donations.snapshot import Part, Snapshot
from donations.web.assets import load_assets
from donations.web.badge import badge_png, word_badge
from donations.web.embed import embed_script
from donations.web.goal import say_milestones, say_name, say_progress
from donations.web.markup import clean
from donations.web.publisher import Publisher
from tests.browser.states import STATES
from tests.web.samples import snapshot

ASSETS = load_assets()
HOME = "https://dons.example.org/"
NBSP, THIN = "\u00a0", "\u202f"
MONTH = Period(date(2026, 11, 1), date(2026, 11, 30))


def euros(received: int | None, **more: object) -> Goal:
    """A goal of 500 EUR."""
    pending = None if received is None else 0
    return Goal("EUR", 2, 50_000, received, pending, fiat=True, **more)  # type: ignore[arg-type]


def showing(goal: Goal | None) -> Snapshot:
    """The sample with this goal."""
    return replace(snapshot(title="Carnet"), goal=goal)


def card(shown: Snapshot, language: str, path: str = "/card") -> str:
    """An answer, its tags left out."""
    publisher = Publisher(ASSETS, languages=[language], public_url=HOME)
    publisher.publish(shown)
    found = publisher.find(path, language)
    assert found is not None
    return re.sub(r"<[^>]+>", " ", found.bodies["identity"].decode())


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "€1,234.50 of €500 (246%)"),
        ("fr", f"1{THIN}234,50{NBSP}€ sur 500{NBSP}€ (246{NBSP}%)"),
        ("de", f"1.234,50{NBSP}€ von 500{NBSP}€ (246{NBSP}%)"),
        ("nl", f"€{NBSP}1.234,50 van €{NBSP}500 (246%)"),
        ("pl", f"1{NBSP}234,50{NBSP}€ z 500{NBSP}€ (246%)"),
        ("pt", f"€{NBSP}1.234,50 de €{NBSP}500 (246%)"),
    ],
)
def test_money_is_written_as_in_the_language(tag: str, text: str) -> None:
    """CLDR's pattern and separators; a whole amount is without decimals; past the goal is said."""
    assert clean(say_progress(ASSETS.locales[tag], euros(123_450))) == text


def test_currencies_have_their_own_digits_and_signs() -> None:
    """Yen have no decimals; a sign of letters does not touch the number; the target is exact."""
    yen = Goal("JPY", 0, 50_000, 34_050, 0, fiat=True)
    assert say_progress(ASSETS.locales["en"], yen) == "¥34,050 of ¥50,000 (68%)"
    francs = Goal("CHF", 2, 50_000, 5, 0, fiat=True)
    assert say_progress(ASSETS.locales["en"], francs) == f"CHF{NBSP}0.05 of CHF{NBSP}500 (0%)"
    dinars = Goal("KWD", 3, 1_500, 1_499, 0, fiat=True)
    assert "1.499" in say_progress(ASSETS.locales["en"], dinars)
    assert "(99%)" in say_progress(ASSETS.locales["en"], dinars)


@pytest.mark.parametrize(
    ("goal", "french", "english"),
    [
        (euros(0), "Objectif", "Goal"),
        (euros(0, every=Every.MONTH, period=MONTH), "Objectif · novembre 2026",
         "Goal · November 2026"),
        (euros(0, every=Every.YEAR, period=MONTH), "Objectif · 2026", "Goal · 2026"),
        (euros(0, period=MONTH), "Objectif · jusqu’au 30 nov. 2026", "Goal · until Nov 30, 2026"),
        (euros(0, period=MONTH, phase=Phase.EARLY), "Objectif · à partir du 1 nov. 2026",
         "Goal · from Nov 1, 2026"),
        (euros(0, period=MONTH, phase=Phase.OVER), "Objectif · terminé le 30 nov. 2026",
         "Goal · ended on Nov 30, 2026"),
        (euros(0, period=Period(MONTH.first, None)), "Objectif", "Goal"),
    ],
)  # fmt: skip
def test_a_goal_is_called_by_its_period(goal: Goal, french: str, english: str) -> None:
    """The month or year that it is of, or its dates."""
    assert say_name(ASSETS.locales["fr"], goal) == french
    assert say_name(ASSETS.locales["en"], goal) == english


@pytest.mark.parametrize("tag", sorted(ASSETS.locales))
def test_everything_of_a_goal_is_said_in_every_language(tag: str) -> None:
    """Sums apart, milestones with and without a tick, what has no value counted in words."""
    locale = ASSETS.locales[tag]
    goal = euros(
        34_050, unvalued=2, milestones=(10_000, 49_000),
        elsewhere=(Elsewhere("virement <b>", 12_000), Elsewhere("", 500)),
    )  # fmt: skip
    said = card(showing(goal), tag)
    money = {units: locale.money(units, "EUR", 2, brief=True) for units in (34_050, 12_000, 500)}
    assert " + ".join(money.values()) in said
    assert "(93" in said
    assert "virement &lt;b&gt;" in said
    ticks = say_milestones(locale, goal)
    assert ticks.count("✓") == 1
    assert ticks.index("✓") < ticks.index(locale.money(49_000, "EUR", 2, brief=True))
    assert locale.count("goal_unvalued", 2) in said


@pytest.mark.parametrize("tag", sorted(ASSETS.locales))
def test_what_is_not_valued_is_never_a_nought(tag: str) -> None:
    """Neither card, closed line nor badge has a number for a sum that nobody knows."""
    shown = showing(euros(None, unvalued=3))
    nothing = re.escape(clean(ASSETS.locales[tag].money(0, "EUR", 2, brief=True)))
    for path in ("/card", "/compact", "/badge.svg"):
        said = clean(card(shown, tag, path))
        assert not re.search(rf"(?<![0-9.,])({nothing}|0{NBSP}?%)", said), path
    assert ASSETS.locales[tag].count("goal_unvalued", 3) in card(shown, tag)


def test_the_document_tells_all_of_it() -> None:
    """Amounts twice, as units and as text; days; and what the widget says in words."""
    publisher = Publisher(ASSETS, languages=["en"], public_url=HOME)
    publisher.publish(STATES["goal-everything"])
    found = publisher.find("/snapshot.json")
    assert found is not None
    goal = json.loads(found.bodies["identity"])["goal"]
    assert goal == {
        "symbol": "EUR", "decimals": 2, "fiat": True,
        "target": {"units": "50000", "text": "500"},
        "received": {"units": "34050", "text": "340.5"},
        "pending": {"units": "12500", "text": "125"},
        "percent": 102, "unvalued": 2,
        "elsewhere": [
            {"label": "virement", "amount": {"units": "12000", "text": "120"}},
            {"label": "", "amount": {"units": "5000", "text": "50"}},
        ],
        "milestones": [
            {"amount": {"units": "10000", "text": "100"}, "reached": True},
            {"amount": {"units": "25000", "text": "250"}, "reached": True},
            {"amount": {"units": "45000", "text": "450"}, "reached": True},
        ],
        "every": None, "from": None, "until": "2026-11-30", "phase": "open",
    }  # fmt: skip


@pytest.mark.parametrize("currency", ["EUR", "JPY", "PLN", "INR", "KRW", "UAH"])
@pytest.mark.parametrize("tag", sorted(ASSETS.locales))
def test_every_currency_can_be_drawn(currency: str, tag: str) -> None:
    """A sign that there is no letter for is its code in the picture."""
    shown = showing(Goal(currency, 0, 500, 340, 0, fiat=True))
    badges = [word_badge(ASSETS.locales[each], shown, HOME) for each in (tag, "en")]
    assert badge_png(*badges).startswith(b"\x89PNG")
    if currency == "INR":
        assert "INR" in badges[1].text


def test_a_long_goal_is_given_room() -> None:
    """What is reserved in the page grows with the lines below the bar."""

    def heights(goal: Goal | None) -> list[int]:
        text = embed_script(
            ASSETS, snapshot().coins, public_url=HOME, language="fr", goal=goal
        )  # fmt: skip
        return [int(each) for each in re.findall(r"min-height: (\d+)px", text)]

    plain = heights(None)
    assert heights(euros(0)) == plain
    long = heights(euros(0, milestones=(1,), elsewhere=(Elsewhere("x", 1),)))
    assert [after - before for before, after in zip(plain, long, strict=True)] == [64, 64]


def test_what_is_hidden_is_not_there_and_the_rest_is() -> None:
    """Each part alone: the other stays, and a goal is shown whatever is hidden."""
    whole = replace(snapshot(), goal=euros(34_050))
    no_gifts = replace(whole, gifts=(), hidden=frozenset({Part.GIFTS}))
    coins = tuple(replace(coin, sums=None, gifts=0) for coin in whole.coins)
    no_totals = replace(whole, coins=coins, hidden=frozenset({Part.TOTALS}))
    said = card(no_gifts, "en")
    assert "0.155" in said
    assert "Latest gifts" not in said
    said = card(no_totals, "en")
    assert "Received" not in said
    assert "not yet known" not in said
    assert "0.0012" in said
    for shown in (no_gifts, no_totals):
        assert "€340.50 of €500 (68%)" in card(shown, "en")
        assert "Kf" in card(shown, "en"), "the end of the first address"
    alone = replace(no_totals, goal=None)
    assert word_badge(ASSETS.locales["en"], alone, HOME).text == "Bitcoin · Bitcoin Cash · Ethereum"
