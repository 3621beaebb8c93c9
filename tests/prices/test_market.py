"""The market asks real protocols on loopback, little, and tells one price or why there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from donations.demo import faults
from donations.prices.consensus import Doubt, Price, Unknown, are_near
from donations.prices.memory import Memory
from donations.prices.quote import ONE, Slot, slot_of
from donations.reasons import Reason
from donations.store import Store
from tests.prices.markets import DAY, NOW, Clock, market, market_on
from tests.running import scene

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from donations.demo.markets import Markets
    from donations.prices.market import Market
    from tests.measured import Table

FORGETFUL = Memory()
AGES = (0, 90, 3_600, 9 * 3_600, 11 * 3_600, 5 * DAY, 28 * DAY, 31 * DAY, 700 * DAY, 1_500 * DAY)


async def price_at(
    market: Market, asset: str, moment: int, memory: Memory = FORGETFUL
) -> Price | Unknown:
    slot = slot_of(moment, NOW)
    return (await market.look(asset, [slot], NOW, memory))[slot]


async def another(markets: Markets, asset: str, moment: int, *names: str) -> Price | Unknown:
    """As `price_at`, by a market that remembers nothing."""
    made = market_on(markets, names=names or ("kraken", "coinbase", "bitstamp"))
    try:
        return await price_at(made, asset, moment)
    finally:
        await made.close()


def true_price(markets: Markets, asset: str, currency: str, moment: int) -> int:
    return markets.economy.cost(asset, currency, moment) * 10**10


@pytest.mark.parametrize("age", AGES)
@scene
async def test_a_moment_of_any_age_has_its_price(age: int) -> None:
    """All three tell it, near the truth of the price's own time, which is near the moment."""
    async with market() as (markets, made):
        told = await price_at(made, "BTC", NOW - age)
        assert isinstance(told, Price)
        names = told.source.split(" + ")
        # A single old trade is asked for only when the others do not settle it.
        assert names == ["bitstamp", "coinbase"] if age > 715 * DAY else len(names) == 3
        assert abs(told.time - (NOW - age)) <= slot_of(NOW - age, NOW).step
        truth = true_price(markets, "BTC", "EUR", told.time)
        assert abs(told.price - truth) * 100 <= truth


@scene
async def test_old_trades_settle_what_two_do_not() -> None:
    """Kraken has no candles of that age, and single trades of any."""
    async with market() as (markets, made):
        markets.bitstamp.per_mille = 400
        told = await price_at(made, "BTC", NOW - 1_500 * DAY)
        assert isinstance(told, Price)
        assert told.source == "coinbase + kraken"
        assert markets.kraken.requests == {"Trades": 1}


@scene
async def test_a_day_has_the_price_of_that_day() -> None:
    """Whatever the days around it cost, in the morning and in the evening."""
    moment = NOW - 200 * DAY
    noon = moment // DAY * DAY + DAY // 2
    day = datetime.fromtimestamp(moment, UTC).date()
    async with market() as (markets, made):
        for shift, cents in ((-1, 1_000_000), (0, 2_000_000), (1, 4_000_000)):
            markets.economy.fixed["BTC", date.fromordinal(day.toordinal() + shift)] = cents
        for hour in (-11, -1, 1, 11):
            told = await price_at(made, "BTC", noon + hour * 3_600)
            assert isinstance(told, Price)
            assert are_near(told.price, 20_000 * ONE)


@scene
async def test_one_that_is_far_off_is_left_out() -> None:
    """The price is of the two that agree, and only they are named."""
    async with market() as (markets, made):
        markets.kraken.per_mille = 300
        told = await price_at(made, "ETH", NOW - 60)
        assert isinstance(told, Price)
        assert told.source == "bitstamp + coinbase"


@scene
async def test_two_that_differ_make_no_price() -> None:
    """Not in this currency and not across another: the reason has both prices."""
    async with market(names=("kraken", "coinbase")) as (markets, made):
        markets.kraken.per_mille = 60
        told = await price_at(made, "ETH", NOW - 60)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.DIFFER
        assert told.text.startswith("the sources differ by more than 5 %: coinbase 29")
        assert "kraken 30" in told.text
        assert requests(markets)["kraken"] == 1


@scene
async def test_who_told_a_wrong_price_may_correct_it(tmp_path: Path) -> None:
    """What two told differently is asked for again, a minute later first; what was kept of it does
    not stand in the way."""
    store, clock = Store(tmp_path / "prices.sqlite3", UTC), Clock()
    store.open({})
    memory, moment = Memory(store), NOW - 60 * DAY
    try:
        async with market(names=("kraken", "coinbase"), clock=clock) as (markets, made):
            markets.kraken.per_mille = 60
            for _ in range(3):
                told = await price_at(made, "ETH", moment, memory)
                assert isinstance(told, Unknown)
                assert told.doubt is Doubt.DIFFER
            assert requests(markets)["kraken"] == 1
            markets.kraken.per_mille = 0
            clock.seconds += 61
            told = await price_at(made, "ETH", moment, memory)
            assert isinstance(told, Price)
            assert requests(markets)["kraken"] == 2
    finally:
        store.close()


