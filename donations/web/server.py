"""The listening side: aiohttp with the limits that make it safe without a proxy in front.

aiohttp alone keeps half-sent headers, idle connections and clients that never read open for ever,
answers HTTP/0.9 and tells its version.
"""

from __future__ import annotations

import logging
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from donations.web.api.problem import Problem
from donations.web.client_address import client_network
from donations.web.middleware import add_headers
from donations.web.open_files import ACCEPTED_AT_ONCE, as_files_allow

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from donations.web.client_address import Network

_log = logging.getLogger(__name__)

# Connections that wait to be accepted: one that finds no place comes again a second later. The loop
# takes only so many of them at a time, and serves others in between.
_QUEUE = 2_048
# Bytes. They differ so that an error of the library, which names one, tells which it was.
_LONGEST_LINE, _LONGEST_HEADER = 8_192, 8_190


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and counts. The defaults suit one process on a small machine."""

    header_seconds: float = 5.0  # from the first byte to the end of the headers
    keepalive_seconds: float = 15.0  # idle between two requests
    write_seconds: float = 10.0  # for a client that does not read
    drain_seconds: float = 5.0  # for requests under way at shutdown
    # In all: when there is no room, whoever has waited longest without asking makes it. Of one
    # client (a household, not a proxy): a browser opens six at most.
    connections: int = 8_000
    connections_per_client: int = 64
    send_buffer: int = 64 * 1024  # bytes the kernel keeps for a client that does not read


class _Handler(web.RequestHandler):
    """One connection, with a deadline for headers and for reading what we send."""

    __slots__ = ("_header_deadline", "_limits", "_server", "_write_deadline", "lost")

    def __init__(self, manager: _Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._limits, self._server = manager.limits, manager
        self._header_deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        client = client_network(str(peer[0]) if peer else None, (), ())
        if not self._server.admit(self, client):
            cast("asyncio.Transport", transport).abort()
            return
        connection = transport.get_extra_info("socket")
        if connection is not None:
            size = self._limits.send_buffer
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        complete = self._request_count
        super().data_received(data)
        if self._request_count > complete:
            self._forget_deadline()
            self._server.asked(self)
        elif not self._request_in_progress and not self._messages:
            self._await_headers()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self._loop.call_later(self._limits.write_seconds, self._abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    @property
    def idle(self) -> bool:
        """Whether it is owed no answer that it would read."""
        return not self._request_in_progress or self._write_deadline is not None

    def give_way(self) -> None:
        """Make room for another connection."""
        self._server.forget(self)
        self._abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.forget(self)
        self._forget_deadline()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
        if not self.lost.done():
            self.lost.set_result(None)
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        if self._header_deadline is None:
            self._header_deadline = self._loop.call_later(self._limits.header_seconds, self._abort)

    def _forget_deadline(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def _abort(self) -> None:
        if self.transport is not None:
            # Closing politely would wait for a peer that has shown it does not answer.
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A fixed text: the library's own repeats what the client sent, here and in the log."""
        if status >= 500:
            _log.error("a request handler failed", exc_info=exc)
        else:
            _log.debug("refused a malformed request: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        if isinstance(exc, LineTooLong):  # the library says 400 of both
            status = 414 if str(_LONGEST_LINE) in map(str, exc.args) else 431
        response = Problem(status).answer()
        response.force_close()
        return response


def when_lost(request: web.BaseRequest) -> asyncio.Future[None]:
    """What is done once the client is gone: a handler that waits is not told otherwise.

    Raises TypeError for a request that did not come through `serve`.
    """
    if not isinstance(request.protocol, _Handler):
        raise TypeError("the request came by another server")
    return request.protocol.lost


class _Request(web.Request):
    """What could not be parsed has no route, so the application's signal misses its answer."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await add_headers(self, response)
        await super()._prepare_hook(response)


class _Server(web.Server):
    """Makes one handler a connection, and knows which of them wait."""

    def __init__(
        self, app: web.Application, limits: Limits, trusted: Sequence[Network], **options: Any
    ) -> None:
        handle = cast("Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]", app._handle)
        factory = partial(app._make_request, _cls=_Request)
        super().__init__(handle, request_factory=factory, **options)
        self.limits = limits
        self._trusted = tuple(trusted)
        # In the order in which they last asked.
        self._open: dict[_Handler, Network | None] = {}
        self._clients: dict[Network, int] = {}

    def admit(self, handler: _Handler, client: Network | None) -> bool:
        """Whether there is room for one more connection, or can be made."""
        if client is not None and any(_within(client, proxy) for proxy in self._trusted):
            client = None
        same = 0 if client is None else self._clients.get(client, 0)
        if same >= self.limits.connections_per_client:
            return False
        if len(self._open) >= self.limits.connections:
            idle = next((each for each in self._open if each.idle), None)
            if idle is None:
                return False
            idle.give_way()
        self._open[handler] = client
        if client is not None:
            self._clients[client] = same + 1
        return True

    def asked(self, handler: _Handler) -> None:
        """It has sent a whole request: others have waited longer now."""
        if handler in self._open:
            self._open[handler] = self._open.pop(handler)

    def forget(self, handler: _Handler) -> None:
        """It is gone, or told to go."""
        client = self._open.pop(handler, None)
        if client is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def __call__(self) -> _Handler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Runs an application on our server class; aiohttp offers no other place to say so."""

    __slots__ = ("_limits", "_trusted")

    def __init__(self, app: web.Application, limits: Limits, trusted: Sequence[Network]) -> None:
        super().__init__(app, shutdown_timeout=limits.drain_seconds)
        self._limits, self._trusted = limits, trusted

    async def _make_server(self) -> web.Server:
        await super()._make_server()
        return _Server(
            self.app,
            self._limits,
            self._trusted,
            keepalive_timeout=self._limits.keepalive_seconds,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_HEADER,
            lingering_time=self._limits.header_seconds,
            access_log=None,  # a list of the readers of a blog is nobody's business
        )


def _within(client: Network, proxies: Network) -> bool:
    return client.version == proxies.version and client.network_address in proxies


def _lengthen_queue(site: web.BaseSite) -> None:
    """asyncio knows one number for the kernel's queue and for what it takes from it at a time."""
    server = getattr(site, "_server", None)
    for each in getattr(server, "sockets", ()):
        with each.dup() as listening:
            listening.listen(_QUEUE)


@asynccontextmanager
async def serve(
    app: web.Application,
    host: str,
    port: int,
    *,
    limits: Limits | None = None,
    trusted: Sequence[Network] = (),
) -> AsyncIterator[int]:
    """Serve ``app`` until the block ends; yields the port, which differs when 0 was asked for.

    ``trusted`` proxies bring many clients and may have as many connections as there are. Raises
    OSError when the address cannot be had: in use, not ours, or privileged.
    """
    runner = _Runner(app, as_files_allow(limits or Limits()), trusted)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=ACCEPTED_AT_ONCE)
        await site.start()
        for listening in runner.sites:
            _lengthen_queue(listening)
        bound = runner.addresses[0]
        yield int(bound[1])
    finally:
        await runner.cleanup()
