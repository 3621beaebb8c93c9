"""The simulated BTC and BCH chains keep their own books right, whatever happens to them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from donations.demo.oracle import Kind, balance, received, utxo_facts
from donations.demo.transaction import Outpoint, scripthash
from donations.demo.utxo import UtxoChain
from donations.demo.view import UtxoView

if TYPE_CHECKING:
    from donations.demo.blocktree import BlockTree

OURS = bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac")
OTHER = bytes.fromhex("76a9143296fe5c6e3d87aa5781fc951484de4660f1e24f88ac")


@pytest.fixture
def chain() -> UtxoChain:
    """A young chain with fixed times."""
    return UtxoChain("btc", start=1_700_000_000)


def check(chain: BlockTree) -> None:
    """No coin is spent twice, every input stands, and mempool and blocks do not overlap."""
    standing = [each for block in chain.best for each in block.transactions]
    standing += chain.mempool.values()
    outputs = {
        Outpoint(each.txid, index) for each in standing for index in range(len(each.outputs))
    }
    spends = [outpoint for each in standing for outpoint in each.spends]
    assert len(spends) == len(set(spends))
    assert set(spends) <= outputs
    assert chain.spender == {outpoint: each.txid for each in standing for outpoint in each.spends}
    assert set(chain.location).isdisjoint(chain.mempool)
    assert set(chain.location) | set(chain.mempool) == {each.txid for each in standing}
    for txid, (height, position) in chain.location.items():
        assert chain.best[height].transactions[position].txid == txid


def test_same_seed_same_chain() -> None:
    """Two chains of one seed and start that live the same life are equal to the last hash."""

    def life() -> UtxoChain:
        chain = UtxoChain("btc", 5, start=1_700_000_000)
        chain.replace(chain.pay(OURS, 1_000), OURS)
        chain.mine(3)
        chain.reorg(2)
        return chain

    assert life().tip.hash == life().tip.hash
    assert UtxoChain("btc", 6, start=1_700_000_000).tip.hash != life().best[101].hash


def test_both_chains_share_block_0_only() -> None:
    """BTC and BCH have one genesis and part at block 1, as the real ones do later."""
    btc, bch = UtxoChain("btc"), UtxoChain("bch")
    assert btc.genesis_hash == bch.genesis_hash
    assert btc.landmark != bch.landmark


def test_payment_is_first_in_the_mempool_then_in_a_block(chain: UtxoChain) -> None:
    """A payment waits in the mempool and is in the next block that takes it."""
    first, second = chain.pay(OURS, 1_000), chain.pay(OURS, 2_000)
    chain.mine(only=[second])
    assert first in chain.mempool
    assert chain.location[second][0] == chain.height
    chain.mine()
    assert not chain.mempool


def test_a_chosen_payment_takes_its_parent_along(chain: UtxoChain) -> None:
    """Mining a payment whose coin is unconfirmed mines the parent before it."""
    chain.pay(OURS, 5)
    child = chain.pay(OURS, 1_000, from_mempool_parent=True)
    parent = chain.transactions[child].spends[0].txid
    chain.mine(only=[child])
    assert chain.location[parent] < chain.location[child]
    assert len(chain.mempool) == 1


def test_replacement_conflicts_and_pays_more(chain: UtxoChain) -> None:
    """A replacement spends the same coins, leaves a higher fee, and the first one is gone."""
    old = chain.pay(OURS, 1_000)
    new = chain.replace(old, OURS)
    assert chain.transactions[old].spends == chain.transactions[new].spends
    assert chain.fee(chain.transactions[new]) > chain.fee(chain.transactions[old])
    assert not chain.active(old)
    assert received(utxo_facts(chain, [OURS]), OURS.hex(), chain.height) == 1_000
    taken_back = chain.replace(new)
    assert chain.active(taken_back)
    assert utxo_facts(chain, [OURS]) == []


def test_eviction_takes_descendants_along(chain: UtxoChain) -> None:
    """Who builds on an evicted transaction goes with it; restoring brings the first one back."""
    child = chain.pay(OURS, 1_000, from_mempool_parent=True)
    parent = chain.transactions[child].spends[0].txid
    assert set(chain.evict(parent)) == {parent, child}
    with pytest.raises(ValueError, match="does not exist"):
        chain.restore(child)
    chain.restore(parent)
    chain.restore(child)
    check(chain)


def test_reorg_keeps_the_height_by_default(chain: UtxoChain) -> None:
    """A reorg re-mines what it took, at the same height in another block."""
    txid = chain.pay(OURS, 1_000)
    chain.mine(3)
    before = chain.best[102].hash
    chain.reorg(3)
    assert chain.location[txid][0] == 102
    assert chain.best[102].hash != before
    assert chain.height == 105


def test_reorg_can_erase_and_return(chain: UtxoChain) -> None:
    """What is neither kept nor dropped waits again; what is dropped is gone; A -> B -> A works."""
    kept, waiting, dropped = (chain.pay(OURS, amount) for amount in (1_000, 2_000, 3_000))
    chain.mine()
    first = chain.tip.hash
    chain.reorg(1, keep=[kept], drop=[dropped])
    second = chain.tip.hash
    assert kept in chain.location
    assert waiting in chain.mempool
    assert not chain.active(dropped)
    chain.activate(first)
    assert {kept, waiting, dropped} <= set(chain.location)
    chain.activate(second)
    assert dropped in chain.mempool
    check(chain)


def test_reorg_can_double_spend(chain: UtxoChain) -> None:
    """A conflicting reorg confirms a rival of the payment in the first new block."""
    txid = chain.pay(OURS, 1_000)
    chain.mine(2)
    chain.reorg(2, conflict=[txid])
    coin = chain.transactions[txid].spends[0]
    assert chain.location[chain.spender[coin]][0] == 102
    assert utxo_facts(chain, [OURS]) == []
    check(chain)


def test_reorg_drops_what_a_lost_coinbase_paid_for(chain: UtxoChain) -> None:
    """A spend of a coinbase that is reorged away cannot stand."""
    chain.mine(to=OURS)
    spend = chain.spend(OURS, 1_000)
    chain.mine()
    chain.reorg(2)
    assert not chain.active(spend)
    check(chain)


def test_facts_of_own_money(chain: UtxoChain) -> None:
    """Change, outgoing payments and moves between watched scripts are own and net to the fee."""
    gift = chain.pay(OURS, 50_000)
    move = chain.spend(OURS, 20_000, OTHER, mempool=True, fee=500)
    facts = {(each.key, each.where): each for each in utxo_facts(chain, [OURS, OTHER])}
    assert facts[gift, OURS.hex()].net == 50_000
    assert facts[move, OURS.hex()].net == -20_500
    assert facts[move, OTHER.hex()].net == 20_000
    assert facts[move, OTHER.hex()].own
    assert received(facts.values(), OURS.hex(), chain.height) == 50_000
    assert received(facts.values(), OTHER.hex(), chain.height) == 0


def test_facts_of_a_payjoin(chain: UtxoChain) -> None:
    """A payment that spends one of our coins along is own, though more comes than goes."""
    chain.pay(OURS, 50_000)
    chain.mine()
    joined = chain.pay(OURS, 3_000, join=chain.unspent(OURS)[0])
    fact = utxo_facts(chain, [OURS])[-1]
    assert (fact.key, fact.net, fact.own) == (joined, 3_000, True)


def test_a_reorg_can_swap_payments(chain: UtxoChain) -> None:
    """A waiting payment can take the place of a dropped one, at the same height."""
    first = chain.pay(OURS, 1_000)
    chain.mine()
    second = chain.pay(OURS, 1_000)
    chain.reorg(1, blocks=1, keep=[second], drop=[first])
    assert chain.height == 102
    assert [each.key for each in utxo_facts(chain, [OURS])] == [second]
    check(chain)


def test_facts_of_a_coinbase(chain: UtxoChain) -> None:
    """A coinbase consumes nothing and counts from 100 confirmations on."""
    chain.mine(to=OURS)
    (fact,) = utxo_facts(chain, [OURS])
    assert fact.kind is Kind.COINBASE
    chain.mine(98)
    assert received([fact], OURS.hex(), chain.height) == 0
    chain.mine()
    assert received([fact], OURS.hex(), chain.height) == fact.net == 5_000_000_000


def test_token_prefix_is_not_part_of_the_script() -> None:
    """A payment that carries a CashToken is found under the plain script."""
    chain = UtxoChain("bch", start=1_700_000_000)
    token = b"\xef" + bytes(32) + b"\x10\x01"
    txid = chain.pay(OURS, 1_000, token=token)
    assert token + OURS in chain.transactions[txid].raw
    assert UtxoView(chain).balance(scripthash(OURS)) == (0, 1_000)
    assert received(utxo_facts(chain, [OURS]), OURS.hex(), chain.height) == 1_000


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["btc", "bch"])
def test_books_balance_in_random_lives(name: str, seed: int) -> None:
    """After any sequence of events nothing is spent twice and both ways of summing agree."""
    rng = random.Random(seed)
    chain = UtxoChain(name, seed, start=1_700_000_000, coins=150)
    branches = [chain.tip.hash]

    def ours() -> list[str]:
        return [txid for txid in chain.mempool if not chain.transactions[txid].coinbase]

    for _ in range(80):
        match rng.randrange(9):
            case 0 | 1 | 2:
                chain.pay(rng.choice((OURS, OTHER)), rng.randint(1, 10**8))
            case 3 if chain.unspent(OURS):
                held = sum(chain.output(each).value for each in chain.unspent(OURS))
                if held > 2_000:
                    chain.spend(OURS, held // 2 - 1_000, rng.choice((OTHER, None)), mempool=True)
            case 4 if ours():
                chain.replace(rng.choice(ours()), rng.choice((OURS, None)))
            case 5 if ours():
                chain.evict(rng.choice(ours()))
            case 6:
                chain.reorg(rng.randint(1, 6), keep=rng.choice((None, ())))
            case 7:
                branches.append(chain.tip.hash)
                chain.activate(rng.choice(branches))
            case _:
                chain.mine(to=rng.choice((OURS, None)))
        check(chain)
    facts = utxo_facts(chain, [OURS, OTHER])
    view = UtxoView(chain)
    for script in (OURS, OTHER):
        assert balance(facts, script.hex()) == sum(view.balance(scripthash(script)))
        assert balance(facts, script.hex()) == sum(
            chain.output(each).value for each in chain.unspent(script)
        )
