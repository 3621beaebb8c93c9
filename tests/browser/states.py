"""Every state of the widget, as snapshots that the tests and the gallery show."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from typing import Any

from donations.goals import Elsewhere, Every, Goal, Period, Phase
from donations.snapshot import Freshness, Gift, Part, Snapshot, Stage, Sum
from tests.web.samples import snapshot

EVIL = "1BitcoinEaterAddressDontSendf59kuE"
NOW = int(time.time())
_MONTH = Period(date(2026, 11, 1), date(2026, 11, 30))
_BASE = snapshot(observed=NOW - 90)


def _goal(received: int, pending: int = 0) -> Goal:
    return Goal("BTC", 8, target=50_000_000, received=received, pending=pending)


def _euros(received: int | None, pending: int | None = 0, **more: Any) -> Goal:
    return Goal("EUR", 2, 50_000, received, pending, fiat=True, **more)


def _sums(snapshot: Snapshot, *units: int) -> Snapshot:
    coins = (
        replace(coin, sums=(Sum(coin.symbol, coin.decimals, final, 0, 0),), gifts=3)
        for coin, final in zip(snapshot.coins, units, strict=True)
    )
    return replace(snapshot, coins=tuple(coins))


def captured() -> Snapshot:
    """What a service says that was taken over: another Bitcoin address."""
    first, *others = _BASE.coins
    other = replace(first, address=EVIL, payment=f"bitcoin:{EVIL}", link=f"bitcoin:{EVIL}")
    return replace(_BASE, coins=(other, *others))


_CONFIRMED = tuple(
    replace(gift, stage=Stage.CONFIRMED if gift.stage is Stage.PENDING else gift.stage)
    for gift in _BASE.gifts
)
_NO_GIFTS = _sums(replace(_BASE, gifts=(), goal=_goal(0)), 0, 0, 0)

STATES: dict[str, Snapshot] = {
    "pending": _BASE,
    "fresh": replace(_sums(_BASE, 15_500_000, 123_456_789, 10**18), goal=_goal(15_500_000)),
    "confirmed": replace(_BASE, gifts=_CONFIRMED, goal=_goal(15_620_000)),
    "stale": snapshot(Freshness.STALE, observed=NOW - 5 * 3600),
    "disagree": snapshot(Freshness.DISAGREE, observed=NOW - 900),
    "never": snapshot(Freshness.NEVER),
    "goal-reached": replace(_BASE, goal=_goal(50_000_000)),
    "goal-exceeded": replace(_BASE, goal=_goal(123_456_789, 1_000_000)),
    "goal-mostly-pending": replace(_BASE, goal=_goal(5_000_000, 40_000_000)),
    "goal-monthly": replace(_BASE, goal=_euros(34_050, 2_500, every=Every.MONTH, period=_MONTH)),
    "goal-everything": replace(
        _BASE,
        goal=_euros(
            34_050,
            12_500,
            milestones=(10_000, 25_000, 45_000),
            elsewhere=(Elsewhere("virement", 12_000), Elsewhere("", 5_000)),
            unvalued=2,
            period=Period(None, _MONTH.last),
        ),
    ),
    "goal-of-the-past": replace(
        _BASE,
        goal=_euros(65_000, milestones=(25_000, 60_000), period=_MONTH, phase=Phase.OVER),
    ),
    "goal-not-valued": replace(_BASE, goal=_euros(None, None, unvalued=3, milestones=(10_000,))),
    "only-codes": replace(
        _BASE,
        goal=None,
        gifts=(),
        coins=tuple(replace(coin, sums=None, gifts=0) for coin in _BASE.coins),
        hidden=frozenset(Part),
    ),
    "no-goal": replace(_BASE, goal=None),
    "no-gifts": _NO_GIFTS,
    "long-history": replace(
        _BASE,
        gifts=tuple(
            Gift("btc", "BTC", 8, 10_000 * n, Stage.FINAL, NOW - n * 20 * 86_400)
            for n in range(1, 11)
        ),
    ),
    "very-large": replace(
        _sums(_BASE, 2_099_999_999_999_999, 2_099_999_999_999_999, 10**26 + 123_456_789),
        goal=Goal("BTC", 8, 2_100_000_000_000_000, 2_099_999_999_999_999, 1),
        gifts=(Gift("btc", "BTC", 8, 2_099_999_999_999_999, Stage.FINAL, NOW - 86_400),),
    ),
    "very-small": replace(
        _sums(_BASE, 1, 1, 1),
        goal=_goal(1),
        gifts=(Gift("eth", "ETH", 18, 1, Stage.CONFIRMED, NOW - 60),),
    ),
    "long-title": replace(_BASE, title="Les carnets d’un promeneur du mardi, chronique " * 3),
}
# The sample, and a gift that was not there before.
ARRIVED = replace(
    _BASE,
    gifts=(Gift("btc", "BTC", 8, 2_500_000, Stage.PENDING, NOW), *_BASE.gifts[:2]),
    goal=_goal(15_500_000, 2_620_000),
)
