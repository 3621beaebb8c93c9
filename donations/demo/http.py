"""HTTP servers on loopback with weather on their line: JSON-RPC, and plain paths."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from donations.demo.faults import Fault, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_BODY_LIMIT = 8 * 1024 * 1024


class CallError(Exception):
    """A JSON-RPC error that goes to the client."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class HttpServer:
    """``fault`` is the weather on its line; ``before`` is called with the method ahead of each
    answer, so that the world can change in the middle of a poll. ``requests`` counts calls per
    method, ``headers`` come with each proper answer."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.before: Callable[[str], object] | None = None
        self.requests: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; after a stop at the same port again."""
        self._stopping = asyncio.Event()
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    async def _send(
        self, request: web.Request, body: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is None:
            return _json_bytes(body, self.headers)
        match fault.trouble:
            case Trouble.HANG:
                await self._stopping.wait()
                return web.Response(status=503)
            case Trouble.SLOW:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), fault.seconds)
                return _json_bytes(body)
            case Trouble.CLOSE:
                return await _stream(request, b"", len(body), headers=False)
            case Trouble.TRUNCATE:
                return await _stream(request, body[: fault.number], len(body))
            case Trouble.DRIP:
                return await self._drip(request, body, fault.seconds)
            case Trouble.OVERSIZE:
                return _json_bytes(body[:1] + b" " * fault.number + body[1:])
            case Trouble.BOMB:
                packed = gzip.compress(body[:1] + b" " * fault.number + body[1:])
                packing = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
                return web.Response(body=packed, headers=packing)
            case Trouble.HTML:
                return web.Response(text=_PAGE, content_type="text/html")
            case Trouble.GARBAGE:
                return _json_bytes(b"\xc3\x28\x80{]")
            case Trouble.STATUS:
                headers = {"Retry-After": fault.text} if fault.text else {}
                return web.Response(status=fault.number, headers=headers, text=_PAGE)
            case Trouble.REDIRECT:
                return web.Response(status=302, headers={"Location": fault.text})
            case _:
                return _json_bytes(body)

    async def _drip(self, request: web.Request, body: bytes, seconds: float) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        for position in range(len(body)):
            await response.write(body[position : position + 1])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        return response


class JsonRpcServer(HttpServer):
    """Answers POSTs by ``call(method, params)``, which returns a result or raises CallError.

    ``posts`` counts HTTP requests, ``batch_limit`` refuses longer batches the way geth does (one
    error, in a list) or with ``batch_status`` as HTTP status.
    """

    def __init__(self, call: Callable[[str, list[Any]], Any]) -> None:
        super().__init__()
        self.call = call
        self.posts = 0
        self.largest_batch = 0
        self.batch_limit: int | None = None
        self.batch_status: int | None = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.posts += 1
        if request.method != "POST":
            return web.Response(status=405, text="POST only")
        try:
            message = json.loads(await request.read())
        except ValueError:
            return _json(_error(None, -32700, "parse error"))
        calls = message if isinstance(message, list) else [message]
        if not calls or not all(isinstance(each, dict) for each in calls):
            return _json(_error(None, -32600, "invalid request"))
        methods = [str(each.get("method", "")) for each in calls]
        self.requests.update(methods)
        batch = isinstance(message, list)
        fault = self.fault if self.fault is not None and self.fault.strikes(methods) else None
        if batch:
            self.largest_batch = max(self.largest_batch, len(calls))
            if self.batch_limit is not None and len(calls) > self.batch_limit:
                return self._refuse_batch(calls)
        answers = []
        for call, method in zip(calls, methods, strict=True):
            if self.before is not None:
                self.before(method)
            answer = self._answer(call, method)
            answers.append(answer if fault is None else fault.bend(method, answer))
        if fault is not None and batch and fault.trouble is Trouble.SHORT_BATCH:
            answers = answers[:-1]
        if fault is not None and batch and fault.trouble is Trouble.TWICE:
            answers = [answers[0], *answers[:-1]]
        body = json.dumps(answers if batch else answers[0]).encode()
        return await self._send(request, body, fault)

    def _answer(self, call: dict[str, Any], method: str) -> dict[str, Any]:
        params = call.get("params", [])
        try:
            result = self.call(method, params if isinstance(params, list) else [])
        except CallError as error:
            return _error(call.get("id"), error.code, error.message)
        return {"jsonrpc": "2.0", "id": call.get("id"), "result": result}

    def _refuse_batch(self, calls: list[dict[str, Any]]) -> web.Response:
        if self.batch_status is not None:
            return web.Response(status=self.batch_status, text="batch too large")
        return _json([_error(calls[0].get("id"), -32600, "batch too large")])


async def _stream(
    request: web.Request, part: bytes, promised: int, *, headers: bool = True
) -> web.StreamResponse:
    """Promise more bytes than are sent, then cut the line."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = promised
    if headers:
        await response.prepare(request)
        await response.write(part)
    if request.transport is not None:
        request.transport.close()
    return response


def _json(content: object) -> web.Response:
    return _json_bytes(json.dumps(content).encode())


def _json_bytes(body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=headers)


def _error(call_id: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": message}}


class RestError(Exception):
    """An HTTP status with a text, as explorers refuse."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RestServer(HttpServer):
    """Answers GETs by the first of ``routes``: (name, pattern of the path, what answers it).

    The handler takes the groups of the pattern, in their order, and the query as one mapping; what
    it returns goes out as JSON, a text as it is. ``missing`` are names of routes it does not have.
    """

    def __init__(self, routes: Sequence[tuple[str, str, Callable[..., Any]]]) -> None:
        super().__init__()
        self._routes = [(name, re.compile(pattern), handle) for name, pattern, handle in routes]
        self.missing: set[str] = set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        for name, pattern, handle in self._routes:
            match = pattern.fullmatch(request.path)
            if match is not None and name not in self.missing:
                return await self._route(request, name, handle, match.groups())
        return web.Response(status=404, text="endpoint does not exist")

    def call(self, handle: Callable[..., Any], *parts: Any) -> Any:
        """What a route answers. Raises RestError."""
        return handle(*parts)

    async def _route(
        self, request: web.Request, name: str, handle: Callable[..., Any], parts: Sequence[str]
    ) -> web.StreamResponse:
        self.requests[name] += 1
        fault = self.fault if self.fault is not None and self.fault.strikes([name]) else None
        if self.before is not None:
            self.before(name)
        try:
            told = self.call(handle, *parts, dict(request.query))
        except RestError as error:
            return web.Response(status=error.status, text=error.message)
        if fault is not None:
            bent = fault.bend(name, {"result": told})
            if "error" in bent:
                return web.Response(status=400, text=str(bent["error"]["message"]))
            told = bent.get("result")
        body = told if isinstance(told, str) else json.dumps(told)
        return await self._send(request, body.encode(), fault)
