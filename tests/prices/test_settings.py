"""The table of prices in the configuration: what is wrong in it is told at its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from donations.config import Config, parse
from donations.errors import ConfigError
from tests.chains.vectors import BTC

FILE = Path("/etc/donations/config.toml")


def read(text: str) -> Config:
    return parse(f'[addresses]\nbtc = "{BTC}"\n[prices]\n{text}\n', FILE, {})


def test_three_keyless_sources_are_asked_by_default() -> None:
    """And a file of own prices is beside the configuration."""
    prices = read("").prices
    assert (prices.enabled, prices.sources) == (True, ("kraken", "coinbase", "bitstamp"))
    assert (prices.file, prices.urls) == (None, {})
    assert read('file = "own/prices.csv"').prices.file == FILE.parent / "own/prices.csv"
    assert read('sources = []\nfile = "prices.csv"').prices.sources == ()


def test_servers_of_ones_own_are_named_by_source() -> None:
    """Over https, or plainly on this machine."""
    prices = read('urls = { kraken = "http://127.0.0.1:8090/", ecb = "https://rates.example" }')
    assert prices.prices.urls == {"kraken": "http://127.0.0.1:8090", "ecb": "https://rates.example"}


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('sources = ["krakken"]', "prices.sources[0]", "unknown source; known: kraken, coinbase"),
        ('sources = ["ecb"]', "prices.sources[0]", "leave it out here"),
        ('sources = ["kraken", "kraken"]', "prices.sources[1]", "twice"),
        ("sources = []", "prices.sources", "enabled = false"),
        ("enabled = 1", "prices.enabled", "true or false"),
        ("file = 3", "prices.file", "a text"),
        ('url = "x"', "prices.url", "did you mean urls"),
        ('urls = { krakn = "https://a.example" }', "prices.urls.krakn", "did you mean kraken"),
        ('urls = { kraken = "http://prices.example" }', "prices.urls.kraken", "use https"),
        ('urls = { kraken = "https://a.example/?k=1" }', "prices.urls.kraken", "without query"),
        ('urls = { kraken = "ftp://a.example" }', "prices.urls.kraken", "https"),
        ('urls = { kraken = "https://u:p@a.example" }', "prices.urls.kraken", "write it as"),
    ],
)
def test_what_is_wrong_is_told_at_its_key(text: str, key: str, reason: str) -> None:
    """Key, reason, and what to write instead."""
    with pytest.raises(ConfigError, match=reason) as caught:
        read(text)
    assert caught.value.key == key
    assert caught.value.line == 4
