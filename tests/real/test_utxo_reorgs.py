"""Reorgs of Bitcoin and Bitcoin Cash of every depth, beyond the depth that makes a gift final."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .utxo_truth import CONFIRMATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..nodes.utxo import UtxoNode
    from .node_watch import UtxoWatch

DEEPEST = 25
# The depths around both finalities; a long run takes them all.
QUICK = (1, 5, 6, 9, 10, DEEPEST)
DEPTHS = range(1, DEEPEST + 1) if os.environ.get("DONATIONS_LONG") else QUICK


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_reorg_of_any_depth_is_followed(
    depth: int, node: UtxoNode, watch_on: Callable[..., UtxoWatch]
) -> None:
    """Of the gifts in the lost block two are mined again, one returns to the mempool and one is
    double spent: what had been final is reversed with evidence, what had not been is only moved."""
    address, other = node.new_address(), node.new_address()
    watch = watch_on(address, other)
    again, back, gone = (node.send(address, units) for units in (500_000, 600_000, 700_000))
    kept = node.send(other, 800_000)
    node.mine()
    watch.settle()
    node.mine(depth - 1)
    watch.settle()
    node.reorg(depth, depth + 1, [node.raw(again), node.raw(kept), node.rival(gone)])
    watch.settle()

    final = depth >= CONFIRMATIONS[watch.chain]
    for gift, news in ((again, None), (kept, None), (back, "seen"), (gone, "replaced")):
        moved = [told for told in watch.book.told(watch.chain, gift) if told.reorged]
        assert [told.final_reversed for told in moved] == [final]
        assert bool(moved[0].evidence) == final
        assert news in (None, moved[0].news)
    assert watch.book.entry(watch.chain, gone).replaced_by is not None
    node.mine()
    watch.settle()
