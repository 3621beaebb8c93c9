"""The whole service values gifts on a simulated world with exchanges, without a network."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from donations.app import running
from donations.books import Filter
from donations.demo import faults
from donations.demo.story import BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from donations.faring import price_lines
from donations.ledger import State
from donations.prices import pricing
from donations.prices.consensus import Doubt
from donations.reasons import Reason
from tests.running import config_on, scene, service_on, until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from donations.app import Service
    from donations.books import Entry

ALL = Filter()
_ONE = {"BTC": 10**8, "BCH": 10**8, "ETH": 10**18}


async def entries(service: Service) -> list[Entry]:
    return await service.store.run(service.store.entries, ALL, None, 1_000)


async def all_valued(service: Service, count: int) -> list[Entry] | None:
    found = await entries(service)
    return found if len(found) == count and all(each.value for each in found) else None


def is_true_value(entry: Entry, world: World) -> bool:
    """Within a percent of what the world says that it was worth when the price was one."""
    value, transfer = entry.value, entry.transfer
    assert value is not None
    assert world.markets is not None
    cost = world.markets.economy.cost(transfer.key.asset, value.currency, value.price_time)
    given = Fraction(transfer.amount, _ONE[transfer.key.asset])
    truth = given * Fraction(cost, 10**8) * 100
    assert value.minor == round(given * Fraction(value.price) * 100)
    return abs(value.minor - truth) * 100 <= max(truth, Fraction(100))


@scene
async def test_gifts_are_valued_as_they_come(tmp_path: Path) -> None:
    """Each of three chains, within seconds, by three exchanges; with today's prices beside it."""
    async with World(3, markets=True) as world, service_on(world, tmp_path) as service:
        world.btc.pay(BTC_SCRIPT, 1_500_000)
        world.eth.pay(ETH_ADDRESS, 10**17)
        world.eth.mine()
        found = await until(lambda: all_valued(service, 2), seconds=30)
        assert all(is_true_value(each, world) for each in found)
        assert {each.value.source for each in found} == {"bitstamp + coinbase + kraken"}
        assert all(abs(e.value.price_time - e.transfer.received_at) < 1_900 for e in found)
        assert service.prices is not None
        today = service.prices.today
        await until(lambda: set(today.prices) == {"BTC", "BCH", "ETH"}, seconds=30)
        assert all(time.time() - each.at < 400 for each in today.prices.values())
        assert "prices" not in service.readiness().causes
        lines = {line.operator: line for line in price_lines(service.prices)}
        assert set(lines) == {"kraken", "coinbase", "bitstamp", "ecb"}
        assert lines["ecb"].answered_at is None  # no rate was needed
        assert time.time() - (lines["kraken"].answered_at or 0) < 60
        assert world.markets is not None
        assert lines["kraken"].server == world.markets.kraken.url


@scene
async def test_a_history_gets_the_prices_of_its_days(tmp_path: Path) -> None:
    """Gifts that were read later are worth what they were worth when their blocks were mined."""
    start = int(time.time()) - 40 * 86_400
    async with World(4, start=start, markets=True) as world:
        for _ in range(20):
            world.btc.pay(BTC_SCRIPT, 2_000_000)
            world.btc.mine(time=world.btc.tip.time + 86_400)
        async with service_on(world, tmp_path, only=("btc",)) as service:
            found = await until(lambda: all_valued(service, 20), seconds=30)
            assert all(is_true_value(each, world) for each in found)
            assert all(abs(e.value.price_time - e.transfer.received_at) < 50_000 for e in found)
            assert len({each.value.price for each in found}) >= 10
            assert world.markets is not None
            assert world.markets.kraken.requests.total() <= 6


@scene
async def test_a_value_stays_what_it_was(tmp_path: Path) -> None:
    """Prices that are corrected later, a block, a reorg, a restart: none of it changes a value."""
    async with World(5, markets=True) as world:
        async with service_on(world, tmp_path, only=("btc",)) as service:
            world.btc.pay(BTC_SCRIPT, 1_500_000)
            (before,) = await until(lambda: all_valued(service, 1), seconds=30)
            assert world.markets is not None
            for server in (world.markets.kraken, world.markets.coinbase, world.markets.bitstamp):
                server.per_mille = 900
            world.btc.mine()
            world.btc.reorg(1)
            world.btc.mine()

            async def confirmed() -> bool:
                return (await entries(service))[0].transfer.state is not State.SEEN

            await until(confirmed)
        async with service_on(world, tmp_path, only=("btc",)) as service:
            (after,) = await until(lambda: all_valued(service, 1), seconds=30)
            assert after.value == before.value


