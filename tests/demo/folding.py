"""Merkle branches, folded by hand."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def fold(leaf: bytes, position: int, branch: Iterable[bytes]) -> bytes:
    """The root that a leaf and its branch lead to; everything in hashing order."""
    node = leaf
    for depth, sibling in enumerate(branch):
        pair = sibling + node if position >> depth & 1 else node + sibling
        node = hashlib.sha256(hashlib.sha256(pair).digest()).digest()
    return node


def unshown(names: Iterable[str]) -> list[bytes]:
    """Hashes as they are shown, in hashing order."""
    return [bytes.fromhex(each)[::-1] for each in names]
