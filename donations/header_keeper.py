"""Keeps the headers of one chain: asks upstreams for what is missing, and the store to remember.

Above the shipped block the whole chain is followed. Below it headers are read only where a gift
wants one, up to the next shipped block; in memory stay those of a few windows.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from donations.errors import UpstreamMoved
from donations.proof.header_chain import HeaderChain
from donations.proof.older_headers import MAX_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.ledger import Block
    from donations.proof.work import Ground
    from donations.sources.base import Prover
    from donations.store import Store

# More answers than this are no chain of headers, but a server that never ends.
_ANSWERS = 2_000
_HIGHEST = 1 << 31
_OLDER_KEPT = 20_000
# Fewer are checked in less time than another thread takes to start.
_MANY = 50


class HeaderKeeper:
    """The proven headers of one chain, kept in step with those who have more work to show."""

    def __init__(
        self, chain: str, ground: Ground, store: Store, clock: Callable[[], float] = time.time
    ) -> None:
        self._chain, self._ground, self._store, self._clock = chain, ground, store, clock
        self._best = HeaderChain(ground)
        self._older = HeaderChain(ground)

    async def load(self) -> None:
        """Take up the headers that were kept. Raises StoreError."""
        rows = await self._store.run(
            self._store.headers, self._chain, self._ground.height, _HIGHEST
        )
        await asyncio.to_thread(self._best.load, rows)

    @property
    def tip(self) -> Block | None:
        """The last block of the chain with the most work, as far as it is known."""
        return self._best.tip

    def holds(self, block: Block) -> bool:
        """Whether a block to which a proof led stands in that chain now.

        What leads to a shipped block stands for good.
        """
        return block.height < self._ground.height or self._best.holds(block)

    async def follow(self, source: Prover, target: Block) -> bool:
        """Take the headers of an upstream up to its tip ``target``; whether there were new ones.

        Raises what the source raises, what `HeaderChain.extend` raises, and StoreError.
        """
        known = self._best.tip
        start = self._ground.height if known is None else min(known.height + 1, target.height)
        back, moved = 1, False
        for _ in range(_ANSWERS):
            if start > target.height or self._best.holds(target):
                break
            start = max(start, self._ground.height)
            told = await source.headers(start, min(MAX_HEADERS, target.height - start + 1))
            if not told:
                break
            try:
                moved |= await self._take(start, told)
            except UpstreamMoved:
                if start == self._ground.height:
                    raise
                start, back = start - back, back * 2
                continue
            start += len(told)
        return moved

    async def _take(self, start: int, told: list[bytes]) -> bool:
        before = self._best.tip
        now = int(self._clock())
        if len(told) > _MANY:
            fork = await asyncio.to_thread(self._best.extend, start, told, now=now)
        else:
            fork = self._best.extend(start, told, now=now)
        if self._best.tip == before:
            return True
        above = fork if fork is not None else -1 if before is None else before.height
        await self._save(above, fork)
        return True

    async def _save(self, above: int, fork: int | None) -> None:
        rows = list(self._best.rows(above))
        await self._store.run(self._store.save_headers, self._chain, rows, fork)

    async def prefer(self, tip: Block) -> None:
        """Of chains with the same work stand on the one that the operators agree on."""
        if self._best.tip is None or self._best.holds(tip):
            return
        fork = self._best.prefer(tip)
        if fork is not None:
            await self._save(fork, fork)

    async def header(self, source: Prover, height: int) -> bytes | None:
        """The 80 bytes of the header at ``height``, read and linked where it is an old one.

        None where it is not known yet. Raises as `follow` does.
        """
        if height >= self._ground.height:
            return self._best.raw_at(height)
        self._older.trim_older(_OLDER_KEPT)
        if self._older.missing(height) is not None:
            last = min(height + MAX_HEADERS, self._ground.height)
            kept = await self._store.run(self._store.headers, self._chain, height, last)
            self._older.load(kept)
        while (want := self._older.missing(height)) is not None:
            start, count = want
            told = await source.headers(start, count)
            self._older.link_back(start, told)
            below = [(h, raw) for h, raw in enumerate(told, start) if h < self._ground.height]
            await self._store.run(self._store.save_headers, self._chain, below, None)
        return self._older.raw_at(height)
