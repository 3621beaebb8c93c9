"""PURE: prices as whole numbers, and the slots of time that they are asked for.

A price is an ``int`` of 10**-18 of the currency for ONE whole unit of the asset. No float and no
Decimal: what a source wrote is what is counted with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from donations.amounts import format_amount, parse_amount

DIGITS: Final = 18
ONE: Final = 10**DIGITS
# Nothing that is given costs more in any currency of the world, or less.
_LOWEST, _HIGHEST = 10**6, 10**15 * ONE

MINUTE, HALF_HOUR, HALF_DAY = 60, 1_800, 43_200
# Seconds of age up to which sources still tell minutes, and hours: Kraken keeps 720 of each.
_MINUTES_LAST, _HOURS_LAST = 10 * 3_600, 29 * 86_400


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """What is priced in what: ("BTC", "EUR")."""

    asset: str
    currency: str

    def __str__(self) -> str:
        return f"{self.asset}/{self.currency}"


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """The seconds from ``start`` (Unix, a multiple of ``step``) to before ``start + step``.

    All gifts of a slot are valued at one price, so that a long history needs few questions.
    """

    start: int
    step: int

    @property
    def end(self) -> int:
        return self.start + self.step


@dataclass(frozen=True, slots=True, order=True)
class Quote:
    """A price, and the moment (Unix seconds) it was one at, as one source tells it."""

    price: int
    time: int


def slot_of(moment: int, now: int) -> Slot:
    """The slot that a moment is priced in: the finest that sources tell for its age."""
    age = now - moment
    step = MINUTE if age < _MINUTES_LAST else HALF_HOUR if age < _HOURS_LAST else HALF_DAY
    return Slot(moment // step * step, step)


def parse_price(value: object) -> int:
    """Read a price as JSON or a text has it: digits, with at most one decimal point.

    Raises ValueError for a sign, an exponent, nothing, zero, or what nothing costs.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _HIGHEST:
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("a price is a number")
    try:
        price = parse_amount(value, DIGITS)
    except ValueError:
        raise ValueError("a price is digits with at most one decimal point") from None
    if price == 0:
        raise ValueError("a price is more than nothing")
    if not _LOWEST <= price <= _HIGHEST:
        raise ValueError("nothing costs so much, or so little")
    return price


def price_text(price: int) -> str:
    """The exact decimal text of a price: 60520000000000000000000 -> "60520"."""
    return format_amount(price, DIGITS)


def divide(numerator: int, denominator: int) -> int:
    """A quotient of positive numbers, rounded to the nearest, halves to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
