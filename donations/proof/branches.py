"""Chains of headers beside the best one: checked, and with less work so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.proof import headers as read
from donations.proof.work import work

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """Headers that continue the block of the best chain at height ``fork``."""

    fork: int
    headers: list[bytes]

    @property
    def work(self) -> int:
        return sum(work(read.bits(raw)) for raw in self.headers)

    def until(self, height: int, block_hash: str) -> list[bytes] | None:
        """Its headers up to the block at ``height``; None when it does not hold that block."""
        length = height - self.fork
        if not 0 < length <= len(self.headers):
            return None
        path = self.headers[:length]
        return path if read.block_hash(path[-1]) == block_hash else None


class Branches:
    """A few of them; the one with the least work is forgotten first."""

    def __init__(self) -> None:
        self._by_tip: dict[str, Branch] = {}

    def path(self, height: int, block_hash: str) -> Branch | None:
        """The branch that ends with this block, cut from one that holds it."""
        for branch in self._by_tip.values():
            path = branch.until(height, block_hash)
            if path is not None:
                return Branch(branch.fork, path)
        return None

    def remember(self, branch: Branch) -> None:
        """Keep a branch, instead of those that it continues."""
        self._forget(branch.headers)
        self._by_tip[read.block_hash(branch.headers[-1])] = branch
        if len(self._by_tip) > _KEPT:
            weakest = min(self._by_tip, key=lambda tip: self._by_tip[tip].work)
            del self._by_tip[weakest]

    def best_changed(self, best: Branch, lost: Branch) -> None:
        """The best chain left ``lost`` for ``best``, both from one block: all others follow."""
        self._forget(best.headers)
        for tip, branch in self._by_tip.items():
            if branch.fork > lost.fork:
                under = lost.headers[: branch.fork - lost.fork]
                self._by_tip[tip] = Branch(lost.fork, under + branch.headers)
        if lost.headers:
            self.remember(lost)

    def _forget(self, inside: Iterable[bytes]) -> None:
        for raw in inside:
            self._by_tip.pop(read.block_hash(raw), None)
