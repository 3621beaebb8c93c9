"""One opinion: whoever runs some upstreams, asked through whichever of them answers.

Fail-over, pauses, back-off and the budget live here and nowhere below. Times are monotonic seconds.

An operator that fails is asked again soon, and after a few failures only at polls: then one cheap
question comes first, and the whole look only when that is answered (a circuit breaker).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from donations.errors import DonationsError, UpstreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from donations.reasons import Reason
    from donations.sources.base import Probe, Source

_FIRST_PAUSE = 1.0
# So many failures one after the other, and it is asked at polls only.
_PATIENCE = 3
# Whatever an upstream pushes or refuses, it is not looked at more often: so many times at once,
# and an hour. A look is one question for each key, and what is new.
_LOOKS_AT_ONCE = 600
_LOOKS_AN_HOUR = 1_800


class Operator:
    """The sources of one operator, and how they fared.

    ``due`` is set when there is a reason to ask: a poll, a push, or more of a long history.
    """

    def __init__(
        self, name: str, sources: Sequence[Source], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self._clock = name, clock
        self.due = asyncio.Event()
        self.probe: Probe | None = None
        self.error: DonationsError | None = None
        self.answered_at: float | None = None
        self._sources = list(sources)
        self._failures = 0
        self._resume_at = 0.0
        self._logged: set[tuple[str, Reason]] = set()
        self._looks, self._looked_at = 1.0 * _LOOKS_AT_ONCE, clock()

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
        return self._clock() < self._resume_at

    @property
    def open(self) -> bool:
        """Whether it failed so often that one cheap question comes before the next look."""
        return self._failures >= max(_PATIENCE, 2 * len(self._sources))

    def is_news(self, error: DonationsError) -> bool:
        """Whether its present source fails for a reason that was not logged since it answered."""
        failure = (self.source.url, error.why)
        if failure in self._logged:
            return False
        self._logged.add(failure)
        return True

    def recovered(self) -> bool:
        """Whether failures were logged, of which none is left: for the one line that says so."""
        had, self._logged = bool(self._logged), set()
        return had

    def answered(self) -> None:
        """It told something usable: no pause any more."""
        self.error, self._failures, self._resume_at = None, 0, 0.0
        self.answered_at = self._clock()

    def failed(self, error: DonationsError) -> None:
        """Pause as long as it asked for, else longer with each failure; then try its next host."""
        self.error = error
        self._failures += 1
        told = error.retry_after if isinstance(error, UpstreamUnavailable) else None
        if self.open:
            self.due.clear()
            self._resume_at = self._clock() + (told or 0.0)
        else:
            pause = _FIRST_PAUSE * 2 ** (self._failures - 1)
            # By lot, so that many services do not come back to a server at the same moment.
            pause *= 0.75 + secrets.randbelow(500) / 1000
            self._resume_at = self._clock() + (told or pause)
        self._sources.append(self._sources.pop(0))

    def heed(self, errors: Iterable[DonationsError]) -> None:
        """Keep the pause that was asked for while other keys were told."""
        for error in errors:
            if isinstance(error, UpstreamUnavailable) and error.retry_after is not None:
                self.failed(error)
                return

    async def next_turn(self) -> None:
        """Return when there is a reason to ask, the pause is over and the budget allows it."""
        pause = self._resume_at - self._clock()
        if pause > 0:
            await asyncio.sleep(pause)
        elif self.open:
            await self.due.wait()
        else:
            await self._pushed_or_due()
        await self._take_look()
        self.due.clear()

    async def _take_look(self) -> None:
        """Wait until there is a look in the budget, and use it up."""
        a_second = _LOOKS_AN_HOUR / 3600
        now = self._clock()
        self._looks = min(_LOOKS_AT_ONCE, self._looks + (now - self._looked_at) * a_second)
        self._looked_at = now
        self._looks -= 1
        if self._looks < 0:
            await asyncio.sleep(-self._looks / a_second)

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
