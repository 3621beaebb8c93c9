"""A value is frozen once, is true for its moment, and comes as soon as there is a price for it."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from donations.config import Config, parse
from donations.demo import faults
from donations.demo.markets import Markets
from donations.ledger import Block, Change, Key, News, State
from donations.prices.appraiser import Appraiser
from donations.prices.consensus import Doubt
from donations.prices.today import TodayPrices, read_today
from donations.store import Store
from tests.chains.vectors import BCH, BTC, ETH
from tests.prices.markets import DAY, NOW, Clock, market_on
from tests.running import scene, until
from tests.test_books import save, transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from donations.valuation import Valuation

KEYS = {asset: Key(chain, "address", asset) for chain, asset in
        (("btc", "BTC"), ("bch", "BCH"), ("eth", "ETH"), ("eth", "USDC"))}  # fmt: skip
ONE = {"BTC": 10**8, "BCH": 10**8, "ETH": 10**18, "USDC": 10**6}
Values = dict[str, "Valuation"]


class Life:
    """Exchanges, a database, and whoever values what is in it; time passes when a test says so."""

    def __init__(self, folder: Path, currency: str = "EUR") -> None:
        self.now = NOW
        self.seconds = Clock()
        self.markets = Markets(lambda: self.now)
        self.config: Config = parse(
            f'currency = "{currency}"\n[addresses]\nbtc = "{BTC}"\nbch = "{BCH}"\neth = "{ETH}"\n'
            '[chains.eth]\ntokens = ["USDC"]\n',
            folder / "config.toml",
            {},
        )
        self.store = Store(folder / "life.sqlite3", self.config.timezone, currency)
        self.assets: dict[str, str] = {}

    def passes(self, seconds: int) -> None:
        self.now += seconds
        self.seconds.seconds += seconds

    def gives(self, name: str, asset: str, age: int, state: State = State.FINAL) -> None:
        gift = transfer(
            name, 3_000 * ONE[asset] // 7, key=KEYS[asset], at=self.now - age, state=state
        )
        save(self.store, gift)
        self.assets[name] = asset

    @asynccontextmanager
    async def appraiser(self) -> AsyncIterator[Appraiser]:
        """A service that has just started."""
        market = market_on(self.markets, self.config.currency, clock=self.seconds)
        try:
            yield Appraiser(self.config, self.store, lambda: None, market, clock=lambda: self.now)
        finally:
            await market.close()

    def values(self) -> Values:
        found: Values = {}
        for key in KEYS.values():
            names = [name for name, asset in self.assets.items() if asset == key.asset]
            found |= self.store.valuations(key, names)
        return found

    def is_true(self, name: str, value: Valuation) -> bool:
        """Whether it is what was paid at the price's own time, within what exchanges differ by."""
        asset = self.assets[name]
        cost = self.markets.economy.cost(asset, value.currency, value.price_time)
        truth = Fraction(3_000 * ONE[asset] // 7, ONE[asset]) * Fraction(cost, 10**8) * 100
        return abs(value.minor - truth) * 100 <= truth


@asynccontextmanager
async def life(folder: Path, currency: str = "EUR") -> AsyncIterator[Life]:
    lived = Life(folder, currency)
    lived.store.open({})
    try:
        async with lived.markets:
            yield lived
    finally:
        lived.store.close()


@scene
async def test_a_random_life(tmp_path: Path, seed: int, long: bool) -> None:
    """Gifts of all ages and kinds, exchanges that come and go and correct themselves, restarts:
    each gift gets one true value and keeps it, and in the end none is without."""
    dice = random.Random(seed)
    kept: Values = {}
    async with life(tmp_path) as lived:
        servers = list(lived.markets.servers.values())
        for turn in range(150 if long else 12):
            for n in range(dice.randrange(12)):
                age = dice.choice((5, 600, 20_000, 5 * DAY, 60 * DAY, 800 * DAY, 2_000 * DAY))
                lived.gives(f"{turn}.{n}", dice.choice(list(ONE)), age + dice.randrange(3_600))
            for server in servers:
                server.fault = dice.choice((None, None, faults.http_status(503), faults.html()))
            lived.markets.kraken.per_mille = dice.choice((0, 2, 400))
            lived.markets.coinbase.per_mille = dice.choice((0, -2))
            async with lived.appraiser() as appraiser:
                for _ in range(dice.randrange(1, 3)):
                    await appraiser.value_all()
                    lived.passes(dice.choice((20, 600, 7_200)))
            values = lived.values()
            assert {name: values[name] for name in kept} == kept
            assert all(lived.is_true(name, each) for name, each in values.items()), f"seed {seed}"
            kept = values
        for server in servers:
            server.fault = None
        lived.markets.kraken.per_mille = 0
        lived.passes(2 * DAY)
        async with lived.appraiser() as appraiser:
            await appraiser.value_all()
            assert appraiser.doubts == []
        assert set(lived.values()) == set(lived.assets)


@scene
async def test_looks_in_vain_become_rare(tmp_path: Path) -> None:
    """A currency that nobody quotes: of a day's hundred and forty-four calls few lead to a look,
    and once there is a price the calls count again."""
    async with life(tmp_path, "DEM") as lived, lived.appraiser() as appraiser:
        lived.gives("a", "BTC", 600)

        async def calls(times: int) -> int:
            looks = 0
            for _ in range(times):
                lived.passes(600)
                appraiser.sweep()
                if appraiser.sweep_due.is_set():
                    appraiser.sweep_due.clear()
                    await appraiser.value_all()
                    looks += 1
            return looks

        looks = await calls(144)
        assert 5 <= looks <= 12
        lived.markets.ecb.rates["DEM"] = 19_558
        assert await calls(36) == 1
        assert set(lived.values()) == {"a"}
        assert await calls(10) == 0


@scene
async def test_a_moment_that_is_not_here_yet_waits(tmp_path: Path) -> None:
    """A clock that was set back: the gift is valued when its moment comes, not at another price."""
    async with life(tmp_path) as lived, lived.appraiser() as appraiser:
        lived.gives("a", "BTC", -3 * 3_600)
        await appraiser.value_all()
        ((unknown, count),) = appraiser.doubts
        assert (unknown.doubt, count) == (Doubt.FUTURE, 1)
        lived.passes(4 * 3_600)
        await appraiser.value_all()
        assert lived.is_true("a", lived.values()["a"])


@scene
async def test_a_block_that_is_older_than_first_sight_is_the_moment(tmp_path: Path) -> None:
    """Also when it comes while the gift still waits for its price; and what is dropped meanwhile
    waits no more."""
    async with life(tmp_path) as lived, lived.appraiser() as appraiser:
        for server in lived.markets.servers.values():
            server.fault = faults.http_status(503)
        seen, lost = (transfer(n, 10**8, at=lived.now - 65, state=State.SEEN) for n in "ab")
        save(lived.store, seen, lost)
        lived.assets |= {"a": "BTC", "b": "BTC"}
        appraiser.note([Change(None, each, News.SEEN, lived.now) for each in (seen, lost)])
        work = asyncio.create_task(appraiser.run())
        await until(lambda: appraiser.doubts)
        block = Block(100, "older", lived.now - 1_500)
        placed = replace(seen, state=State.CONFIRMED, block=block)
        gone = replace(lost, state=State.DROPPED)
        both = partial(save, lived.store, placed, gone, before=(seen, lost))
        await lived.store.run(both)
        appraiser.note([
            Change(seen, placed, News.CONFIRMED, lived.now),
            Change(lost, gone, News.DROPPED, lived.now),
        ])  # fmt: skip
        for server in lived.markets.servers.values():
            server.fault = None
        lived.passes(60)
        appraiser.tick()
        key = placed.key
        value = (await until(lambda: lived.store.run(lived.store.valuations, key, ["a"])))["a"]
        assert value.price_time == block.time // 60 * 60
        await until(lambda: not appraiser.doubts)
        assert await lived.store.run(lived.store.valuations, key, ["b"]) == {}
        work.cancel()


@scene
async def test_own_prices_win_over_exchanges(tmp_path: Path) -> None:
    """For the days that they are of; another day has the price of the exchanges."""
    async with life(tmp_path) as lived:
        path = tmp_path / "prices.csv"
        path.write_text("date,asset,currency,price\n2026-11-25,BTC,EUR,7\n2026-11-25,USDC,EUR,2\n")
        lived.config = replace(lived.config, prices=replace(lived.config.prices, file=path))
        async with lived.appraiser() as appraiser:
            lived.gives("a", "BTC", 3_600)
            lived.gives("b", "USDC", 3_600)
            lived.gives("c", "BTC", 30 * 3_600)
            await appraiser.value_all()
        values = lived.values()
        assert [values[name].price for name in "ab"] == ["7", "2"]
        assert values["a"].source == values["b"].source == "own file prices.csv"
        assert lived.is_true("c", values["c"])


@scene
async def test_what_does_not_stand_is_not_valued(tmp_path: Path) -> None:
    """Nobody is asked for the price of what was dropped or replaced."""
    async with life(tmp_path) as lived, lived.appraiser() as appraiser:
        lived.gives("a", "BTC", 600, State.DROPPED)
        lived.gives("b", "ETH", 600, State.REPLACED)
        await appraiser.value_all()
        assert lived.values() == {}
        assert lived.markets.kraken.requests.total() == 0


@scene
async def test_another_currency_is_another_value(tmp_path: Path) -> None:
    """A yen has no hundredths; the rate of the day is named; the values in euros stay."""
    async with life(tmp_path, "JPY") as lived, lived.appraiser() as appraiser:
        lived.gives("a", "BTC", 600)
        await appraiser.value_all()
        value = lived.values()["a"]
        cost = lived.markets.economy.cost("BTC", "JPY", value.price_time)
        assert value.source == "bitstamp + coinbase + kraken, ECB 2026-11-25"
        assert abs(value.minor * 10**8 - cost * 3_000 / 7) < cost * 10


@scene
async def test_prices_of_today_outlive_a_restart_and_say_their_age(tmp_path: Path) -> None:
    """While nobody answers the last ones stay, as old as they are; in another currency they are
    nothing."""
    async with life(tmp_path) as lived, lived.appraiser() as appraiser:
        made = appraiser.market, appraiser.assets.values(), lived.store, lambda: None
        today = TodayPrices(*made, clock=lambda: lived.now)
        await today.refresh()
        assert set(today.prices) == {"BTC", "BCH", "ETH", "USDC"}
        before = dict(today.prices)
        for server in lived.markets.servers.values():
            server.fault = faults.http_status(503)
        lived.passes(3 * 3_600)
        again = TodayPrices(*made, clock=lambda: lived.now)
        await again.load()
        await again.refresh()
        assert again.prices == before
        assert all(lived.now - price.at >= 3 * 3_600 for price in again.prices.values())
        assert read_today(lived.store.facts(), "EUR") == before
        assert read_today(lived.store.facts(), "USD") == {}
        with_none = lived.store.quotes("BTC", "EUR", [(60, NOW // 60 * 60 - 180)])
        assert with_none == []  # only what gifts are valued at is kept


@scene
async def test_what_is_asked_grows_with_the_years_and_not_with_the_gifts(tmp_path: Path) -> None:
    """Eight years of gifts, and ten times as many."""
    async with life(tmp_path) as lived:
        asked = []
        for gifts in (30, 300):
            for n in range(gifts):
                lived.gives(f"{gifts}.{n}", "BTC", 600 + n * 8 * 365 * DAY // gifts)
            before = sum(server.requests.total() for server in lived.markets.servers.values())
            async with lived.appraiser() as appraiser:
                await appraiser.value_all()
                assert appraiser.doubts == []
            after = sum(server.requests.total() for server in lived.markets.servers.values())
            asked.append(after - before)
        assert asked[1] <= asked[0] + 5 <= 30
