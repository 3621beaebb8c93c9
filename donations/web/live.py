"""Server-sent events: a donor who has just paid hears at once that there is news.

An event carries nothing but the number of the edition: the client then asks for what it shows, as
it does every minute anyway. So nothing queues up, and an edition that was missed costs nothing.
Format: WHATWG HTML, section 9.2.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web import policy
from donations.web.client_address import client_network
from donations.web.server import when_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.web.client_address import Network

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
# Bytes that may wait for a client that does not read: some hundred events, in the kernel and here.
_KERNEL_BUFFER = 16 * 1024
_BUFFER = 4 * 1024


@dataclass(frozen=True, slots=True)
class Caps:
    """Streams and seconds. The defaults leave half of the server's connections to pages.

    ``beat_seconds`` is the silence after which a comment is sent: proxies cut at 60 s and more.
    ``retry_seconds`` is the least time before a client comes back, and as much again by lot.
    """

    streams: int = 500
    streams_per_client: int = 6
    seconds: float = 900.0
    beat_seconds: float = 15.0
    retry_seconds: float = 3.0


@dataclass(eq=False, slots=True)
class _Stream:
    """One open connection; ``client`` is None where clients cannot be told apart."""

    client: Network | None
    channel: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """All open streams. Used from the event loop alone."""

    def __init__(
        self,
        trusted_proxies: Sequence[Network] = (),
        *,
        caps: Caps | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._trusted = tuple(trusted_proxies)
        self._caps = caps or Caps()
        self._clock = clock
        # Never a counter: what is counted is what is there.
        self._streams: set[_Stream] = set()
        self._closing = False
        # Milliseconds, so that the numbers go on rising over a restart.
        self._start = int(clock() * 1000)
        self._editions: dict[str, int] = {}

    @property
    def edition(self) -> int:
        """The number of the newest edition; every later one is higher."""
        return self._newest("")

    def _newest(self, channel: str) -> int:
        return self._editions.get(channel, self._start)

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def announce(self, channel: str = "") -> None:
        """Tell everyone who listens to a channel that there is a new edition."""
        self._editions[channel] = max(self._newest(channel) + 1, int(self._clock() * 1000))
        self._wake(channel)

    async def close(self, _app: web.Application | None = None) -> None:
        """End all streams and admit none: a signal receiver for the shutdown of an application."""
        self._closing = True
        self._wake()

    def routes(self, channel: str = "") -> list[web.AbstractRouteDef]:
        """The one route, of a channel. HEAD would be a stream without a body."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, channel)

        return [web.get("/live", answer, allow_head=False)]

    def _wake(self, channel: str | None = None) -> None:
        for stream in self._streams:
            if channel in (None, stream.channel):
                stream.woken.set()

    async def _answer(self, request: web.Request, channel: str) -> web.StreamResponse:
        client = client_network(
            request.remote, request.headers.getall("X-Forwarded-For", ()), self._trusted
        )
        if self._closing or not self._has_room(client):
            pause = round(self._caps.retry_seconds) + secrets.randbelow(30)
            return web.Response(
                status=503, headers={**policy.BUSY, "Retry-After": str(pause)}, text="busy\n"
            )
        stream = _Stream(client, channel)
        self._streams.add(stream)
        try:
            return await self._tell(request, stream)
        finally:
            self._streams.discard(stream)

    def _has_room(self, client: Network | None) -> bool:
        if len(self._streams) >= self._caps.streams:
            return False
        same = sum(stream.client == client for stream in self._streams)
        return client is None or same < self._caps.streams_per_client

    async def _tell(self, request: web.Request, stream: _Stream) -> web.StreamResponse:
        lost = when_lost(request)
        lost.add_done_callback(lambda _: stream.woken.set())
        _keep_buffers_small(request.transport)
        response = web.StreamResponse(headers=policy.LIVE)
        response.force_close()
        told = _last_event(request)
        milliseconds = int(self._caps.retry_seconds * 1000)
        opening = f"retry: {milliseconds + secrets.randbelow(milliseconds + 1)}\n\n"
        until = asyncio.get_running_loop().time() + self._caps.seconds
        with suppress(ConnectionError):
            await response.prepare(request)
            while not self._closing and not lost.done():
                stream.woken.clear()
                # For a client that does not read only the newest number is kept: here.
                if not request.protocol.writing_paused:
                    newest = self._newest(stream.channel)
                    news = "" if told == newest else _event(newest)
                    told = newest
                    await response.write((opening + news or ":\n\n").encode())
                    opening = ""
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, self._caps.beat_seconds)):
                        await stream.woken.wait()
        return response


def _event(edition: int) -> str:
    return f"id: {edition}\ndata: {edition}\n\n"


def _last_event(request: web.Request) -> int | None:
    """The edition a returning client has heard of."""
    text = request.headers.get("Last-Event-ID", "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def _keep_buffers_small(transport: asyncio.Transport | None) -> None:
    """So that a client that does not read is soon noticed, and costs little until then."""
    if transport is None:
        return
    transport.set_write_buffer_limits(high=_BUFFER)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
