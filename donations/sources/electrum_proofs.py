"""Headers and proofs of one Electrum server: what a chain of headers and a Merkle tree need.

Source: the Electrum protocol, 1.4 to 1.6: ``blockchain.block.headers``, ``transaction.get_merkle``
and ``transaction.id_from_pos``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from donations.errors import ProvenLie, UpstreamMalformed, UpstreamMoved, UpstreamUnavailable
from donations.proof.headers import HEADER_BYTES, parse_header
from donations.proof.inclusion import Inclusion, fold_inclusion
from donations.proof.merkle import MAX_DEPTH
from donations.proof.older_headers import MAX_HEADERS
from donations.proof.transaction import RawTransaction, parse_transaction, without_witness

if TYPE_CHECKING:
    from donations.sources.electrum_connection import Connection


async def read_headers(connection: Connection, start: int, count: int) -> list[bytes]:
    """The headers from height ``start`` up, of one answer: fewer where the server's chain ends.

    They come as one string up to protocol 1.5, as a list from 1.6 on.
    """
    count = min(count, MAX_HEADERS)
    answer = await connection.call("blockchain.block.headers", start, count)
    if isinstance(answer, dict) and isinstance(answer.get("headers"), list):
        told = [unhex(text, "block.headers") for text in answer["headers"]]
    elif isinstance(answer, dict) and isinstance(answer.get("hex"), str):
        joined = unhex(answer["hex"], "block.headers")
        told = [joined[at : at + HEADER_BYTES] for at in range(0, len(joined), HEADER_BYTES)]
    else:
        raise UpstreamMalformed("block.headers: neither hex nor headers")
    if len(told) > count or any(len(raw) != HEADER_BYTES for raw in told):
        raise UpstreamMalformed(f"block.headers: not {count} times {HEADER_BYTES} bytes")
    return told


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
        branch=_branch(proof, "get_merkle"),
        position=proof["pos"],
        coinbase=without_witness(unhex(coinbase, "transaction.get")),
        coinbase_branch=_branch(first, "id_from_pos"),
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


def unhex(text: Any, method: str) -> bytes:
    """The bytes of a hexadecimal text. Raises UpstreamMalformed naming the method."""
    if not isinstance(text, str):
        raise UpstreamMalformed(f"{method}: not a text")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UpstreamMalformed(f"{method}: no hexadecimal text") from None


def _branch(proof: dict[str, Any], method: str) -> tuple[bytes, ...]:
    """The branch of an answer, which shows hashes reversed, in hashing order."""
    told = proof.get("merkle")
    if not isinstance(told, list) or len(told) > MAX_DEPTH:
        raise UpstreamMalformed(f"{method}: no Merkle branch")
    return tuple(unhex(each, method)[::-1] for each in told)