@scene
async def test_a_missing_price_is_filled_in_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While two exchanges are down the value is unknown, with its reason and no zero; the service
    is ready all the same; once they are back the gift has the value of its moment."""
    monkeypatch.setattr(pricing, "LIVE_SECONDS", 1)
    async with World(6, markets=True) as world:
        assert world.markets is not None
        down = (world.markets.coinbase, world.markets.bitstamp)
        for server in down:
            server.fault = faults.http_status(503, retry_after=1)
        async with service_on(world, tmp_path, only=("btc",)) as service:
            assert service.prices is not None
            world.btc.pay(BTC_SCRIPT, 1_500_000)
            await until(lambda: service.prices.appraiser.doubts, seconds=30)
            ((doubt, count),) = service.prices.appraiser.doubts
            assert (doubt.doubt, count) == (Doubt.TOO_FEW, 1)
            (entry,) = await entries(service)
            assert entry.value is None
            why = service.prices.why(entry.transfer.key, entry.transfer.id)
            assert why.startswith("only kraken has a price, and 2 must agree (bitstamp: HTTP 503")
            figures = await service.store.run(service.store.months)
            assert [(f.valued, f.unvalued) for f in figures.values()] == [(0, 1)]
            await until(lambda: not service.readiness().reasons)
            met = service.readiness().causes["prices"]
            assert {Reason.NO_PRICE, Reason.SERVER_ERROR} <= set(met)
            lines = {line.operator: line.reason for line in price_lines(service.prices)}
            assert lines["coinbase"] is Reason.SERVER_ERROR
            assert lines["kraken"] is None
            for server in down:
                server.fault = None
            service.prices.appraiser.tick()
            (entry,) = await until(lambda: all_valued(service, 1), seconds=30)
            assert is_true_value(entry, world)
            assert service.prices.why(entry.transfer.key, entry.transfer.id) == ""


@scene
async def test_own_prices_win(tmp_path: Path) -> None:
    """Over every exchange, for the days they are of, and when they are added later."""
    async with World(7, markets=True) as world:
        assert world.markets is not None
        config = config_on(world, tmp_path, only=("btc",))
        path = tmp_path / "prices.csv"
        path.write_text("date,asset,currency,price\n")
        prices = replace(config.prices, sources=(), file=path)
        async with running(replace(config, prices=prices)) as (service, _):
            world.btc.pay(BTC_SCRIPT, 1_500_000)
            assert service.prices is not None
            await until(lambda: service.prices.appraiser.doubts, seconds=30)
            day = datetime.now(config.timezone)
            path.write_text(f"date,asset,currency,price\n{day:%Y-%m-%d},BTC,EUR,12345.67\n")
            service.prices.appraiser.tick()
            (entry,) = await until(lambda: all_valued(service, 1), seconds=30)
            assert entry.value.price == "12345.67"
            assert entry.value.source == "own file prices.csv"
            assert entry.value.minor == 18_519  # 185.18505
            path.write_text("date,asset,currency,price\nnonsense\n")
            service.prices.appraiser.tick()
            await until(lambda: Reason.PRICE_FILE in service.readiness().causes.get("prices", ()))
    assert world.markets.kraken.requests.total() == 0


@scene
async def test_test_coins_have_no_value(tmp_path: Path) -> None:
    """A test network is never priced, and no exchange is asked about it."""
    async with World(8, markets=True) as world:
        assert world.markets is not None
        config = config_on(world, tmp_path, only=("btc",))
        settings = config.chains["btc"]
        test = replace(settings, network=replace(settings.network, name="regtest"))
        async with running(replace(config, chains={"btc": test})) as (service, _):
            world.btc.pay(BTC_SCRIPT, 1_500_000)
            assert service.prices is not None
            await until(lambda: service.prices.appraiser.doubts, seconds=30)
            ((doubt, _),) = service.prices.appraiser.doubts
            assert doubt.doubt is Doubt.NO_MARKET
            assert doubt.text == "coins of the network regtest of Bitcoin have no price"
            assert "prices" not in service.readiness().causes
            assert world.markets.kraken.requests.total() == 0
            assert (await entries(service))[0].value is None


@scene
async def test_prices_can_be_switched_off(tmp_path: Path) -> None:
    """Then nobody is asked, and what gifts were worth stays unknown."""
    async with World(9, markets=True) as world:
        assert world.markets is not None
        config = config_on(world, tmp_path, only=("btc",))
        off = replace(config.prices, enabled=False)
        async with running(replace(config, prices=off)) as (service, _):
            world.btc.pay(BTC_SCRIPT, 1_500_000)

            async def came() -> bool:
                return len(await entries(service)) == 1

            await until(came)
            assert service.prices is None
            assert (await entries(service))[0].value is None
        assert world.markets.kraken.requests.total() == 0
