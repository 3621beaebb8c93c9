"""The market, and what is valued on it, made from the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from donations.config_prices import CROSS
from donations.prices.asked import Asked
from donations.prices.bitstamp import URL as BITSTAMP
from donations.prices.bitstamp import Bitstamp
from donations.prices.coinbase import URL as COINBASE
from donations.prices.coinbase import Coinbase
from donations.prices.ecb import URL as ECB
from donations.prices.ecb import Ecb
from donations.prices.kraken import URL as KRAKEN
from donations.prices.kraken import Kraken
from donations.prices.market import Market
from donations.prices.rates import Crossing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.config import ChainSettings, Config
    from donations.prices.source import PriceSource

MAINNET: Final = "mainnet"


@dataclass(frozen=True, slots=True)
class Asset:
    """Something that is given. ``no_market`` says why nobody's price for its symbol is its own."""

    chain: str
    symbol: str
    decimals: int
    no_market: str | None = None
    own: bool = True  # whether the file of own prices means it by its symbol


def assets_of(config: Config) -> dict[tuple[str, str], Asset]:
    """What is watched, by chain and symbol."""
    coins = {settings.chain.symbol for settings in config.chains.values()}
    assets = [asset for each in config.chains.values() for asset in _assets(each, coins)]
    return {(asset.chain, asset.symbol): asset for asset in assets}


def _assets(settings: ChainSettings, coins: set[str]) -> list[Asset]:
    chain = settings.chain
    test = None
    if settings.network.name != MAINNET:
        test = f"coins of the network {settings.network.name} of {chain.title} have no price"
    found = [Asset(chain.name, chain.symbol, chain.decimals, test, own=test is None)]
    for token in settings.tokens:
        unknown = None
        if token not in chain.tokens:
            unknown = (
                f"{token.symbol} is known by its contract alone, and has a price only in a file"
            )
        alone = token.symbol not in coins and test is None
        found.append(Asset(chain.name, token.symbol, token.decimals, test or unknown, own=alone))
    return found


def make_market(config: Config) -> Market:
    """The sources of the configuration; none is asked yet."""
    urls = config.prices.urls
    sources = [Asked(name, _source(name, urls)) for name in config.prices.sources]
    ecb = Asked(CROSS, Ecb({"USD", config.currency}, urls.get(CROSS, ECB)))
    return Market(sources, Crossing(ecb, config.currency), config.currency)


def _source(name: str, urls: Mapping[str, str]) -> PriceSource:
    match name:
        case "kraken":
            return Kraken(urls.get(name, KRAKEN))
        case "coinbase":
            return Coinbase(urls.get(name, COINBASE))
        case _:
            return Bitstamp(urls.get(name, BITSTAMP))
