"""Kraken: candles of the last 720 minutes, hours and days, and single trades before that.

Source: docs.kraken.com, Spot REST, "Get OHLC Data" and "Get Recent Trades". No key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from donations.chains.base import server
from donations.errors import UpstreamError, UpstreamMalformed, UpstreamUnavailable
from donations.prices.candles import CARRY, LATE_SECONDS, WIDTHS, parse_candle, quotes_of
from donations.prices.quote import HALF_DAY, Quote, parse_price
from donations.prices.source import Lacking, in_portions, rows_of
from donations.reasons import Reason
from donations.sources.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from donations.prices.candles import Candle
    from donations.prices.quote import Pair, Slot

URL: Final = "https://api.kraken.com"
# Fifteen requests in forty-five seconds.
_PAUSE = 3
_CANDLES = 720
_KEPT_SECONDS = 715 * 86_400
_MOST_TRADES = 1_000
# The last trades of a day are looked for in its last hour, the first in its first six.
_LAST, _FIRST = 3_600, 6 * 3_600
# Its old names of what is older than itself; answers use them, or the ones of today.
_OLD = {
    "BTC": ("XBT", "XXBT"), "ETH": ("XETH",), "USD": ("ZUSD",), "EUR": ("ZEUR",),
    "GBP": ("ZGBP",), "CAD": ("ZCAD",), "JPY": ("ZJPY",), "AUD": ("ZAUD",),
}  # fmt: skip
_SECONDS = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,20})?")
_RATE_LIMITS = ("EAPI:Rate limit", "EGeneral:Too many requests", "EService:Throttled")


class Kraken:
    """Our side of Kraken, or of what answers below ``url`` as it does."""

    name = "kraken"

    def __init__(self, url: str = URL) -> None:
        self.server = server(url)
        self._rest = Rest(url, _PAUSE)

    def is_dear(self, slot: Slot, now: int) -> bool:
        return slot.step == HALF_DAY and slot.start < now - _KEPT_SECONDS

    def portions(self, slots: Iterable[Slot], now: int) -> Iterator[Sequence[Slot]]:
        dear: list[Slot] = []
        kept: list[Slot] = []
        for slot in slots:
            (dear if self.is_dear(slot, now) else kept).append(slot)
        yield from in_portions(kept, _CANDLES)
        yield from ([slot] for slot in sorted(dear, reverse=True))

    async def ask(self, pair: Pair, portion: Sequence[Slot], now: int) -> dict[Slot, Quote]:
        slot = portion[0]
        if self.is_dear(slot, now):
            quote = trade_quote(await self._trades(pair, slot), pair, slot)
            return {} if quote is None else {slot: quote}
        width = WIDTHS[slot.step]
        first = min(each.start for each in portion) - CARRY[slot.step]
        since = first // width * width - width
        told = await self._rest.json(
            f"/0/public/OHLC?pair={_asked(pair)}&interval={width // 60}&since={since}"
        )
        return quotes_of(parse_candles(told, pair, width, now), portion, now)

    async def _trades(self, pair: Pair, slot: Slot) -> Any:
        since, count = (slot.start, 1) if _is_first_half(slot) else (slot.end - _LAST, _MOST_TRADES)
        # Trades after ``since``, which is in nanoseconds.
        nanoseconds = since * 10**9 - 1
        path = f"/0/public/Trades?pair={_asked(pair)}&since={nanoseconds}&count={count}"
        return await self._rest.json(path)

    async def close(self) -> None:
        await self._rest.close()


def parse_candles(told: Any, pair: Pair, width: int, now: int) -> list[Candle]:
    """The candles of an answer to OHLC. Raises UpstreamError."""
    rows = rows_of(_result(told, pair), 5, _CANDLES + 1)
    return [parse_candle(row[0], tuple(row[1:5]), width, now) for row in rows]


def trade_quote(told: Any, pair: Pair, slot: Slot) -> Quote | None:
    """What was paid at the nearer end of the day that a slot is half of. Raises UpstreamError."""
    trades = []
    for row in rows_of(_result(told, pair), 3, _MOST_TRADES):
        match = _SECONDS.fullmatch(str(row[2]))
        if match is None or isinstance(row[2], bool):
            raise UpstreamMalformed("a trade without its time")
        try:
            trades.append(Quote(parse_price(row[0]), int(match.group(1))))
        except ValueError as error:
            raise UpstreamMalformed(str(error)) from None
    if [trade.time for trade in trades] != sorted(trade.time for trade in trades):
        raise UpstreamMalformed("trades that are not in their order")
    if _is_first_half(slot):
        return next((t for t in trades if 0 <= t.time - slot.start < _FIRST), None)
    last = [t for t in trades if 0 < slot.end - t.time <= _LAST + LATE_SECONDS]
    return last[-1] if last else None


def _is_first_half(slot: Slot) -> bool:
    return slot.start % 86_400 == 0


def _asked(pair: Pair) -> str:
    return f"{'XBT' if pair.asset == 'BTC' else pair.asset}{pair.currency}"


def _result(told: Any, pair: Pair) -> Any:
    """The part of an answer that is of the pair, whose name there is one of several."""
    if not isinstance(told, dict) or not isinstance(told.get("error"), list):
        raise UpstreamMalformed("no answer of the documented form")
    if told["error"]:
        raise _refusal(str(told["error"][0]), pair)
    result = told.get("result")
    if not isinstance(result, dict) or len(names := set(result) - {"last"}) != 1:
        raise UpstreamMalformed("an answer that is not of one pair")
    (name,) = names
    if name not in _names(pair):
        raise UpstreamMalformed(f"an answer about {name[:20]}, not {pair}", why=Reason.WRONG_ID)
    return result[name]


def _names(pair: Pair) -> set[str]:
    assets = (pair.asset, *_OLD.get(pair.asset, ()))
    currencies = (pair.currency, *_OLD.get(pair.currency, ()))
    return {f"{a}{between}{c}" for a in assets for between in ("", "/") for c in currencies}


def _refusal(error: str, pair: Pair) -> UpstreamError:
    if "Unknown asset pair" in error:
        return Lacking(f"it does not quote {pair}")
    if error.startswith(_RATE_LIMITS):
        return UpstreamUnavailable("it asks for fewer questions", why=Reason.RATE_LIMITED)
    if error.startswith("EService"):
        return UpstreamUnavailable("it is not available now", why=Reason.SERVER_ERROR)
    return UpstreamMalformed(f"it refuses: {error[:60]!r}", why=Reason.RPC_ERROR)
