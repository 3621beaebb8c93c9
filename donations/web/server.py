"""The listening side: aiohttp with the limits that make it safe without a proxy in front.

aiohttp alone keeps half-sent headers, idle connections and clients that never read open for ever,
answers HTTP/0.9 and tells its version.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from donations.web.middleware import add_headers

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and counts. The defaults suit one process on a small machine."""

    header_seconds: float = 5.0  # from the first byte to the end of the headers
    keepalive_seconds: float = 15.0  # idle between two requests
    write_seconds: float = 10.0  # for a client that does not read
    drain_seconds: float = 5.0  # for requests under way at shutdown
    connections: int = 1000


class _Handler(web.RequestHandler):
    """One connection, with a deadline for headers and for reading what we send."""

    __slots__ = ("_header_deadline", "_limits", "_write_deadline", "lost")

    def __init__(self, manager: _Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._limits = manager.limits
        self._header_deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._manager is not None and len(self._manager.connections) >= self._limits.connections:
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        complete = self._request_count
        super().data_received(data)
        if self._request_count > complete:
            self._forget_deadline()
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

    def connection_lost(self, exc: BaseException | None) -> None:
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
        response = web.Response(status=status, text=f"{status}\n")
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
    """Makes one handler a connection."""

    def __init__(self, app: web.Application, limits: Limits, **options: Any) -> None:
        handle = cast("Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]", app._handle)
        factory = partial(app._make_request, _cls=_Request)
        super().__init__(handle, request_factory=factory, **options)
        self.limits = limits

    def __call__(self) -> _Handler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Runs an application on our server class; aiohttp offers no other place to say so."""

    __slots__ = ("_limits",)

    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(app, shutdown_timeout=limits.drain_seconds)
        self._limits = limits

    async def _make_server(self) -> web.Server:
        await super()._make_server()
        return _Server(
            self.app,
            self._limits,
            keepalive_timeout=self._limits.keepalive_seconds,
            lingering_time=self._limits.header_seconds,
            access_log=None,  # a list of the readers of a blog is nobody's business
        )


@asynccontextmanager
async def serve(
    app: web.Application, host: str, port: int, *, limits: Limits | None = None
) -> AsyncIterator[int]:
    """Serve ``app`` until the block ends; yields the port, which differs when 0 was asked for.

    Raises OSError when the address cannot be had: in use, not ours, or privileged.
    """
    runner = _Runner(app, limits or Limits())
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        yield int(bound[1])
    finally:
        await runner.cleanup()
