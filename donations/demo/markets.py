"""What things cost in the simulated world, and the exchanges that tell it as Kraken, Coinbase
and Bitstamp do."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount
from donations.demo.ecb import EURO, EcbServer
from donations.demo.http import RestError, RestServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from donations.demo.http import HttpServer

_DIGITS = 8
_CENT = 10**6
# Cents of a euro for one.
CENTS = {
    "BTC": 8_400_000, "BCH": 42_000, "ETH": 280_000,
    "USDC": 91, "USDT": 91, "DAI": 90, "EURC": 100,
}  # fmt: skip
_QUOTED = ("EUR", "USD")
_NAMES = {"BTC": "XXBT", "ETH": "XETH", "EUR": "ZEUR", "USD": "ZUSD"}


class Economy:
    """Prices that rise and fall with the hours and weeks, the same for the same moment.

    ``fixed`` overrules it for (asset, day in UTC): cents of a euro for one, all that day.
    """

    def __init__(self) -> None:
        self.fixed: dict[tuple[str, date], int] = {}

    def cost(self, asset: str, currency: str, moment: int) -> int:
        """What one costs, in units of 10**-8 of the currency."""
        cents = self.fixed.get((asset, _day(moment)))
        if cents is not None:
            price = cents * _CENT
        else:
            waves = _wave(moment, 3 * 3_600, 4) + _wave(moment, 21 * 86_400, 60)
            price = CENTS[asset] * _CENT * (1_000 + waves) // 1_000
        return price if currency == "EUR" else price * EURO[currency] // 10_000


class MarketServer(RestServer):
    """One exchange. ``per_mille`` is how far its prices are off, ``lag`` how many seconds it is
    behind, ``lacks`` what it does not quote, ``holes`` are (asset, candle's start) without trade.
    """

    def __init__(
        self, economy: Economy, clock: Callable[[], float], routes: Any, per_mille: int = 0
    ) -> None:
        super().__init__(routes)
        self.economy, self.clock, self.per_mille = economy, clock, per_mille
        self.lag = 0
        self.lacks: set[tuple[str, str]] = set()
        self.holes: set[tuple[str, int]] = set()

    @property
    def now(self) -> int:
        return int(self.clock()) - self.lag

    def quotes(self, asset: str, currency: str) -> bool:
        return asset in CENTS and currency in _QUOTED and (asset, currency) not in self.lacks

    def price(self, asset: str, currency: str, moment: int) -> int:
        return self.economy.cost(asset, currency, moment) * (1_000 + self.per_mille) // 1_000

    def candles(
        self, asset: str, currency: str, width: int, first: int, last: int
    ) -> Iterator[tuple[int, list[str]]]:
        """(start, [open, high, low, close]) of the candles that begin from first to last."""
        start = -(-first // width) * width
        while start <= min(last, self.now):
            if (asset, start) not in self.holes:
                ends = [start, start + width // 2, min(start + width - 1, self.now)]
                prices = [self.price(asset, currency, moment) for moment in ends]
                four = (prices[0], max(prices), min(prices), prices[2])
                yield start, [format_amount(price, _DIGITS) for price in four]
            start += width


class KrakenServer(MarketServer):
    """Kraken's public OHLC and Trades."""

    def __init__(self, economy: Economy, clock: Callable[[], float], per_mille: int = 0) -> None:
        routes = (
            ("OHLC", r"/0/public/OHLC", self._ohlc),
            ("Trades", r"/0/public/Trades", self._trades),
        )
        super().__init__(economy, clock, routes, per_mille)

    def _pair(self, query: dict[str, str]) -> tuple[str, str, str]:
        asset, currency = query["pair"][:-3], query["pair"][-3:]
        asset = "BTC" if asset == "XBT" else asset
        name = _NAMES.get(asset, asset)
        old = f"{name}{_NAMES.get(currency, currency)}" if name != asset else query["pair"]
        return asset, currency, old

    def _ohlc(self, query: dict[str, str]) -> dict[str, Any]:
        asset, currency, name = self._pair(query)
        if not self.quotes(asset, currency):
            return {"error": ["EQuery:Unknown asset pair"]}
        width = 60 * int(query.get("interval", "1"))
        last = self.now // width * width
        first = max(int(query.get("since", "0")) + 1, last - 719 * width)
        rows = [
            [start, *prices, prices[0], "1.50000000", 7]
            for start, prices in self.candles(asset, currency, width, first, last)
        ]
        return {"error": [], "result": {name: rows, "last": last - width}}

    def _trades(self, query: dict[str, str]) -> str:
        asset, currency, name = self._pair(query)
        if not self.quotes(asset, currency):
            return '{"error":["EQuery:Unknown asset pair"]}'
        since = int(query.get("since", "0")) // 10**9 + 1
        rows = []
        for n in range(int(query.get("count", "1000"))):
            moment = since + 20 * n
            if moment > self.now:
                break
            price = format_amount(self.price(asset, currency, moment), _DIGITS)
            rows.append(f'["{price}","0.10000000",{moment}.2512345,"b","l","",{n}]')
        last = (since + 20_000) * 10**9
        return f'{{"error":[],"result":{{"{name}":[{",".join(rows)}],"last":"{last}"}}}}'


class CoinbaseServer(MarketServer):
    """The candles of Coinbase Exchange: numbers, the newest first."""

    def __init__(self, economy: Economy, clock: Callable[[], float], per_mille: int = 0) -> None:
        routes = (("candles", r"/products/([A-Z]+)-([A-Z]{3})/candles", self._candles),)
        super().__init__(economy, clock, routes, per_mille)

    def _candles(self, asset: str, currency: str, query: dict[str, str]) -> str:
        if not self.quotes(asset, currency):
            raise RestError(404, '{"message":"NotFound"}')
        width = int(query["granularity"])
        first, last = (
            int(datetime.fromisoformat(query[name]).timestamp()) for name in ("start", "end")
        )
        if (last - first) // width >= 300:
            raise RestError(400, '{"message":"granularity too small for the requested time range"}')
        rows = [
            f"[{start},{low},{high},{opened},{closed},1.5]"
            for start, (opened, high, low, closed) in self.candles(
                asset, currency, width, first, last
            )
        ]
        return f"[{','.join(reversed(rows))}]"


class BitstampServer(MarketServer):
    """Bitstamp's OHLC: everything is text."""

    def __init__(self, economy: Economy, clock: Callable[[], float], per_mille: int = 0) -> None:
        routes = (("ohlc", r"/api/v2/ohlc/([a-z]+)([a-z]{3})/", self._ohlc),)
        super().__init__(economy, clock, routes, per_mille)

    def _ohlc(self, low_asset: str, low_currency: str, query: dict[str, str]) -> dict[str, Any]:
        asset, currency = low_asset.upper(), low_currency.upper()
        if not self.quotes(asset, currency):
            raise RestError(404, "")
        width, most = int(query["step"]), int(query["limit"])
        found = self.candles(asset, currency, width, int(query["start"]), int(query["end"]))
        names = ("open", "high", "low", "close")
        rows = [
            {"timestamp": str(start), "volume": "1.5", **dict(zip(names, prices, strict=True))}
            for start, prices in found
        ]
        return {"data": {"pair": f"{asset}/{currency}", "ohlc": rows[:most]}}


class Markets:
    """Three exchanges and the bank. ``async with`` opens and closes them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.economy = Economy()
        self.kraken = KrakenServer(self.economy, clock)
        self.coinbase = CoinbaseServer(self.economy, clock, 2)
        self.bitstamp = BitstampServer(self.economy, clock, -1)
        self.ecb = EcbServer(clock)
        self._open = AsyncExitStack()

    @property
    def servers(self) -> dict[str, HttpServer]:
        """By the names that the configuration has for them."""
        return {"kraken": self.kraken, "coinbase": self.coinbase, "bitstamp": self.bitstamp,
                "ecb": self.ecb}  # fmt: skip

    @property
    def urls(self) -> dict[str, str]:
        """Where they listen."""
        return {name: server.url for name, server in self.servers.items()}

    async def __aenter__(self) -> Markets:
        async with AsyncExitStack() as opened:
            for server in self.servers.values():
                await server.start()
                opened.push_async_callback(server.stop)
            self._open = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()


def _wave(moment: int, period: int, height: int) -> int:
    """A line that rises to ``height`` and falls back to 0, once in a period."""
    place = moment % period
    return height * 2 * min(place, period - place) // period


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment, UTC).date()
