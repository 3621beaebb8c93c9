"""One connection to an Electrum server: JSON-RPC 2.0, one message a line.

Source: the Electrum protocol, versions 1.4 to 1.6, "protocol basics" and ``server.version``.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from donations import __version__
from donations.errors import UpstreamMalformed, UpstreamUnavailable
from donations.reasons import Reason
from donations.sources.electrum_tls import STAGGER_SECONDS, open_tls
from donations.sources.transport import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from donations.sources.certificates import Certificates

VERSIONS = ("1.4", "1.6")
CONNECT_SECONDS = 5.0
CALL_SECONDS = 15.0
# After so long a silence: a line that died without a word is noticed within a minute, and a payment
# that is made meanwhile is not missed for longer. (ElectrumX closes a session idle for 600 s.)
PING_SECONDS = 40.0
# ElectrumX sends at most 8.1 MB: about 80,000 rows of a history.
MAX_LINE = 8_400_000
# Requests on the way at once: enough to fill the line, few enough for a server's buffers.
WINDOW = 100
# What is notified when the connection is lost.
BROKEN = "connection.broken"
# ElectrumX pads what it sends against traffic analysis, from 1.20 on: answers of less than 1024
# bytes wait up to a second for company. A larger answer goes out at once and takes them along.
HOLDS_BACK = "ElectrumX "
NUDGE_SECONDS = 0.1
_NUDGE = ("blockchain.block.headers", [0, 8])  # 8 headers are 1280 digits


class ServerError(Exception):
    """The server answered a call with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"error {code}: {message[:120]}")
        self.code = code


