"""What the tests against real nodes share: a folder for each watch, and both coins in turn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..nodes.electrumx import Coin, ElectrumX
from .node_watch import EthereumWatch, UtxoWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..nodes.bitcoin import Bitcoin
    from ..nodes.bitcoin_cash import BitcoinCash
    from ..nodes.ethereum import Ethereum, Token
    from ..nodes.utxo import UtxoNode

CHAINS = {"bitcoin": "btc", "bitcoin_cash": "bch"}


PROMPT = Path(__file__).with_name("prompt")


def prompt_server(folder: Path, coin: Coin, url: str) -> ElectrumX:
    """An ElectrumX that holds nothing back; see prompt/sitecustomize.py."""
    return ElectrumX(folder, coin, url, {"PYTHONPATH": str(PROMPT)})


@pytest.fixture(scope="session")
def bitcoin_electrum(
    bitcoin: Bitcoin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ElectrumX]:
    """A prompt Electrum server on the Bitcoin node."""
    server = prompt_server(tmp_path_factory.mktemp("prompt_btc"), "Bitcoin", bitcoin.url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def bitcoin_cash_electrum(
    bitcoin_cash: BitcoinCash, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ElectrumX]:
    """A prompt Electrum server on the Bitcoin Cash node."""
    folder = tmp_path_factory.mktemp("prompt_bch")
    server = prompt_server(folder, "BitcoinCash", bitcoin_cash.url)
    yield server
    server.stop()


@pytest.fixture(params=list(CHAINS))
def coin(request: pytest.FixtureRequest) -> str:
    """Each of the two coins in turn."""
    return str(request.param)


@pytest.fixture
def node(coin: str, request: pytest.FixtureRequest) -> UtxoNode:
    """The node of the coin."""
    found: UtxoNode = request.getfixturevalue(coin)
    return found


@pytest.fixture
def electrum(coin: str, request: pytest.FixtureRequest) -> ElectrumX:
    """The Electrum server of the coin."""
    found: ElectrumX = request.getfixturevalue(f"{coin}_electrum")
    return found


@pytest.fixture
def watch_on(
    coin: str, node: UtxoNode, electrum: ElectrumX, tmp_path: Path
) -> Iterator[Callable[..., UtxoWatch]]:
    """Starts the service on some addresses of the coin, settled; stopped after the test."""
    started: list[UtxoWatch] = []

    def start(*addresses: str) -> UtxoWatch:
        started.append(UtxoWatch(tmp_path, CHAINS[coin], node, [electrum], addresses))
        started[-1].start()
        started[-1].settle()
        return started[-1]

    yield start
    for watch in started:
        watch.stop()


@pytest.fixture
def watch_eth(ethereum: Ethereum, tmp_path: Path) -> Iterator[Callable[..., EthereumWatch]]:
    """Starts the service on some fresh addresses of Ethereum, settled; stopped after the test."""
    started: list[EthereumWatch] = []

    def start(*addresses: str, tokens: Sequence[tuple[str, Token, int]] = ()) -> EthereumWatch:
        since = ethereum.height()
        watch = EthereumWatch(tmp_path, ethereum, addresses, since=since, tokens=tokens)
        watch.start()
        started.append(watch)
        watch.settle()
        return watch

    yield start
    for watch in started:
        watch.stop()
