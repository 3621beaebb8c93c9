"""Proof bundles of real nodes: a stranger checks them in another process, without a network."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from donations.bundle.form import read
from donations.bundle.verify import verify
from donations.errors import BundleRefused
from donations.showing import print_bundle

from ..bundle.test_bundle import mutated
from ..bundle.test_command import alone
from ..nodes.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..measured import Table
    from ..nodes.utxo import UtxoNode
    from .node_watch import UtxoWatch

    WatchOn = Callable[..., UtxoWatch]

MUTATIONS = 500


def test_what_a_real_node_holds_is_proven_to_a_stranger(
    node: UtxoNode, watch_on: WatchOn, tmp_path: Path, seed: int, table: Table
) -> None:
    """Gifts in blocks of a real node, alone and together; bent, no bundle proves another gift."""
    address = node.new_address()
    watch = watch_on(address)
    gifts = {}
    for amount in (70_000, 80_001, 90_002):
        gifts[node.send(address, amount)] = amount
        node.mine(2)
    node.mine(12)
    watch.settle()

    def whole() -> bytes | None:
        try:
            found = print_bundle(watch.config, address)
        except BundleRefused:
            return None
        return found if len(read(found).transfers) == len(gifts) else None

    text = wait_until(whole, "all gifts are proven")
    assert text is not None
    now = int(time.time()) + 7_200
    found = verify(text, now=now, test_networks=True)
    assert {each.id: each.units for each in found.transfers} == gifts
    for txid, amount in gifts.items():
        (one,) = verify(print_bundle(watch.config, txid), now=now, test_networks=True).transfers
        assert (one.id, one.units) == (txid, amount)
    dice = random.Random(seed)
    accepted = 0
    for _ in range(MUTATIONS):
        try:
            other = verify(mutated(dice, text), now=now, test_networks=True)
        except BundleRefused:
            continue
        # Anybody can mine another last block on a private network, but not another gift.
        accepted += other.transfers != found.transfers
    table.never(f"bundles of a real node ({watch.chain}), bent, that prove something else",
                accepted, MUTATIONS)  # fmt: skip
    empty = tmp_path / "stranger"
    empty.mkdir()
    done = alone("verify", "--test-network", "-", folder=empty, stdin=text)
    assert done.returncode == 0, done.stderr.decode()
    assert b"in 3 transfers" in done.stdout
