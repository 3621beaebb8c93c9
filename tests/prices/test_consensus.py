"""What several sources tell becomes one price only where they tell it alike."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from donations.prices.consensus import TOLERANCE_PERCENT, Doubt, Price, Unknown, agree, are_near
from donations.prices.quote import ONE, Quote, parse_price

NAMES = ("bitstamp", "coinbase", "kraken", "fourth", "fifth")
AT = 1_764_000_000
PRICES = st.integers(10**12, 10**8 * ONE)


def quotes(*prices: int | str) -> dict[str, Quote]:
    whole = [parse_price(p) if isinstance(p, str) else p for p in prices]
    return {name: Quote(price, AT) for name, price in zip(NAMES, whole, strict=False)}


@given(st.lists(PRICES, min_size=1, max_size=5))
def test_a_price_is_the_median_of_what_is_told(prices: list[int]) -> None:
    """Never anything else, and only with another source near it."""
    told = agree(quotes(*prices), 2)
    if isinstance(told, Price):
        assert abs(told.price - median(Fraction(p) for p in prices)) <= Fraction(1, 2)
        near = [price for price in prices if are_near(price, told.price)]
        assert len(near) >= 2
        assert len(told.source.split(" + ")) == len(near)


@given(PRICES, PRICES)
def test_two_are_believed_when_they_are_near(one: int, other: int) -> None:
    """Then their middle; else neither, and the reason says both."""
    told = agree(quotes(one, other), 2)
    apart = abs(one - other) * 100 > TOLERANCE_PERCENT * min(one, other)
    assert isinstance(told, Unknown) == apart
    if isinstance(told, Unknown):
        assert told.doubt is Doubt.DIFFER


@given(PRICES, st.lists(PRICES, min_size=1, max_size=2))
def test_who_lies_alone_moves_no_price(price: int, lies: list[int]) -> None:
    """Of three, one may tell anything: the price stays between those of the two honest ones."""
    honest = [price, price + price // 1_000]
    told = agree(quotes(*honest, lies[0]), 2)
    assert isinstance(told, Price)
    assert honest[0] <= told.price <= honest[1]


@given(st.permutations([*zip(NAMES, (100, 101, 103, 250, 99), strict=True)]))
def test_order_is_nothing(order: list[tuple[str, int]]) -> None:
    """The same quotes in another order give the same price and the same words."""
    told = agree({name: Quote(price * ONE, AT) for name, price in order}, 2)
    assert told == Price(101 * ONE, AT, "bitstamp + coinbase + fifth + kraken")


@given(st.lists(PRICES, min_size=2, max_size=5), st.integers(2, 1_000))
def test_another_scale_is_the_same_verdict(prices: list[int], factor: int) -> None:
    """A currency of smaller units changes no verdict."""
    assume(len(set(prices)) == len(prices))
    one, other = agree(quotes(*prices), 2), agree(quotes(*(p * factor for p in prices)), 2)
    assert isinstance(one, Price) == isinstance(other, Price)


@pytest.mark.parametrize(
    ("prices", "needed", "doubt"),
    [
        ((), 1, Doubt.NOBODY),
        ((), 2, Doubt.NOBODY),
        (("50000",), 2, Doubt.TOO_FEW),
        (("50000", "52501"), 2, Doubt.DIFFER),
        (("1", "2", "3"), 2, Doubt.DIFFER),
        (("100", "100", "200", "200"), 2, Doubt.DIFFER),
    ],
)
def test_no_price_is_invented(prices: tuple[str, ...], needed: int, doubt: Doubt) -> None:
    """Nobody, too few, or too far apart: unknown, and the reason is one of a closed list."""
    told = agree(quotes(*prices), needed)
    assert isinstance(told, Unknown)
    assert told.doubt is doubt


def test_one_source_is_believed_where_it_is_alone_by_configuration() -> None:
    """And says so by its name alone."""
    told = agree({"kraken": Quote(5 * ONE, AT)}, 1)
    assert told == Price(5 * ONE, AT, "kraken")


def test_the_middle_of_two_is_exact_and_as_old_as_the_older() -> None:
    """60,520 and 60,520.01 make 60,520.005."""
    told = agree(
        {"kraken": Quote(60_520 * ONE, AT), "coinbase": Quote(6_052_001 * ONE // 100, AT - 30)}, 2
    )
    assert isinstance(told, Price)
    assert (told.text, told.time, told.source) == ("60520.005", AT - 30, "coinbase + kraken")
