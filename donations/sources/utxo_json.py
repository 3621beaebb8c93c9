"""PURE: Bitcoin transactions and block headers out of the JSON of explorers, byte for byte.

What an explorer tells of a transaction is enough to serialize it without its witness, which is
what the txid is the hash of: so amounts and scripts cannot be altered. The same holds for a header.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamMalformed
from donations.ledger import Block
from donations.proof.headers import block_hash
from donations.proof.transaction import RawTransaction, parse_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

_HASH = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_NOWHERE = "00" * 32
# Consensus MAX_MONEY: what is more is no amount.
_MAX_UNITS = 21_000_000 * 100_000_000
MAX_HEIGHT = 2**31 - 1
_UINT32 = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Told:
    """A transaction as an explorer tells it.

    ``raw`` is without the witness. ``height`` is None in the mempool. ``block`` is known where the
    explorer names it beside the transaction.
    """

    transaction: RawTransaction
    raw: bytes
    height: int | None
    block: Block | None

    @property
    def txid(self) -> str:
        return self.transaction.txid


@dataclass(frozen=True, slots=True)
class Linked:
    """A block whose hash was recomputed from ``header``, its 80 bytes."""

    block: Block
    previous: str
    header: bytes


@dataclass(frozen=True, slots=True)
class Names:
    """What a kind of explorer calls the fields of a transaction."""

    inputs: str
    outputs: str
    vout: str
    coinbase: str
    script_sig: str
    script: str


# -- typed fields; each raises UpstreamMalformed for what the field cannot hold


def field(table: Any, name: str) -> Any:
    if not isinstance(table, dict) or name not in table:
        raise UpstreamMalformed(f"a field is missing: {name}")
    return table[name]


def number(table: Any, name: str, lowest: int = 0, highest: int = _UINT32) -> int:
    value = field(table, name)
    if type(value) is not int or not lowest <= value <= highest:
        raise UpstreamMalformed(f"{name} is no number of its range")
    return value


def units(table: Any, name: str) -> int:
    """An amount in satoshi, of one output."""
    return number(table, name, 0, _MAX_UNITS)


def hash_of(table: Any, name: str) -> str:
    """A txid or block hash, as shown."""
    return a_hash(field(table, name), name)


def a_hash(value: Any, name: str) -> str:
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise UpstreamMalformed(f"{name} is no hash")
    return value


def octets(value: Any, name: str) -> bytes:
    """The bytes of a hexadecimal text."""
    if not isinstance(value, str) or _HEX.fullmatch(value) is None:
        raise UpstreamMalformed(f"{name} is no hexadecimal text")
    return bytes.fromhex(value)


def listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise UpstreamMalformed(f"{name}: not a list")
    return value


def truth(table: Any, name: str) -> bool:
    value = field(table, name)
    if not isinstance(value, bool):
        raise UpstreamMalformed(f"{name} is neither true nor false")
    return value


# -- whole things


def rebuild(item: Any, names: Names) -> tuple[RawTransaction, bytes]:
    """Serialize a transaction without its witness. Raises UpstreamMalformed.

    Its txid has to be the one it is told under: who altered an amount told another transaction.
    """
    txid = hash_of(item, "txid")
    inputs = [_input(each, names) for each in listed(field(item, names.inputs), names.inputs)]
    outputs = [_output(each, names) for each in listed(field(item, names.outputs), names.outputs)]
    if not inputs or not outputs:
        raise UpstreamMalformed("a transaction without inputs or outputs")
    raw = b"".join(
        (
            # Signed and unsigned readings of the same four bytes are both met.
            struct.pack("<I", number(item, "version", -(2**31)) & _UINT32),
            _compact(len(inputs)),
            *inputs,
            _compact(len(outputs)),
            *outputs,
            struct.pack("<I", number(item, "locktime")),
        )
    )
    transaction = parse_transaction(raw)
    if transaction.txid != txid:
        raise UpstreamMalformed(f"what is told as {txid} is another transaction")
    return transaction, raw


def _input(item: Any, names: Names) -> bytes:
    script = octets(field(item, names.script_sig), names.script_sig)
    txid = hash_of(item, "txid")
    if truth(item, names.coinbase) != (txid == _NOWHERE):
        raise UpstreamMalformed("a coinbase that spends something, or the other way round")
    where = bytes.fromhex(txid)[::-1] + struct.pack("<I", number(item, names.vout))
    return where + _compact(len(script)) + script + struct.pack("<I", number(item, "sequence"))


def _output(item: Any, names: Names) -> bytes:
    script = octets(field(item, names.script), names.script)
    return struct.pack("<Q", units(item, "value")) + _compact(len(script)) + script


def _compact(size: int) -> bytes:
    if size < 0xFD:
        return bytes((size,))
    if size <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", size)
    return b"\xfe" + struct.pack("<I", size)


def linked(
    height: int, told: str, *, version: int, previous: str, merkle: str, rest: Sequence[int]
) -> Linked:
    """A block of its header's fields; ``rest`` is time, bits and nonce.

    Raises UpstreamMalformed where they do not have the hash that the block is told under.
    """
    header = (
        struct.pack("<I", version & _UINT32)
        + bytes.fromhex(previous)[::-1]
        + bytes.fromhex(merkle)[::-1]
        + struct.pack("<III", *rest)
    )
    if block_hash(header) != told:
        raise UpstreamMalformed(f"block {height}: its header does not have its hash")
    return Linked(Block(height, told, rest[0]), previous, header)
