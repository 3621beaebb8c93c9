"""PURE: answers of Esplora -> facts. All functions raise UpstreamError.

Source: Blockstream/esplora API.md.
"""

from __future__ import annotations

from typing import Any

from donations.errors import UpstreamMalformed, UpstreamMoved
from donations.ledger import Block
from donations.proof.merkle import MAX_DEPTH
from donations.sources.explorer import Summary
from donations.sources.utxo_json import (
    MAX_HEIGHT,
    Linked,
    Names,
    Told,
    a_hash,
    field,
    hash_of,
    linked,
    listed,
    number,
    rebuild,
    truth,
)

_NAMES = Names("vin", "vout", "vout", "is_coinbase", "scriptsig", "scriptpubkey")
_NO_PARENT = "00" * 32
_MAX_SUM = 2**63 - 1


def parse_blocks(answer: Any, top: int | None = None) -> list[Linked]:
    """``/blocks[/:height]``: newest first on the wire, ascending here."""
    blocks = [_block(item) for item in reversed(listed(answer, "blocks"))]
    if not blocks or (top is not None and blocks[-1].block.height != top):
        raise UpstreamMoved("it does not have the blocks asked for")
    return blocks


def _block(item: Any) -> Linked:
    height = number(item, "height", 0, MAX_HEIGHT)
    previous = item.get("previousblockhash")
    if previous is None and height == 0:
        previous = _NO_PARENT
    return linked(
        height,
        hash_of(item, "id"),
        version=number(item, "version", -(2**31)),
        previous=a_hash(previous, "previousblockhash"),
        merkle=hash_of(item, "merkle_root"),
        rest=[number(item, name) for name in ("timestamp", "bits", "nonce")],
    )


def parse_summary(answer: Any) -> Summary:
    """``/address/:address``."""
    if isinstance(answer, dict) and answer.get("electrum") is True:
        raise UpstreamMalformed(
            "it is an Electrum server in the dress of Esplora, whose sums mean something else: "
            "name the Electrum server itself"
        )
    chain, mempool = field(answer, "chain_stats"), field(answer, "mempool_stats")
    names = ("tx_count", "funded_txo_count", "funded_txo_sum", "spent_txo_count", "spent_txo_sum")
    mark = [number(table, name, 0, _MAX_SUM) for table in (chain, mempool) for name in names]
    balance = mark[2] - mark[4]
    if balance < 0:
        raise UpstreamMalformed("more was spent than was received")
    return Summary(mark[0] + mark[5], mark[5], balance, tuple(mark))


def parse_transactions(answer: Any) -> list[Told]:
    """``/address/:address/txs/...``."""
    return [parse_transaction(item) for item in listed(answer, "txs")]


def parse_transaction(item: Any) -> Told:
    """``/tx/:txid``. Amounts of inputs are not covered by the txid, and not used."""
    transaction, raw = rebuild(item, _NAMES)
    block = _place(field(item, "status"))
    return Told(transaction, raw, None if block is None else block.height, block)


def _place(status: Any) -> Block | None:
    if not truth(status, "confirmed"):
        return None
    return Block(
        number(status, "block_height", 0, MAX_HEIGHT),
        hash_of(status, "block_hash"),
        number(status, "block_time"),
    )


def parse_spender(answer: Any) -> str | None:
    """``/tx/:txid/outspend/:vout`` -> the txid that spends it."""
    return hash_of(answer, "txid") if truth(answer, "spent") else None


def parse_proof(answer: Any, height: int) -> tuple[int, tuple[bytes, ...]]:
    """``/tx/:txid/merkle-proof`` -> position and branch, in hashing order."""
    if number(answer, "block_height", 0, MAX_HEIGHT) != height:
        raise UpstreamMoved(f"the transaction stands in another block than {height}")
    branch = listed(field(answer, "merkle"), "merkle")
    if len(branch) > MAX_DEPTH:
        raise UpstreamMalformed("a Merkle branch that no block has room for")
    hashes = tuple(bytes.fromhex(a_hash(each, "merkle"))[::-1] for each in branch)
    return number(answer, "pos"), hashes
