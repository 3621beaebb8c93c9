"""Groups of eight bits <-> groups of five, shared by bech32 and CashAddr, and their alphabet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def to_text(values: Iterable[int]) -> str:
    """Write five-bit values with the common alphabet."""
    return "".join(ALPHABET[value] for value in values)


def from_text(text: str, *, first: int = 1) -> list[int]:
    """Read five-bit values. Raises ValueError naming the position, counted from ``first``."""
    values = []
    for position, character in enumerate(text, first):
        if character not in _VALUES:
            raise ValueError(f"character {position} does not belong in such an address")
        values.append(_VALUES[character])
    return values


def to_fives(data: bytes) -> list[int]:
    """Cut bytes into five-bit values, the last one padded with zero bits."""
    number, length = int.from_bytes(data, "big"), len(data) * 8
    padding = -length % 5
    number <<= padding
    return [number >> shift & 31 for shift in range(length + padding - 5, -1, -5)]


def to_bytes(values: Sequence[int]) -> bytes:
    """Join five-bit values. Raises ValueError unless the padding is short and all zero."""
    padding = len(values) * 5 % 8
    if padding > 4:
        raise ValueError("it has more padding than it needs")
    number = 0
    for value in values:
        number = number << 5 | value
    if number & (1 << padding) - 1:
        raise ValueError("its padding is not zero")
    return (number >> padding).to_bytes(len(values) * 5 // 8, "big")


def one_case(text: str) -> str:
    """The text in lower case. Raises ValueError when it mixes both cases."""
    if text not in (text.lower(), text.upper()):
        raise ValueError("it mixes upper and lower case")
    return text.lower()
