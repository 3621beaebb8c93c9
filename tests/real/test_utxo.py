"""Bitcoin and Bitcoin Cash on real nodes: whatever happens, the ledger is what the node says.

Each step is followed by ``settle``, which compares every transfer, every total, the balance and
what readers are shown with the node, to the satoshi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..nodes.bitcoin import AddressKind, Bitcoin
from ..nodes.process import wait_until
from .utxo_truth import node_balances_hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..nodes.utxo import UtxoNode
    from .node_watch import UtxoWatch

    WatchOn = Callable[..., UtxoWatch]

only_bitcoin = pytest.mark.parametrize("coin", ["bitcoin"], indirect=True)


def finish(watch: UtxoWatch) -> None:
    """The end of a test: all in blocks, and the node's own coin index says the same balances."""
    watch.node.mine()
    assert node_balances_hold(watch.node, watch.settle(), watch.addresses)


def mined(node: UtxoNode, watch: UtxoWatch, address: str, amount: int, depth: int = 1) -> str:
    """A gift that has this many confirmations, settled; its txid."""
    gift = node.send(address, amount)
    watch.settle()
    node.mine(depth)
    watch.settle()
    return gift


@only_bitcoin
def test_every_kind_of_address_is_counted(bitcoin: Bitcoin, watch_on: WatchOn) -> None:
    """P2PKH, P2SH, bech32 and taproot gifts arrive, confirm, become final and are spent."""
    addresses = [bitcoin.new_address(kind) for kind in AddressKind]
    watch = watch_on(*addresses)
    gifts = [bitcoin.send(address, 70_000) for address in addresses]
    watch.settle()
    bitcoin.mine()
    watch.settle()
    bitcoin.mine(5)
    watch.settle()
    for gift in gifts:
        assert watch.book.news("btc", gift) == ["seen", "confirmed", "final"]
    for address in addresses:
        bitcoin.pay(address, [(bitcoin.donor_address(), 20_000)], address)
    watch.settle()
    finish(watch)


def test_a_gift_is_seen_confirmed_and_final(node: UtxoNode, watch_on: WatchOn) -> None:
    """A gift is told in the mempool, in its block, and once at the depth that makes it final."""
    address = node.new_address()
    watch = watch_on(address)
    gift = mined(node, watch, address, 5_000_001)
    depth = watch.config.chains[watch.chain].confirmations
    node.mine(depth - 2)
    watch.settle()
    assert watch.book.news(watch.chain, gift) == ["seen", "confirmed"]
    node.mine()
    watch.settle()
    assert watch.book.news(watch.chain, gift) == ["seen", "confirmed", "final"]
    finish(watch)


def test_a_batch_is_one_transfer_an_address(node: UtxoNode, watch_on: WatchOn) -> None:
    """Several outputs of one transaction to one address are one gift of their sum."""
    first, second = node.new_address(), node.new_address()
    watch = watch_on(first, second)
    node.send_many([(first, 60_001), (second, 70_000), (first, 60_000), (first, 1_001)])
    truth = watch.settle()
    assert sorted(each.amount for each in truth.transfers.values()) == [70_000, 121_002]
    finish(watch)


def test_a_gift_may_spend_an_unconfirmed_parent(node: UtxoNode, watch_on: WatchOn) -> None:
    """A gift on top of an unconfirmed transaction of a stranger counts, and so does its parent."""
    stranger, first = node.new_address(), node.new_address()
    watch = watch_on(first)
    parent = node.send(stranger, 900_000)
    node.spend(node.outpoints(parent, stranger), [(first, 300_000)], stranger)
    watch.settle()
    finish(watch)


def test_change_that_comes_back_is_no_gift(node: UtxoNode, watch_on: WatchOn) -> None:
    """An outgoing payment whose change returns to the address lowers nothing that was received."""
    address = node.new_address()
    watch = watch_on(address)
    mined(node, watch, address, 1_000_000)
    node.pay(address, [(node.donor_address(), 400_000)], address)
    watch.settle()
    node.mine()
    watch.settle()
    assert watch.sums(address) == {
        "confirmed": 1_000_000,
        "own": -402_000,
    }
    finish(watch)


def test_all_that_came_in_may_go_out_unconfirmed(node: UtxoNode, watch_on: WatchOn) -> None:
    """A gift spent before it is in a block was a gift all the same."""
    address = node.new_address()
    watch = watch_on(address)
    node.send(address, 800_000)
    watch.settle()
    node.pay(address, [(node.donor_address(), 300_000)], None)
    watch.settle()
    finish(watch)


def test_a_move_between_watched_addresses_is_no_gift(node: UtxoNode, watch_on: WatchOn) -> None:
    """What one watched address pays another is an own transfer at both."""
    first, second = node.new_address(), node.new_address()
    watch = watch_on(first, second)
    mined(node, watch, first, 1_000_000)
    move = node.pay(first, [(second, 600_000)], first)
    truth = watch.settle()
    kinds = {each.kind for name, each in truth.transfers.items() if name[2] == move}
    assert kinds == {"own"}
    finish(watch)


