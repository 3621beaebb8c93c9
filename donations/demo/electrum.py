"""An Electrum server over a simulated chain: newline-delimited JSON-RPC on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from donations.demo.electrum_answers import ElectrumAnswers
from donations.demo.electrum_words import RpcError, Session
from donations.demo.faults import Fault, Trouble
from donations.demo.view import UtxoView

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from donations.demo.blocktree import BlockTree

_LINE_LIMIT = 1_000_000  # ElectrumX's MAX_RECV


class _Connection:
    def __init__(self, writer: asyncio.StreamWriter, tip: str) -> None:
        self.writer = writer
        self.session = Session()
        self.tip = tip


class ElectrumServer:
    """One operator's server. ``view`` is what it believes, ``answers`` how it talks.

    ``fault`` is the weather on its line, ``mute`` keeps it from notifying, ``late`` from telling
    statuses only (real servers tell a new tip first). ``before`` is called with the method ahead of
    each answer, so that the world can change in the middle of a poll.
    ``requests`` counts the calls per method, ``batches`` the messages that held several.
    """

    def __init__(
        self,
        chain: BlockTree,
        *,
        protocol: tuple[str, str] = ("1.4", "1.6"),
        fulcrum: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.chain = chain
        self.view = UtxoView(chain)
        self.answers = ElectrumAnswers(self.view, protocol, fulcrum)
        self.fault: Fault | None = None
        self.mute = False
        self.late = False
        self.before: Callable[[str], object] | None = None
        self.requests: Counter[str] = Counter()
        self.batches = 0
        self.connections_made = 0
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where the server listens: tcp:// or ssl://."""
        return f"{'tcp' if self._tls is None else 'ssl'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen; after a stop at the same port again."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self._tls, limit=_LINE_LIMIT
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.answers.ports = {"tcp_port" if self._tls is None else "ssl_port": self.port}
        self.chain.listeners.append(self._changed)

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is None:
            return
        self.chain.listeners.remove(self._changed)
        self._server.close()
        self.drop_connections()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> ElectrumServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def drop_connections(self) -> None:
        """Cut all clients off; the port stays open."""
        for connection in tuple(self._connections):
            connection.writer.transport.abort()

    def catch_up(self) -> None:
        """Tell subscribers what changed in the view (after thaw, or another lag or hidden set)."""
        self._changed(None)

    # -- notifications ------------------------------------------------------------------------

    def _changed(self, touched: frozenset[str] | None) -> None:
        if self.mute:
            return
        if self.view.lag:
            touched = None
        for connection in tuple(self._connections):
            self._notify(connection, touched)

    def _notify(self, connection: _Connection, touched: frozenset[str] | None) -> None:
        session, tip = connection.session, self.view.tip.hash
        if session.headers and tip != connection.tip:
            self._tell(connection, "blockchain.headers.subscribe", [self.answers.tip()])
        connection.tip = tip
        if self.late:
            return
        for name, known in tuple(session.subscribed.items()):
            # A status that did not change is not told again, even when a block was replaced.
            if touched is not None and name not in touched and not self.view.invented:
                continue
            status = self.answers.status(name, session.version)
            if status != known:
                session.subscribed[name] = status
                self._tell(connection, "blockchain.scripthash.subscribe", [name, status])

    @staticmethod
    def _tell(connection: _Connection, method: str, params: list[Any]) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if not connection.writer.is_closing():
            connection.writer.write(json.dumps(message).encode() + b"\n")

    # -- requests -----------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (start_server runs this in a task)
        self._tasks.add(task)
        connection = _Connection(writer, self.view.tip.hash)
        self._connections.add(connection)
        self.connections_made += 1
        try:
            while line := await reader.readline():
                if not await self._serve(connection, line):
                    break
        except (OSError, ValueError):
            pass  # the client left, or sent a line that is too long
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            self._connections.discard(connection)
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, connection: _Connection, line: bytes) -> bool:
        """Answer one message; False when the connection ends with it."""
        try:
            message = json.loads(line)
        except ValueError:
            connection.writer.write(_refusal(-32700, "invalid JSON") + b"\n")
            return False
        calls = message if isinstance(message, list) else [message]
        if not calls or not all(isinstance(each, dict) for each in calls):
            connection.writer.write(_refusal(-32600, "request is not a dictionary") + b"\n")
            return True
        methods = [str(each.get("method", "")) for each in calls]
        self.requests.update(methods)
        self.batches += isinstance(message, list)
        fault = self.fault if self.fault is not None and self.fault.strikes(methods) else None
        fatal, answers = False, []
        for call, method in zip(calls, methods, strict=True):
            if self.before is not None:
                self.before(method)
            answer, ends = self._answer(connection.session, method, call)
            fatal |= ends
            if "id" in call:
                answers.append(answer if fault is None else fault.bend(method, answer))
        if not answers:
            return True
        batch = isinstance(message, list)
        if fault is not None and fault.trouble is Trouble.SHORT_BATCH and batch:
            answers = answers[:-1]
        body = json.dumps(answers if batch else answers[0]).encode()
        if fault is not None and fault.trouble is Trouble.TWICE:
            body += b"\n" + body
        return await self._send(connection.writer, body, fault) and not fatal

    def _answer(
        self, session: Session, method: str, call: dict[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        envelope: dict[str, Any] = {"jsonrpc": "2.0", "id": call.get("id")}
        params = call.get("params", [])
        try:
            if not isinstance(params, list):
                raise RpcError(-32602, "arguments must be a list")
            return envelope | {"result": self.answers.call(session, method, params)}, False
        except RpcError as error:
            told = {"code": error.code, "message": error.message}
            return envelope | {"error": told}, error.fatal

    @staticmethod
    async def _send(writer: asyncio.StreamWriter, body: bytes, fault: Fault | None) -> bool:
        match fault.trouble if fault is not None else None, fault:
            case (Trouble.HANG, _):
                return True
            case (Trouble.CLOSE, _):
                return False
            case (Trouble.TRUNCATE, Fault(number=at)):
                writer.write(body[:at])
                await writer.drain()
                return False
            case (Trouble.SLOW, Fault(seconds=seconds)):
                await asyncio.sleep(seconds)
                writer.write(body + b"\n")
            case (Trouble.DRIP, Fault(seconds=seconds)):
                for position in range(len(body)):
                    writer.write(body[position : position + 1])
                    await writer.drain()
                    await asyncio.sleep(seconds)
                writer.write(b"\n")
            case (Trouble.OVERSIZE, Fault(number=size)):
                writer.write(body[:1])
                for start in range(0, size, 65_536):
                    writer.write(b" " * min(65_536, size - start))
                    await writer.drain()
                writer.write(body[1:] + b"\n")
            case (Trouble.HTML, _):
                writer.write(b"<html><body>502 Bad Gateway</body></html>\n")
            case (Trouble.GARBAGE, _):
                writer.write(b"\xc3\x28\x80{]\n")
            case _:
                writer.write(body + b"\n")
        await writer.drain()
        return True


def _refusal(code: int, message: str) -> bytes:
    error = {"code": code, "message": message}
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
