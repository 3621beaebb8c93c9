"""Headers below the start of the chain: their hashes lead up to a block that was shipped.

No work is looked at here: the hash of a shipped block fixes all its ancestors.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final

from donations.errors import ProvenLie, UpstreamMoved
from donations.proof import headers as read
from donations.proof.header_rules import check_linked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.proof.work import Ground

# The most that one answer of a server holds.
MAX_HEADERS: Final = 2_016


class OlderHeaders:
    """What is linked so far, by height."""

    def __init__(self, ground: Ground) -> None:
        self.linked: dict[int, bytes] = {}
        self._start = ground.height
        self._shipped = dict([*ground.older, (ground.height, ground.hash)])
        self._heights = sorted(self._shipped)

    def missing(self, height: int) -> tuple[int, int] | None:
        """(start, count) of the headers to ask for next, until the one at ``height`` is linked.

        None when it is, and for a height that is none of a block below the start.
        """
        if not 0 <= height < self._start or height in self.linked:
            return None
        shipped = self._heights[bisect.bisect_left(self._heights, height)]
        lowest = min((each for each in self.linked if height < each <= shipped), default=None)
        top = shipped if lowest is None else lowest - 1
        start = max(height, top - MAX_HEADERS + 1)
        return start, top - start + 1

    def trim(self, most: int) -> None:
        """When more than ``most`` headers are linked keep but the lowest of each stretch.

        From there the next older ones can be linked without those between.
        """
        if len(self.linked) > most:
            self.linked = {h: raw for h, raw in self.linked.items() if h - 1 not in self.linked}

    def link(self, start: int, headers: Sequence[bytes], child: bytes | None) -> None:
        """Take headers of which the last one is a shipped block, or the parent of ``child``.

        ``child`` is the header above them, where it is known. Raises ProvenLie where the last one
        is another block, UpstreamMoved where nothing vouches for it, UpstreamMalformed for what
        is no row of headers.
        """
        check_linked(headers)
        top = start + len(headers) - 1
        expected = self._shipped.get(top) if child is None else read.previous(child)
        if expected is None:
            raise UpstreamMoved(f"block {top} is no parent of a block that we know")
        if (found := read.block_hash(headers[-1])) != expected:
            raise ProvenLie(
                f"it serves another chain: block {top} does not lead to the one shipped",
                f"block {top}: {found}, it is {expected}",
            )
        self.linked.update(
            (height, raw) for height, raw in enumerate(headers, start) if height < self._start
        )
