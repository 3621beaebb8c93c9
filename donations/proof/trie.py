"""Merkle-Patricia tries: what a root commits to, shown by the nodes on the way to it.

Source: Ethereum yellow paper, appendix D. A node of 32 bytes or more is referred to by its hash,
a shorter one stands inside its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from donations.errors import BadObservation, UpstreamMalformed
from donations.proof.rlp import Encodable, Item, decode, encode, items, octets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HASH_BYTES = 32
EMPTY_ROOT = keccak(b"\x80")
_BRANCH, _SHORT = 17, 2
_LEAF, _ODD = 2, 1


def look_up(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """What stands under ``key`` in the trie of ``root``; None when ``nodes`` prove that nothing is.

    ``nodes`` are those on the way, from the root down, without the ones inside others. Raises
    UpstreamMalformed for what is no such way, BadObservation for a way from another root.
    """
    rest = list(reversed(nodes))

    def fetch(digest: bytes) -> bytes:
        if not rest:
            raise UpstreamMalformed("a trie proof that ends too early")
        raw = rest.pop()
        if keccak(raw) != digest:
            raise BadObservation("a trie proof of another root")
        return raw

    if root == EMPTY_ROOT:
        found = None
        rest = [node for node in rest if node != b"\x80"]
    else:
        found = _descend(root, key, fetch)
    if rest:
        raise UpstreamMalformed("a trie proof with nodes that lead nowhere")
    return found


def _descend(root: bytes, key: bytes, fetch: Callable[[bytes], bytes]) -> bytes | None:
    path, at = nibbles(key), 0
    node = decode(fetch(root))
    while True:
        pair = items(node, _BRANCH, _SHORT)
        if len(pair) == _BRANCH:
            if at == len(path):
                return octets(pair[16]) or None
            child = pair[path[at]]
            at += 1
            if child == b"":
                return None
        else:
            leaf, part = _path(octets(pair[0]))
            end = at + len(part)
            if leaf:
                if path[at:] != part:
                    return None
                return _filled(octets(pair[1]))
            if path[at:end] != part:
                return None
            child, at = pair[1], end
        node = _child(child, fetch)


def _child(reference: Item, fetch: Callable[[bytes], bytes]) -> Item:
    if isinstance(reference, list):
        if len(encode(reference)) >= HASH_BYTES:
            raise UpstreamMalformed("a node of a trie that is too long to stand inside another")
        return reference
    raw = fetch(octets(reference, HASH_BYTES))
    if len(raw) < HASH_BYTES:
        raise UpstreamMalformed("a node of a trie that is short enough to stand inside another")
    return decode(raw)


def _filled(value: bytes) -> bytes:
    if not value:
        raise UpstreamMalformed("a leaf of a trie without a value")
    return value


def nibbles(data: bytes) -> bytes:
    """Half bytes, each as one byte."""
    text = data.hex().encode()
    return text.translate(_DIGITS)


_DIGITS = bytes(int(chr(c), 16) if chr(c) in "0123456789abcdef" else 0 for c in range(256))


def _path(packed: bytes) -> tuple[bool, bytes]:
    """Whether a node is a leaf, and its part of the path (hex-prefix encoding)."""
    part = nibbles(packed)
    if not part or part[0] > (_LEAF | _ODD):
        raise UpstreamMalformed("a path of a trie with a prefix that does not exist")
    leaf, odd = bool(part[0] & _LEAF), part[0] & _ODD
    if not odd and part[1]:
        raise UpstreamMalformed("a path of a trie with something in its padding")
    path = part[1:] if odd else part[2:]
    if not leaf and not path:
        raise UpstreamMalformed("an extension of a trie that extends nothing")
    return leaf, path


class Trie:
    """A whole trie, made of what stands in it."""

    def __init__(self, content: Mapping[bytes, bytes]) -> None:
        self._nodes: dict[bytes, bytes] = {}
        self.root = EMPTY_ROOT
        if content:
            pairs = sorted((nibbles(key), value) for key, value in content.items())
            raw = encode(self._node(pairs, 0))
            self.root = self._keep(raw)

    def branch(self, key: bytes) -> tuple[bytes, ...]:
        """The nodes that prove what stands under ``key``, as `look_up` takes them."""
        way: list[bytes] = []

        def fetch(digest: bytes) -> bytes:
            way.append(self._nodes[digest])
            return way[-1]

        if self.root != EMPTY_ROOT:
            _descend(self.root, key, fetch)
        return tuple(way)

    def _keep(self, raw: bytes) -> bytes:
        digest = keccak(raw)
        self._nodes[digest] = raw
        return digest

    def _node(self, pairs: Sequence[tuple[bytes, bytes]], at: int) -> Encodable:
        """The node over pairs (path, value), sorted, whose paths are equal up to ``at``."""
        first, last = pairs[0][0], pairs[-1][0]
        if len(pairs) == 1:
            return [_packed(first[at:], _LEAF), pairs[0][1]]
        same = at
        while same < len(first) and first[same] == last[same]:
            same += 1
        if same > at:
            return [_packed(first[at:same], 0), self._reference(self._node(pairs, same))]
        value = b""
        if len(first) == at:
            value, pairs = pairs[0][1], pairs[1:]
        children: list[Encodable] = []
        for nibble in range(16):
            below = [pair for pair in pairs if pair[0][at] == nibble]
            children.append(self._reference(self._node(below, at + 1)) if below else b"")
        return [*children, value]

    def _reference(self, node: Encodable) -> Encodable:
        raw = encode(node)
        return node if len(raw) < HASH_BYTES else self._keep(raw)


def _packed(path: bytes, flag: int) -> bytes:
    odd = len(path) % 2
    digits = bytes((flag | odd,)) + (b"" if odd else b"\0") + path
    return bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))
