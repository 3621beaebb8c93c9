"""Transactions and Merkle trees of the simulated chains, in the real wire format.

Written apart from ``donations.proof`` on purpose: what the tests compare must not share code.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

FINAL_SEQUENCE = 0xFFFFFFFF
REPLACEABLE = 0xFFFFFFFD  # BIP 125: any input below 0xfffffffe announces replaceability


def sha256d(data: bytes) -> bytes:
    """The double SHA-256 of Bitcoin, in the order it is computed (not the one it is shown in)."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def shown(digest: bytes) -> str:
    """A hash as explorers and Electrum servers print it: bytes reversed, hex."""
    return digest[::-1].hex()


@lru_cache(maxsize=100_000)
def scripthash(script: bytes) -> str:
    """The name Electrum servers give to a locking script: reversed SHA-256, hex."""
    return shown(hashlib.sha256(script).digest())


def compact_size(number: int) -> bytes:
    """Bitcoin's variable-length integer."""
    if number < 0xFD:
        return bytes([number])
    if number <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", number)
    return b"\xfe" + struct.pack("<I", number)


def _with_length(data: bytes) -> bytes:
    return compact_size(len(data)) + data


class Outpoint(NamedTuple):
    """One output of one transaction."""

    txid: str
    vout: int


@dataclass(frozen=True, slots=True)
class Input:
    """What a transaction spends; ``outpoint`` is None in a coinbase."""

    outpoint: Outpoint | None
    script_sig: bytes = b""
    witness: tuple[bytes, ...] = ()
    sequence: int = REPLACEABLE

    def serialize(self) -> bytes:
        """The input without its witness."""
        if self.outpoint is None:
            where = bytes(32) + b"\xff\xff\xff\xff"
        else:
            where = bytes.fromhex(self.outpoint.txid)[::-1] + struct.pack("<I", self.outpoint.vout)
        return where + _with_length(self.script_sig) + struct.pack("<I", self.sequence)


@dataclass(frozen=True, slots=True)
class Output:
    """What a transaction pays. ``token`` is a CashTokens prefix in front of the script (BCH)."""

    value: int
    script: bytes
    token: bytes = b""

    def serialize(self) -> bytes:
        """The output as it stands in the transaction."""
        return struct.pack("<q", self.value) + _with_length(self.token + self.script)


@dataclass(frozen=True)
class Transaction:
    """A transaction of a simulated chain. Its scripts and signatures are dummies."""

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    version: int = 2
    locktime: int = 0

    @cached_property
    def stripped(self) -> bytes:
        """The serialization without witnesses: what the txid commits to."""
        return b"".join(
            (
                struct.pack("<i", self.version),
                compact_size(len(self.inputs)),
                *(each.serialize() for each in self.inputs),
                compact_size(len(self.outputs)),
                *(each.serialize() for each in self.outputs),
                struct.pack("<I", self.locktime),
            )
        )

    @cached_property
    def raw(self) -> bytes:
        """The full serialization (BIP 144 when an input has a witness)."""
        if not self.segwit:
            return self.stripped
        witnesses = b"".join(
            compact_size(len(each.witness)) + b"".join(map(_with_length, each.witness))
            for each in self.inputs
        )
        body = self.stripped
        return body[:4] + b"\x00\x01" + body[4:-4] + witnesses + body[-4:]

    @cached_property
    def txid(self) -> str:
        """The transaction's name, as shown."""
        return shown(sha256d(self.stripped))

    @property
    def segwit(self) -> bool:
        """Whether any input carries a witness."""
        return any(each.witness for each in self.inputs)

    @property
    def coinbase(self) -> bool:
        """Whether this transaction makes new coins."""
        return self.inputs[0].outpoint is None

    @property
    def spends(self) -> tuple[Outpoint, ...]:
        """The outpoints it consumes; none for a coinbase."""
        return tuple(each.outpoint for each in self.inputs if each.outpoint is not None)


def merkle_branch(leaves: Sequence[bytes], position: int) -> tuple[list[bytes], bytes]:
    """The branch of one leaf and the root, all in hashing order. A lone node pairs with itself."""
    branch: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        branch.append(level[position ^ 1])
        position //= 2
        level = [sha256d(left + right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return branch, level[0]


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes in hashing order."""
    return merkle_branch(leaves, 0)[1]
