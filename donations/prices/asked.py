"""One source, and how it fares: one question at a time, pauses after failures, a budget.

What fails is asked again later, each time after a longer pause, or after the one it wished for.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from donations.errors import UpstreamError, UpstreamUnavailable
from donations.prices.source import Lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from donations.prices.quote import Pair, Slot

logger = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 1_800.0
# A history of many years is a thousand questions at most; nobody is asked for more in an hour.
_AT_ONCE, _AN_HOUR = 400, 1_200
_LACKING_SECONDS = 86_400.0
# Seconds until a slot that it answered without is asked for again: longer each time.
_AGAIN = (60, 300, 1_800, 10_800, 43_200, 86_400)


def unix_now() -> int:
    """Seconds of this machine's clock."""
    return int(time.time())


class Resting(UpstreamError):
    """It is not asked now: it failed, or was asked enough. The text says why."""


class Asked(Generic[S]):
    """A source of prices or of rates, by its ``name``. Times are monotonic seconds."""

    def __init__(self, name: str, source: S, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.source = name, source
        self.error: UpstreamError | None = None
        self.answered_at: float | None = None
        self._clock = clock
        self._turn = asyncio.Lock()
        self._failures = 0
        self._resume_at = 0.0
        self._lacking: dict[Pair, float] = {}
        self._again: dict[tuple[Pair, Slot], tuple[int, float]] = {}
        self._logged = False
        self._left, self._counted_at = 1.0 * _AT_ONCE, clock()

    @property
    def resting(self) -> bool:
        """Whether it may not be asked now."""
        return self._clock() < self._resume_at

    def lacks(self, pair: Pair) -> bool:
        """Whether it said, within a day, that it does not quote a pair."""
        return self._lacking.get(pair, 0.0) > self._clock()

    def waits(self, pair: Pair, slot: Slot) -> bool:
        """Whether it answered without the price of a slot, too short a time ago to ask again."""
        return self._again.get((pair, slot), (0, 0.0))[1] > self._clock()

    def put_off(self, pair: Pair, slots: Iterable[Slot]) -> None:
        """It answered without the price of these slots."""
        for slot in slots:
            times, _ = self._again.get((pair, slot), (0, 0.0))
            pause = _AGAIN[min(times, len(_AGAIN) - 1)]
            self._again[pair, slot] = (times + 1, self._clock() + pause)

    async def ask(self, question: Coroutine[Any, Any, T], pair: Pair | None = None) -> T:
        """Put one question. Raises UpstreamError; Resting when it was not put."""
        try:
            async with self._turn:
                self._take_turn()
                return await self._answer(question, pair)
        finally:
            question.close()  # one that was not put would complain

    async def _answer(self, question: Coroutine[Any, Any, T], pair: Pair | None) -> T:
        try:
            answer = await question
        except Lacking:
            if pair is not None:
                self._lacking[pair] = self._clock() + _LACKING_SECONDS
            self._answered()
            raise
        except UpstreamError as error:
            self._failed(error)
            raise
        self._answered()
        return answer

    def _rest(self) -> UpstreamError:
        if self.error is None:
            return Resting("it was asked as often as may be")
        return Resting(str(self.error), why=self.error.why)

    def _take_turn(self) -> None:
        if self.resting:
            raise self._rest()
        now = self._clock()
        self._left = min(_AT_ONCE, self._left + (now - self._counted_at) * _AN_HOUR / 3_600)
        self._counted_at = now
        if self._left < 1:
            self._resume_at = now + 3_600 / _AN_HOUR
            raise self._rest()
        self._left -= 1

    def _answered(self) -> None:
        if self._logged:
            logger.info("prices: %s answers again", self.name)
        self.error, self._failures, self._resume_at, self._logged = None, 0, 0.0, False
        self.answered_at = self._clock()

    def _failed(self, error: UpstreamError) -> None:
        told = error.retry_after if isinstance(error, UpstreamUnavailable) else None
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._failures)
        # By lot, so that many services do not come back to a server at the same moment.
        pause *= 0.75 + secrets.randbelow(500) / 1000
        self._failures = min(self._failures + 1, 20)
        self._resume_at = self._clock() + (told or pause)
        if not self._logged:
            logger.info("prices: %s: %s", self.name, error)
        self.error, self._logged = error, True