@scene
async def test_one_alone_is_not_believed_where_two_are_asked() -> None:
    """A source that is down leaves one: unknown, and who was not heard and why."""
    async with market(names=("kraken", "coinbase")) as (markets, made):
        markets.coinbase.fault = faults.http_status(503)
        told = await price_at(made, "BTC", NOW - 60)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.TOO_FEW
        assert "only kraken has a price, and 2 must agree" in told.text
        assert "coinbase: HTTP 503" in told.text
        assert made.causes() == {Reason.SERVER_ERROR}


@scene
async def test_when_nobody_answers_the_reason_says_so() -> None:
    """Each source with why it was not heard."""
    async with market(names=("kraken", "coinbase")) as (markets, made):
        markets.kraken.fault, markets.coinbase.fault = faults.html(), faults.http_status(503)
        told = await price_at(made, "BTC", NOW - 60)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.NOBODY
        assert "coinbase: HTTP 503; kraken: an answer of type text/html" in told.text


@scene
async def test_one_alone_is_believed_where_it_is_the_only_one_configured() -> None:
    """The configuration says so."""
    async with market(names=("kraken",)) as (_, made):
        told = await price_at(made, "BTC", NOW - 60)
        assert isinstance(told, Price)
        assert told.source == "kraken"


@pytest.mark.parametrize("currency", ["JPY", "CAD", "GBP", "CHF"])
@pytest.mark.parametrize("age", [300, 400 * DAY])
@scene
async def test_a_currency_that_nobody_quotes_is_crossed(currency: str, age: int) -> None:
    """By the rate of the bank for that day, which the source names."""
    async with market(currency) as (markets, made):
        told = await price_at(made, "BTC", NOW - age)
        assert isinstance(told, Price)
        names, _, rate = told.source.partition(", ECB ")
        assert len(names.split(" + ")) == 3
        day = datetime.fromtimestamp(NOW - age, UTC).date()
        assert 0 <= (day - date.fromisoformat(rate)).days <= 2
        truth = true_price(markets, "BTC", currency, told.time)
        assert are_near(told.price, truth)
        assert abs(told.price - truth) * 100 <= truth


@pytest.mark.parametrize("currency", ["USD", "EUR"])
@scene
async def test_one_bridge_leads_to_the_other(currency: str) -> None:
    """An asset that is quoted in euros only, for an author who counts in dollars; and the other
    way round."""
    async with market(currency) as (markets, made):
        for server in (markets.kraken, markets.coinbase, markets.bitstamp):
            server.lacks.add(("BCH", currency))
        told = await price_at(made, "BCH", NOW - 300)
        assert isinstance(told, Price)
        assert "ECB 2026-11-2" in told.source
        truth = true_price(markets, "BCH", currency, told.time)
        assert abs(told.price - truth) * 100 <= truth


@scene
async def test_a_currency_that_nobody_has_stays_unknown() -> None:
    """Neither an exchange nor the bank: the reason names it."""
    async with market("XAU") as (_, made):
        told = await price_at(made, "BTC", NOW - 300)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.NO_RATE
        assert "no rate of XAU" in told.text
        assert "ECB" not in told.text
        assert made.crossing.quotes("XAU") is False


@scene
async def test_the_bank_that_is_down_makes_no_price() -> None:
    """Its reason is kept, and it is asked again later."""
    clock = Clock()
    async with market("JPY", clock=clock) as (markets, made):
        markets.ecb.fault = faults.html()
        told = await price_at(made, "BTC", NOW - 300)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.NO_RATE
        assert "ecb:" in told.text
        markets.ecb.fault = None
        clock.seconds += 60
        assert isinstance(await price_at(made, "BTC", NOW - 300), Price)


@scene
async def test_stable_coins_are_quoted_and_never_assumed() -> None:
    """A dollar coin is worth what is paid for it, here 91 cents of a euro."""
    async with market() as (markets, made):
        for symbol in ("USDC", "USDT", "DAI", "EURC"):
            told = await price_at(made, symbol, NOW - 300)
            assert isinstance(told, Price)
            assert are_near(told.price, true_price(markets, symbol, "EUR", told.time))
            assert told.price != ONE
        for server in (markets.kraken, markets.coinbase, markets.bitstamp):
            server.lacks |= {("DAI", "EUR"), ("DAI", "USD")}
        told = await another(markets, "DAI", NOW - 300)
        assert told == Unknown(Doubt.NOBODY, "no source has a price")


