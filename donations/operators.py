"""One opinion: whoever runs some upstreams, asked through whichever of them answers.

Fail-over, pauses and back-off live here and nowhere below. Times are monotonic seconds.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from donations.errors import DonationsError, UpstreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.sources.base import Probe, Source

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 300.0


class Operator:
    """The sources of one operator, and how they fared.

    ``due`` is set when there is a reason to ask: a poll, a push, or more of a long history.
    """

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name = name
        self.due = asyncio.Event()
        self.probe: Probe | None = None
        self.error: DonationsError | None = None
        self.answered_at: float | None = None
        self._sources = list(sources)
        self._failures = 0
        self._resume_at = 0.0

    @property
    def source(self) -> Source:
        """The source asked at present."""
        return self._sources[0]

    @property
    def tried(self) -> bool:
        """Whether it has answered or failed at least once."""
        return self.answered_at is not None or self.error is not None

    @property
    def paused(self) -> bool:
        """Whether it may not be asked now."""
        return time.monotonic() < self._resume_at

    def answered(self) -> None:
        """It told something usable: no pause any more."""
        self.error, self._failures, self._resume_at = None, 0, 0.0
        self.answered_at = time.monotonic()

    def failed(self, error: DonationsError) -> None:
        """Pause as long as it asked for, else longer with each failure; then try its next host."""
        self.error = error
        self._failures += 1
        told = error.retry_after if isinstance(error, UpstreamUnavailable) else None
        pause = told or min(_FIRST_PAUSE * 2 ** (self._failures - 1), _LONGEST_PAUSE)
        self._resume_at = time.monotonic() + pause
        self._sources.append(self._sources.pop(0))

    def heed(self, errors: Iterable[DonationsError]) -> None:
        """Keep the pause that was asked for while other keys were told."""
        for error in errors:
            if isinstance(error, UpstreamUnavailable) and error.retry_after is not None:
                self.failed(error)
                return

    async def next_turn(self) -> None:
        """Return when there is a reason to ask: after a failure, as soon as the pause is over."""
        pause = self._resume_at - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        else:
            await self._pushed_or_due()
        self.due.clear()

    async def _pushed_or_due(self) -> None:
        waits = [asyncio.create_task(self.due.wait()), asyncio.create_task(self.source.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def close(self) -> None:
        for source in self._sources:
            await source.close()
