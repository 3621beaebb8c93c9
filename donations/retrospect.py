"""What lay at an Ethereum address when its watch began, once an explorer can tell how it came.

A database that was made without an explorer holds one opening entry for all that came before. When
an explorer is configured later, its list takes the entry's place: only where it adds up to the wei
and to the last own transaction, and enough operators tell the same blocks. Nothing of it is news.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING

from donations.errors import StoreError, UpstreamError
from donations.ledger import Checkpoint
from donations.sources.base import Historian

if TYPE_CHECKING:
    from donations.ledger import Transaction, Transfer
    from donations.store import Store
    from donations.tracker import Tracker

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 60.0


class Retrospect:
    """Looks back for the addresses of one chain."""

    def __init__(self, tracker: Tracker, store: Store, again: float = _AGAIN_SECONDS) -> None:
        self._tracker, self._store, self._again = tracker, store, again

    async def run(self) -> None:
        """Replace what can be replaced, then end: what does not add up today is left as it is."""
        try:
            waiting = await self._store.run(self._store.openings, self._tracker.chain)
            waiting = [opening for opening in waiting if opening.key in self._tracker.keys]
            while waiting:
                for opening in tuple(waiting):
                    if await self._look_back(opening):
                        waiting.remove(opening)
                if waiting:
                    await asyncio.sleep(self._again)
        except StoreError as error:
            logger.error("what came before the watch cannot be filled in: %s", error)

    async def _look_back(self, opening: Transfer) -> bool:
        """Whether there is no need to try again. Raises StoreError."""
        point = await self._point(opening)
        if point is None:
            return False
        told: Counter[tuple[Transaction, ...] | None] = Counter()
        for operator in self._tracker.operators:
            if not isinstance(operator.source, Historian) or operator.open:
                continue
            try:
                told[await operator.source.past(opening.key.address, point)] += 1
            except UpstreamError as error:
                logger.info("%s, %s: %s", self._tracker.chain, operator.name, error)
        needed = max(1, self._tracker.settings.agree)
        past = next((each for each, votes in told.items() if votes >= needed), None)
        if past is not None:
            await self._tracker.fill(opening, past)
        return past is not None or None in told

    async def _point(self, opening: Transfer) -> Checkpoint | None:
        """The state where the watch began; the nonce is that of the first transaction since then.

        None while the watch has not come so far as to know.
        """
        key, block = opening.key, opening.block
        cursors = await self._store.run(self._store.cursors, key.chain)
        nonces = [c.checkpoint.nonce for c in cursors if c.key == key and c.checkpoint is not None]
        if block is None or not nonces or key not in self._tracker.standings:
            return None
        sent = await self._store.run(self._store.final_above, key, block.height)
        slots = [slot.rpartition(":") for each in sent for slot in each.consumes]
        ours = [int(nonce) for sender, _, nonce in slots if sender == key.address.lower()]
        return Checkpoint(block, opening.amount, min([*ours, *nonces]))
