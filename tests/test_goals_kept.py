"""Goals over what the store holds, against sums made gift by gift outside of it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from donations.books import Annotation, ManualGift, Writing
from donations.gathering import keys_of
from donations.goals import Every, Goal, Phase
from donations.ledger import Key, State
from donations.store import Store
from donations.summary import read_goals, read_known
from tests.chains.vectors import BTC, ETH
from tests.test_books import euros, save, transfer
from tests.test_config import FILE, read

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config
    from donations.goals import Terms
    from donations.ledger import Transfer

SEED = 20261126
PARIS = ZoneInfo("Europe/Paris")
NATIVE = (Key("btc", BTC, "BTC"), Key("eth", ETH, "ETH"))
TOP = f'timezone = "Europe/Paris"\n[addresses]\nbtc = "{BTC}"\neth = "{ETH}"\n'
_GOALS = (
    'amount = "500", currency = "EUR"',
    'amount = "500", currency = "EUR", every = "month"',
    'amount = "500", currency = "EUR", every = "year"',
    'amount = "500", currency = "EUR", from = 2026-03-29, until = 2026-10-25',
    'amount = "500", currency = "EUR", every = "month", from = 2026-02-10, until = 2026-11-07',
    'amount = "0.5", asset = "BTC", every = "month"',
    'amount = "0.5", asset = "ETH", from = 2026-12-31',
)
# Days at which something begins or ends in Paris: summer, winter, months and the year.
EDGES = ("2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01", "2026-03-29", "2026-03-30",
         "2026-10-24", "2026-10-25", "2026-10-26", "2026-10-31", "2026-11-01", "2026-12-31",
         "2027-01-01")  # fmt: skip


def midnight(day: str) -> int:
    """When a day begins in Paris."""
    return int(datetime.fromisoformat(day).replace(tzinfo=PARIS).timestamp())


def written() -> Config:
    """A configuration with every kind of goal."""
    tables = (f'[[widget]]\nslug = "w{n}"\ngoal = {{ {text} }}\n' for n, text in enumerate(_GOALS))
    return read(TOP + "".join(tables))


def opened(folder: Path, config: Config) -> Store:
    """A store of its own."""
    store = Store(folder / FILE.name, PARIS, "EUR")
    store.open(dict.fromkeys(config.chains, "mainnet"))
    for key in keys_of(config):
        save(store, transfer("0" * 64, 1, key=key, at=0))
        save(store, transfer("0" * 64, 1, key=key, at=0, state=State.DROPPED),
             before=[transfer("0" * 64, 1, key=key, at=0)])  # fmt: skip
    return store


def goals(config: Config, store: Store, now: int) -> list[Goal]:
    """How far each goal is."""
    found = read_goals(config, store, read_known(config, store, ()), now)
    return [goal for goal in found if goal is not None]


def lies_in(terms: Terms, moment: int, now: int) -> bool:
    """Whether a gift belongs to the period of now, told without the product's periods."""
    day, today = (datetime.fromtimestamp(each, PARIS).date() for each in (moment, now))
    if terms.since is not None:
        today = max(today, terms.since)
    if terms.until is not None:
        today = min(today, terms.until)
    length = {None: 0, Every.MONTH: 7, Every.YEAR: 4}[terms.every]
    same = day.isoformat()[:length] == today.isoformat()[:length]
    return same and (terms.since or day) <= day <= (terms.until or day)


def test_each_gift_is_in_its_period_at_every_edge(tmp_path: Path) -> None:
    """Second by second around midnights, in and out of summer time; valued, pending and not."""
    dice = random.Random(SEED)
    config = written()
    store = opened(tmp_path, config)
    worth: dict[str, int | None] = {}
    gifts: list[Transfer] = []
    for number, day in enumerate(EDGES * 3):
        at = midnight(day) + dice.choice([-1, 0, 1, 3_600, 7_200, 10_799, 10_800, 86_399])
        state = dice.choice([State.FINAL, State.CONFIRMED, State.SEEN])
        gift = transfer(f"{number:064x}", dice.randint(1, 10**8), key=dice.choice(NATIVE),
                        at=at, state=state)  # fmt: skip
        gift = replace(gift, first_seen=at)
        gifts.append(gift)
        save(store, gift)
        worth[gift.id] = dice.choice([None, dice.randint(1, 90_000)])
        value = worth[gift.id]
        if value is not None:
            store.save_valuations([(gift.key, gift.id, euros(value))])
    manual = [ManualGift(dice.randint(1, 999), "EUR", 2, midnight(day)) for day in EDGES]
    for each in manual:
        store.annotate(Annotation(Writing.MANUAL_GIFT, "me", 0, manual=each))
    for day in EDGES:
        for now in (midnight(day) - 1, midnight(day), midnight(day) + 86_399):
            for widget, goal in zip(config.widgets, goals(config, store, now), strict=True):
                terms = widget.goal
                assert terms is not None
                inside = [
                    gift
                    for gift in gifts
                    if (terms.fiat or gift.key.asset == terms.symbol)
                    and lies_in(terms, gift.received_at, now)
                ]
                for pending, said in ((False, goal.received), (True, goal.pending)):
                    some = [g for g in inside if (g.state is State.SEEN) == pending]
                    units = [worth[g.id] if terms.fiat else g.amount for g in some]
                    known = sum(unit for unit in units if unit is not None)
                    assert said == (None if None in units and not known else known)
                unvalued = sum(worth[gift.id] is None for gift in inside)
                assert goal.unvalued == (unvalued if terms.fiat else 0)
                hand = sum(m.amount for m in manual if lies_in(terms, m.received_at, now))
                assert sum(e.units for e in goal.elsewhere) == (hand if terms.fiat else 0)
    store.close()


def test_prices_take_no_goal_back_and_reorganisations_do(tmp_path: Path) -> None:
    """A later value changes nothing; a gift that leaves its block leaves the goal as well."""
    config = written()
    store = opened(tmp_path, config)
    now = midnight("2026-11-24")
    gift = replace(transfer("a" * 64, 10**6, key=NATIVE[0], at=now), first_seen=now)
    gift = replace(gift, state=State.CONFIRMED)
    save(store, gift)

    def first() -> tuple[int | None, int | None, bool]:
        goal = goals(config, store, now)[0]
        return goal.received, goal.pending, goal.is_reached

    store.save_valuations([(gift.key, gift.id, euros(50_000))])
    assert first() == (50_000, 0, True)
    store.save_valuations([(gift.key, gift.id, euros(1))])
    assert first() == (50_000, 0, True)
    away = replace(gift, state=State.SEEN, block=None)
    save(store, away, before=[gift])
    assert first() == (0, 50_000, False)
    gone = replace(away, state=State.DROPPED)
    save(store, gone, before=[away])
    assert first() == (0, 0, False)
    save(store, gift, before=[gone])
    assert first() == (50_000, 0, True)
    store.close()


def test_a_goal_says_when_it_is_not_yet_or_no_more(tmp_path: Path) -> None:
    """Before its days it waits with nothing in it; after them it stays as it was."""
    config = written()
    store = opened(tmp_path, config)
    for day, phase in (
        (date(2026, 3, 28), Phase.EARLY),
        (date(2026, 3, 29), Phase.OPEN),
        (date(2026, 10, 25), Phase.OPEN),
        (date(2026, 10, 26), Phase.OVER),
    ):
        last = midnight((day + timedelta(days=1)).isoformat()) - 1
        assert goals(config, store, last)[3].phase is phase
    store.close()
