"""The blocks of one explorer's chain: the newest linked by hash, older ones on demand."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING

from donations.errors import UpstreamMalformed, UpstreamMoved

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.ledger import Block
    from donations.sources.explorer import Api
    from donations.sources.utxo_json import Linked

RECENT = 150
# So many are read at first: operators whose tips differ by less share a block.
_AT_FIRST = 20
_OLDER_KEPT = 8_192


class ExplorerBlocks:
    """``generation`` grows with each reorg: what was read before it may no longer be true."""

    def __init__(self) -> None:
        self.recent: dict[int, Block] = {}
        self.generation = 0
        self._older: OrderedDict[int, Block] = OrderedDict()

    @property
    def tip(self) -> Block:
        return self.recent[max(self.recent)]

    async def follow(self, api: Api) -> None:
        """Read the tip, and what lies between it and the blocks we hold. Raises UpstreamError."""
        chain = await api.newest()
        _check_links(chain)
        while not self._connects(chain) and chain[0].block.height > 0:
            more = await api.page(chain[0].block.height - 1)
            _check_links([*more, chain[0]])
            chain = [*more, *chain]
        self._take({each.block.height: each.block for each in chain})

    def _connects(self, chain: Sequence[Linked]) -> bool:
        lowest = chain[0]
        if len(chain) >= (RECENT if self.recent else _AT_FIRST):
            return True
        below = self.recent.get(lowest.block.height - 1)
        return (below is not None and below.hash == lowest.previous) or any(
            self.recent.get(each.block.height) == each.block for each in chain
        )

    def _take(self, chain: dict[int, Block]) -> None:
        top, low = max(chain), min(chain)
        kept = {h: block for h, block in self.recent.items() if h < low}
        replaced = any(h > top or chain.get(h, block) != block for h, block in self.recent.items())
        if replaced:
            self.generation += 1
            self._older.clear()
        if low - 1 not in kept:
            kept = {}
        recent = {**kept, **chain}
        self.recent = {h: block for h, block in recent.items() if h > top - RECENT}

    async def at(self, api: Api, heights: Iterable[int]) -> dict[int, Block]:
        """The blocks at ``heights``."""
        wanted = set(heights)
        found = {h: self.recent[h] for h in wanted & self.recent.keys()}
        found.update({h: self._older[h] for h in wanted & self._older.keys()})
        missing = wanted - found.keys()
        if missing:
            read = await api.blocks(missing)
            if read.keys() != missing:
                raise UpstreamMoved("it has not all of the blocks any more")
            self._older.update(read)
            found.update(read)
        while len(self._older) > _OLDER_KEPT:
            self._older.popitem(last=False)
        return found


def _check_links(chain: Sequence[Linked]) -> None:
    if not chain:
        raise UpstreamMalformed("it tells no block")
    for parent, child in itertools.pairwise(chain):
        if child.block.height != parent.block.height + 1 or child.previous != parent.block.hash:
            raise UpstreamMoved("its blocks do not follow each other")