@scene
async def test_prices_of_another_time_are_not_taken() -> None:
    """A source that is hours behind tells nothing of now; the two others do."""
    async with market() as (markets, made):
        markets.kraken.lag = 3 * 3_600
        told = await price_at(made, "BTC", NOW - 300)
        assert isinstance(told, Price)
        assert told.source == "bitstamp + coinbase"
        markets.coinbase.lag = markets.bitstamp.lag = 3 * 3_600
        told = await another(markets, "BTC", NOW - 240)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.NOBODY


@scene
async def test_candles_of_the_future_are_refused() -> None:
    """A source whose clock is a day ahead is not believed at all."""
    async with market(names=("kraken", "coinbase")) as (markets, made):
        markets.kraken.lag = -DAY
        told = await price_at(made, "BTC", NOW - 60)
        assert isinstance(told, Unknown)
        assert Reason.IMPOSSIBLE in made.causes()


@scene
async def test_where_nobody_traded_the_last_price_holds() -> None:
    """Coinbase has no candle of minutes without trade."""
    moment = NOW - 900
    start = moment // 60 * 60
    async with market(names=("kraken", "coinbase")) as (markets, made):
        markets.coinbase.holes = {("BCH", start - 60 * n) for n in range(10)}
        told = await price_at(made, "BCH", moment)
        assert isinstance(told, Price)
        assert told.time == start - 540  # of the older one
        markets.coinbase.holes = {("BCH", start - 60 * n) for n in range(60)}
        assert isinstance(await another(markets, "BCH", moment, "kraken", "coinbase"), Unknown)


def requests(markets: Markets) -> dict[str, int]:
    return {name: server.requests.total() for name, server in markets.servers.items()}


async def look(made: Market, moments: Iterable[int], memory: Memory) -> dict[Slot, Price | Unknown]:
    return await made.look("BTC", {slot_of(moment, NOW) for moment in moments}, NOW, memory)


@scene
async def test_a_long_history_takes_few_questions(tmp_path: Path, table: Table) -> None:
    """20,000 gifts of the last seven hundred days: one question in candles of days to Kraken, three
    to Coinbase, one to Bitstamp, and as few for the finer grids; none when they are asked again."""
    moments = [NOW - 700 * DAY + n * 3_024 for n in range(20_000)]
    store = Store(tmp_path / "prices.sqlite3", UTC)
    store.open({})
    memory = Memory(store)
    try:
        async with market() as (markets, made):
            told = await look(made, moments, memory)
            assert len(told) >= 1_300
            assert all(isinstance(verdict, Price) for verdict in told.values())
            assert requests(markets) == {"kraken": 3, "coinbase": 8, "bitstamp": 3, "ecb": 0}
            again = market_on(markets)
            assert await look(again, moments, memory) == told
            assert requests(markets) == {"kraken": 3, "coinbase": 8, "bitstamp": 3, "ecb": 0}
            await again.close()
            asked = sum(requests(markets).values())
            table.gate("questions to three exchanges for the prices of 20,000 gifts", asked, 30)
    finally:
        store.close()


@scene
async def test_who_asks_for_a_pause_gets_it() -> None:
    """Retry-After is kept, and nobody is asked twice at once for what failed."""
    clock = Clock()
    async with market(names=("kraken", "coinbase"), clock=clock) as (markets, made):
        markets.kraken.fault = faults.http_status(429, retry_after=600)
        for _ in range(3):
            assert isinstance(await price_at(made, "BTC", NOW - 60), Unknown)
        assert requests(markets)["kraken"] == 1
        clock.seconds += 599
        markets.kraken.fault = None
        await price_at(made, "BTC", NOW - 60)
        assert requests(markets)["kraken"] == 1
        clock.seconds += 2
        assert isinstance(await price_at(made, "BTC", NOW - 60), Price)


@scene
async def test_what_is_lacking_is_not_asked_for_again_and_again() -> None:
    """A pair that is not quoted rests for a day, a candle that is not there for a minute first."""
    clock = Clock()
    async with market(names=("kraken", "coinbase"), clock=clock) as (markets, made):
        markets.kraken.lacks = {("BCH", "EUR"), ("BCH", "USD")}
        for _ in range(5):
            await price_at(made, "BCH", NOW - 60)
        assert requests(markets)["kraken"] == 2
        clock.seconds += DAY + 1
        markets.kraken.lacks = set()
        assert isinstance(await price_at(made, "BCH", NOW - 60), Price)
