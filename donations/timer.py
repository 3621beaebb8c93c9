"""APScheduler as the timer, and only as the timer.

Its defaults would lose polls: a job more than a second late is skipped, and after the clock was set
back nothing runs until the old time is reached again. So no run is ever too late here, and a
monotonic watchdog plans the jobs anew when one is overdue.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

_WATCH_SECONDS = 5.0


class _Every(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """So many seconds after the present moment, whenever that is.

    APScheduler's own counts every run that was missed: after a clock that jumped a month, for
    minutes, with the loop standing still.
    """

    def __init__(self, seconds: int) -> None:
        self._step = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._step


class Timer:
    """Calls functions every so many seconds, on the running loop. The functions must not wait."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._jobs: list[tuple[Callable[[], None], int]] = []
        self._ran_at: dict[int, float] = {}
        self._watchdog: asyncio.Task[None] | None = None
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def every(self, seconds: int, function: Callable[[], None]) -> None:
        """Add a job, which first runs after ``seconds``."""
        self._jobs.append((function, seconds))
        self._plan(len(self._jobs) - 1)

    def start(self) -> None:
        self._scheduler.start()
        self._watchdog = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """End at once, started or not; what the jobs started is for their owners to end."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            await asyncio.gather(self._watchdog, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _plan(self, number: int) -> None:
        _, seconds = self._jobs[number]
        self._ran_at[number] = time.monotonic()
        self._scheduler.add_job(
            self._run,
            _Every(seconds),
            args=(number,),
            id=str(number),
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    async def _run(self, number: int) -> None:
        self._ran_at[number] = time.monotonic()
        self._jobs[number][0]()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for number, (function, seconds) in enumerate(self._jobs):
                if now - self._ran_at[number] > 1.5 * seconds:
                    logger.warning("the clock jumped: the timer is planned anew")
                    self._plan(number)
                    function()
