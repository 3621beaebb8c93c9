"""A random life of each chain, compared with its node after every few steps.

The seed is printed; the node's own keys and clocks differ from run to run all the same.
"""

from __future__ import annotations

import os
import random
import secrets
from typing import TYPE_CHECKING

from .life import EthereumLife, UtxoLife
from .node_watch import EthereumWatch, NodeWatch, UtxoWatch

if TYPE_CHECKING:
    from pathlib import Path

    from ..nodes.electrumx import ElectrumX
    from ..nodes.ethereum import Ethereum
    from ..nodes.utxo import UtxoNode

STEPS = 400 if os.environ.get("DONATIONS_LONG") else 25
CHAINS = {"bitcoin": "btc", "bitcoin_cash": "bch"}


def seeded() -> random.Random:
    """A generator whose seed is shown when the test fails."""
    seed = int(os.environ.get("DONATIONS_SEED") or secrets.randbits(32))
    print("DONATIONS_SEED", seed)  # noqa: T201
    return random.Random(seed)


def live(watch: NodeWatch, life: UtxoLife | EthereumLife, rng: random.Random) -> None:
    """Some steps, then everything is compared, and so on; now and then the service restarts."""
    try:
        with watch:
            watch.settle()
            for _ in range(STEPS):
                running = rng.random() < 0.9
                if not running:
                    watch.stop()
                for _ in range(rng.choice((1, 1, 1, 2, 4))):
                    life.step()
                if not running:
                    watch.start()
                if rng.random() < 0.7:
                    watch.settle()
            watch.settle()
    except AssertionError as error:
        raise AssertionError("\n".join([*life.done[-40:], str(error)])) from error


def test_a_random_life(coin: str, node: UtxoNode, electrum: ElectrumX, tmp_path: Path) -> None:
    """Bitcoin, Bitcoin Cash: whatever happens in whatever order, the ledger is what the node
    says."""
    rng = seeded()
    life = UtxoLife(node, rng)
    chain = CHAINS[coin]
    live(UtxoWatch(tmp_path, chain, node, [electrum], life.addresses), life, rng)


def test_a_random_life_of_ethereum(ethereum: Ethereum, tmp_path: Path) -> None:
    """Ethereum and a token: whatever happens in whatever order, the ledger is what the traces
    say."""
    rng = seeded()
    token = ethereum.token()
    ethereum.splitter()
    # A token is older than what the search looks back on after a final block is gone.
    ethereum.mine(110)
    life = EthereumLife(ethereum, rng, token)
    since = ethereum.height()
    tokens = [("TST", token, 6)]
    watch = EthereumWatch(tmp_path, ethereum, life.addresses, since=since, tokens=tokens)
    live(watch, life, rng)
