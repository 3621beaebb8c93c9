"""What is asked of a source of prices, whatever protocol it speaks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from donations.errors import UpstreamError, UpstreamMalformed
from donations.prices.candles import WIDTHS
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from donations.prices.quote import Pair, Quote, Slot


class Lacking(UpstreamError):
    """The source answers, and does not quote the pair at all."""

    why = Reason.NOT_FOUND


class PriceSource(Protocol):
    """Our side of one source. ``name`` is the word for it in the configuration and in values,
    ``server`` where it is asked.
    """

    name: str
    server: str

    def portions(self, slots: Iterable[Slot], now: int) -> Iterator[Sequence[Slot]]:
        """The slots as they are asked for: one request for each portion, the newest first."""

    def is_dear(self, slot: Slot, now: int) -> bool:
        """Whether a slot takes a request of its own, and so is asked for only when needed."""

    async def ask(self, pair: Pair, portion: Sequence[Slot], now: int) -> dict[Slot, Quote]:
        """The quotes of those slots of a portion that it has; one request.

        Raises UpstreamError, Lacking among it.
        """

    async def close(self) -> None:
        """Drop the connection. The source can be used again."""


def in_portions(slots: Iterable[Slot], candles: int) -> Iterator[Sequence[Slot]]:
    """Slots of one step, in ranges of at most so many candles, the newest first."""
    by_step = sorted(set(slots), key=lambda slot: (slot.step, -slot.start))
    for step, same in groupby(by_step, key=lambda slot: slot.step):
        longest = candles * WIDTHS[step]
        portion: list[Slot] = []
        for slot in same:
            if portion and portion[0].end - slot.start > longest:
                yield portion
                portion = []
            portion.append(slot)
        yield portion


def rows_of(value: Any, length: int, most: int) -> list[list[Any]]:
    """A list of rows of at least ``length`` fields. Raises UpstreamMalformed."""
    if not isinstance(value, list) or len(value) > most:
        raise UpstreamMalformed("no list of rows, or one that is too long")
    if not all(isinstance(row, list) and len(row) >= length for row in value):
        raise UpstreamMalformed("a row of another form")
    return value
