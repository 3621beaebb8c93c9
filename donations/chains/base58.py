"""Base58 with a four byte checksum, as Bitcoin wrote its first addresses."""

from __future__ import annotations

from hashlib import sha256

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
# Longer than every address and key, and short enough that the quadratic decoding costs nothing.
_MAX_CHECKED = 200


def encode(data: bytes) -> str:
    """Write bytes in base 58; each leading zero byte is one leading "1"."""
    zeros = len(data) - len(data.lstrip(b"\0"))
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    return "1" * zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Read base 58. Raises ValueError naming the position of a foreign character."""
    number = 0
    for position, character in enumerate(text, 1):
        if character not in _VALUES:
            raise ValueError(f"character {position} does not exist in base58")
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def encode_check(payload: bytes) -> str:
    """Write version byte and content with their checksum."""
    return encode(payload + checksum(payload))


def decode_check(text: str) -> bytes:
    """Read version byte and content. Raises ValueError unless the checksum is right."""
    if len(text) > _MAX_CHECKED:
        raise ValueError("it is too long")
    data = decode(text)
    if len(data) < 5:
        raise ValueError("it is too short")
    payload = data[:-4]
    if data[-4:] != checksum(payload):
        raise ValueError("the checksum is wrong")
    return payload


def checksum(payload: bytes) -> bytes:
    """The first four bytes of the double SHA-256."""
    return sha256(sha256(payload).digest()).digest()[:4]
