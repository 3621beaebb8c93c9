"""PURE: answers of a Haskoin Store -> facts. All functions raise UpstreamError.

Source: haskoin-store, ``Haskoin.Store.Data``; ``block`` of a transaction is {"height", "position"}
or {"mempool"}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamMalformed, UpstreamMoved
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

if TYPE_CHECKING:
    from donations.ledger import Block

_NAMES = Names("inputs", "outputs", "output", "coinbase", "sigscript", "pkscript")
_MAX_SUM = 2**63 - 1
_LONGEST_NAME = 40


def parse_health(answer: Any) -> str:
    """``/health`` -> the software."""
    version = field(answer, "version")
    if not isinstance(version, str):
        raise UpstreamMalformed("health: a version that is no text")
    return f"Haskoin Store {version}"[:_LONGEST_NAME]


def parse_block(item: Any) -> Linked:
    """One block of ``/block/...``."""
    if not truth(item, "mainchain"):
        raise UpstreamMoved("the block is of a branch that lost")
    return linked(
        number(item, "height", 0, MAX_HEIGHT),
        hash_of(item, "hash"),
        version=number(item, "version", -(2**31)),
        previous=hash_of(item, "previous"),
        merkle=hash_of(item, "merkle"),
        rest=[number(item, name) for name in ("time", "bits", "nonce")],
    )


def parse_blocks(answer: Any, heights: list[int]) -> list[Linked]:
    """``/block/heights?heights=...``, in ascending order; each of them, and no other."""
    blocks = sorted(
        (parse_block(item) for item in listed(answer, "block/heights")),
        key=lambda each: each.block.height,
    )
    if [each.block.height for each in blocks] != heights:
        raise UpstreamMoved("it does not have the blocks asked for")
    return blocks


def parse_summary(answer: Any) -> Summary:
    """``/address/:address/balance``; what is unconfirmed is a difference, and may be negative."""
    mark = [number(answer, name, 0, _MAX_SUM) for name in ("txs", "confirmed", "received", "utxo")]
    mark.append(number(answer, "unconfirmed", -_MAX_SUM, _MAX_SUM))
    return Summary(total=mark[0], pending=None, balance=mark[1], mark=tuple(mark))


def parse_transactions(answer: Any) -> list[Told]:
    """``/address/:address/transactions/full``, newest first, those of the mempool before others."""
    told = [parse_transaction(item) for item in listed(answer, "transactions/full")]
    return [each for each in told if each is not None]


def parse_transaction(item: Any) -> Told | None:
    """One transaction; None for one that was deleted: replaced, or double-spent."""
    transaction, raw = rebuild(item, _NAMES)
    block = field(item, "block")
    if truth(item, "deleted"):
        return None
    if isinstance(block, dict) and "mempool" in block:
        return Told(transaction, raw, None, None)
    return Told(transaction, raw, number(block, "height", 0, MAX_HEIGHT), None)


def parse_spender(answer: Any, txid: str, n: int) -> str | None:
    """``/transaction/:txid`` -> the txid that spends its output ``n``."""
    if hash_of(answer, "txid") != txid:
        raise UpstreamMalformed(f"asked for {txid}, got another transaction")
    outputs = listed(field(answer, "outputs"), "outputs")
    if n >= len(outputs):
        return None  # an invented transaction spends what never was
    if not truth(outputs[n], "spent"):
        return None
    return hash_of(field(outputs[n], "spender"), "txid")


def parse_txids(answer: Any, block: Block) -> list[str]:
    """``/block/:hash`` -> the txids of all its transactions, in their order."""
    if parse_block(answer).block != block:
        raise UpstreamMoved(f"it tells another block than {block.hash}")
    txids = [a_hash(each, "tx") for each in listed(field(answer, "tx"), "tx")]
    if not txids:
        raise UpstreamMalformed("a block without transactions")
    return txids
