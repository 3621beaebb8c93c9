"""Headers and proofs of one Electrum server: what a chain of headers and a Merkle tree need.

Source: the Electrum protocol, 1.4 to 1.6: ``blockchain.block.headers``, ``transaction.get_merkle``
and ``transaction.id_from_pos``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.errors import ProvenLie, UpstreamMalformed, UpstreamMoved, UpstreamUnavailable
from donations.proof.headers import parse_header
from donations.proof.inclusion import Inclusion, fold_inclusion
from donations.proof.older_headers import MAX_HEADERS
from donations.proof.transaction import RawTransaction, parse_transaction, without_witness
from donations.sources.electrum_answers import parse_branch, parse_headers, unhex

if TYPE_CHECKING:
    from donations.sources.electrum_connection import Connection


async def read_headers(connection: Connection, start: int, count: int) -> list[bytes]:
    """The headers from height ``start`` up, of one answer: fewer where the server's chain ends."""
    count = min(count, MAX_HEADERS)
    return parse_headers(await connection.call("blockchain.block.headers", start, count), count)


async def read_inclusion(connection: Connection, txid: str, height: int) -> Inclusion:
    """What the server shows for a transaction in its block at ``height``, in two round trips.

    A reorg between two answers makes them contradict each other too. So what looks like a lie is
    read once more, between two looks at the header. Raises ProvenLie when the same header stood
    there all the time, UpstreamMoved when it did not.
    """
    try:
        return await _look(connection, txid, height)
    except ProvenLie:
        before = await connection.call("blockchain.block.header", height)
    try:
        return await _look(connection, txid, height)
    except ProvenLie:
        if await connection.call("blockchain.block.header", height) == before:
            raise
        raise UpstreamMoved(f"block {height} changed while a proof was read") from None


async def _look(connection: Connection, txid: str, height: int) -> Inclusion:
    raw, proof, first = await connection.call_together(
        [
            ("blockchain.transaction.get", [txid, False]),
            ("blockchain.transaction.get_merkle", [txid, height]),
            ("blockchain.transaction.id_from_pos", [height, 0, True]),
        ]
    )
    if not isinstance(first, dict) or not isinstance(first.get("tx_hash"), str):
        raise UpstreamMalformed("id_from_pos: no tx_hash")
    coinbase, header = await connection.call_together(
        [
            ("blockchain.transaction.get", [first["tx_hash"], False]),
            ("blockchain.block.header", [height]),
        ]
    )
    if not isinstance(proof, dict) or type(proof.get("pos")) is not int:
        raise UpstreamMalformed("get_merkle: no position")
    if proof.get("block_height") != height:
        raise UpstreamMoved(f"get_merkle: {txid} stands in another block than {height}")
    inclusion = Inclusion(
        raw=without_witness(unhex(raw, "transaction.get")),
        branch=parse_branch(proof, "get_merkle"),
        position=proof["pos"],
        coinbase=without_witness(unhex(coinbase, "transaction.get")),
        coinbase_branch=parse_branch(first, "id_from_pos"),
    )
    if not inclusion.branch and inclusion.coinbase_branch:
        # So says a server that has pruned the block: it proves nothing, and claims nothing.
        raise UpstreamUnavailable(f"get_merkle: no branch of {txid}")
    named(inclusion.coinbase, first["tx_hash"])
    named(inclusion.raw, txid)
    root = fold_inclusion(inclusion, height)[1]
    own = parse_header(unhex(header, "block.header"))
    if root != own.merkle_root:
        raise ProvenLie(
            f"its proof of {txid} does not lead to its own block {height}",
            f"{txid} at position {inclusion.position} of block {own.hash} ({height}): "
            f"the branch leads to {root}, the header has {own.merkle_root}",
        )
    return inclusion


def named(raw: bytes, txid: str) -> RawTransaction:
    """The transaction that a server sends for ``txid``. Raises ProvenLie when it is another one."""
    transaction = parse_transaction(raw)
    if transaction.txid != txid:
        raise ProvenLie(
            f"transaction.get: asked for {txid}, got {transaction.txid}",
            f"the bytes sent for {txid} are those of {transaction.txid}",
        )
    return transaction
