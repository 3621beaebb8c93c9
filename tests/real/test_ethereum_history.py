"""What an Ethereum address had before the watch began, and what came while it slept too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..nodes.ethereum import Ethereum
from ..nodes.process import wait_until
from .node_watch import EthereumWatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = 160


@pytest.fixture
def pruned(tmp_path: Path) -> Iterator[Ethereum]:
    """A node that keeps the states of the last blocks only, as public full nodes do."""
    folder = tmp_path / "pruned"
    folder.mkdir()
    node = Ethereum(folder, keep_states=KEPT)
    yield node
    node.stop()


def test_an_archive_tells_the_history_from_the_first_block(
    ethereum: Ethereum, tmp_path: Path
) -> None:
    """Gifts and payments made before the first start are found, each in its block."""
    address = ethereum.new_address()
    ethereum.splitter()
    since = ethereum.height()
    ethereum.send(address, 10**18)
    ethereum.mine(37)
    ethereum.send_internal([(address, 7)])
    ethereum.mine(150)
    ethereum.impersonate(address)
    ethereum.send(ethereum.new_address(), 5, address)
    ethereum.send(address, 8)
    with EthereumWatch(tmp_path, ethereum, [address], since=since) as watch:
        watch.settle()
        assert sorted(e.amount for e in watch.book.entries("eth") if e.kind == "gift") == [
            7,
            8,
            10**18,
        ]


def test_a_pruned_node_begins_with_what_lies_there(pruned: Ethereum, tmp_path: Path) -> None:
    """Without history the balance of a finalized block is an opening entry, never received; what
    comes later is."""
    address = pruned.new_address()
    pruned.send(address, 1_000)
    pruned.mine(2 * KEPT)
    with EthereumWatch(tmp_path, pruned, [address], since=pruned.height()) as watch:
        wait_until(lambda: watch.sums(address) == {"opening": 1_000}, "the opening entry")
        pruned.send(address, 5)
        pruned.send_internal([(address, 7)])
        wait_until(lambda: watch.sums(address).get("confirmed") == 12, "both gifts")
        (coin,) = watch.published.coins
        wait_until(lambda: watch.published.coins[0].sums != coin.sums, "shown")
        (coin,) = watch.published.coins
        assert coin.sums is not None
        assert (coin.sums[0].received, coin.opening) == (12, 1_000)


def test_what_came_in_a_long_sleep_is_one_entry(pruned: Ethereum, tmp_path: Path) -> None:
    """After a stop that is longer than states are kept the gifts meanwhile are one transfer, and
    the sum still closes."""
    address = pruned.new_address()
    pruned.mine(20)
    watch = EthereumWatch(tmp_path, pruned, [address], since=pruned.height())
    with watch:
        pruned.send(address, 5)
        pruned.mine(6)
        watch.settle()
    pruned.send(address, 100)
    pruned.mine(3)
    pruned.send(address, 200)
    pruned.mine(2 * KEPT)
    pruned.send(address, 7)
    with watch:
        wait_until(lambda: sum(watch.sums(address).values()) == 312, "all gifts")
        assert set(watch.sums(address)) == {"final", "confirmed"}
        amounts = sorted(e.amount for e in watch.book.entries("eth"))
        assert amounts == [5, 7, 300]
