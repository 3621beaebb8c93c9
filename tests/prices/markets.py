"""A market over simulated exchanges, at a moment of the test's choosing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from donations.demo.markets import Markets
from donations.prices.asked import Asked
from donations.prices.bitstamp import Bitstamp
from donations.prices.coinbase import Coinbase
from donations.prices.ecb import Ecb
from donations.prices.kraken import Kraken
from donations.prices.market import Market
from donations.prices.rates import Crossing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from donations.prices.source import PriceSource

# Wednesday, 25 November 2026, 12:00:30 UTC.
NOW = 1_795_608_030
DAY = 86_400
SOURCES: dict[str, Callable[[str], PriceSource]] = {
    "kraken": Kraken,
    "coinbase": Coinbase,
    "bitstamp": Bitstamp,
}


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def market_on(
    markets: Markets,
    currency: str = "EUR",
    names: Sequence[str] = ("kraken", "coinbase", "bitstamp"),
    clock: Clock | None = None,
) -> Market:
    clock = clock or Clock()
    sources: list[Asked[PriceSource]] = [
        Asked(name, SOURCES[name](markets.urls[name]), clock) for name in names
    ]
    ecb = Ecb({"USD", currency}, markets.urls["ecb"])
    crossing = Crossing(Asked("ecb", ecb, clock), currency)
    return Market(sources, crossing, currency)


@asynccontextmanager
async def market(
    currency: str = "EUR",
    names: Sequence[str] = ("kraken", "coinbase", "bitstamp"),
    clock: Clock | None = None,
) -> AsyncIterator[tuple[Markets, Market]]:
    """Exchanges where it is always NOW, and a market over them."""
    async with Markets(lambda: NOW) as markets:
        made = market_on(markets, currency, names, clock)
        try:
            yield markets, made
        finally:
            await made.close()
