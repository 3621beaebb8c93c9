"""Goals: which days belong together, and sums that only gifts can move."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from donations.books import Figure, Figures, ManualGift
from donations.gathering import add_up, feeding, goal_of, manual_of
from donations.goals import Elsewhere, Every, Fed, Period, Terms, measure, period_of
from donations.ledger import Bucket, Key

SEED = 20261124
ZONES = [ZoneInfo(name) for name in ("Europe/Paris", "Pacific/Apia", "America/St_Johns")] + [UTC]
EUROS = Terms("EUR", 2, 50_000, fiat=True)
BTC = Key("btc", "1A", "BTC")
ETH = Key("eth", "0xA", "ETH")
USDC = Key("eth", "0xA", "USDC")
OTHER = Key("btc", "1B", "BTC")
KEYS = frozenset({BTC, ETH, USDC})
DAY = "2026-11-24"
TODAY = date(2026, 11, 24)


def dice() -> random.Random:
    """The same chance in each run."""
    return random.Random(SEED)


def some_day(chance: random.Random) -> date:
    """A day of a century, often one at an edge of a month or a year."""
    year = chance.randint(1999, 2099)
    if chance.random() < 0.5:
        edge = chance.choice([(12, 31), (1, 1), (2, 28), (3, 1), (4, 30), (10, 31)])
        return date(year, *edge)
    return date(year, 1, 1) + timedelta(days=chance.randrange(365))


def some_terms(chance: random.Random) -> Terms:
    """A goal of any kind."""
    since, until = sorted(some_day(chance) for _ in range(2))
    return replace(
        EUROS,
        target=chance.randint(1, 10**7),
        every=chance.choice([None, *Every]),
        since=chance.choice([None, since]),
        until=chance.choice([None, until]),
    )


@pytest.mark.parametrize(
    ("every", "since", "until", "today", "first", "last", "phase"),
    [
        (None, None, None, "2026-11-24", None, None, "open"),
        ("month", None, None, "2026-11-30", "2026-11-01", "2026-11-30", "open"),
        ("month", None, None, "2026-12-01", "2026-12-01", "2026-12-31", "open"),
        ("month", None, None, "2028-02-29", "2028-02-01", "2028-02-29", "open"),
        ("year", None, None, "2026-12-31", "2026-01-01", "2026-12-31", "open"),
        ("year", None, None, "2027-01-01", "2027-01-01", "2027-12-31", "open"),
        (None, "2026-11-01", "2026-11-30", "2026-10-31", "2026-11-01", "2026-11-30", "early"),
        (None, "2026-11-01", "2026-11-30", "2026-11-01", "2026-11-01", "2026-11-30", "open"),
        (None, "2026-11-01", "2026-11-30", "2026-11-30", "2026-11-01", "2026-11-30", "open"),
        (None, "2026-11-01", "2026-11-30", "2026-12-01", "2026-11-01", "2026-11-30", "over"),
        ("month", "2026-11-15", None, "2026-11-20", "2026-11-15", "2026-11-30", "open"),
        ("month", "2026-11-15", None, "2026-11-03", "2026-11-15", "2026-11-30", "early"),
        ("month", "2026-11-15", "2027-02-10", "2026-12-24", "2026-12-01", "2026-12-31", "open"),
        ("month", "2026-11-15", "2027-02-10", "2027-02-03", "2027-02-01", "2027-02-10", "open"),
        ("month", "2026-11-15", "2027-02-10", "2029-01-01", "2027-02-01", "2027-02-10", "over"),
        ("year", "2026-11-15", None, "2026-11-20", "2026-11-15", "2026-12-31", "open"),
    ],
)  # fmt: skip
def test_the_period_of_a_day(
    every: str | None,
    since: str | None,
    until: str | None,
    today: str,
    first: str | None,
    last: str | None,
    phase: str,
) -> None:
    """The month or year of today, cut by the goal's own dates; the nearest one outside of them."""
    days = [None if text is None else date.fromisoformat(text) for text in (since, until)]
    terms = replace(EUROS, every=Every(every) if every else None, since=days[0], until=days[1])
    now = date.fromisoformat(today)
    period = period_of(terms, now)
    found = [None if day is None else day.isoformat() for day in (period.first, period.last)]
    assert found == [first, last]
    assert period.phase(now) == phase


def test_periods_tile_the_time_of_a_goal() -> None:
    """Each day within a goal's dates lies in its own period, and all days of that share it."""
    chance = dice()
    for _ in range(2_000):
        terms = some_terms(chance)
        day = some_day(chance)
        period = period_of(terms, day)
        within = Period(terms.since, terms.until)
        assert (day in period) == (day in within)
        assert period.phase(day) is within.phase(day)
        if day in within:
            for edge in (period.first, period.last):
                if edge is not None:
                    assert edge in within
                    assert period_of(terms, edge) == period
            for edge, step in ((period.first, -1), (period.last, 1)):
                if edge is not None:
                    neighbour = edge + timedelta(days=step)
                    assert neighbour not in period
                    if neighbour in within:
                        assert period_of(terms, neighbour) != period


