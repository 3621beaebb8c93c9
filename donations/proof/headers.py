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
        hash=double_sha256(raw)[::-1].hex(),
        previous=raw[4:36][::-1].hex(),
        merkle_root=raw[36:68][::-1].hex(),
        time=int.from_bytes(raw[68:72], "little"),
        bits=int.from_bytes(raw[72:76], "little"),
    )
