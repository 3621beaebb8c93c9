"""Notices a loop that does not turn, and tells the log and whoever started the service.

A thread of its own looks once a second whether the loop took up what it was given. When it did not
for five seconds, the stack where it stands is written, once for each time it happens. Under systemd
with ``WatchdogSec=`` life is only told while the loop turns: a service that hangs is killed and
started anew, and nothing acknowledged is lost by that.

Source: sd_notify(3) and sd_watchdog_enabled(3); the protocol is one datagram a message.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_HANGS_SECONDS = 5.0


class Supervisor:
    """Whoever started the service, where it wants to know: ``environment`` says."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket = environment.get("NOTIFY_SOCKET", "")
        interval = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        #: Within so many seconds a sign of life is due; None: nobody waits for one.
        self.patience = int(interval) / 1e6 if ours and interval.isdecimal() else None

    def tell(self, message: str) -> None:
        """Send a message; a supervisor that is gone is nothing to fail for."""
        if not self._socket:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.connect(self._socket.replace("@", "\0", 1))  # "@": a socket without a file
            line.send(message.encode())


class Watchdog:
    """Watches the loop it is started on, from `start` to `stop`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        supervisor: Supervisor,
        *,
        hangs_seconds: float = _HANGS_SECONDS,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._loop, self._supervisor = loop, supervisor
        self._hangs = hangs_seconds
        patience = supervisor.patience
        self._look = min(look_seconds, patience / 3) if patience else look_seconds
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        self._turned_at = time.monotonic()

    def start(self) -> None:
        """Begin, on the thread of the loop; the service is told to be ready."""
        self._supervisor.tell("READY=1")
        self._turn()
        self._thread.start()

    def stop(self) -> None:
        """End; the service is told to be stopping."""
        self._supervisor.tell("STOPPING=1")
        self._ended.set()
        self._thread.join()

    def _turn(self) -> None:
        self._turned_at = time.monotonic()

    def _watch(self) -> None:
        told = False
        looked_at = time.monotonic()
        while not self._ended.wait(self._look):
            now = time.monotonic()
            if now - looked_at > self._look + self._hangs / 2:
                self._turned_at = now  # it was this thread that stood still: all of us did
            looked_at = now
            stood = now - self._turned_at
            if stood >= self._hangs and not told:
                told = True
                self._supervisor.tell("STATUS=the service hangs: see its log")
                logger.error("the service hangs: its loop stands here\n%s", self._stack())
            elif told and stood < self._hangs:
                told = False
                self._supervisor.tell("STATUS=")
                logger.warning("the service goes on after it hung")
            elif not told:
                self._supervisor.tell("WATCHDOG=1")
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._turn)

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._watched)
        return "".join(traceback.format_stack(frame)) if frame is not None else "(it has ended)"
