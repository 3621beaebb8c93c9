"""Bitstamp: candles of every age, 1,000 at once.

Source: bitstamp.net/api, "OHLC data". No key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from donations.chains.base import server
from donations.errors import UpstreamMalformed
from donations.prices.candles import CARRY, WIDTHS, parse_candle, quotes_of
from donations.prices.source import Lacking, in_portions
from donations.reasons import Reason
from donations.sources.rest import Rest
from donations.sources.transport import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from donations.prices.candles import Candle
    from donations.prices.quote import Pair, Quote, Slot

URL: Final = "https://www.bitstamp.net"
_PAUSE = 1
_MOST = 1_000


class Bitstamp:
    """Our side of Bitstamp, or of what answers below ``url`` as it does."""

    name = "bitstamp"

    def __init__(self, url: str = URL) -> None:
        self.server = server(url)
        self._rest = Rest(url, _PAUSE)

    def is_dear(self, slot: Slot, now: int) -> bool:
        return False

    def portions(self, slots: Iterable[Slot], now: int) -> Iterator[Sequence[Slot]]:
        yield from in_portions(slots, _MOST - 2 - max(CARRY[s] // w for s, w in WIDTHS.items()))

    async def ask(self, pair: Pair, portion: Sequence[Slot], now: int) -> dict[Slot, Quote]:
        step = portion[0].step
        width = WIDTHS[step]
        first = (min(slot.start for slot in portion) - CARRY[step]) // width * width
        last = max(slot.start for slot in portion) // width * width
        count = (last - first) // width + 1
        path = f"/api/v2/ohlc/{pair.asset.lower()}{pair.currency.lower()}/"
        try:
            told = await self._rest.json(
                f"{path}?step={width}&limit={count}&start={first}&end={last}"
            )
        except NotFound:
            raise Lacking(f"it does not quote {pair}") from None
        return quotes_of(parse_candles(told, pair, width, now), portion, now)

    async def close(self) -> None:
        await self._rest.close()


def parse_candles(told: Any, pair: Pair, width: int, now: int) -> list[Candle]:
    """The candles of an answer. Raises UpstreamError."""
    data = told.get("data") if isinstance(told, dict) else None
    rows = data.get("ohlc") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(rows, list) or len(rows) > _MOST:
        raise UpstreamMalformed("no answer of the documented form")
    if data.get("pair") != str(pair):
        raise UpstreamMalformed(f"an answer that is not about {pair}", why=Reason.WRONG_ID)
    if not all(isinstance(row, dict) for row in rows):
        raise UpstreamMalformed("a row of another form")
    return [_candle(row, width, now) for row in rows]


def _candle(row: dict[str, Any], width: int, now: int) -> Candle:
    start = row.get("timestamp")
    if isinstance(start, str) and start.isascii() and start.isdecimal() and len(start) <= 12:
        start = int(start)
    prices = tuple(row.get(name) for name in ("open", "high", "low", "close"))
    return parse_candle(start, prices, width, now)
