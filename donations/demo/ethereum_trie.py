"""Merkle-Patricia tries of the simulated Ethereum chain (yellow paper, appendix D).

Tries are values: `put` returns another one, so that each block of each branch keeps its own state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from eth_utils.crypto import keccak

from donations.demo.ethereum_payment import Rlp, rlp

if TYPE_CHECKING:
    from collections.abc import Iterable

EMPTY_ROOT = keccak(rlp(b""))


@dataclass(frozen=True)
class Node:
    """A node: a leaf has no children, an extension one, a branch sixteen.

    ``path`` is its part of the way, as hexadecimal digits.
    """

    path: str = ""
    value: bytes = b""
    children: tuple[Node | None, ...] = ()

    @property
    def is_branch(self) -> bool:
        """Whether ways part here."""
        return len(self.children) == 16

    @cached_property
    def form(self) -> list[Rlp]:
        """What is encoded: a short child stands in its parent, others by their hash."""
        if self.is_branch:
            return [*(b"" if child is None else child.reference for child in self.children), b""]
        (content,) = [child.reference for child in self.children if child] or [self.value]
        mark = (0 if self.children else 2) + len(self.path) % 2
        digits = f"{mark:x}" + ("" if len(self.path) % 2 else "0") + self.path
        return [bytes.fromhex(digits), content]

    @cached_property
    def raw(self) -> bytes:
        """The node encoded."""
        return rlp(self.form)

    @cached_property
    def hash(self) -> bytes:
        """The hash of the node."""
        return keccak(self.raw)

    @property
    def reference(self) -> Rlp:
        """How a parent names it."""
        return self.form if len(self.raw) < 32 else self.hash


def root(trie: Node | None) -> bytes:
    """The hash that commits to a trie."""
    return EMPTY_ROOT if trie is None else trie.hash


def put(node: Node | None, path: str, value: bytes) -> Node | None:
    """The trie with ``value`` at ``path``; with nothing there if the value is empty."""
    if node is None:
        return Node(path, value) if value else None
    if node.is_branch:
        at = int(path[0], 16)
        children = list(node.children)
        children[at] = put(children[at], path[1:], value)
        left = [(f"{n:x}", child) for n, child in enumerate(children) if child is not None]
        return _below(*left[0]) if len(left) == 1 else Node(children=tuple(children))
    if not node.children and node.path == path:
        return replace(node, value=value) if value else None
    if node.children and path.startswith(node.path):
        child = put(node.children[0], path[len(node.path) :], value)
        return None if child is None else _below(node.path, child)
    if not value:
        return node
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(node.path, path, strict=False))
    same = path[: len(list(pairs))]
    parted: list[Node | None] = [None] * 16
    for way, rest in (
        (node.path, _cut(node, len(same) + 1)),
        (path, Node(path[len(same) + 1 :], value)),
    ):
        parted[int(way[len(same)], 16)] = rest
    return _below(same, Node(children=tuple(parted)))


def _below(path: str, node: Node) -> Node:
    if node.is_branch:
        return Node(path, children=(node,)) if path else node
    return replace(node, path=path + node.path)


def _cut(node: Node, length: int) -> Node:
    if node.children and length == len(node.path) and node.children[0] is not None:
        return node.children[0]
    return replace(node, path=node.path[length:])


def proof(trie: Node | None, path: str) -> list[bytes]:
    """The nodes on the way to ``path``, without those that stand inside others."""
    found: list[bytes] = []
    node = trie
    while node is not None:
        if not found or len(node.raw) >= 32:
            found.append(node.raw)
        if node.is_branch:
            node, path = node.children[int(path[0], 16)], path[1:]
        elif node.children and path.startswith(node.path):
            path = path[len(node.path) :]
            node = node.children[0]
        else:
            break
    return found


def of_list(items: Iterable[bytes]) -> Node | None:
    """The trie of a list: each item at its position, encoded."""
    trie = None
    for position, item in enumerate(items):
        trie = put(trie, rlp(position).hex(), item)
    return trie
