"""Blocks of a simulated BTC or BCH chain: real headers over real transactions."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from donations.demo.transaction import Input, Output, Transaction, merkle_root, sha256d, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = 0x207FFFFF  # the easiest target there is (regtest): two tries a block
_TARGET = 0x7FFFFF << (8 * (0x20 - 3))
SUBSIDY = 50 * 100_000_000


@dataclass(frozen=True)
class Block:
    """A block: its 80-byte header and its transactions, coinbase first."""

    height: int
    header: bytes
    transactions: tuple[Transaction, ...]

    @cached_property
    def hash(self) -> str:
        """The block's hash, as shown."""
        return shown(sha256d(self.header))

    @property
    def previous(self) -> str:
        """The hash of the block before, as shown."""
        return shown(self.header[4:36])

    @property
    def time(self) -> int:
        """Seconds since 1970, as the header tells."""
        return int(struct.unpack_from("<I", self.header, 68)[0])

    @cached_property
    def leaves(self) -> tuple[bytes, ...]:
        """The leaves of the Merkle tree, in hashing order."""
        return tuple(bytes.fromhex(each.txid)[::-1] for each in self.transactions)


def _push(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def height_push(height: int) -> bytes:
    """The height as BIP 34 wants it at the start of a coinbase."""
    if height == 0:
        return b"\x00"
    if height <= 16:
        return bytes([0x50 + height])
    return _push(height.to_bytes(height.bit_length() // 8 + 1, "little"))


def witness_commitment(transactions: Iterable[Transaction]) -> bytes:
    """The script by which a coinbase commits to the witnesses of its block (BIP 141)."""
    leaves = [bytes(32), *(sha256d(each.raw) for each in transactions)]
    return b"\x6a\x24\xaa\x21\xa9\xed" + sha256d(merkle_root(leaves) + bytes(32))


def assemble(
    height: int,
    previous: str,
    time: int,
    transactions: Iterable[Transaction],
    rewards: Iterable[Output],
    tag: bytes,
) -> Block:
    """Make a block; ``tag`` in the coinbase keeps two blocks of one height apart."""
    listed = tuple(transactions)
    outputs = tuple(rewards)
    reserved: tuple[bytes, ...] = ()
    if any(each.segwit for each in listed):
        outputs += (Output(0, witness_commitment(listed)),)
        reserved = (bytes(32),)
    miner = Input(None, height_push(height) + _push(tag), reserved, 0xFFFFFFFF)
    body = (Transaction((miner,), outputs), *listed)
    root = merkle_root([bytes.fromhex(each.txid)[::-1] for each in body])
    start = struct.pack("<I", 0x20000000) + bytes.fromhex(previous)[::-1] + root
    nonce = 0
    while True:
        header = start + struct.pack("<III", time, BITS, nonce)
        if int.from_bytes(sha256d(header), "little") <= _TARGET:
            return Block(height, header, body)
        nonce += 1
