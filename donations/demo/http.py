"""A JSON-RPC server over HTTP on loopback, with weather on its line."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from donations.demo.faults import Fault, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_BODY_LIMIT = 8 * 1024 * 1024


class CallError(Exception):
    """A JSON-RPC error that goes to the client."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class JsonRpcServer:
    """Answers POSTs by ``call(method, params)``, which returns a result or raises CallError.

    ``fault`` is the weather on its line; ``before`` is called with the method ahead of each answer,
    so that the world can change in the middle of a poll. ``requests`` counts calls per method,
    ``posts`` HTTP requests, ``batch_limit`` refuses longer
    batches the way geth does (one error, in a list) or with ``batch_status`` as HTTP status.
    """

    def __init__(self, call: Callable[[str, list[Any]], Any]) -> None:
        self.call = call
        self.fault: Fault | None = None
        self.before: Callable[[str], object] | None = None
        self.requests: Counter[str] = Counter()
        self.posts = 0
        self.largest_batch = 0
        self.batch_limit: int | None = None
        self.batch_status: int | None = None
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

    async def _send(
        self, request: web.Request, body: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is None:
            return _json_bytes(body)
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


def _json_bytes(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _error(call_id: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": message}}
