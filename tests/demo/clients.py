"""The plainest clients there are, for talking to the simulated servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from donations.demo.electrum import ElectrumServer

DEADLINE = 5.0  # seconds


class ElectrumClient:
    """One connection; notifications that come in between are kept in ``told``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._next = 0
        self.told: list[tuple[str, list[Any]]] = []

    async def message(self) -> Any:
        """The next message of the server. Raises EOFError when it hung up."""
        line = await asyncio.wait_for(self._reader.readline(), DEADLINE)
        if not line.endswith(b"\n"):
            raise EOFError(line)
        return json.loads(line)

    async def envelope(self, method: str, *params: Any) -> dict[str, Any]:
        """The whole answer to one call."""
        self._next += 1
        call = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": list(params)}
        self.writer.write(json.dumps(call).encode() + b"\n")
        while True:
            answer: dict[str, Any] = await self.message()
            if "method" not in answer:
                return answer
            self.told.append((answer["method"], answer["params"]))

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        answer = await self.envelope(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, *params: Any) -> int:
        """The code of the error that a call gives."""
        answer = await self.envelope(method, *params)
        code: int = answer["error"]["code"]
        return code

    async def notifications(self) -> list[tuple[str, list[Any]]]:
        """What came in since the last look (the server answers in order, so a ping is a fence)."""
        await self.call("server.ping")
        told, self.told = self.told, []
        return told


@contextlib.asynccontextmanager
async def electrum(
    server: ElectrumServer, protocol: str = "1.6", **how: Any
) -> AsyncIterator[ElectrumClient]:
    """A connection that agreed on a protocol version ("" leaves that open)."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, limit=16 * 1024 * 1024, **how
    )
    client = ElectrumClient(reader, writer)
    try:
        if protocol:
            await client.call("server.version", "test", protocol)
        yield client
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def http(url: str) -> AsyncIterator[HttpClient]:
    """A client for one JSON-RPC endpoint."""
    timeout = aiohttp.ClientTimeout(total=DEADLINE)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield HttpClient(session, url)


class HttpClient:
    """JSON-RPC over HTTP, without any doubt about the answers."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def post(self, content: Any) -> Any:
        """The answer to a message, as it comes."""
        async with self.session.post(self.url, json=content) as response:
            return await response.json()

    async def envelope(self, method: str, *params: Any) -> Any:
        """The whole answer to one call."""
        call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        return await self.post(call)

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        answer = await self.envelope(method, *params)
        assert "error" not in answer, answer
        return answer["result"]
