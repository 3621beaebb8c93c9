"""The blocks of one Electrum server's chain: the last 150 linked by hash, older ones on demand.

Electrum sends no scripthash notification when a reorg re-mines a transaction at the same height;
what tells is a header that does not continue the chain we hold.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamMalformed, UpstreamMoved
from donations.ledger import Block
from donations.proof.headers import Header, parse_header
from donations.proof.older_headers import MAX_HEADERS
from donations.sources.electrum_answers import parse_tip, unhex
from donations.sources.electrum_proofs import read_headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.sources.electrum_connection import Connection

RECENT = 150
_OLDER_KEPT = 8_192
# From so many blocks wanted of one stretch, the whole stretch is cheaper than each alone.
_DENSE = 200


class Blocks:
    """``generation`` grows with each reorg: what was read before it may no longer be true."""

    def __init__(self) -> None:
        self.recent: dict[int, Block] = {}
        self.generation = 0
        self._raws: dict[int, bytes] = {}  # the headers of ``recent``
        self._older: OrderedDict[int, Block] = OrderedDict()

    @property
    def tip(self) -> Block:
        return self.recent[max(self.recent)]

    async def refresh(self, connection: Connection) -> None:
        """Ask for the tip and follow it. Raises UpstreamError."""
        await self.follow(connection, await connection.call("blockchain.headers.subscribe"))

    async def follow(self, connection: Connection, told: Any) -> None:
        """Take a tip as the protocol tells it ({"height", "hex"}), and what it implies."""
        height, header = parse_tip(told)
        block = Block(height, header.hash, header.time)
        if self.recent.get(height) == block and max(self.recent) == height:
            return
        parent = self.recent.get(height - 1)
        if parent is not None and parent.hash == header.previous and height > max(self.recent):
            self.recent[height], self._raws[height] = block, bytes.fromhex(told["hex"])
            self.recent.pop(height - RECENT, None)
            self._raws.pop(height - RECENT, None)
            return
        await self._refill(connection, block)

    async def _refill(self, connection: Connection, tip: Block) -> None:
        start = max(0, tip.height - RECENT + 1)
        raws = await read_headers(connection, start, tip.height - start + 1)
        headers = [parse_header(raw) for raw in raws]
        for parent, child in itertools.pairwise(headers):
            if child.previous != parent.hash:
                raise UpstreamMalformed("block.headers: they do not link")
        if len(headers) != tip.height - start + 1 or headers[-1].hash != tip.hash:
            raise UpstreamMoved("the chain changed while its headers were read")
        recent = {
            height: Block(height, header.hash, header.time)
            for height, header in enumerate(headers, start)
        }
        if any(recent.get(height, block) != block for height, block in self.recent.items()) or (
            self.recent and tip.height < max(self.recent)
        ):
            self.generation += 1
            self._older.clear()
        self.recent, self._raws = recent, dict(enumerate(raws, start))

    def told(self, start: int, count: int) -> list[bytes]:
        """The raw headers from ``start`` up; none unless all of them were told already."""
        told = [self._raws[h] for h in range(start, start + count) if h in self._raws]
        return told if len(told) == count else []

    async def at(self, connection: Connection, heights: Iterable[int]) -> dict[int, Block]:
        """The blocks at ``heights``."""
        wanted = set(heights)
        found = {h: self.recent[h] for h in wanted & self.recent.keys()}
        found.update({h: self._older[h] for h in wanted & self._older.keys()})
        missing = sorted(wanted - found.keys())
        stretches: dict[int, list[int]] = {}
        for height in missing:
            stretches.setdefault(height // MAX_HEADERS, []).append(height)
        alone: list[int] = []
        for stretch in stretches.values():
            if len(stretch) < _DENSE:
                alone += stretch
                continue
            start = stretch[0]
            headers = await self._headers(connection, start, stretch[-1] - start + 1)
            self._keep({start + n: header for n, header in enumerate(headers)})
        answers = await connection.call_many("blockchain.block.header", [[h] for h in alone])
        self._keep(
            {
                h: parse_header(unhex(answer, "block.header"))
                for h, answer in zip(alone, answers, strict=True)
            }
        )
        for height in missing:
            if height not in self._older:
                raise UpstreamMoved(f"there is no block {height} any more")
            found[height] = self._older[height]
        while len(self._older) > _OLDER_KEPT:
            self._older.popitem(last=False)
        return found

    def _keep(self, headers: dict[int, Header]) -> None:
        for height, header in headers.items():
            self._older[height] = Block(height, header.hash, header.time)

    @staticmethod
    async def _headers(connection: Connection, start: int, count: int) -> list[Header]:
        return [parse_header(raw) for raw in await read_headers(connection, start, count)]