class Connection:
    """An open connection. It is broken for good once anything goes wrong on it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        notify: Callable[[str, list[Any]], None],
    ) -> None:
        self._reader, self._writer, self._notify = reader, writer, notify
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._broken: Exception | None = None
        self._heard_at = time.monotonic()
        self.software, self.protocol = "", VERSIONS[0]
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._ping())]

    @classmethod
    async def open(
        cls, url: str, certificates: Certificates, notify: Callable[[str, list[Any]], None]
    ) -> Connection:
        """Connect to ``ssl://host:port`` or ``tcp://host:port`` and agree on a version.

        Raises UpstreamUnavailable, also for a certificate that is not the pinned one: plain text
        is never tried instead.
        """
        parts = urlsplit(url)
        host, port = str(parts.hostname), int(parts.port or 0)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if parts.scheme == "tcp":
                    streams = await asyncio.open_connection(
                        host, port, limit=MAX_LINE, happy_eyeballs_delay=STAGGER_SECONDS
                    )
                else:
                    streams = await open_tls(host, port, certificates, MAX_LINE)
        except TimeoutError:
            raise UpstreamUnavailable("no connection in time", why=Reason.TIMEOUT) from None
        except ssl.SSLError as error:
            raise UpstreamUnavailable(
                f"no TLS: {error.reason or type(error).__name__}", why=Reason.TLS
            ) from None
        except socket.gaierror:
            raise UpstreamUnavailable("its name leads nowhere", why=Reason.NO_SUCH_HOST) from None
        except OSError as error:
            raise UpstreamUnavailable(
                f"no connection: {error.strerror or type(error).__name__}"
            ) from None
        connection = cls(*streams, notify)
        try:
            await connection._agree()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _agree(self) -> None:
        answer = await self.call("server.version", f"donations/{__version__}", list(VERSIONS))
        if not (isinstance(answer, list) and len(answer) == 2 and all(map(_is_text, answer))):
            raise UpstreamMalformed("server.version: not [software, protocol]")
        self.software, self.protocol = answer[0][:60], answer[1]
        if not VERSIONS[0] <= self.protocol[:3] <= VERSIONS[1]:
            raise UpstreamMalformed(
                f"it speaks protocol {self.protocol[:12]}, not 1.4 to 1.6", why=Reason.VERSION
            )

    @property
    def broken(self) -> bool:
        return self._broken is not None

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises UpstreamError, or ServerError with the server's code."""
        (result,) = await self.call_many(method, [params])
        return result

    async def call_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of many calls of one method, in their order, a window of them at a time."""
        results: list[Any] = []
        for start in range(0, len(params), WINDOW):
            window = params[start : start + WINDOW]
            results += await self.call_together([(method, values) for values in window])
        return results

    async def call_together(self, calls: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of a few calls sent at once, in their order; the server may answer in any."""
        if self._broken is not None:
            raise self._broken
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[Any]] = []
        lines = []
        method = ""
        for method, values in calls:
            lines.append(self._request(method, values))
            self._waiting[self._next] = answer = loop.create_future()
            answers.append(answer)
        self._writer.write("".join(lines).encode())
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._writer.drain()
                if self.software.startswith(HOLDS_BACK):
                    await self._nudge_until(answers)
                return [await answer for answer in answers]
        except TimeoutError:
            late = UpstreamUnavailable(f"{method}: no answer in time", why=Reason.TIMEOUT)
            self._break(late)
            raise late from None
        except OSError:
            raise UpstreamUnavailable(
                f"{method}: the connection broke", why=Reason.CLOSED
            ) from None
        finally:
            for answer in answers:
                if answer.done() and not answer.cancelled():
                    answer.exception()
                answer.cancel()

    def _request(self, method: str, params: Sequence[Any]) -> str:
        self._next += 1
        request = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": list(params)}
        return json.dumps(request, separators=(",", ":")) + "\n"

    async def _nudge_until(self, answers: Iterable[asyncio.Future[Any]]) -> None:
        """Return when all are answered; the answers to the nudges go unread."""
        pending = set(answers)
        while pending:
            _, pending = await asyncio.wait(pending, timeout=NUDGE_SECONDS)
            if pending:
                self._writer.write(self._request(*_NUDGE).encode())

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._heard_at = time.monotonic()
                self._take(decode(line))
            self._break(UpstreamUnavailable("the server closed the connection", why=Reason.CLOSED))
        except ValueError:
            self._break(
                UpstreamMalformed(f"a message of more than {MAX_LINE} bytes", why=Reason.TOO_LARGE)
            )
        except UpstreamMalformed as error:
            self._break(error)
        except OSError:
            self._break(UpstreamUnavailable("the connection broke", why=Reason.CLOSED))

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise UpstreamMalformed("a message that is no JSON object")
        if "method" in message:
            params = message.get("params")
            if isinstance(message["method"], str) and isinstance(params, list):
                self._notify(message["method"], params)
            return
        identity = message.get("id")
        answer = self._waiting.pop(identity, None) if type(identity) is int else None
        if answer is None:
            if identity is not None and type(identity) is int and 0 < identity <= self._next:
                return  # an answer that came after its time-out
            raise UpstreamMalformed("an answer to nothing that was asked", why=Reason.WRONG_ID)
        if answer.done():
            return
        error = message.get("error")
        if error is not None:
            answer.set_exception(_server_error(error))
        elif "result" in message:
            answer.set_result(message["result"])
        else:
            answer.set_exception(UpstreamMalformed("an answer without result or error"))

    async def _ping(self) -> None:
        while self._broken is None:
            silent = time.monotonic() - self._heard_at
            if silent < PING_SECONDS:
                await asyncio.sleep(PING_SECONDS - silent)
                continue
            with suppress(UpstreamUnavailable, UpstreamMalformed, ServerError):
                await self.call("server.ping")

    def _break(self, error: Exception) -> None:
        if self._broken is None:
            self._broken = error
            self._notify(BROKEN, [])
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)
        self._waiting.clear()
        self._writer.close()

    async def close(self) -> None:
        """Drop the connection; calls in progress fail."""
        self._break(UpstreamUnavailable("the connection was closed", why=Reason.CLOSED))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()


def _server_error(error: Any) -> Exception:
    if isinstance(error, dict) and type(error.get("code")) is int:
        return ServerError(error["code"], str(error.get("message", "")))
    if isinstance(error, str):
        return ServerError(0, error)
    return UpstreamMalformed("an error that is no JSON-RPC error")


def _is_text(value: object) -> bool:
    return isinstance(value, str)
