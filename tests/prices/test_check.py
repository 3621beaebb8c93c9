"""``donations check`` tries each source of prices, and says what things cost now or why not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from donations import price_check
from donations.chains.base import Token
from donations.demo import faults
from donations.demo.world import World
from tests.running import config_on, scene

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config

GOLD = Token("GOLD", "0x" + "11" * 20, 18)


async def report(config: Config) -> str:
    """All lines; the form for programs is JSON, and has the same prices."""
    found = await price_check.check_prices(config)
    text = "\n".join(price_check.lines(found))
    told = json.loads(json.dumps(price_check.as_json(found)))["prices"]
    for symbol, now in told.get("now", {}).items():
        assert f"1 {symbol} = {now['price'] or 'unknown'}" in text
    return text


@scene
async def test_all_is_well(tmp_path: Path) -> None:
    """Each source with what it tells, then what they agree on; what has no market is named."""
    async with World(1, markets=True) as world:
        text = await report(config_on(world, tmp_path, tokens=(GOLD,)))
        assert "prices  kraken  BTC/EUR 8" in text
        assert "prices  coinbase  BTC/EUR 8" in text
        assert "EUR (bitstamp + coinbase + kraken, " in text
        assert "GOLD is known by its contract alone" in text
        assert "NOBODY" not in text
        assert "ecb" not in text  # was not needed


@scene
async def test_what_fails_is_named(tmp_path: Path) -> None:
    """With its reason and what to do, and with what that leaves."""
    async with World(2, markets=True) as world:
        assert world.markets is not None
        world.markets.coinbase.fault = faults.html()
        config = config_on(world, tmp_path, only=("btc",))
        text = await report(config)
        assert "prices  coinbase  FAILS" in text
        assert "not-json: It sends something else than JSON" in text
        assert "(bitstamp + kraken, " in text
        two = replace(config.prices, sources=("kraken", "coinbase"))
        text = await report(replace(config, prices=two))
        assert "1 BTC = unknown: only kraken has a price, and 2 must agree (coinbase: an" in text


@scene
async def test_a_currency_that_nobody_quotes_is_told(tmp_path: Path) -> None:
    """In capitals, with what can be done; one that is crossed is not complained of."""
    async with World(3, markets=True) as world:
        config = config_on(world, tmp_path, only=("btc",))
        text = await report(replace(config, currency="DEM"))
        assert "NOBODY QUOTES DEM: what gifts were worth stays unknown; choose" in text
        text = await report(replace(config, currency="JPY"))
        assert "NOBODY" not in text
        assert ", ECB 20" in text


@scene
async def test_own_prices_and_none_at_all(tmp_path: Path) -> None:
    """How many the file has in the currency; and that prices are switched off."""
    async with World(4, markets=True) as world:
        config = config_on(world, tmp_path, only=("btc",))
        path = tmp_path / "prices.csv"
        path.write_text("date,asset,currency,price\n2021-03-14,BTC,EUR,1\n2021-03-14,BTC,USD,1\n")
        own = replace(config.prices, file=path)
        assert "own prices: 1 in EUR" in await report(replace(config, prices=own))
        off = replace(config.prices, enabled=False)
        assert await report(replace(config, prices=off)) == (
            "prices: switched off; what gifts were worth stays unknown"
        )
