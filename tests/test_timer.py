"""The timer goes on whatever the clock does, and ends at once."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from apscheduler.schedulers import base

from donations import timer as timer_module
from donations.timer import Timer
from tests.running import scene, until

if TYPE_CHECKING:
    import pytest

    from tests.measured import Table


@scene
async def test_jobs_run_again_and_again() -> None:
    """Each job runs at its own pace until the timer is stopped, and not once after that."""
    runs: list[str] = []
    timer = Timer()
    timer.every(1, lambda: runs.append("often"))
    timer.every(30, lambda: runs.append("rarely"))
    timer.start()
    await until(lambda: runs.count("often") >= 2)
    await timer.stop()
    ended = list(runs)
    await asyncio.sleep(1.2)
    assert runs == ended
    assert "rarely" not in runs


@scene
async def test_a_clock_that_was_set_back_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour back the next run is an hour away; the watchdog plans it anew within moments,
    and runs what is overdue."""
    monkeypatch.setattr(timer_module, "_WATCH_SECONDS", 0.05)
    runs: list[int] = []
    timer = Timer()
    timer.every(1, lambda: runs.append(1))
    timer.start()
    await until(lambda: runs)
    for job in timer._scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))
    before = len(runs)
    await until(lambda: len(runs) >= before + 3, seconds=10)
    await timer.stop()


JUMPS = {
    f"{sign:+d} {name}": sign * timedelta(**{name: number})
    for sign in (1, -1)
    for name, number in (("hours", 1), ("days", 1), ("weeks", 5))
}


@scene
async def test_no_jump_of_the_clock_stops_or_multiplies_a_job(
    monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    """Hours, days and weeks forward (as after a suspend) and back: the next run comes within two
    intervals, and none of those that were jumped over is made up for."""
    monkeypatch.setattr(timer_module, "_WATCH_SECONDS", 0.05)
    offset = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            moment = datetime.now(tz) + offset
            return cls.fromtimestamp(moment.timestamp(), tz)

    monkeypatch.setattr(base, "datetime", Clock)
    runs: list[float] = []
    timer = Timer()
    timer.every(2, lambda: runs.append(time.monotonic()))
    timer.start()
    await until(lambda: runs)
    longest = 0.0
    for jump in JUMPS.values():
        offset += jump
        jumped, before = time.monotonic(), len(runs)
        await until(lambda: len(runs) > before)  # noqa: B023
        longest = max(longest, runs[before] - jumped)
        await asyncio.sleep(0.5)
        assert len(runs) <= before + 1, "a burst"
    await timer.stop()
    table.gate(f"{len(JUMPS)} jumps of the clock: next run, intervals later", longest / 2, 2)


@scene
async def test_a_blocked_loop_loses_no_run() -> None:
    """When the loop was busy over several due times the job runs once, late, and goes on."""
    runs: list[int] = []
    timer = Timer()
    timer.every(1, lambda: runs.append(1))
    timer.start()
    await until(lambda: runs)
    before = len(runs)
    time.sleep(2.5)  # noqa: ASYNC251 - a blocked loop is the point
    await until(lambda: len(runs) >= before + 2)
    await timer.stop()


@scene
async def test_a_timer_that_never_started_stops() -> None:
    """A service that fails before its timer runs can still clean up."""
    timer = Timer()
    timer.every(1, lambda: None)
    timer.start()
    await timer.stop()
