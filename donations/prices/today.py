"""What things cost today, apart from what gifts were worth when they came.

A price that cannot be had leaves the last one, with its age: whoever shows it says how old it is.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from donations.errors import StoreError
from donations.overview import Price
from donations.prices import consensus
from donations.prices.asked import unix_now
from donations.prices.memory import Memory
from donations.prices.quote import slot_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

    from donations.prices.market import Market
    from donations.prices.setup import Asset
    from donations.store import Store

logger = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 600
FACT: Final = "prices:today"
# Sources have published what happened so long ago.
BEHIND: Final = 180


class TodayPrices:
    """By symbol, kept over a restart."""

    def __init__(
        self,
        market: Market,
        assets: Iterable[Asset],
        store: Store,
        changed: Callable[[], object],
        clock: Callable[[], int] = unix_now,
    ) -> None:
        self._market, self._store, self._changed, self._clock = market, store, changed, clock
        self._symbols = sorted({asset.symbol for asset in assets if asset.no_market is None})
        self._prices: dict[str, Price] = {}

    @property
    def prices(self) -> Mapping[str, Price]:
        return self._prices

    async def load(self) -> None:
        """Take up what was known before, if the store can tell."""
        try:
            facts = await self._store.run(self._store.facts)
        except StoreError as error:
            logger.error("what things cost cannot be read: %s", error)
        else:
            self._prices = read_today(facts, self._market.currency)

    async def run(self, due: asyncio.Event) -> None:
        """Ask whenever it is ``due``, until cancelled."""
        while True:
            try:
                await self.refresh()
            except StoreError as error:
                logger.error("what things cost today cannot be remembered: %s", error)
            await due.wait()
            due.clear()

    async def refresh(self) -> None:
        """Ask once. Raises StoreError."""
        now = self._clock()
        slot = slot_of(now - BEHIND, now)
        fresh = dict(self._prices)
        for symbol in self._symbols:
            verdict = (await self._market.look(symbol, [slot], now, Memory()))[slot]
            if isinstance(verdict, consensus.Price):
                fresh[symbol] = Price(verdict.text, verdict.time, verdict.source)
        if fresh != self._prices:
            self._prices = fresh
            await self._store.run(self._store.remember, FACT, self._written())
            self._changed()

    def _written(self) -> str:
        prices = {
            symbol: {"price": each.price, "at": each.at, "source": each.source}
            for symbol, each in self._prices.items()
        }
        return json.dumps({"currency": self._market.currency, "prices": prices})


def read_today(facts: Mapping[str, str], currency: str) -> dict[str, Price]:
    """What was kept last in a currency, by symbol; ``facts`` are those of the store."""
    told = json.loads(facts.get(FACT, "{}"))
    if told.get("currency") != currency:
        return {}
    return {
        symbol: Price(each["price"], each["at"], each["source"])
        for symbol, each in told["prices"].items()
    }