def test_every_moment_is_in_one_month_of_its_zone() -> None:
    """At changes of the clock and of the date line no gift is in two months, or in none."""
    chance = dice()
    monthly = replace(EUROS, every=Every.MONTH)
    for _ in range(2_000):
        zone = chance.choice(ZONES)
        day = some_day(chance)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        moment = int(midnight.timestamp()) + chance.choice([-3_601, -1, 0, 1, 3_600, 86_399])
        gift = ManualGift(1, "EUR", 2, moment)
        local = datetime.fromtimestamp(moment, zone).date()
        months = {period_of(monthly, local + timedelta(days=step)) for step in range(-40, 41, 8)}
        months.add(period_of(monthly, local))
        assert sum(manual_of([gift], "x", month, zone) != () for month in months) == 1
        assert manual_of([gift], "x", period_of(monthly, local), zone) == (gift,)


def test_the_hour_that_comes_twice_is_in_its_month() -> None:
    """The night of 25 October 2026 has two hours from 2 to 3 in Paris; both are October."""
    paris = ZoneInfo("Europe/Paris")
    for moment in (1_792_886_400 + hour * 3_600 for hour in range(4)):
        local = datetime.fromtimestamp(moment, paris)
        assert local.date() == date(2026, 10, 25)
    october = period_of(replace(EUROS, every=Every.MONTH), date(2026, 10, 25))
    last = int(datetime(2026, 10, 31, 23, 59, 59, tzinfo=paris).timestamp())
    assert manual_of([ManualGift(1, "EUR", 2, last)], "", october, paris)
    assert not manual_of([ManualGift(1, "EUR", 2, last + 1)], "", october, paris)


def test_per_cent_are_cut_and_go_on_past_the_goal() -> None:
    """99 until the last unit is there, then 100, and 130 where it is 130."""
    for received, percent, reached in (
        (0, 0, False), (49_999, 99, False), (50_000, 100, True), (65_000, 130, True),
    ):  # fmt: skip
        goal = measure(EUROS, TODAY, Fed(received), Fed())
        assert (goal.percent, goal.is_reached) == (percent, reached)


def test_what_came_another_way_counts_and_is_not_received() -> None:
    """Offset and manual gifts move the per cent, and leave `received` alone."""
    terms = replace(EUROS, offset=Elsewhere("virement", 12_000), milestones=(10_000, 34_000))
    goal = measure(terms, TODAY, Fed(20_000), Fed(5_000), [Elsewhere("", 2_000)])
    assert (goal.received, goal.pending, goal.collected) == (20_000, 5_000, 34_000)
    assert (goal.percent, goal.soon) == (68, 78)
    assert [each.units for each in goal.elsewhere] == [12_000, 2_000]
    assert [goal.has_reached(each) for each in goal.milestones] == [True, True]


def test_pending_reaches_nothing() -> None:
    """Neither the goal nor a milestone is reached by what is on its way."""
    goal = measure(replace(EUROS, milestones=(1,)), TODAY, Fed(), Fed(90_000))
    assert (goal.percent, goal.soon, goal.is_reached) == (0, 180, False)
    assert not goal.has_reached(1)


def test_gifts_without_a_value_are_counted_and_never_nothing() -> None:
    """Where something came and nothing of it is valued, how far the goal is is not known."""
    goal = measure(EUROS, TODAY, Fed(0, unvalued=2), Fed(0, unvalued=1))
    assert (goal.received, goal.percent, goal.unvalued) == (None, None, 3)
    goal = measure(EUROS, TODAY, Fed(100, unvalued=2), Fed())
    assert (goal.received, goal.unvalued) == (100, 2)
    goal = measure(EUROS, TODAY, Fed(), Fed(0, unvalued=1))
    assert (goal.received, goal.pending, goal.unvalued) == (0, None, 1)


FIGURES = {
    (BTC, DAY, Bucket.FINAL): Figure(units=100, transfers=2, minor=700, valued=2),
    (BTC, DAY, Bucket.CONFIRMED): Figure(units=50, transfers=1, minor=350, valued=1),
    (BTC, DAY, Bucket.PENDING): Figure(units=9, transfers=1, minor=63, valued=1),
    (ETH, DAY, Bucket.FINAL): Figure(units=10**18, transfers=3, minor=4_000, valued=2),
    (USDC, DAY, Bucket.FINAL): Figure(units=5 * 10**6, transfers=1, minor=432, valued=1),
    (BTC, DAY, Bucket.OWN): Figure(units=-100, transfers=1),
    (BTC, DAY, Bucket.EXCLUDED): Figure(units=7, transfers=1, minor=49, valued=1),
    (BTC, DAY, Bucket.OPENING): Figure(units=10**9, transfers=1),
    (OTHER, DAY, Bucket.FINAL): Figure(units=8, transfers=1, minor=56, valued=1),
}


