"""What the store remembers of quotes, so that no source is asked for one twice."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from donations.kept_quotes import KeptQuote
from donations.prices.quote import Pair, Quote, Slot, parse_price, price_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.store import Store

# Of a slot, what each source told.
Told = dict[Slot, dict[str, Quote]]


class Memory:
    """Without a store it forgets everything at once."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store

    async def load(self, pair: Pair, slots: Iterable[Slot]) -> Told:
        """What was told of a pair. Raises StoreError."""
        told: Told = defaultdict(dict)
        if self._store is not None:
            wanted = [(slot.step, slot.start) for slot in slots]
            kept = await self._store.run(self._store.quotes, pair.asset, pair.currency, wanted)
            for one in kept:
                quote = Quote(parse_price(one.price), one.time)
                told[Slot(one.start, one.step)][one.source] = quote
        return told

    async def save(self, name: str, pair: Pair, quotes: Mapping[Slot, Quote]) -> None:
        """Keep what a source told. Raises StoreError."""
        if self._store is not None and quotes:
            rows = [
                KeptQuote(name, pair.asset, pair.currency, slot.step, slot.start,
                          price_text(quote.price), quote.time)
                for slot, quote in quotes.items()
            ]  # fmt: skip
            await self._store.run(self._store.save_quotes, rows)
