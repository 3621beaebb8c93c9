"""Stops, starts and kills: nothing is lost, nothing counts twice, nothing known is asked again."""

from __future__ import annotations

import random
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from ..nodes.process import free_ports
from .command import Serving
from .life import EthereumLife, UtxoLife
from .node_watch import EthereumWatch, UtxoWatch
from .relay import Relay
from .watching import Watch, config_text, quick

if TYPE_CHECKING:
    from pathlib import Path

    from ..nodes.bitcoin import Bitcoin
    from ..nodes.bitcoin_cash import BitcoinCash
    from ..nodes.electrumx import ElectrumX
    from ..nodes.ethereum import Ethereum

GET = "blockchain.transaction.get"
KILLS = 6


def test_transactions_known_are_not_asked_again(
    bitcoin: Bitcoin, bitcoin_electrum: ElectrumX, tmp_path: Path
) -> None:
    """After a restart the service asks for no transaction that it has recorded, final or not."""
    address = bitcoin.new_address()
    for _ in range(5):
        bitcoin.send(address, 50_000)
    bitcoin.mine(7)
    bitcoin.send(address, 60_000)
    bitcoin_electrum.wait_tip(bitcoin.tip())
    with Relay(bitcoin_electrum.tcp_port) as relay:
        url = f"tcp://127.0.0.1:{relay.port}"
        watch = UtxoWatch(tmp_path, "btc", bitcoin, [bitcoin_electrum], [address], urls=[url])
        with watch:
            watch.settle()
            # Each once; and once more, with its coinbase, for the proofs of the five in blocks.
            assert relay.methods().count(GET) == 6 + 2 * 5
        relay.forget()
        new = bitcoin.send(address, 70_000)
        with watch:
            watch.settle()
            asked = [line for line in relay.sent().splitlines() if GET in line]
    assert len(asked) == 1
    assert new in asked[0]


def test_an_address_at_rest_costs_nothing(
    bitcoin: Bitcoin, bitcoin_electrum: ElectrumX, tmp_path: Path
) -> None:
    """With nothing unsettled no poll asks an Electrum server anything, not even for a block."""
    address = bitcoin.new_address()
    bitcoin.send(address, 50_000)
    bitcoin.mine(6)
    bitcoin_electrum.wait_tip(bitcoin.tip())
    with Relay(bitcoin_electrum.tcp_port) as relay:
        url = f"tcp://127.0.0.1:{relay.port}"
        with UtxoWatch(
            tmp_path, "btc", bitcoin, [bitcoin_electrum], [address], urls=[url]
        ) as watch:
            watch.settle()
            time.sleep(1)
            relay.forget()
            for _ in range(5):
                watch.hurry()
                time.sleep(0.1)
            bitcoin.mine()
            watch.settle()
            assert relay.methods() == []


def test_ethereum_goes_on_where_it_stopped(ethereum: Ethereum, tmp_path: Path) -> None:
    """A restart searches from the recorded point only, and finds what came meanwhile."""
    address = ethereum.new_address()
    ethereum.mine(3)
    since = ethereum.height()
    with Relay(ethereum.port) as relay:
        url = f"http://127.0.0.1:{relay.port}"
        watch = EthereumWatch(tmp_path, ethereum, [address], since=since, urls=[url])
        with watch:
            watch.settle()
            ethereum.send(address, 5)
            ethereum.mine(20)
            watch.settle()
        ethereum.send(address, 6)
        ethereum.mine(3)
        ethereum.send_internal([(address, 7)])
        relay.forget()
        with watch:
            watch.settle()
            methods = relay.methods()
            wrong = [f'"{hex(height)}"' for height in range(1, since)]
            assert not [number for number in wrong if number in relay.sent()]
            assert len(methods) < 120
            relay.forget()
            time.sleep(0.5)
            watch.hurry()
            time.sleep(0.5)
            assert relay.requests() <= 4 * 3


@pytest.mark.parametrize("seed", [secrets.randbits(32)])
def test_kills_lose_and_double_nothing(
    seed: int,
    bitcoin: Bitcoin,
    bitcoin_electrum: ElectrumX,
    bitcoin_cash: BitcoinCash,
    bitcoin_cash_electrum: ElectrumX,
    ethereum: Ethereum,
    tmp_path: Path,
) -> None:
    """`donations serve` is killed at random moments of a random life on three chains; when it runs
    again at last, everything is as the nodes say."""
    print("seed", seed)  # noqa: T201
    rng = random.Random(seed)
    ethereum.splitter()
    since = ethereum.height()
    lives: dict[str, UtxoLife | EthereumLife] = {
        "btc": UtxoLife(bitcoin, rng),
        "bch": UtxoLife(bitcoin_cash, rng),
        "eth": EthereumLife(ethereum, rng),
    }
    upstreams = {
        "btc": [bitcoin_electrum.tcp_url],
        "bch": [bitcoin_cash_electrum.tcp_url],
        "eth": [ethereum.url],
    }
    (port,) = free_ports(1)
    addresses = {chain: life.addresses for chain, life in lives.items()}
    path = tmp_path / "config.toml"
    text = config_text(upstreams, addresses, port=port)
    path.write_text(text)
    serving = Serving(path, port)
    try:
        for _ in range(KILLS):
            serving.start(ready=False)
            stop_at = time.monotonic() + rng.uniform(0.5, 4)
            while time.monotonic() < stop_at:
                lives[rng.choice(tuple(lives))].step()
            serving.kill()
    finally:
        serving.stop()
    watches = [
        UtxoWatch(tmp_path, "btc", bitcoin, [bitcoin_electrum], addresses["btc"]),
        UtxoWatch(tmp_path, "bch", bitcoin_cash, [bitcoin_cash_electrum], addresses["bch"]),
        EthereumWatch(tmp_path, ethereum, addresses["eth"], since=since),
    ]
    # One service watches all three, on the database that the killed ones left.
    with Watch(quick(text, tmp_path)) as service:
        for watch in watches:
            watch.settle_in(service)
