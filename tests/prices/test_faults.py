"""Every fault of a line, at every source of prices: the value is that of the others or unknown, the
reason is stated, and once the fault is over the source is heard again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from donations.demo import faults
from donations.prices.consensus import Doubt, Price, Unknown
from donations.prices.memory import Memory
from donations.prices.quote import slot_of
from donations.reasons import Reason
from donations.sources import transport
from tests.prices.markets import DAY, NOW, Clock, market
from tests.running import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.demo.faults import Fault
    from donations.prices.market import Market

CALL_SECONDS = 1.5
LARGEST = 300_000
FAULTS: dict[str, tuple[Callable[[], Fault], set[Reason]]] = {
    "hang": (faults.hang, {Reason.TIMEOUT}),
    "close": (faults.close, {Reason.CLOSED, Reason.CUT_SHORT}),
    "cut": (lambda: faults.truncate(9), {Reason.CUT_SHORT, Reason.CLOSED, Reason.NOT_JSON}),
    "page": (faults.html, {Reason.NOT_JSON}),
    "garbage": (faults.garbage, {Reason.NOT_JSON}),
    "oversize": (lambda: faults.oversize(2 * LARGEST), {Reason.TOO_LARGE, Reason.NOT_JSON}),
    "429": (lambda: faults.http_status(429, retry_after=2), {Reason.RATE_LIMITED}),
    "403": (lambda: faults.http_status(403), {Reason.REFUSED}),
    "503": (lambda: faults.http_status(503), {Reason.SERVER_ERROR}),
    "410": (lambda: faults.http_status(410), {Reason.HTTP_STATUS}),
    "redirect": (lambda: faults.redirect("http://127.0.0.1:1/"), {Reason.REDIRECTED}),
    "bomb": (lambda: faults.gzip_bomb(20_000_000), {Reason.COMPRESSED, Reason.NOT_JSON}),
}


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", LARGEST)
    monkeypatch.setattr(transport, "_TIMEOUT", aiohttp.ClientTimeout(total=CALL_SECONDS))


async def price_of(made: Market, age: int) -> Price | Unknown:
    slot = slot_of(NOW - age, NOW)
    return (await made.look("BTC", [slot], NOW, Memory()))[slot]


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("source", ["kraken", "coinbase", "bitstamp"])
@scene
async def test_a_source_that_fails_is_done_without(source: str, name: str) -> None:
    """The two others make the price; with the reason gone it is of all three again."""
    fault, reasons = FAULTS[name]
    clock = Clock()
    async with market(clock=clock) as (markets, made):
        markets.servers[source].fault = fault()
        told = await price_of(made, 60)
        assert isinstance(told, Price)
        assert source not in told.source
        assert len(told.source.split(" + ")) == 2
        assert made.causes() <= reasons
        assert made.causes()
        markets.servers[source].fault = None
        clock.seconds += 60
        told = await price_of(made, 60)
        assert isinstance(told, Price)
        assert told.source == "bitstamp + coinbase + kraken"
        assert made.causes() == set()


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("age", [300, 400 * DAY])
@scene
async def test_a_bank_that_fails_makes_no_rate(age: int, name: str) -> None:
    """Prices that need it are unknown meanwhile, with both of its files."""
    fault, reasons = FAULTS[name]
    clock = Clock()
    async with market("JPY", clock=clock) as (markets, made):
        markets.ecb.fault = fault()
        told = await price_of(made, age)
        assert isinstance(told, Unknown)
        assert told.doubt is Doubt.NO_RATE
        assert made.causes() <= reasons
        assert made.causes()
        markets.ecb.fault = None
        clock.seconds += 60
        assert isinstance(await price_of(made, age), Price)
        assert made.causes() == set()
