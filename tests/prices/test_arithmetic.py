"""Prices are exact: what is read is what is written, and what is no price is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.prices.consensus import Price, cross
from donations.prices.quote import (
    HALF_DAY,
    HALF_HOUR,
    MINUTE,
    ONE,
    Slot,
    divide,
    parse_price,
    price_text,
    slot_of,
)

NOW = 1_764_000_000
PRICES = st.integers(10**6, 10**15 * ONE)


@given(PRICES)
def test_a_price_survives_its_text(price: int) -> None:
    """Reading what was written gives the same price, for all prices."""
    assert parse_price(price_text(price)) == price


@pytest.mark.parametrize(
    "value",
    [
        "0", "0.0", "-1", "+1", "1e400", "1e5", "1E5", "NaN", "Infinity", "-0", "", " 1", "1 ",
        "1,5", "1.", ".5", "1.2.3", "0x10", "\u0661", "1_000", None, True, False, [], {}, 0, -1,
        10**40, "9" * 79, "1000000000000000.1", "0.0000000000009", "1." + "0" * 30 + "1",
    ],
)  # fmt: skip
def test_what_is_no_price_is_refused(value: object) -> None:
    """Zero, negative, absurd, an exponent, no number, another script's digits, a wrong kind."""
    with pytest.raises(ValueError, match=r"price|nothing"):
        parse_price(value)


@given(st.integers(0, 10**40), st.integers(1, 10**40))
def test_division_rounds_half_to_even(numerator: int, denominator: int) -> None:
    """It is what Python's own exact fractions round to."""
    assert divide(numerator, denominator) == round(Fraction(numerator, denominator))


@given(PRICES, st.integers(ONE // 10**4, 10**6 * ONE), st.integers(ONE // 10**4, 10**6 * ONE))
def test_a_cross_is_off_by_less_than_its_last_digit(price: int, base: int, rate: int) -> None:
    """Ten decimals, rounded from the exact quotient; small ones keep all digits."""
    crossed = cross(Price(price, NOW, "kraken"), base, rate, "ECB 2025-11-24").price
    exact = Fraction(price * rate, base)
    step = 10**8 if crossed >= ONE // 10**4 else 1
    assert crossed >= 1
    assert abs(crossed - exact) * 2 <= step or crossed == 1


@given(st.integers(0, 10**9))
def test_a_moment_lies_in_its_slot(age: int) -> None:
    """The slot holds the moment, begins at a multiple of its step, and coarsens with age."""
    slot = slot_of(NOW - age, NOW)
    assert slot.start <= NOW - age < slot.end
    assert slot.start % slot.step == 0
    assert slot.step == (MINUTE if age < 36_000 else HALF_HOUR if age < 2_505_600 else HALF_DAY)


def test_slots_of_a_day_are_its_halves() -> None:
    """The second half of a day in UTC begins at noon."""
    noon = 1_600_000_000 // 86_400 * 86_400 + 43_200
    assert slot_of(noon, NOW) == Slot(noon, HALF_DAY)
    assert slot_of(noon - 1, NOW) == Slot(noon - 43_200, HALF_DAY)
