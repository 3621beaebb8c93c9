"""Raw Bitcoin and Bitcoin Cash transactions -> txid, what they consume, what they pay.

Sources: the Bitcoin protocol's transaction format; BIP-141 and BIP-144 for the witness, which a
txid leaves out; the CashTokens specification (CHIP-2022-02) for the prefix before a locking script.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from donations.errors import UpstreamMalformed

_COINBASE_PARENT = bytes(32)
# 21 million coins: no output can hold more (consensus MAX_MONEY).
MAX_MONEY = 21_000_000 * 100_000_000
_TOKEN_PREFIX = 0xEF
_UINT16, _UINT32, _UINT64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class RawTransaction:
    """``inputs`` are outpoints "txid:n"; ``outputs`` are (locking script, units) in their order.

    ``size`` is in bytes without the witness: of what the txid is the hash.
    """

    txid: str
    inputs: tuple[str, ...]
    outputs: tuple[tuple[bytes, int], ...]
    coinbase: bool
    size: int


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def parse_transaction(raw: bytes) -> RawTransaction:
    """Read one whole transaction.

    Raises UpstreamMalformed for anything cut, oversized, trailing or outside the money range.
    """
    return _read(raw)[0]


def without_witness(raw: bytes) -> bytes:
    """The bytes of a whole transaction that its txid is the hash of. Raises as the reader does."""
    return _read(raw)[1]


def _read(raw: bytes) -> tuple[RawTransaction, bytes]:
    try:
        return _parse(raw)
    except (IndexError, struct.error):
        raise UpstreamMalformed("not a transaction: it ends too early") from None
    except ValueError as error:
        raise UpstreamMalformed(f"not a transaction: {error}") from None


def _parse(raw: bytes) -> tuple[RawTransaction, bytes]:
    at, witness = 4, False
    if raw[4:6] == b"\x00\x01":
        at, witness = 6, True
    start = at
    inputs, at = _inputs(raw, at)
    outputs, at = _outputs(raw, at)
    end = at
    if witness:
        at = _skip_witnesses(raw, at, len(inputs))
    if at + 4 != len(raw):
        raise ValueError("its length is wrong")
    body = raw[:4] + raw[start:end] + raw[at:] if witness else raw
    coinbase = len(inputs) == 1 and inputs[0][0] == _COINBASE_PARENT
    transaction = RawTransaction(
        txid=double_sha256(body)[::-1].hex(),
        inputs=() if coinbase else tuple(f"{txid[::-1].hex()}:{n}" for txid, n in inputs),
        outputs=tuple(outputs),
        coinbase=coinbase,
        size=len(body),
    )
    return transaction, body


def _inputs(raw: bytes, at: int) -> tuple[list[tuple[bytes, int]], int]:
    count, at = _length(raw, at)
    if not 0 < count <= len(raw) // 41:
        raise ValueError(f"{count} inputs")
    inputs = []
    for _ in range(count):
        parent = raw[at : at + 32]
        (n,) = _UINT32.unpack_from(raw, at + 32)
        length, at = _length(raw, at + 36)
        at += length + 4
        inputs.append((parent, n))
    return inputs, at


def _outputs(raw: bytes, at: int) -> tuple[list[tuple[bytes, int]], int]:
    count, at = _length(raw, at)
    if not 0 < count <= len(raw) // 9:
        raise ValueError(f"{count} outputs")
    outputs = []
    for _ in range(count):
        (units,) = _UINT64.unpack_from(raw, at)
        if units > MAX_MONEY:
            raise ValueError(f"an output of {units} units")
        length, at = _length(raw, at + 8)
        if at + length > len(raw):
            raise ValueError("a script longer than the transaction")
        outputs.append((raw[at : at + length], units))
        at += length
    return outputs, at


def _skip_witnesses(raw: bytes, at: int, count: int) -> int:
    for _ in range(count):
        items, at = _length(raw, at)
        for _ in range(items):
            length, at = _length(raw, at)
            at += length
            if at > len(raw):
                raise ValueError("a witness longer than the transaction")
    return at


def _length(raw: bytes, at: int) -> tuple[int, int]:
    """A count or a length, which says no more than the transaction has room for."""
    length, at = _compact_size(raw, at)
    if length > len(raw):
        raise ValueError(f"{length} of something in {len(raw)} bytes")
    return length, at


def _compact_size(raw: bytes, at: int) -> tuple[int, int]:
    first = raw[at]
    if first < 0xFD:
        return first, at + 1
    if first == 0xFD:
        return _UINT16.unpack_from(raw, at + 1)[0], at + 3
    if first == 0xFE:
        return _UINT32.unpack_from(raw, at + 1)[0], at + 5
    return _UINT64.unpack_from(raw, at + 1)[0], at + 9


def coinbase_height(raw: bytes) -> int | None:
    """The height at the start of a coinbase's script (BIP-34); None where none is pushed there.

    ``raw`` is a coinbase that `parse_transaction` has read.
    """
    at = 6 if raw[4:6] == b"\x00\x01" else 4
    script = raw[at + 1 + 36 + 1 :]  # one input: its count, the outpoint, the script's length
    length = script[0]
    if not 1 <= length <= 5:
        return None
    return int.from_bytes(script[1 : 1 + length], "little", signed=True)


def without_token(script: bytes) -> bytes:
    """The locking script of a Bitcoin Cash output, after the CashTokens prefix if it has one.

    A prefix that breaks the specification is left in place: the output then pays nobody we know.
    """
    if len(script) < 34 or script[0] != _TOKEN_PREFIX:
        return script
    bitfield, at = script[33], 34
    try:
        if bitfield & 0x40:
            length, at = _compact_size(script, at)
            at += length
        if bitfield & 0x10:
            _, at = _compact_size(script, at)
    except (IndexError, struct.error):
        return script
    return script[at:] if at <= len(script) else script
