"""What a source has found of one Ethereum account, and which blocks vouch for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from donations.ledger import Checkpoint, Kind, Transaction

_POINTS_KEPT = 64
OPENING = "opening"


@dataclass(slots=True)
class Account:
    """Points at which the state was read (oldest first), and all transactions after the first.

    A point carries its block's hash: as long as the chain holds the block, what was found up to it
    holds too. ``past`` is what came before the first point, as long as that is the first.
    """

    points: list[Checkpoint] = field(default_factory=list)
    found: list[Transaction] = field(default_factory=list)
    past: tuple[Transaction, ...] = ()
    has_code: bool = False

    def start(self, point: Checkpoint, *, opening: bool) -> None:
        """Begin anew at ``point``; with ``opening`` its balance is a transaction of its own."""
        self.points, self.found, self.past = [point], [], ()
        if opening and point.balance:
            moved = ((OPENING, point.balance),)
            self.found = [
                Transaction(OPENING, point.block, frozenset(), brings=moved, kind=Kind.OPENING)
            ]

    def begin_after(self, past: tuple[Transaction, ...]) -> None:
        """Tell what came before the first point instead of an opening transaction."""
        self.found, self.past = [], past

    def covers(self, since: int) -> bool:
        """Whether everything from ``since`` up has been looked at."""
        return bool(self.points) and self.points[0].block.height <= max(since - 1, 0)

    def advance(self, point: Checkpoint, found: list[Transaction]) -> None:
        """Take what a certified search found up to ``point``."""
        self.found += found
        if self.points[-1].block != point.block:
            self.points.append(point)

    def forget_after(self, height: int) -> None:
        """Retract what blocks above ``height`` vouched for: they left the chain."""
        self.points = [p for p in self.points if p.block.height <= height]
        self.found = [t for t in self.found if t.block is not None and t.block.height <= height]

    def forget_before(self, since: int) -> None:
        """Keep one point below ``since`` and what came after it."""
        while len(self.points) > 1 and self.points[1].block.height < since:
            self.points.pop(0)
            self.past = ()
        del self.points[1 : 1 + max(0, len(self.points) - _POINTS_KEPT)]
        first = self.points[0].block.height
        self.found = [t for t in self.found if t.block is not None and t.block.height >= first]

    def settled_point(self, final_height: int) -> Checkpoint:
        """The newest point that is final, else the oldest there is."""
        final = [p for p in self.points if p.block.height <= final_height]
        return (final or self.points)[-1 if final else 0]
