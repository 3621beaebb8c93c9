"""The nodes as pytest fixtures: each is started when a test first asks for it, and shared.

Tests share a chain, so each takes fresh addresses and asks about those alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bitcoin import Bitcoin
from .bitcoin_cash import BitcoinCash
from .electrumx import ElectrumX
from .ethereum import Ethereum

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def bitcoin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bitcoin]:
    """A Bitcoin node whose donor has money."""
    node = Bitcoin(tmp_path_factory.mktemp("bitcoin"))
    yield node
    node.stop()


@pytest.fixture(scope="session")
def bitcoin_electrum(
    bitcoin: Bitcoin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ElectrumX]:
    """An Electrum server on the Bitcoin node."""
    server = ElectrumX(tmp_path_factory.mktemp("bitcoin_electrum"), "Bitcoin", bitcoin.url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def bitcoin_cash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinCash]:
    """A Bitcoin Cash node whose donor has money."""
    node = BitcoinCash(tmp_path_factory.mktemp("bitcoin_cash"))
    yield node
    node.stop()


@pytest.fixture(scope="session")
def bitcoin_cash_electrum(
    bitcoin_cash: BitcoinCash, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ElectrumX]:
    """An Electrum server on the Bitcoin Cash node."""
    folder = tmp_path_factory.mktemp("bitcoin_cash_electrum")
    server = ElectrumX(folder, "BitcoinCash", bitcoin_cash.url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ethereum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ethereum]:
    """An Ethereum node that mines each transaction at once."""
    node = Ethereum(tmp_path_factory.mktemp("ethereum"))
    yield node
    node.stop()
