"""Notices operators that give no good answer for long, and that they are back."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from donations.announcements import Announcement, Type
from donations.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.operators import Operator
    from donations.store import Store
    from donations.tracker import Tracker

logger = logging.getLogger(__name__)

_FACT = "silent "


class Silence:
    """Of all operators of ``trackers``. What was told outlives a restart, and is told once."""

    def __init__(
        self,
        trackers: Sequence[Tracker],
        store: Store,
        seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trackers, self._store, self._seconds = trackers, store, seconds
        self._monotonic = monotonic
        self._began = monotonic()
        self._since: dict[str, int] = {}

    async def load(self) -> None:
        """Take up who was silent. Raises StoreError."""
        facts = await self._store.run(self._store.facts)
        self._since = {
            name: int(value) for name, value in facts.items() if name.startswith(_FACT) and value
        }

    async def look(self) -> None:
        """Look at every operator once."""
        for tracker in self._trackers:
            for operator in tracker.operators:
                try:
                    await self._judge(tracker, operator)
                except StoreError as error:
                    logger.error("%s: who is silent cannot be noted: %s", tracker.chain, error)

    async def _judge(self, tracker: Tracker, operator: Operator) -> None:
        name = f"{_FACT}{tracker.chain} {operator.name}"
        quiet = self._quiet(operator)
        if quiet > self._seconds and name not in self._since:
            since = int(time.time() - quiet)
            await self._tell(Type.SILENT, name, since, tracker, operator)
            self._since[name] = since
        elif name in self._since and operator.answered_at is not None and quiet <= self._seconds:
            await self._tell(Type.BACK, name, self._since[name], tracker, operator)
            del self._since[name]

    def _quiet(self, operator: Operator) -> float:
        """Seconds since its last good answer, or since the start."""
        answered = operator.answered_at
        return self._monotonic() - (self._began if answered is None else answered)

    async def _tell(
        self, kind: Type, name: str, since: int, tracker: Tracker, operator: Operator
    ) -> None:
        answering = sum(self._quiet(each) <= self._seconds for each in tracker.operators)
        data = {
            "chain": tracker.chain,
            "operator": operator.name,
            "since": since,
            "answering": answering,
            "required": tracker.settings.agree,
        }
        told = Announcement(
            kind, f"upstream {tracker.chain} {operator.name}", int(time.time()), data
        )
        kept = str(since) if kind is Type.SILENT else ""
        await self._store.run(self._store.remember, name, kept, [told])