def test_a_goal_in_a_currency_takes_all_coins_at_their_worth() -> None:
    """Every asset of the widget's addresses, and nothing of another address or of another kind."""
    goal = goal_of(EUROS, KEYS, TODAY, KEYS, FIGURES)
    assert (goal.received, goal.pending, goal.unvalued) == (700 + 350 + 4_000 + 432, 63, 1)


def test_a_goal_in_a_coin_counts_its_units_alone() -> None:
    """Neither other assets nor values have a part in it."""
    terms = Terms("BTC", 8, 1_000, milestones=(150,))
    goal = goal_of(terms, KEYS, TODAY, KEYS, FIGURES)
    assert (goal.received, goal.pending, goal.unvalued) == (150, 9, 0)
    assert feeding(terms, KEYS) == {BTC}
    assert feeding(EUROS, KEYS) == KEYS


def test_a_goal_is_unknown_while_one_of_its_histories_is_read() -> None:
    """A part of a sum is not the sum; of a coin only that coin has to be known."""
    for known in (frozenset[Key](), KEYS - {ETH}):
        goal = goal_of(EUROS, KEYS, TODAY, known, FIGURES)
        assert (goal.received, goal.pending, goal.percent) == (None, None, None)
    coin = goal_of(Terms("BTC", 8, 1_000), KEYS, TODAY, frozenset({BTC}), FIGURES)
    assert coin.received == 150


def test_manual_gifts_of_the_same_unit_count_and_others_are_not_valued() -> None:
    """Dollars and coins that were entered by hand have no value in euros yet."""
    gifts = [
        ManualGift(500, "EUR", 2, 0),
        ManualGift(700, "EUR", 2, 0),
        ManualGift(900, "USD", 2, 0),
        ManualGift(900, "BTC", 8, 0),
    ]
    goal = goal_of(EUROS, KEYS, TODAY, KEYS, FIGURES, gifts)
    assert goal.elsewhere == (Elsewhere("", 1_200),)
    assert goal.unvalued == 1 + 2
    coin = goal_of(Terms("BTC", 8, 1_000), KEYS, TODAY, KEYS, FIGURES, gifts)
    assert (coin.elsewhere, coin.unvalued) == ((Elsewhere("", 900),), 0)


def test_manual_gifts_belong_to_a_widget_or_to_all() -> None:
    """One that names a widget counts there alone."""
    gifts = [ManualGift(1, "EUR", 2, 0, widget) for widget in ("", "a", "b")]
    assert [gift.widget for gift in manual_of(gifts, "a", Period(), UTC)] == ["", "a"]


def test_only_gifts_move_a_goal() -> None:
    """Whatever order gifts come in, what stands is their sum; undoing one takes that one alone."""
    chance = dice()
    for _ in range(300):
        terms = some_terms(chance)
        figures = {
            (chance.choice([BTC, ETH, USDC]), f"2026-11-{day:02}", bucket): Figure(
                units=chance.randrange(10**9), transfers=1, minor=chance.randrange(10**6), valued=1
            )
            for day in range(1, chance.randint(2, 28))
            for bucket in (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING, Bucket.EXCLUDED)
        }
        whole = goal_of(terms, KEYS, TODAY, KEYS, figures)
        counted = [f for (_, _, b), f in figures.items() if b in (Bucket.FINAL, Bucket.CONFIRMED)]
        assert whole.received == sum(figure.minor for figure in counted)
        shuffled = dict(chance.sample([*figures.items()], len(figures)))
        assert goal_of(terms, KEYS, TODAY, KEYS, shuffled) == whole
        gone = chance.choice([*figures])
        less = goal_of(terms, KEYS, TODAY, KEYS, {p: f for p, f in figures.items() if p != gone})
        assert less.received is not None
        taken = figures[gone].minor if figures[gone] in counted else 0
        assert whole.received - less.received == taken
        assert (less.percent or 0) <= (whole.percent or 0)
        # To become final changes nothing.
        final: Figures = {
            (k, d, b): f for (k, d, b), f in figures.items() if b is not Bucket.CONFIRMED
        }
        for (key, day, bucket), figure in figures.items():
            if bucket is Bucket.CONFIRMED:
                place = key, day, Bucket.FINAL
                final[place] = final.get(place, Figure()) + figure
        assert goal_of(terms, KEYS, TODAY, KEYS, final) == whole


def test_a_key_is_added_up_once() -> None:
    """Sums are over sets of keys."""
    assert add_up(FIGURES, {BTC, OTHER}).units == 158
    assert add_up(FIGURES, KEYS | {BTC}).minor == 5_482
