"""Coinbase Exchange: candles of every age, 300 at once, none where nobody traded.

Source: docs.cdp.coinbase.com, Exchange REST API, "Get product candles". No key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from donations.chains.base import server
from donations.prices.candles import CARRY, WIDTHS, parse_candle, quotes_of
from donations.prices.source import Lacking, in_portions, rows_of
from donations.sources.rest import Rest
from donations.sources.transport import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from donations.prices.candles import Candle
    from donations.prices.quote import Pair, Quote, Slot

URL: Final = "https://api.exchange.coinbase.com"
_PAUSE = 1
_MOST = 300


class Coinbase:
    """Our side of Coinbase Exchange, or of what answers below ``url`` as it does."""

    name = "coinbase"

    def __init__(self, url: str = URL) -> None:
        self.server = server(url)
        self._rest = Rest(url, _PAUSE)

    def is_dear(self, slot: Slot, now: int) -> bool:
        return False

    def portions(self, slots: Iterable[Slot], now: int) -> Iterator[Sequence[Slot]]:
        # Both ends are told, and what comes before for where nobody traded.
        yield from in_portions(slots, _MOST - 2 - max(CARRY[s] // w for s, w in WIDTHS.items()))

    async def ask(self, pair: Pair, portion: Sequence[Slot], now: int) -> dict[Slot, Quote]:
        step = portion[0].step
        width = WIDTHS[step]
        first = (min(slot.start for slot in portion) - CARRY[step]) // width * width
        last = max(slot.start for slot in portion) // width * width
        path = f"/products/{pair.asset}-{pair.currency}/candles"
        query = f"granularity={width}&start={_written(first)}&end={_written(last)}"
        try:
            told = await self._rest.json(f"{path}?{query}")
        except NotFound:
            raise Lacking(f"it does not quote {pair}") from None
        return quotes_of(parse_candles(told, width, now), portion, now)

    async def close(self) -> None:
        await self._rest.close()


def parse_candles(told: Any, width: int, now: int) -> list[Candle]:
    """The candles of an answer: [time, low, high, open, close, volume]. Raises UpstreamError."""
    return [
        parse_candle(row[0], (row[3], row[2], row[1], row[4]), width, now)
        for row in rows_of(told, 6, _MOST + 50)
    ]


def _written(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
