"""Bytes of the simulated BTC and BCH chains, judged by `bit` and by published facts."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from bit.transaction import calc_txid, deserialize

from donations.demo.block import height_push
from donations.demo.electrum_words import status
from donations.demo.transaction import (
    Transaction,
    compact_size,
    merkle_branch,
    merkle_root,
    scripthash,
    sha256d,
)
from donations.demo.utxo import UtxoChain
from donations.demo.view import HistoryRow
from tests.demo.folding import fold

SCRIPT = bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac")


def busy(name: str, seed: int = 1) -> UtxoChain:
    """A chain with payments of every kind."""
    chain = UtxoChain(name, seed, start=1_700_000_000)
    for amount in range(1_000, 12_000, 1_000):
        chain.pay(SCRIPT, amount)
    chain.pay(SCRIPT, 5, 6, others=[(chain.script(), 7)], from_mempool_parent=True)
    chain.mine(to=SCRIPT)
    chain.spend(SCRIPT, 3_000)
    chain.replace(chain.pay(SCRIPT, 8), SCRIPT)
    return chain


@pytest.mark.parametrize("name", ["btc", "bch"])
def test_txids_are_what_bit_computes(name: str) -> None:
    """The txid of every transaction, segwit or not, is the one that bit finds in its raw bytes."""
    chain = busy(name)
    kinds = {each.segwit for each in chain.transactions.values()}
    assert kinds == ({True, False} if name == "btc" else {False})
    for txid, transaction in chain.transactions.items():
        assert calc_txid(transaction.raw.hex()) == txid


@pytest.mark.parametrize("name", ["btc", "bch"])
def test_bit_reads_the_same_inputs_and_outputs(name: str) -> None:
    """bit finds the outpoints, amounts and scripts in the raw bytes that we put there."""
    for transaction in busy(name).transactions.values():
        if not transaction.coinbase:
            assert _read_by_bit(transaction) == (
                [tuple(each) for each in transaction.spends],
                [(each.value, each.script) for each in transaction.outputs],
            )


def _read_by_bit(transaction: Transaction) -> tuple[Any, Any]:
    read = deserialize(transaction.raw.hex())
    spends = [(each.txid[::-1].hex(), int.from_bytes(each.txindex, "little")) for each in read.TxIn]
    pays = [
        (int.from_bytes(each.amount, "little"), bytes(each.script_pubkey)) for each in read.TxOut
    ]
    return spends, pays


def test_scripthash_as_documented() -> None:
    """Electrum protocol, "Script hashes": the script of 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa."""
    script = bytes.fromhex("76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac")
    assert scripthash(script) == "8b01df4e368ea28f8dc0423bcf7a4923e3a12d307c875e47a0cfbf90b5c39161"


def test_status_as_documented() -> None:
    """Electrum protocol, "Status": the worked example of protocol-basics."""
    confirmed = [
        HistoryRow("a6c9c361bd0bc536d6a22648efbf8f9b200e425ef6c3a7a9669dc444c532a347", 2472),
        HistoryRow("9c42f84b2fcdaff676ba25d9d4941741cc0d1a01cce0c23fdc4c0b2afa38431c", 2473),
        HistoryRow("770f2d4371b3fabb902dd9a103e2dd005fcd3971181078fca4a2a1d6ff127b30", 2473),
    ]
    pending = [
        HistoryRow("80b19848aed792565ab7c5a79b7c2a00fbf985741579396ebe0ab6098e607311", 0, 200),
        HistoryRow("e02a1dadfa83b996b24175df807b271ea5d02937ef5b35c195fac1e1bdc3198f", 0, 300),
        HistoryRow("bb4c8ab438c13b89ca80d1d5bee25b0b6b7f55673f4d801998ba97db161d9e85", -1, 200),
    ]
    assert status([*confirmed, *pending]) == (
        "78e96c6562cafa71c115503b9411fdfdc595a45031e2ab76ff75162fe1b0590d"
    )
    assert status([]) is None


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_every_branch_folds_to_the_root(count: int) -> None:
    """Folding any leaf with its branch, by the bits of its position, gives the root."""
    leaves = [sha256d(bytes([each])) for each in range(count)]
    for position, leaf in enumerate(leaves):
        branch, root = merkle_branch(leaves, position)
        assert fold(leaf, position, branch) == root == merkle_root(leaves)


def test_merkle_root_of_a_real_block() -> None:
    """Bitcoin block 170 holds two transactions, and its header this root (any explorer)."""
    txids = (
        "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082",
        "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",
    )
    root = merkle_root([bytes.fromhex(each)[::-1] for each in txids])
    assert root[::-1].hex() == "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff"


@pytest.mark.parametrize("name", ["btc", "bch"])
def test_headers_link_and_commit(name: str) -> None:
    """Each header is 80 bytes, names the block before, meets its target, commits to txids."""
    chain = busy(name)
    chain.mine(2)
    for before, block in zip(chain.best, chain.best[1:], strict=False):
        bits = struct.unpack_from("<I", block.header, 72)[0]
        target = (bits & 0xFFFFFF) << 8 * ((bits >> 24) - 3)
        assert len(block.header) == 80
        assert block.previous == before.hash
        assert block.time > before.time
        assert int(block.hash, 16) <= target
        assert block.header[36:68] == merkle_root(block.leaves)


def test_coinbases_tell_their_height() -> None:
    """Each coinbase starts with the height of its block (BIP 34)."""
    chain = UtxoChain("btc", start=1_700_000_000, blocks=300)
    for block in chain.best[1:]:
        assert block.transactions[0].inputs[0].script_sig.startswith(height_push(block.height))
    assert height_push(227_931).hex() == "035b7a03"  # BIP 34's first block
    assert height_push(128).hex() == "028000"


def test_bch_orders_blocks_by_txid() -> None:
    """A BCH block lists its transactions by txid (canonical order since November 2018)."""
    chain = busy("bch")
    for block in chain.best:
        txids = [each.txid for each in block.transactions[1:]]
        assert txids == sorted(txids)


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "00"), (252, "fc"), (253, "fdfd00"), (65_535, "fdffff"), (65_536, "fe00000100")],
)
def test_compact_size(number: int, written: str) -> None:
    """Counts are written as Bitcoin's variable-length integers."""
    assert compact_size(number).hex() == written
