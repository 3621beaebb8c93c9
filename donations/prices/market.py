"""Asks the sources for what is not known yet, and makes one price of what they tell.

First in the author's currency; where too few sources quote that, in euros or dollars, and across by
the rate of the European Central Bank.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from donations.errors import UpstreamError
from donations.kept_quotes import KeptQuote
from donations.prices.consensus import Doubt, Price, Unknown, agree
from donations.prices.quote import Pair, Quote, Slot, parse_price, price_text
from donations.prices.source import Lacking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from donations.prices.asked import Asked
    from donations.prices.rates import Crossing
    from donations.prices.source import PriceSource
    from donations.store import Store

# Where a price may come from when the author's currency is not quoted.
_BRIDGES: Final = ("EUR", "USD")
# Questions to one source in one look; more are for the next one, the newest first.
_AT_ONCE = 20
# Another currency may help then; not while the sources differ.
_GO_ON: Final = (Doubt.NOBODY, Doubt.TOO_FEW)

Verdict = Price | Unknown


@dataclass
class _Told:
    """What is known of the slots of one pair, by slot and source, and who told nothing why."""

    quotes: dict[Slot, dict[str, Quote]]
    silent: dict[str, str] = field(default_factory=dict)
    fresh: list[KeptQuote] = field(default_factory=list)

    def add(self, name: str, pair: Pair, quotes: Mapping[Slot, Quote]) -> None:
        for slot, quote in quotes.items():
            self.quotes.setdefault(slot, {})[name] = quote
            text = price_text(quote.price)
            self.fresh.append(
                KeptQuote(name, pair.asset, pair.currency, slot.step, slot.start, text, quote.time)
            )


class Market:
    """All configured sources. ``needed`` of them must tell a price alike."""

    def __init__(
        self,
        sources: Sequence[Asked[PriceSource]],
        crossing: Crossing,
        store: Store,
        currency: str,
    ) -> None:
        self.sources, self.crossing, self.currency = tuple(sources), crossing, currency
        self.needed = min(2, len(self.sources))
        self._store = store

    async def look(self, asset: str, slots: Iterable[Slot], now: int) -> dict[Slot, Verdict]:
        """A price of each slot, or why there is none. Raises StoreError."""
        open_slots = set(slots)
        verdicts: dict[Slot, Verdict] = dict.fromkeys(open_slots, agree({}, self.needed))
        for currency in dict.fromkeys((self.currency, *_BRIDGES)):
            if not open_slots or not self.sources:
                break
            pair = Pair(asset, currency)
            told = await self._told(pair, open_slots, now)
            for slot in tuple(open_slots):
                verdict = self._judge(told, slot)
                if isinstance(verdict, Price) and currency != self.currency:
                    verdict = await self.crossing.across(verdict, currency, slot.start, now)
                if isinstance(verdict, Price) or verdict.doubt not in _GO_ON:
                    open_slots.discard(slot)
                if isinstance(verdict, Price) or verdict.doubt is not Doubt.NOBODY:
                    verdicts[slot] = verdict
        return verdicts

    def _judge(self, told: _Told, slot: Slot) -> Verdict:
        verdict = agree(told.quotes.get(slot, {}), self.needed)
        if isinstance(verdict, Unknown) and verdict.doubt is not Doubt.DIFFER and told.silent:
            names = sorted(told.silent)
            why = "; ".join(f"{name}: {told.silent[name]}" for name in names)
            return Unknown(verdict.doubt, f"{verdict.text} ({why})")
        return verdict

    async def _told(self, pair: Pair, slots: set[Slot], now: int) -> _Told:
        told = _Told(await self._kept(pair, slots))
        await self._ask_all(pair, slots, told, now, dear=False)
        rest = {s for s in slots if isinstance(agree(told.quotes.get(s, {}), self.needed), Unknown)}
        if rest:
            await self._ask_all(pair, rest, told, now, dear=True)
        if told.fresh:
            await self._store.run(self._store.save_quotes, told.fresh)
        return told

    async def _kept(self, pair: Pair, slots: set[Slot]) -> dict[Slot, dict[str, Quote]]:
        names = {asked.name for asked in self.sources}
        wanted = [(slot.step, slot.start) for slot in slots]
        kept = await self._store.run(self._store.quotes, pair.asset, pair.currency, wanted)
        quotes: dict[Slot, dict[str, Quote]] = {}
        for one in kept:
            if one.source in names:
                slot = Slot(one.start, one.step)
                quote = Quote(parse_price(one.price), one.time)
                quotes.setdefault(slot, {})[one.source] = quote
        return quotes

    async def _ask_all(
        self, pair: Pair, slots: set[Slot], told: _Told, now: int, *, dear: bool
    ) -> None:
        """Ask every source at the same time, each one question after the other."""
        async with asyncio.TaskGroup() as group:
            for asked in self.sources:
                wanted = [
                    slot
                    for slot in slots
                    if asked.name not in told.quotes.get(slot, {})
                    and asked.source.is_dear(slot, now) == dear
                    and not asked.waits(pair, slot)
                ]
                if wanted and not asked.lacks(pair):
                    group.create_task(self._ask(asked, pair, wanted, told, now))

    async def _ask(
        self, asked: Asked[PriceSource], pair: Pair, slots: list[Slot], told: _Told, now: int
    ) -> None:
        portions = list(asked.source.portions(slots, now))
        for portion in portions[:_AT_ONCE]:
            try:
                quotes = await asked.ask(lambda p=portion: asked.source.ask(pair, p, now), pair)  # type: ignore[misc]
            except Lacking:
                return
            except UpstreamError as error:
                told.silent[asked.name] = str(error)
                return
            told.add(asked.name, pair, quotes)
            for slot in portion:
                if slot not in quotes:
                    asked.put_off(pair, slot)
        if len(portions) > _AT_ONCE:
            told.silent[asked.name] = "it is still being asked"

    async def close(self) -> None:
        for asked in self.sources:
            await asked.source.close()
        await self.crossing.close()
