"""The chain of headers with the most work, from a block that was shipped with the release.

Nothing is believed here that was not paid for: every header continues one that is known, has the
target that the rule of the network gives, and a hash that meets it. Which chain is the best is
decided by work and not by height. Headers below the start are linked to shipped blocks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from donations.errors import DonationsError, ProvenLie, UpstreamMoved
from donations.ledger import Block
from donations.proof import headers as read
from donations.proof.branches import Branch, Branches
from donations.proof.header_rules import MEDIAN_OF, check_linked, check_time, check_work
from donations.proof.headers import Header, parse_header
from donations.proof.older_headers import MAX_HEADERS, OlderHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from donations.proof.work import Ground

_NO_CLOCK = 1 << 32  # above any time that a header can tell


class HeaderChain:
    """The headers of one network that are proven. It asks nobody: headers are handed to it.

    What is to be kept are `rows`; there is no other state, and `load` believes none of them.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._best: list[bytes] = []
        self._branches = Branches()
        self._older = OlderHeaders(ground)

    # -- what is known

    @property
    def tip(self) -> Block | None:
        """The last block of the best chain; None until the first headers came."""
        return self.block_at(self.ground.height + len(self._best) - 1) if self._best else None

    def raw_at(self, height: int) -> bytes | None:
        """The 80 bytes of the header at a height of the best chain, where it is known."""
        index = height - self.ground.height
        if index < 0:
            return self._older.linked.get(height)
        return self._best[index] if index < len(self._best) else None

    def header_at(self, height: int) -> Header | None:
        """The header at a height of the best chain, where it is known."""
        raw = self.raw_at(height)
        return None if raw is None else parse_header(raw)

    def block_at(self, height: int) -> Block | None:
        """The block at a height of the best chain, where it is known."""
        raw = self.raw_at(height)
        return None if raw is None else Block(height, read.block_hash(raw), read.time(raw))

    def holds(self, block: Block) -> bool:
        """Whether the block stands in the best chain."""
        raw = self.raw_at(block.height)
        return raw is not None and read.block_hash(raw) == block.hash

    # -- the best chain

    def extend(self, start: int, headers: Sequence[bytes], *, now: int) -> int | None:
        """Take the headers of one answer, which begin at height ``start``.

        ``now`` is the time in Unix seconds. Returns the height of the last block that stays when
        another chain became the best one, None when the best one grew or stayed. Of an answer
        that is refused nothing is taken. Raises ProvenLie for a header that no honest server has,
        UpstreamMoved when ``start`` lies above where the headers leave what we know (ask from
        further down), BadObservation for one that may be right by another clock or in worse
        times, UpstreamMalformed for what is no row of headers.
        """
        check_linked(headers)
        start, new = self._above_ground(start, list(headers))
        branch = self._parent(start, new[0]) if new else None
        if branch is None:
            return None
        fork = branch.fork
        while not branch.headers and new and self.raw_at(fork + 1) == new[0]:
            fork += 1
            del new[0]
        return self._choose(self._checked(fork, branch.headers, new, now)) if new else None

    def _above_ground(self, start: int, headers: list[bytes]) -> tuple[int, list[bytes]]:
        """What of the headers lies above the start, once it is certain that they lead from it."""
        ground = self.ground
        if start > ground.height:
            return start, headers
        above = headers[ground.height - start :]
        if above and (found := read.block_hash(above[0])) != ground.hash:
            raise ProvenLie(
                f"it serves another chain: block {ground.height} is not the one shipped",
                f"block {ground.height}: {found}, shipped {ground.hash}",
            )
        if above and not self._best:
            self._best.append(above[0])
        return ground.height + 1, above[1:]

    def _parent(self, start: int, first: bytes) -> Branch:
        """The branch, which may be of no headers, that the header ``first`` continues."""
        wanted = read.previous(first)
        parent = self.raw_at(start - 1)
        if parent is not None and read.block_hash(parent) == wanted:
            return Branch(start - 1, [])
        branch = self._branches.path(start - 1, wanted)
        if branch is None:
            raise UpstreamMoved(f"its block {start} does not continue a block that we know")
        return branch

    def _checked(self, fork: int, path: list[bytes], new: Iterable[bytes], now: int) -> Branch:
        """The branch of ``path`` and ``new`` above ``fork``, once ``new`` keeps all rules."""

        def at(height: int) -> bytes:
            raw = path[height - fork - 1] if height > fork else self.raw_at(height)
            if raw is None:
                raise AssertionError(f"header {height} is below the start, and was asked for")
            return raw

        for height, raw in enumerate(new, fork + len(path) + 1):
            check_work(self.ground, height, raw, at)
            oldest = max(height - MEDIAN_OF, 0)
            # Right above the start the blocks before may not be known yet.
            known = all(self.raw_at(h) is not None for h in range(oldest, self.ground.height))
            before = [read.time(at(h)) for h in range(oldest, height)] if known else []
            check_time(height, raw, before, now)
            path.append(raw)
        return Branch(fork, path)

    def _choose(self, branch: Branch) -> int | None:
        """Make a checked branch the best chain if it has more work than what it would replace."""
        kept = branch.fork - self.ground.height + 1
        lost = Branch(branch.fork, self._best[kept:])
        if branch.work <= lost.work:
            self._branches.remember(branch)
            return None
        self._best[kept:] = branch.headers
        self._branches.best_changed(branch, lost)
        return branch.fork if lost.headers else None

    def prefer(self, tip: Block) -> int | None:
        """Stand on the chain that ends in ``tip``, where no other has more work.

        Of two blocks that were found at once headers cannot tell which one will be built on.
        Returns the height of the last block that stays, None when nothing changed.
        """
        branch = self._branches.path(tip.height, tip.hash)
        if branch is None:
            return None
        lost = Branch(branch.fork, self._best[branch.fork - self.ground.height + 1 :])
        if branch.work < lost.work:
            return None
        self._best[branch.fork - self.ground.height + 1 :] = branch.headers
        self._branches.best_changed(branch, lost)
        return branch.fork

    # -- below the start

    def missing(self, height: int) -> tuple[int, int] | None:
        """(start, count) of the headers to hand to `link_back` next, for that of ``height``.

        At most as many as one answer holds: ask again until it is None, when it is known or lies
        above the start.
        """
        return self._older.missing(height)

    def link_back(self, start: int, headers: Sequence[bytes]) -> None:
        """Take headers from below the start: the last one is shipped, or the parent of a known one.

        Raises ProvenLie where it is another block, UpstreamMoved where nothing vouches for it,
        UpstreamMalformed for what is no row of headers.
        """
        if headers:
            self._older.link(start, headers, self.raw_at(start + len(headers)))

    def trim_older(self, most: int) -> None:
        """When more than ``most`` headers below the start are held let go of all but a few.

        The lowest of each stretch stays, from where linking goes on to older ones.
        """
        self._older.trim(most)

    # -- what is kept

    def rows(self, above: int = -1) -> Iterator[tuple[int, bytes]]:
        """(height, 80 bytes) of all that is known above a height, in rising order."""
        for height in sorted(self._older.linked):
            if height > above:
                yield height, self._older.linked[height]
        start = max(above + 1, self.ground.height)
        yield from enumerate(self._best[start - self.ground.height :], start)

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take rows as `rows` gave them, in rising order, each of them checked anew.

        What does not fit (another release starts elsewhere, a file was damaged) is left out: the
        upstreams have it too.
        """
        runs: list[tuple[int, list[bytes]]] = []
        for height, raw in rows:
            if not runs or height != runs[-1][0] + len(runs[-1][1]):
                runs.append((height, []))
            runs[-1][1].append(raw)
        for start, headers in reversed(runs):
            below = headers[: max(0, self.ground.height - start)]
            with suppress(DonationsError):
                for at in range(len(below), len(headers), MAX_HEADERS):
                    self.extend(start + at, headers[at : at + MAX_HEADERS], now=_NO_CLOCK)
            with suppress(DonationsError):
                self.link_back(start, below)
