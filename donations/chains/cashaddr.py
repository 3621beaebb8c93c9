"""CashAddr, the addresses of Bitcoin Cash (bitcoincash.org, spec/cashaddr.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from donations.chains import base32

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHECKSUM_LENGTH = 8
# The largest hash (64 bytes) with version byte and checksum takes 112 characters.
_MAX_BODY = 112
_HASH_SIZES = (20, 24, 28, 32, 40, 48, 56, 64)
_GENERATOR = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)


class CashAddress(NamedTuple):
    """``kind`` is the four-bit type of the version byte: 0 key hash, 1 script hash, 2 and 3 the
    same for wallets that understand tokens (CHIP-2022-02 CashTokens)."""

    prefix: str
    kind: int
    hash: bytes


def encode(address: CashAddress) -> str:
    """Write in lower case, prefix included."""
    version = address.kind << 3 | _HASH_SIZES.index(len(address.hash))
    values = base32.to_fives(bytes([version]) + address.hash)
    residue = _polymod([*_expand(address.prefix), *values, *[0] * _CHECKSUM_LENGTH])
    check = [residue >> shift & 31 for shift in range(35, -1, -5)]
    return f"{address.prefix}:{base32.to_text([*values, *check])}"


def decode(text: str, default_prefix: str) -> CashAddress:
    """Read an address with or without its prefix. Raises ValueError naming the rule it breaks."""
    prefix, separator, body = text.rpartition(":")
    if separator:
        text = base32.one_case(text)
        prefix, _, body = text.rpartition(":")
    else:
        prefix, body = default_prefix, base32.one_case(text)
    if not prefix.isascii() or not prefix or ":" in prefix:
        raise ValueError("the part before the colon is not a prefix")
    if not _CHECKSUM_LENGTH < len(body) <= _MAX_BODY:
        raise ValueError("its length is not that of an address")
    values = base32.from_text(body, first=len(text) - len(body) + 1)
    if _polymod([*_expand(prefix), *values]) != 0:
        raise ValueError("the checksum is wrong")
    payload = base32.to_bytes(values[:-_CHECKSUM_LENGTH])
    version, digest = payload[0], payload[1:]
    if version & 0x80:
        raise ValueError("the reserved bit of its version is set")
    if len(digest) != _HASH_SIZES[version & 7]:
        raise ValueError("its hash has not the length its version says")
    return CashAddress(prefix, version >> 3, digest)


def _expand(prefix: str) -> list[int]:
    return [*(code & 31 for code in prefix.encode()), 0]


def _polymod(values: Iterable[int]) -> int:
    residue = 1
    for value in values:
        top = residue >> 35
        residue = (residue & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                residue ^= generator
    return residue ^ 1
