"""PURE: quotes of several sources -> one price, or the reason why there is none.

Of three and more the median, when another source is near it; of two the middle, when they are
near each other. One source alone is believed only where the configuration names one alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from donations.prices.quote import ONE, divide, price_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.prices.quote import Quote

# Markets with real trade are within one percent of each other, also on bad days.
TOLERANCE_PERCENT: Final = 5
# What is computed by way of a third currency is given with so many digits after the point.
_CROSS_STEP: Final = 10**8


class Doubt(StrEnum):
    """Why there is no price: a closed list."""

    NOBODY = "nobody"  # no source tells one
    TOO_FEW = "too-few"  # fewer sources tell one than must agree
    DIFFER = "differ"  # they tell different ones
    NO_RATE = "no-rate"  # a price in another currency, and no rate to the author's
    NOT_YET = "not-yet"  # the sources are still being asked
    FUTURE = "future"  # the moment is not here yet
    NO_MARKET = "no-market"  # a test network, or a token that cannot be told from its namesakes


@dataclass(frozen=True, slots=True)
class Price:
    """What sources agree on: ``price`` as in `quote`, as of ``time``, told by ``source``."""

    price: int
    time: int
    source: str

    @property
    def text(self) -> str:
        return price_text(self.price)


@dataclass(frozen=True, slots=True)
class Unknown:
    """No price, and why: ``text`` is a sentence without a point."""

    doubt: Doubt
    text: str


def agree(quotes: Mapping[str, Quote], needed: int) -> Price | Unknown:
    """One price of the quotes of one slot, by source; ``needed`` sources must tell it alike."""
    if not quotes:
        return Unknown(Doubt.NOBODY, "no source has a price")
    if len(quotes) < needed:
        names = " and ".join(sorted(quotes))
        return Unknown(Doubt.TOO_FEW, f"only {names} has a price, and {needed} must agree")
    rising = sorted(quote.price for quote in quotes.values())
    middle = len(rising) // 2
    if len(rising) % 2:
        price = rising[middle]
    elif are_near(rising[middle - 1], rising[middle]):
        price = divide(rising[middle - 1] + rising[middle], 2)
    else:
        return _differ(quotes)
    near = sorted(name for name, quote in quotes.items() if are_near(quote.price, price))
    if len(near) < needed:
        return _differ(quotes)
    return Price(price, min(quotes[name].time for name in near), " + ".join(near))


def are_near(one: int, other: int) -> bool:
    """Whether two prices differ by no more than the tolerance, of the lower one."""
    return abs(one - other) * 100 <= TOLERANCE_PERCENT * min(one, other)


def cross(price: Price, base_rate: int, rate: int, source: str) -> Price:
    """A price in another currency, by what one euro is worth in both.

    ``base_rate`` is for the currency of ``price``, ``rate`` for the other one, both of 10**-18, as
    told by ``source``. Rounded to ten decimals, halves to even.
    """
    exact = price.price * rate
    crossed = divide(exact, base_rate * _CROSS_STEP) * _CROSS_STEP
    # What is worth less than that keeps all its digits.
    return Price(
        crossed if crossed >= ONE // 10**4 else max(1, divide(exact, base_rate)),
        price.time,
        f"{price.source}, {source}",
    )


def _differ(quotes: Mapping[str, Quote]) -> Unknown:
    told = ", ".join(f"{name} {price_text(quotes[name].price)}" for name in sorted(quotes))
    return Unknown(Doubt.DIFFER, f"the sources differ by more than {TOLERANCE_PERCENT} %: {told}")
