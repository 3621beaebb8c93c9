"""Asks the sources for what is not known yet, and makes one price of what they tell.

First in the author's currency; where too few sources quote that, in euros or dollars, and across by
the rate of the European Central Bank.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from donations.errors import UpstreamError
from donations.prices.consensus import Doubt, Price, Unknown, agree
from donations.prices.quote import Pair
from donations.prices.source import Lacking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from donations.prices.asked import Asked
    from donations.prices.ecb import Ecb
    from donations.prices.memory import Memory, Told
    from donations.prices.quote import Quote, Slot
    from donations.prices.rates import Crossing
    from donations.prices.source import PriceSource
    from donations.reasons import Reason

# Where a price may come from when the author's currency is not quoted.
_BRIDGES: Final = ("EUR", "USD")
# Questions to one source in one look; more are for the next one, the newest first.
_AT_ONCE: Final = 20
# Another currency may help then; not while the sources differ.
_GO_ON: Final = (Doubt.NOBODY, Doubt.TOO_FEW)

Verdict = Price | Unknown


@dataclass
class _Look:
    """What is known of the slots of one pair, and which sources were not heard, and why."""

    pair: Pair
    slots: set[Slot]
    now: int
    told: Told
    silent: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, dict[Slot, Quote]] = field(default_factory=dict)
    again: set[Slot] = field(default_factory=set)  # was told, and is asked for once more
    unfinished: bool = False  # whether questions are left that may be asked at once

    def hear(self, name: str, quotes: Mapping[Slot, Quote]) -> None:
        for slot, quote in quotes.items():
            self.told.setdefault(slot, {})[name] = quote
            self.fresh.setdefault(name, {})[slot] = quote

    def judge(self, slot: Slot, names: Iterable[str], needed: int) -> Verdict:
        quotes = self.told.get(slot, {})
        verdict = agree({name: quotes[name] for name in names if name in quotes}, needed)
        if isinstance(verdict, Unknown) and verdict.doubt in _GO_ON and self.silent:
            why = "; ".join(f"{name}: {self.silent[name]}" for name in sorted(self.silent))
            doubt = Doubt.NOT_YET if self.unfinished else verdict.doubt
            return Unknown(doubt, f"{verdict.text} ({why})")
        return verdict


class Market:
    """All configured sources, ``needed`` of which must tell a price alike."""

    def __init__(
        self,
        sources: Sequence[Asked[PriceSource]],
        crossing: Crossing,
        currency: str,
    ) -> None:
        self.sources, self.crossing, self.currency = tuple(sources), crossing, currency
        self.needed = min(2, len(self.sources))

    async def look(
        self, asset: str, slots: Iterable[Slot], now: int, memory: Memory
    ) -> dict[Slot, Verdict]:
        """A price of each slot, or why there is none. Raises StoreError."""
        open_slots = set(slots)
        verdicts: dict[Slot, Verdict] = dict.fromkeys(open_slots, agree({}, self.needed))
        for currency in dict.fromkeys((self.currency, *_BRIDGES)):
            if not open_slots or not self.sources:
                break
            look = await self._ask(Pair(asset, currency), set(open_slots), now, memory)
            for slot in look.slots:
                verdict = self._judge(look, slot)
                if isinstance(verdict, Price) and currency != self.currency:
                    verdict = await self.crossing.across(verdict, currency, slot.start, now)
                if isinstance(verdict, Price) or verdict.doubt not in _GO_ON:
                    open_slots.discard(slot)
                is_news = isinstance(verdict, Price) or verdict.doubt is not Doubt.NOBODY
                if is_news or currency == self.currency:
                    verdicts[slot] = verdict
        return verdicts

    def _judge(self, look: _Look, slot: Slot) -> Verdict:
        return look.judge(slot, [asked.name for asked in self.sources], self.needed)

    async def _ask(self, pair: Pair, slots: set[Slot], now: int, memory: Memory) -> _Look:
        look = _Look(pair, slots, now, await memory.load(pair, slots))
        look.again = self._differing(look)
        await self._ask_all(look, slots, dear=False)
        rest = {slot for slot in slots if isinstance(self._judge(look, slot), Unknown)}
        await self._ask_all(look, rest, dear=True)
        for name, quotes in look.fresh.items():
            await memory.save(name, pair, quotes)
        for slot in self._differing(look):
            for asked in self.sources:
                if not asked.waits(pair, slot):
                    asked.put_off(pair, [slot])
        return look

    def _differing(self, look: _Look) -> set[Slot]:
        """What sources tell differently, one of them wrongly: it may tell otherwise later."""
        verdicts = {slot: self._judge(look, slot) for slot in look.slots}
        return {
            slot
            for slot, verdict in verdicts.items()
            if isinstance(verdict, Unknown) and verdict.doubt is Doubt.DIFFER
        }

    async def _ask_all(self, look: _Look, slots: set[Slot], *, dear: bool) -> None:
        """Ask every source at the same time, each one question after the other."""
        async with asyncio.TaskGroup() as group:
            for asked in self.sources:
                wanted = [
                    slot
                    for slot in slots
                    if (asked.name not in look.told.get(slot, {}) or slot in look.again)
                    and asked.source.is_dear(slot, look.now) == dear
                    and not asked.waits(look.pair, slot)
                ]
                if wanted and not asked.lacks(look.pair):
                    group.create_task(self._ask_one(look, asked, wanted))

    async def _ask_one(self, look: _Look, asked: Asked[PriceSource], slots: list[Slot]) -> None:
        portions = list(asked.source.portions(slots, look.now))
        for portion in portions[:_AT_ONCE]:
            question = asked.source.ask(look.pair, portion, look.now)
            try:
                quotes = await asked.ask(question, look.pair)
            except Lacking:
                return
            except UpstreamError as error:
                look.silent[asked.name] = str(error)
                return
            look.hear(asked.name, quotes)
            asked.put_off(look.pair, (slot for slot in portion if slot not in quotes))
        if len(portions) > _AT_ONCE:
            look.silent[asked.name] = "it is still being asked"
            look.unfinished = True

    @property
    def asked(self) -> tuple[Asked[PriceSource] | Asked[Ecb], ...]:
        """Everybody who may be asked."""
        return (*self.sources, self.crossing.ecb)

    def causes(self) -> set[Reason]:
        """Why sources fail now."""
        return {asked.error.why for asked in self.asked if asked.error is not None}

    async def close(self) -> None:
        for asked in self.sources:
            await asked.source.close()
        await self.crossing.close()
