"""Ethereum on a real node: whatever happens, the ledger is what the node's traces say.

Each step is followed by ``settle``, which compares every transfer, every total, the balance and
what readers are shown with the node, to the wei.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ..nodes.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..nodes.ethereum import Ethereum
    from .node_watch import EthereumWatch

    WatchEth = Callable[..., EthereumWatch]

ETHER = 10**18
GWEI = 10**9
# The finalized block of the node is so far behind its head.
FINAL_LAG = 4
NOBODY = "0x" + "00" * 20


@contextmanager
def one_block(node: Ethereum) -> Iterator[None]:
    """All that is sent within becomes one block."""
    node.automine(False)
    try:
        yield
        node.mine()
    finally:
        node.automine(True)


def kinds(watch: EthereumWatch) -> list[tuple[str, int]]:
    """(kind, amount) of all that is recorded, in the order of the amounts."""
    return sorted(((e.kind, e.amount) for e in watch.book.entries("eth")), key=lambda pair: pair[1])


def test_a_gift_is_confirmed_and_final(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """A plain payment is told in its block, and once when that is finalized."""
    address = ethereum.new_address()
    watch = watch_eth(address)
    gift = ethereum.send(address, ETHER + 1)
    watch.settle()
    assert watch.sums(address) == {"confirmed": ETHER + 1}
    ethereum.mine(5)
    watch.settle()
    assert watch.sums(address) == {"final": ETHER + 1}
    assert watch.book.news("eth", gift) == ["confirmed", "final"]


def test_a_batch_from_a_contract_is_one_gift(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """What one contract call pays several times, and to two of us, is one gift at each."""
    first, second = ethereum.new_address(), ethereum.new_address()
    watch = watch_eth(first, second)
    ethereum.send_internal([(first, 7), (ethereum.new_address(), 5), (second, 3), (first, 9)])
    watch.settle()
    assert kinds(watch) == [("gift", 3), ("gift", 16)]


def test_internal_payments_of_one_block_are_one_gift(
    ethereum: Ethereum, watch_eth: WatchEth
) -> None:
    """Contract calls of three senders and a plain payment in one block: two gifts, every wei."""
    address = ethereum.new_address()
    ethereum.splitter()
    watch = watch_eth(address)
    with one_block(ethereum):
        for number, sender in enumerate(ethereum.accounts[1:4], 1):
            ethereum.send_internal([(address, number)], sender)
        ethereum.send(address, 1_000, ethereum.accounts[4])
    watch.settle()
    assert kinds(watch) == [("gift", 6), ("gift", 1_000)]


def test_a_self_destructing_contract_pays(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """A payment that calls nothing of ours is counted like any other."""
    address = ethereum.new_address()
    watch = watch_eth(address)
    ethereum.send_by_selfdestruct(address, 11)
    watch.settle()
    assert watch.sums(address) == {"confirmed": 11}


def test_a_failed_transaction_brings_nothing(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """A contract call that pays us and then fails is no gift; one beside it in the block is."""
    address = ethereum.new_address()
    ethereum.splitter()
    watch = watch_eth(address)
    with one_block(ethereum):
        ethereum.fail_internal([(address, 5)], ethereum.accounts[1])
        ethereum.send(address, 6, ethereum.accounts[2])
    watch.settle()
    assert kinds(watch) == [("gift", 6)]


def test_own_sends_cost_gas_and_lower_nothing(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """Payments out, to itself, between two of ours, and one that fails are own transfers."""
    first, second = ethereum.new_address(), ethereum.new_address()
    ethereum.splitter()
    watch = watch_eth(first, second)
    ethereum.send(first, ETHER)
    watch.settle()
    ethereum.impersonate(first)
    ethereum.send(ethereum.new_address(), 3, first)
    ethereum.send(first, 4, first)
    ethereum.send(second, 5 * GWEI, first)
    watch.settle()
    ethereum.fail_internal([(second, 6)], first)
    watch.settle()
    ethereum.mine(5)
    watch.settle()
    assert watch.sums(first)["final"] == ETHER
    assert set(watch.sums(second)) == {"own"}


def test_income_beside_an_own_call_is_unattributed(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """Ether from inside a call, in a block with a call of ours, may be a refund: it is no gift."""
    address = ethereum.new_address()
    ethereum.splitter()
    watch = watch_eth(address)
    ethereum.send(address, ETHER)
    watch.settle()
    ethereum.impersonate(address)
    with one_block(ethereum):
        ethereum.send_internal([(address, 9)], address)
        ethereum.send_internal([(address, 20)], ethereum.accounts[1])
    watch.settle()
    assert watch.sums(address)["unattributed"] == 29


def test_a_replaced_payment_is_told(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """After a reorg the sender uses the nonce of a gift for something else: it is replaced."""
    address = ethereum.new_address()
    ethereum.mine(3)
    watch = watch_eth(address)
    sender = ethereum.accounts[5]
    gift = ethereum.send(address, 5, sender)
    ethereum.send(address, 6, ethereum.accounts[6])
    watch.settle()
    other = {"from": sender, "to": ethereum.new_address(), "value": "0x1"}
    ethereum.reorg(2, [(other, 0)])
    watch.settle()
    entry = watch.book.entry("eth", gift)
    assert entry.state == "replaced"
    last = watch.book.told("eth", gift)[-1]
    assert (last.news, last.reorged) == ("replaced", True)


def test_a_payment_waits_for_its_block(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """Of two payments with one nonce only the mined one was ever told."""
    address = ethereum.new_address()
    watch = watch_eth(address)
    with one_block(ethereum):
        gift = ethereum.send(address, 5, ethereum.accounts[5])
        watch.settle()
        ethereum.replace(gift, address, 8)
    watch.settle()
    assert kinds(watch) == [("gift", 8)]


DEPTHS = range(1, 26) if os.environ.get("DONATIONS_LONG") else (1, 2, 4, 5, 6, 12, 25)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_reorg_of_any_depth_is_followed(
    depth: int, ethereum: Ethereum, watch_eth: WatchEth
) -> None:
    """Of the gifts in the lost block one is mined again, one is replaced, two are gone: what was
    finalized is reversed with evidence."""
    address, second = ethereum.new_address(), ethereum.new_address()
    ethereum.splitter()
    ethereum.mine(2)
    watch = watch_eth(address, second)
    kept, rival, lost = ethereum.accounts[7:10]
    with one_block(ethereum):
        again = ethereum.send(address, 50, kept)
        gone = ethereum.send(address, 60, rival)
        dropped = ethereum.send(address, 70, lost)
        elsewhere = ethereum.send(second, 75, ethereum.accounts[2])
        ethereum.send_internal([(address, 80)], ethereum.accounts[1])
    watch.settle()
    ethereum.mine(depth - 1)
    watch.settle()
    raw = ethereum.rpc("eth_getTransactionByHash", again)
    fields = ("from", "to", "value", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas")
    same = {name: raw[name] for name in fields}
    other = {"from": rival, "to": ethereum.new_address(), "value": "0x1"}
    ethereum.reorg(depth, [(same, depth - 1), (other, 0)])
    watch.settle()
    for gift, state in (
        (gone, "replaced"),
        (dropped, "dropped"),
        (elsewhere, "dropped"),
        (again, "confirmed"),
    ):
        wait_until(lambda: watch.book.entry("eth", gift).state == state, f"{gift} {state}")  # noqa: B023
        last = watch.book.told("eth", gift)[-1]
        final = depth > FINAL_LAG
        assert (last.reorged, last.final_reversed, bool(last.evidence)) == (True, final, final)
    ethereum.send(address, 90)
    watch.settle()


def test_listed_tokens_are_counted(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """A listed token is an asset of its own, log by log; an unlisted one is ignored."""
    first, second = ethereum.new_address(), ethereum.new_address()
    listed, other = ethereum.token(), ethereum.token()
    ethereum.mine(5)
    watch = watch_eth(first, second, tokens=[("TST", listed, 6)])
    listed.transfer([(first, 5), (first, 6), (second, 7), (ethereum.accounts[1], 1)])
    other.transfer([(first, 1_000)])
    watch.settle()
    listed.transfer([(first, 0), (second, 2)])
    watch.settle()
    ethereum.send(first, ETHER)
    ethereum.impersonate(first)
    listed.transfer([(second, 4), (ethereum.accounts[1], 2)], first)
    watch.settle()
    ethereum.mine(5)
    watch.settle()
    assert watch.sums(first, "TST") == {"final": 11, "own": -6}
    assert watch.sums(second, "TST") == {"final": 9, "own": 4}


def test_a_reorg_of_tokens_is_followed(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """Tokens of lost blocks no longer count, finalized ones included."""
    address = ethereum.new_address()
    token = ethereum.token()
    ethereum.mine(5)
    watch = watch_eth(address, tokens=[("TST", token, 6)])
    token.transfer([(address, 5)])
    ethereum.mine(6)
    token.transfer([(address, 6)])
    watch.settle()
    ethereum.reorg(8)
    watch.settle()
    token.transfer([(address, 7)])
    watch.settle()
    assert watch.sums(address, "TST") == {"confirmed": 7}


def test_fees_of_a_proposer_are_unattributed(ethereum: Ethereum, watch_eth: WatchEth) -> None:
    """Priority fees that the address earns are in its balance and are no gift."""
    address = ethereum.new_address()
    watch = watch_eth(address)
    ethereum.set_proposer(address)
    try:
        ethereum.send(ethereum.new_address(), 1)
        ethereum.send(address, 5)
    finally:
        ethereum.set_proposer(NOBODY)
    watch.settle()
    assert watch.sums(address)["confirmed"] == 5
    assert watch.sums(address)["unattributed"] > 0


def test_income_without_a_transaction_is_unattributed(
    ethereum: Ethereum, watch_eth: WatchEth
) -> None:
    """A credit that no transaction explains, as a withdrawal is, is shown as what it is."""
    address = ethereum.new_address()
    watch = watch_eth(address)
    watch.stop()
    ethereum.credit(address, 1_000)
    ethereum.send(address, 5)
    watch.start()
    watch.settle()
    assert watch.sums(address) == {"confirmed": 5, "unattributed": 1_000}
