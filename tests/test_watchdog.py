"""A loop that hangs is noticed, told once with its place, and not passed off as alive."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from donations.watchdog import Supervisor, Watchdog
from tests.program import offline_config, read, served
from tests.running import free_port, scene, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANGS, LOOK = 0.4, 0.05


class Listener:
    """A supervisor of ours: what it was told, with the moment."""

    def __init__(self, name: str) -> None:
        self.told: list[tuple[float, str]] = []
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(name.replace("@", "\0", 1))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while message := self._line.recv(1_000).decode():
            self.told.append((time.monotonic(), message))

    def said(self, *without: str) -> list[str]:
        return [message for _, message in self.told if message not in without]

    def alive(self, since: float) -> int:
        """How many signs of life came since then."""
        return sum(1 for at, message in self.told if message == "WATCHDOG=1" and at >= since)


@pytest.fixture(params=["a file", "no file"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "a file":
        return str(tmp_path / "notify")
    return f"@donations-test-{os.getpid()}-{time.monotonic_ns()}"


@contextmanager
def watched(environment: dict[str, str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(environment)
    watchdog = Watchdog(
        asyncio.get_running_loop(), supervisor, hangs_seconds=HANGS, look_seconds=LOOK
    )
    watchdog.start()
    try:
        yield supervisor
    finally:
        watchdog.stop()


def hang_here(seconds: float) -> None:
    time.sleep(seconds)


@scene
async def test_a_hang_is_told_once_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """One line with the stack for each time that the loop stands, and one when it goes on; what is
    only short is no hang."""
    caplog.set_level(logging.WARNING)
    with watched({}):
        for _ in range(8):
            hang_here(HANGS / 4)
            await asyncio.sleep(0.01)
        assert caplog.records == []
        for times in (1, 2):
            hang_here(4 * HANGS)
            await until(lambda: len(caplog.records) == 2 * times)  # noqa: B023
        levels = [record.levelname for record in caplog.records]
        assert levels == ["ERROR", "WARNING"] * 2
        assert "hang_here" in caplog.records[0].getMessage()
        assert "test_watchdog.py" in caplog.records[0].getMessage()


@scene
async def test_life_is_told_while_the_loop_turns_and_only_then(name: str) -> None:
    """A supervisor hears that the service is ready, then signs of life, none of them while the loop
    stands, and that it ends."""
    listener = Listener(name)
    with watched({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "300000"}) as supervisor:
        assert supervisor.patience == 0.3
        await until(lambda: listener.alive(0) >= 3)
        assert listener.told[0][1] == "READY=1"
        began = time.monotonic()
        hang_here(4 * HANGS)
        silent_from = began + HANGS + 3 * LOOK
        assert listener.alive(silent_from) == 0
        ended = time.monotonic()
        await until(lambda: listener.alive(ended) >= 2)
    await until(lambda: "STOPPING=1" in listener.said())
    quiet = [word for word in listener.said("WATCHDOG=1") if not word.startswith("STATUS=the")]
    assert quiet == ["READY=1", "STATUS=", "STOPPING=1"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_who_did_not_ask_for_signs_of_life_waits_for_none(environment: dict[str, str]) -> None:
    """Without an interval, with one that is meant for another process, and with none at all."""
    assert Supervisor(environment).patience is None


@scene
async def test_a_supervisor_that_is_gone_is_nothing_to_fail_for(tmp_path: Path) -> None:
    """The service goes on where nobody listens any more."""
    with watched({"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "300000"}):
        await asyncio.sleep(3 * LOOK)


def test_the_program_tells_its_supervisor(tmp_path: Path) -> None:
    """`donations serve` is ready once it serves, lives, and says when it is told to stop; a process
    that was stopped as a whole and goes on is not said to have hung."""
    name, port = str(tmp_path / "notify"), free_port()
    listener = Listener(name)
    config = offline_config(tmp_path, port)
    with served(config, port, NOTIFY_SOCKET=name, WATCHDOG_USEC="900000") as service:
        _wait(lambda: listener.alive(0) >= 3)
        os.kill(service.process.pid, signal.SIGSTOP)
        time.sleep(6)
        os.kill(service.process.pid, signal.SIGCONT)
        woken = time.monotonic()
        _wait(lambda: listener.alive(woken) >= 3)
        assert read(f"{service.url}healthz") is not None
    assert listener.said("WATCHDOG=1") == ["READY=1", "STOPPING=1"]
    assert "hangs" not in service.log()


def _wait(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
