"""Recursive length prefix, in its one shortest form: Ethereum hashes these bytes.

Source: Ethereum yellow paper, appendix B. Whatever could also be written shorter is refused, so
that two texts never mean the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from donations.errors import UpstreamMalformed

if TYPE_CHECKING:
    from collections.abc import Sequence

Item: TypeAlias = "bytes | list[Item]"
Encodable: TypeAlias = "bytes | int | Sequence[Encodable]"

# What this project reads nests five deep at most; a node inside nodes of a trie a little more.
_MAX_DEPTH = 16
_SHORT = 55


def encode(item: Encodable) -> bytes:
    """The bytes of an item; an integer stands for its shortest big-endian bytes, 0 for none."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    body = b"".join([encode(each) for each in item])
    return _prefix(0xC0, len(body)) + body


def _prefix(base: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes((base + length,))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((base + _SHORT + len(size),)) + size


def decode(raw: bytes) -> Item:
    """The one item that ``raw`` is. Raises UpstreamMalformed for any other form of it."""
    item, end = _item(raw, 0, len(raw), 0)
    if end != len(raw):
        raise UpstreamMalformed("RLP: bytes are left over")
    return item


def _item(raw: bytes, at: int, limit: int, depth: int) -> tuple[Item, int]:
    if at >= limit:
        raise UpstreamMalformed("RLP: it ends too early")
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    nested = first >= 0xC0
    start, end = _span(raw, at, limit, 0xC0 if nested else 0x80)
    if not nested:
        if end - start == 1 and raw[start] < 0x80:
            raise UpstreamMalformed("RLP: one small byte has no prefix")
        return raw[start:end], end
    if depth >= _MAX_DEPTH:
        raise UpstreamMalformed("RLP: nested too deep")
    items: list[Item] = []
    while start < end:
        item, start = _item(raw, start, end, depth + 1)
        items.append(item)
    return items, end


def _span(raw: bytes, at: int, limit: int, base: int) -> tuple[int, int]:
    """Where the content of the item at ``at`` begins and ends."""
    length, start = raw[at] - base, at + 1
    if length > _SHORT:
        start += length - _SHORT
        size = raw[at + 1 : min(start, limit)]
        length = int.from_bytes(size, "big")
        if size[:1] in (b"", b"\0") or length <= _SHORT:
            raise UpstreamMalformed("RLP: a length that is not in its shortest form")
    if start + length > limit:
        raise UpstreamMalformed("RLP: an item longer than what holds it")
    return start, start + length


def octets(item: Item, *sizes: int) -> bytes:
    """The item if it is bytes, of one of ``sizes`` where they are given.

    Raises UpstreamMalformed.
    """
    if not isinstance(item, bytes) or (sizes and len(item) not in sizes):
        raise UpstreamMalformed("RLP: a field of another kind or size")
    return item


def items(item: Item, *counts: int) -> list[Item]:
    """The item if it is a list, with one of ``counts`` items where they are given.

    Raises UpstreamMalformed.
    """
    if not isinstance(item, list) or (counts and len(item) not in counts):
        raise UpstreamMalformed("RLP: a list of another length, or none")
    return item


def integer(item: Item) -> int:
    """The item as an integer of at most 256 bits. Raises UpstreamMalformed for leading zeros."""
    data = octets(item)
    if len(data) > 32 or data[:1] == b"\0":
        raise UpstreamMalformed("RLP: an integer with leading zeros, or beyond 256 bits")
    return int.from_bytes(data, "big")
