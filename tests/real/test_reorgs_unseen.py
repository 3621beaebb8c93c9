"""Reorgs that happen while the service does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..nodes.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..nodes.ethereum import Ethereum
    from ..nodes.utxo import UtxoNode
    from .node_watch import EthereumWatch, UtxoWatch


@pytest.mark.parametrize("later", [0, 3, 30])
def test_a_reorg_of_ethereum_meanwhile(
    later: int, ethereum: Ethereum, watch_eth: Callable[..., EthereumWatch]
) -> None:
    """Finalized and other gifts that left the chain during a stop are found out at the start."""
    address = ethereum.new_address()
    ethereum.mine(20)
    watch = watch_eth(address)
    deep = ethereum.send(address, 5, ethereum.accounts[2])
    ethereum.mine(1)
    ethereum.send(address, 6, ethereum.accounts[3])
    ethereum.mine(4)
    high = ethereum.send(address, 7, ethereum.accounts[4])
    watch.settle()
    watch.stop()
    ethereum.reorg(8)
    ethereum.mine(later)
    watch.start()
    watch.settle()
    for gift, reversed_ in ((deep, True), (high, False)):
        wait_until(lambda: watch.book.entry("eth", gift).state == "dropped", f"{gift} dropped")  # noqa: B023
        assert watch.book.told("eth", gift)[-1].final_reversed == reversed_


@pytest.mark.parametrize("later", [1, 12])
def test_a_reorg_of_coins_meanwhile(
    later: int, node: UtxoNode, watch_on: Callable[..., UtxoWatch]
) -> None:
    """The same on Bitcoin and Bitcoin Cash, where the lost gifts are double spent or wait again."""
    address = node.new_address()
    watch = watch_on(address)
    gone, back = node.send(address, 50_000), node.send(address, 60_000)
    node.mine(11)
    high = node.send(address, 70_000)
    node.mine()
    watch.settle()
    watch.stop()
    node.reorg(12, 12 + later, [node.rival(gone)])
    watch.start()
    watch.settle()
    assert watch.book.entry(watch.chain, gone).state == "replaced"
    for gift, reversed_ in ((gone, True), (back, True), (high, False)):
        reorged = [told for told in watch.book.told(watch.chain, gift) if told.reorged]
        assert [told.final_reversed for told in reorged] == [reversed_]
    node.mine()
    watch.settle()
