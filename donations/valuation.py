"""PURE: what a transfer was worth when it came, in whole minor units of one currency.

A value is frozen once: later prices never change it. A transfer without a value is *unknown*, never
zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from babel.numbers import get_currency_precision

_PRICE = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,30}))?")


@dataclass(frozen=True, slots=True)
class Valuation:
    """What one transfer was worth: ``minor`` units of ``currency``, with the sign of its amount.

    ``price`` is decimal text: so much of the currency for ONE whole unit of the asset, as
    ``source`` told it for the moment ``price_time``. ``valued_at`` is when it was frozen. Times are
    Unix seconds.
    """

    currency: str
    minor: int
    price: str
    price_time: int
    source: str
    valued_at: int


def minor_digits(currency: str) -> int:
    """How many decimals the minor unit of ``currency`` (ISO 4217) stands for: EUR 2, JPY 0.

    Source: Unicode CLDR, supplemental currency data.
    """
    return get_currency_precision(currency)


def worth(units: int, decimals: int, price: str, digits: int) -> int:
    """Minor units that base ``units`` are worth at ``price`` for one whole unit; half to even.

    ``decimals`` are the asset's, ``digits`` the currency's. Raises ValueError for a price that is
    not positive decimal text.
    """
    match = _PRICE.fullmatch(price)
    if match is None or not int(match.group(1) + (match.group(2) or "")):
        raise ValueError("a price is more than nothing, in digits with at most one decimal point")
    fraction = match.group(2) or ""
    numerator: int = abs(units) * int(match.group(1) + fraction) * 10**digits
    denominator: int = 10 ** (decimals + len(fraction))
    whole, rest = divmod(numerator, denominator)
    up = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return (whole + up) * (-1 if units < 0 else 1)
