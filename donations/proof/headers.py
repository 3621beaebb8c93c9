"""Block headers of Bitcoin and Bitcoin Cash: 80 bytes, the same on both.

Source: the Bitcoin protocol's block header; its hash is the double SHA-256, shown byte-reversed.
"""

from __future__ import annotations

from dataclasses import dataclass

from donations.errors import UpstreamMalformed
from donations.proof.transaction import double_sha256

HEADER_BYTES = 80


@dataclass(frozen=True, slots=True)
class Header:
    """What links a block to its parent; ``time`` is the miner's, in Unix seconds."""

    hash: str
    previous: str
    merkle_root: str
    time: int
    bits: int


def parse_header(raw: bytes) -> Header:
    """Read one header. Raises UpstreamMalformed when it is not of 80 bytes."""
    if len(raw) != HEADER_BYTES:
        raise UpstreamMalformed(f"a block header of {len(raw)} bytes, it has {HEADER_BYTES}")
    return Header(
        hash=block_hash(raw),
        previous=previous(raw),
        merkle_root=raw[36:68][::-1].hex(),
        time=time(raw),
        bits=bits(raw),
    )


def block_hash(raw: bytes) -> str:
    """The hash of a block, of its 80 bytes."""
    return double_sha256(raw)[::-1].hex()


def previous(raw: bytes) -> str:
    """The hash of the block before, of the 80 bytes of this one."""
    return raw[4:36][::-1].hex()


def time(raw: bytes) -> int:
    """When the miner says that he made it, in Unix seconds, of its 80 bytes."""
    return int.from_bytes(raw[68:72], "little")


def bits(raw: bytes) -> int:
    """The target that it claims to meet, in its short form, of its 80 bytes."""
    return int.from_bytes(raw[72:76], "little")
