"""Base units <-> decimal text. Money is ``int`` everywhere else.

No float and no Decimal: a binary float loses satoshis and a Decimal context rounds silently.
"""

from __future__ import annotations

import re

# 78 digits hold 2**256 - 1, the largest amount an ERC-20 contract can report.
MAX_DIGITS = 78
_DECIMAL = re.compile(r"([0-9]{1,78})(?:\.([0-9]{1,78}))?")
_INTEGER = re.compile(r"-?[0-9]{1,78}")


def parse_amount(text: str, decimals: int) -> int:
    """Read a decimal amount ("0.015") as base units.

    Raises ValueError for a sign, an exponent, too many digits, or more decimals than the asset has.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError("an amount is digits with at most one decimal point, such as 0.015")
    whole, fraction = match.group(1), (match.group(2) or "").rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f"more than {decimals} decimals")
    digits = whole + fraction.ljust(decimals, "0")
    if len(digits.lstrip("0")) > MAX_DIGITS:
        raise ValueError(f"more than {MAX_DIGITS} digits")
    return int(digits)


def parse_units(text: str) -> int:
    """Read an integer of base units as the store and JSON write it. Raises ValueError."""
    if _INTEGER.fullmatch(text) is None:
        raise ValueError("base units are a decimal integer of at most 78 digits")
    return int(text)


def format_amount(units: int, decimals: int) -> str:
    """Write base units as exact decimal text, without trailing zeros: 1500000, 8 -> "0.015"."""
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    whole, fraction = digits[:-decimals], digits[-decimals:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
