"""Starts programs on free ports, waits for them with a deadline, and ends them by their pid."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

# Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that
# a port found free is not taken by a connection before the program listens on it.
PORTS = range(15_000, 32_000)
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
LOG_TAIL = 3_000


def free_ports(count: int) -> list[int]:
    """As many different ports of 127.0.0.1 on which nothing listens now."""
    choose = random.SystemRandom()
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = choose.choice(PORTS)
            listener = held.enter_context(socket.socket())
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
        return ports


def wait_until(condition: Callable[[], T], what: str, seconds: float = 30.0) -> T:
    """The first true value of the condition; TimeoutError naming ``what`` when none comes."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s: not {what}; last seen: {value!r}")
        time.sleep(0.02)
    return value


class Process:
    """One running program, whose output goes to ``log``.

    It ends with ``stop``, and with this Python process however that one ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            # A session of its own: Ctrl-C is for the tests, which then stop what they started.
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        # The pipe closes when this process dies, even by SIGKILL, and the guard ends the child.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -KILL "$0"', str(self._child.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def wait_ready(self, ready: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Returns when ``ready`` is true; otherwise stops the program and shows its log's tail."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                code = self._child.poll()
                why = f"not ready after {seconds:.0f} s" if code is None else f"ended with {code}"
                self.stop()
                raise RuntimeError(f"{self.name} {why}; its log ends:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self) -> str:
        """The end of what the program wrote."""
        return self.log.read_text(errors="replace")[-LOG_TAIL:]

    def kill(self) -> None:
        """Ends the program at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks the program to end, and insists when it does not. Harmless when it has ended."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        # The guard goes first: later the pid may belong to another program.
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        if self.running:
            self._child.send_signal(how)
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