def test_a_payment_with_our_coins_and_theirs_is_own(node: UtxoNode, watch_on: WatchOn) -> None:
    """A transaction that spends from us and from a stranger is no gift, even if it brings more."""
    first, stranger = node.new_address(), node.new_address()
    watch = watch_on(first)
    node.send_many([(first, 200_000), (stranger, 900_000)])
    node.mine()
    watch.settle()
    coins = [*node.coins(first), *node.coins(stranger)]
    node.spend(coins, [(first, 1_000_000)], node.donor_address())
    watch.settle()
    finish(watch)


def test_a_coinbase_counts_when_it_is_mature(node: UtxoNode, watch_on: WatchOn) -> None:
    """A block reward is shown apart until its 100th confirmation, and is a final gift from then."""
    address = node.new_address()
    watch = watch_on(address)
    node.mine(1, address)
    watch.settle()
    assert list(watch.sums(address)) == ["immature"]
    node.mine(98)
    watch.settle()
    assert list(watch.sums(address)) == ["immature"]
    node.mine()
    watch.settle()
    assert list(watch.sums(address)) == ["final"]
    finish(watch)


@only_bitcoin
def test_a_bumped_fee_replaces_and_still_pays(bitcoin: Bitcoin, watch_on: WatchOn) -> None:
    """A replacement that still pays us takes the place of the first; the total is one gift."""
    address = bitcoin.new_address()
    watch = watch_on(address)
    gift = bitcoin.send(address, 800_000)
    watch.settle()
    bumped = bitcoin.bump_fee(gift)
    watch.settle()
    entry = watch.book.entry("btc", gift)
    assert (entry.state, entry.replaced_by) == ("replaced", bumped)
    finish(watch)


@only_bitcoin
def test_a_double_spend_in_the_mempool_replaces(bitcoin: Bitcoin, watch_on: WatchOn) -> None:
    """A replacement that no longer pays us ends the gift; a later verdict changes nothing."""
    address = bitcoin.new_address()
    watch = watch_on(address)
    gift = bitcoin.send(address, 800_000)
    watch.settle()
    rival = bitcoin.double_spend(gift)
    watch.settle()
    replaced(watch, gift, rival)
    finish(watch)
    replaced(watch, gift, rival)


def test_a_double_spend_in_a_block_replaces(node: UtxoNode, watch_on: WatchOn) -> None:
    """A miner's double spend of a gift in the mempool ends it."""
    address = node.new_address()
    watch = watch_on(address)
    gift = node.send(address, 800_000)
    watch.settle()
    rival = node.rival(gift)
    (first, *_) = node.reorg(0, 1, [rival])
    watch.settle()
    entry = wait_replaced(watch, gift)
    assert entry in {each["txid"] for each in node.chain()[-1].transactions}, first
    finish(watch)


def test_a_confirmed_gift_is_erased_by_a_conflicting_block(
    node: UtxoNode, watch_on: WatchOn
) -> None:
    """A reorg that brings a double spend replaces a confirmed gift, and says that it reorged."""
    address = node.new_address()
    watch = watch_on(address)
    gift = mined(node, watch, address, 900_000, 2)
    node.reorg(2, 3, [node.rival(gift)])
    watch.settle()
    wait_replaced(watch, gift)
    last = watch.book.told(watch.chain, gift)[-1]
    assert (last.news, last.reorged, last.final_reversed) == ("replaced", True, False)
    finish(watch)


def test_a_gift_mined_again_at_its_height_moves(node: UtxoNode, watch_on: WatchOn) -> None:
    """A reorg that re-mines a gift at the same height is noticed though no server announces it."""
    address = node.new_address()
    watch = watch_on(address)
    gift = mined(node, watch, address, 900_000)
    before = watch.book.entry(watch.chain, gift)
    node.reorg(1, 2, [node.raw(gift)])
    watch.settle()
    after = watch.book.entry(watch.chain, gift)
    assert (after.height, after.block != before.block) == (before.height, True)
    last = watch.book.told(watch.chain, gift)[-1]
    assert (last.news, last.reorged) == ("confirmed", True)
    finish(watch)


@only_bitcoin
def test_a_chain_that_goes_and_comes_back(bitcoin: Bitcoin, watch_on: WatchOn) -> None:
    """From chain A to B and back to A: the gift of A stands again, in its first block."""
    address = bitcoin.new_address()
    watch = watch_on(address)
    gift = mined(bitcoin, watch, address, 900_000, 2)
    before = watch.book.entry("btc", gift)
    old = [block.hash for block in bitcoin.chain()[-2:]]
    bitcoin.reorg(2, 3, [bitcoin.rival(gift)])
    watch.settle()
    wait_replaced(watch, gift)
    fork = bitcoin.chain()[-3].hash
    bitcoin.invalidate(fork)
    assert bitcoin.tip() == old[-1]
    bitcoin.mine(2)
    watch.settle()
    after = watch.book.entry("btc", gift)
    assert (after.state, after.block) == ("confirmed", before.block)
    bitcoin.reconsider(fork)
    finish(watch)


def wait_replaced(watch: UtxoWatch, gift: str) -> str:
    """The rival that replaced the gift."""
    wait_until(lambda: watch.book.entry(watch.chain, gift).state == "replaced", f"{gift} replaced")
    rival = watch.book.entry(watch.chain, gift).replaced_by
    assert rival is not None
    return rival


def replaced(watch: UtxoWatch, gift: str, rival: str) -> None:
    """Make sure that the gift does not stand because of its rival."""
    assert wait_replaced(watch, gift) == rival
