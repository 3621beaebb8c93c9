"""Bech32 (BIP-173), bech32m (BIP-350) and the segregated witness addresses written in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.chains import base32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BECH32, BECH32M = 1, 0x2BC830A3
MAX_LENGTH = 90
_CHECKSUM_LENGTH = 6
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, values: Sequence[int], constant: int) -> str:
    """Write five-bit values behind ``prefix`` with the checksum of BECH32 or BECH32M."""
    residue = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM_LENGTH]) ^ constant
    check = [residue >> shift & 31 for shift in range(25, -1, -5)]
    return f"{prefix}1{base32.to_text([*values, *check])}"


def decode(text: str) -> tuple[str, list[int], int]:
    """Read (prefix, five-bit values, BECH32 or BECH32M). Raises ValueError naming the rule."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    if any(not 33 <= ord(character) <= 126 for character in text):
        raise ValueError("it holds a character that is not plain ASCII")
    text = base32.one_case(text)
    prefix, separator, body = text.rpartition("1")
    if not separator or not prefix:
        raise ValueError("it has no prefix before the separator 1")
    if len(body) < _CHECKSUM_LENGTH:
        raise ValueError("it is too short for its checksum")
    values = base32.from_text(body, first=len(prefix) + 2)
    constant = _polymod([*_expand(prefix), *values])
    if constant not in (BECH32, BECH32M):
        raise ValueError("the checksum is wrong")
    return prefix, values[:-_CHECKSUM_LENGTH], constant


def encode_witness(prefix: str, version: int, program: bytes) -> str:
    """Write a witness program: version 0 in bech32, later ones in bech32m (BIP-350)."""
    constant = BECH32 if version == 0 else BECH32M
    return encode(prefix, [version, *base32.to_fives(program)], constant)


def decode_witness(text: str) -> tuple[str, int, bytes]:
    """Read (prefix, witness version, program). Raises ValueError naming the rule that is broken."""
    prefix, values, constant = decode(text)
    if not values:
        raise ValueError("it holds no witness version")
    version, program = values[0], base32.to_bytes(values[1:])
    if version > 16:
        raise ValueError("the witness version is above 16")
    if not 2 <= len(program) <= 40:
        raise ValueError("the witness program is not 2 to 40 bytes long")
    if version == 0 and len(program) not in (20, 32):
        raise ValueError("a version 0 witness program is 20 or 32 bytes long")
    if constant != (BECH32 if version == 0 else BECH32M):
        raise ValueError(
            "its checksum is bech32m, version 0 needs bech32"
            if version == 0
            else "its checksum is bech32, versions from 1 need bech32m"
        )
    return prefix, version, program


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode()
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: Iterable[int]) -> int:
    residue = 1
    for value in values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                residue ^= generator
    return residue
