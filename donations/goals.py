"""PURE: what is collected for, in which period, and how far it is.

A goal in a currency is fed by what each gift was worth when it came, a value that is frozen; a
goal in a coin by units of that coin. So prices cannot take back a goal that was reached: only a
gift that is undone can.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Every(StrEnum):
    """How often a goal begins anew."""

    MONTH = "month"
    YEAR = "year"


class Phase(StrEnum):
    """Where a day lies: before the goal's dates, within them, or after them."""

    EARLY = "early"
    OPEN = "open"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What came another way than to an address that is watched; ``label`` is the author's word."""

    label: str
    units: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the author collects for.

    Amounts are base units of the asset ``symbol``, or minor units of the currency ``symbol``
    (``fiat``). The days ``since`` and ``until`` are both within, in the configured time zone.
    ``offset`` counts in every period.
    """

    symbol: str
    decimals: int
    target: int
    fiat: bool = False
    every: Every | None = None
    since: date | None = None
    until: date | None = None
    milestones: tuple[int, ...] = ()
    offset: Elsewhere | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Days, the first and the last one included; None where there is no end."""

    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        return not (
            (self.first is not None and day < self.first)
            or (self.last is not None and day > self.last)
        )

    def phase(self, day: date) -> Phase:
        """Where ``day`` lies."""
        if self.first is not None and day < self.first:
            return Phase.EARLY
        return Phase.OPEN if day in self else Phase.OVER


@dataclass(frozen=True, slots=True)
class Fed:
    """What gifts bring to a goal, in its units; ``unvalued`` gifts bring nobody knows what."""

    units: int = 0
    unvalued: int = 0


@dataclass(frozen=True, slots=True)
class Goal:
    """How far a goal is. Amounts are in the units of its `Terms`.

    ``received`` and ``pending`` are None while they are not known. ``elsewhere`` came another way
    and is never within ``received``; both count toward the target. ``unvalued`` is how many gifts
    of the period, pending ones included, have no value yet.
    """

    symbol: str
    decimals: int
    target: int
    received: int | None
    pending: int | None
    fiat: bool = False
    milestones: tuple[int, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    unvalued: int = 0
    every: Every | None = None
    period: Period = Period()
    phase: Phase = Phase.OPEN

    @property
    def collected(self) -> int | None:
        """All that counts toward the target; None while it is not known."""
        if self.received is None:
            return None
        return self.received + sum(each.units for each in self.elsewhere)

    @property
    def percent(self) -> int | None:
        """Whole per cent of the target, cut: 99 until it is reached, and more than 100 after."""
        collected = self.collected
        return None if collected is None else collected * 100 // self.target

    @property
    def soon(self) -> int | None:
        """The same with what is pending."""
        collected = self.collected
        return None if collected is None else (collected + (self.pending or 0)) * 100 // self.target

    @property
    def is_reached(self) -> bool:
        """Whether the target is reached by what is known; what is pending does not count."""
        collected = self.collected
        return collected is not None and collected >= self.target

    def has_reached(self, milestone: int) -> bool:
        """The same of a milestone."""
        collected = self.collected
        return collected is not None and collected >= milestone


def period_of(terms: Terms, today: date) -> Period:
    """The period that is shown on a day: the first before the dates, the last after them."""
    day = max(today, terms.since) if terms.since is not None else today
    day = min(day, terms.until) if terms.until is not None else day
    if terms.every is Every.MONTH:
        _, days = calendar.monthrange(day.year, day.month)
        whole = Period(day.replace(day=1), day.replace(day=days))
    elif terms.every is Every.YEAR:
        whole = Period(date(day.year, 1, 1), date(day.year, 12, 31))
    else:
        return Period(terms.since, terms.until)
    first, last = whole.first, whole.last
    return Period(
        first if terms.since is None or first is None else max(first, terms.since),
        last if terms.until is None or last is None else min(last, terms.until),
    )


def measure(
    terms: Terms,
    today: date,
    received: Fed | None,
    pending: Fed | None,
    elsewhere: Sequence[Elsewhere] = (),
) -> Goal:
    """How far the goal is in the period of ``today``.

    ``received`` and ``pending`` are those of that period, None while they are not known;
    ``elsewhere`` is what the author entered for it, besides the fixed offset.
    """
    period = period_of(terms, today)
    offset = () if terms.offset is None else (terms.offset,)
    return Goal(
        symbol=terms.symbol,
        decimals=terms.decimals,
        target=terms.target,
        received=_known(received),
        pending=_known(pending),
        fiat=terms.fiat,
        milestones=terms.milestones,
        elsewhere=(*offset, *elsewhere),
        unvalued=sum(each.unvalued for each in (received, pending) if each is not None),
        every=terms.every,
        period=period,
        phase=period.phase(today),
    )


def _known(fed: Fed | None) -> int | None:
    """None too where something came and nothing of it is valued: that is not nothing."""
    if fed is None or (fed.unvalued and not fed.units):
        return None
    return fed.units
