"""Bitcoin's bytes, as far as a competing miner and a payer with a free hand need them.

Sources: the Bitcoin developer reference (block headers, raw transactions), BIP 34 (height in the
coinbase), BIP 141 (witness commitment). Both BTC and BCH use them; only BTC has witnesses.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

REGTEST_BITS = 0x207FFFFF
REGTEST_TARGET = 0x7FFFFF << 8 * (0x20 - 3)
REGTEST_HALVING = 150
SUBSIDY = 50 * 100_000_000
# Signals replaceability (BIP 125), so that a later rival is welcome.
SEQUENCE = 0xFFFFFFFD


@dataclass(frozen=True, slots=True)
class Outpoint:
    """One output of a transaction, the thing an input spends."""

    txid: str
    index: int


@dataclass(frozen=True, slots=True)
class RawTransaction:
    """A signed transaction; ``wtxid`` is equal to ``txid`` where there is no witness."""

    txid: str
    wtxid: str
    raw: str


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def unsigned_transaction(
    inputs: Sequence[Outpoint], outputs: Sequence[tuple[bytes, int]], sequence: int = SEQUENCE
) -> str:
    """Hex of a transaction that spends ``inputs`` and pays (script, sat), in this order."""
    parts = [(2).to_bytes(4, "little"), _compact(len(inputs))]
    for outpoint in inputs:
        parts += [bytes.fromhex(outpoint.txid)[::-1], outpoint.index.to_bytes(4, "little")]
        parts += [_compact(0), sequence.to_bytes(4, "little")]
    parts += [_outputs(outputs), bytes(4)]
    return b"".join(parts).hex()


def block(
    parent: str,
    height: int,
    time: int,
    script: bytes,
    transactions: Sequence[RawTransaction] = (),
) -> str:
    """Hex of a valid regtest block on ``parent`` whose coinbase pays the subsidy to ``script``.

    Fees are not claimed. The transactions stand in the order given. Two calls never make the same
    block.
    """
    outputs = [(script, SUBSIDY >> (height // REGTEST_HALVING))]
    witness = any(transaction.wtxid != transaction.txid for transaction in transactions)
    if witness:
        root = merkle_root([bytes(32), *(_internal(one.wtxid) for one in transactions)])
        commitment = double_sha256(root + bytes(32))
        outputs.append((b"\x6a\x24\xaa\x21\xa9\xed" + commitment, 0))
    bare, complete = _coinbase(height, outputs, witness)
    root = merkle_root([double_sha256(bare), *(_internal(one.txid) for one in transactions)])
    start = (0x20000000).to_bytes(4, "little") + _internal(parent) + root
    start += time.to_bytes(4, "little") + REGTEST_BITS.to_bytes(4, "little")
    body = [_compact(1 + len(transactions)), complete]
    body += [bytes.fromhex(transaction.raw) for transaction in transactions]
    return (_work(start) + b"".join(body)).hex()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes in internal byte order; an odd last one is paired with itself."""
    level = list(leaves)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def _work(start: bytes) -> bytes:
    nonce = 0
    while True:
        header = start + nonce.to_bytes(4, "little")
        if int.from_bytes(double_sha256(header), "little") <= REGTEST_TARGET:
            return header
        nonce += 1


def _coinbase(
    height: int, outputs: Sequence[tuple[bytes, int]], witness: bool
) -> tuple[bytes, bytes]:
    """The coinbase without and with its witness; equal when it has none."""
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    unlocking = bytes([len(number)]) + number + b"\x10" + secrets.token_bytes(16)
    source = _compact(1) + bytes(32) + b"\xff" * 4
    source += _compact(len(unlocking)) + unlocking + b"\xff" * 4
    version, body, locktime = (2).to_bytes(4, "little"), source + _outputs(outputs), bytes(4)
    bare = version + body + locktime
    if not witness:
        return bare, bare
    reserved = b"\x01\x20" + bytes(32)
    return bare, version + b"\x00\x01" + body + reserved + locktime


def _outputs(outputs: Sequence[tuple[bytes, int]]) -> bytes:
    parts = [_compact(len(outputs))]
    for script, value in outputs:
        parts += [value.to_bytes(8, "little"), _compact(len(script)), script]
    return b"".join(parts)


def _internal(printed: str) -> bytes:
    return bytes.fromhex(printed)[::-1]


def _compact(number: int) -> bytes:
    if number < 0xFD:
        return number.to_bytes(1, "little")
    if number <= 0xFFFF:
        return b"\xfd" + number.to_bytes(2, "little")
    return b"\xfe" + number.to_bytes(4, "little")
