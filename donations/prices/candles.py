"""PURE: candles (what a market did in equal stretches of time) -> the quotes of slots.

A slot is priced at the nearer end of the candle it lies in: the first half at what it opened with,
the second at what it closed with. So a day's price is a price of that day.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from donations.errors import UpstreamMalformed
from donations.prices.quote import HALF_DAY, HALF_HOUR, MINUTE, Quote, Slot, parse_price
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds that the candles of a step are wide.
WIDTHS: Final = {MINUTE: 60, HALF_HOUR: 3_600, HALF_DAY: 86_400}
# Where nobody traded there is no candle; for so long the last price stays the price.
CARRY: Final = {MINUTE: 1_800, HALF_HOUR: 4 * 3_600, HALF_DAY: 0}
# A source may need so long to publish a candle, and clocks differ by less.
LATE_SECONDS: Final = 120


@dataclass(frozen=True, slots=True, order=True)
class Candle:
    """What a market did from ``start`` (Unix seconds) on; prices as in `quote`."""

    start: int
    open: int
    close: int


def parse_candle(start: object, prices: tuple[object, ...], width: int, now: int) -> Candle:
    """A candle from its start and its (open, high, low, close).

    Raises UpstreamMalformed for what is no price, and for what no market can do.
    """
    if not isinstance(start, int) or isinstance(start, bool) or start < 0 or start % width:
        raise UpstreamMalformed(f"a candle that begins at no multiple of {width} seconds")
    if start > now + LATE_SECONDS:
        raise UpstreamMalformed("a candle of the future", why=Reason.IMPOSSIBLE)
    try:
        opened, high, low, closed = (parse_price(price) for price in prices)
    except ValueError as error:
        raise UpstreamMalformed(str(error)) from None
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        raise UpstreamMalformed("a candle outside its own bounds", why=Reason.IMPOSSIBLE)
    return Candle(start, opened, closed)


def quotes_of(candles: Iterable[Candle], slots: Iterable[Slot], now: int) -> dict[Slot, Quote]:
    """The quotes of those of ``slots`` that the candles tell; all slots have one step.

    Raises UpstreamMalformed when two candles are of one time.
    """
    found: dict[int, Candle] = {}
    for candle in candles:
        if found.setdefault(candle.start, candle) is not candle:
            raise UpstreamMalformed("two candles of one time")
    starts = sorted(found)
    quotes = {}
    for slot in slots:
        quote = _quote(found, starts, slot, now)
        if quote is not None:
            quotes[slot] = quote
    return quotes


def _quote(found: dict[int, Candle], starts: list[int], slot: Slot, now: int) -> Quote | None:
    width = WIDTHS[slot.step]
    start = slot.start // width * width
    candle = found.get(start)
    if candle is not None:
        if slot.start == start:
            return Quote(candle.open, start)
        return Quote(candle.close, start + width) if start + width <= now else None
    if slot.end + LATE_SECONDS > now:
        return None
    place = bisect_right(starts, slot.start - width)
    if place == 0 or slot.start - (starts[place - 1] + width) > CARRY[slot.step]:
        return None
    before = found[starts[place - 1]]
    return Quote(before.close, before.start + width)
