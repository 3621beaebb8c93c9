"""The loop that everything runs on: names are looked up in threads of their own.

asyncio looks names up in the few threads that pages are prepared in, and waits for them at its end:
with name servers that do not answer, readers would wait as well, and a stop would take minutes.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# A look-up cannot be broken off: those of a minute, by all operators, if none ever returns.
_AT_ONCE = 64


class Loop(asyncio.SelectorEventLoop):
    """asyncio's own, but for the names."""

    def __init__(self) -> None:
        super().__init__()
        self._asking = threading.BoundedSemaphore(_AT_ONCE)

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name is asyncio's
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As `socket.getaddrinfo`, also in what it raises."""
        if not self._asking.acquire(blocking=False):
            raise socket.gaierror(socket.EAI_AGAIN, "too many names wait for an answer")
        answer: asyncio.Future[list[Any]] = self.create_future()
        ask = partial(socket.getaddrinfo, host, port, family, type, proto, flags)
        threading.Thread(target=self._ask, args=(ask, answer), name="name", daemon=True).start()
        return await answer

    def _ask(self, ask: Callable[[], list[Any]], answer: asyncio.Future[list[Any]]) -> None:
        tell: Callable[[], None]
        try:
            tell = partial(_settle, answer, answer.set_result, ask())
        except OSError as error:
            tell = partial(_settle, answer, answer.set_exception, error)
        finally:
            self._asking.release()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self.call_soon_threadsafe(tell)


def _settle(answer: asyncio.Future[list[Any]], settle: Callable[[Any], None], value: Any) -> None:
    if not answer.done():
        settle(value)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """As `asyncio.run`, on such a loop."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(work)
