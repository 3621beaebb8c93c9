"""Headers that were mined, at the difficulty of a private network, or only look as if."""

from __future__ import annotations

import hashlib
import struct

from donations.proof.headers import bits as bits_of
from donations.proof.headers import time as time_of
from donations.proof.work import REGTEST_BITS, target

SPACING = 600


def unmined(
    parent: bytes | str, time: int, bits: int = REGTEST_BITS, tag: int = 0, nonce: int = 0
) -> bytes:
    """A header that continues ``parent`` (its 80 bytes, or its hash as shown)."""
    previous = hash_of(parent) if isinstance(parent, bytes) else bytes.fromhex(parent)[::-1]
    root = hashlib.sha256(b"%d" % tag).digest()
    return struct.pack("<I32s32sIII", 0x20000000, previous, root, time, bits, nonce)


def mined(parent: bytes | str, time: int, bits: int = REGTEST_BITS, tag: int = 0) -> bytes:
    """The same, with a nonce that makes it cost what its bits claim."""
    nonce = 0
    while int.from_bytes(
        hash_of(raw := unmined(parent, time, bits, tag, nonce)), "little"
    ) > target(bits):
        nonce += 1
    return raw


def hash_of(raw: bytes) -> bytes:
    """The hash of a header, in hashing order."""
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()


def row(parent: bytes, count: int, tag: int = 0, bits: int | None = None) -> list[bytes]:
    """Headers one after the other, ten minutes apart; another ``tag`` is another branch."""
    made = [parent]
    for _ in range(count):
        following = bits_of(parent) if bits is None else bits
        made.append(mined(made[-1], time_of(made[-1]) + SPACING, following, tag))
    return made[1:]
