"""Signed requests, through a client that no receiver can lead astray, hold up or fill."""

from __future__ import annotations

import asyncio
import base64
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from donations.errors import NotDelivered
from donations.fetch import Ways
from donations.notify import webhook as webhook_module
from donations.notify.message import Message
from donations.notify.webhook import Webhook
from donations.public_web import public_sockets
from tests.notify.receiver import SECRET, receiving, webhook
from tests.running import scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVENT = Message("evt_1", '{"type":"test","text":"é"}', "a title", "a text", 1)


async def refusal(url: str, ways: Ways | None = None) -> NotDelivered:
    """Why a message was not taken."""
    channel = Webhook(webhook(url), ways)
    with pytest.raises(NotDelivered) as refused:
        await channel.send(EVENT)
    await channel.close()
    assert url.rpartition("/")[2] not in str(refused.value), "the path may hold a secret"
    return refused.value


@scene
async def test_while_secrets_change_both_sign() -> None:
    """A receiver that knows the old secret, and one that knows the new, both find their own."""
    new = "whsec_" + base64.b64encode(bytes(48)).decode()
    async with receiving() as receiver:
        channel = Webhook(webhook(receiver.url, secrets=(new, SECRET)))
        for secret in (SECRET, new):
            receiver.secret = secret
            await channel.send(EVENT)
        await channel.close()
    assert [told["text"] for _, told in receiver.got] == ["é", "é"]


@pytest.mark.parametrize("status", [300, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503])
@scene
async def test_only_2xx_is_taken(status: int) -> None:
    """Every other status is a failure; 410 means for ever, and a pause is kept that was asked."""
    async with receiving() as receiver:

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Retry-After": "77", "Location": "/there"})

        receiver.answer = answer
        error = await refusal(receiver.url)
        assert receiver.asked == 1
        assert error.gone is (status == 410)
        assert error.retry_after == (77.0 if status in (429, 503) else None)


@scene
async def test_a_redirect_is_not_followed() -> None:
    """Neither to this machine nor elsewhere: the one that is named is asked, and nobody else."""
    async with receiving() as receiver, receiving() as inner:

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": inner.url})

        receiver.answer = answer
        assert "redirects" in str(await refusal(receiver.url))
        assert inner.asked == 0


class _Names(AbstractResolver):
    """Name servers that lead every name to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=self._address, port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0"]
)
@scene
async def test_a_name_that_leads_inside_is_not_asked(address: str) -> None:
    """What the name of a receiver resolves to is judged, and the very address is connected to."""
    async with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        for scheme in ("http", "https"):
            url = f"{scheme}://hooks.example:{port}"
            error = await refusal(url, Ways(public_sockets(url), _Names(address)))
            assert "not of the public internet" in str(error)
        assert receiver.asked == 0


@scene
async def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its answer, and while it drips one byte after the other."""
    monkeypatch.setattr(webhook_module, "SECONDS", 0.3)
    for said, drip in ((b"", b""), (b"HTTP/1.1 200 OK\r\nX-A: ", b"x")):
        async with raw(said, drip, holds=True) as url:
            assert "no answer within" in str(await refusal(url))


@scene
async def test_an_endless_answer_is_not_read() -> None:
    """Of a gigabyte little is read: what was taken was taken, and what was not was not."""
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = web.StreamResponse(status=int(request.headers["X-Status"]))
        await stream.prepare(request)
        for _ in range(1_024):
            await stream.write(bytes(1 << 20))
            sent += 1 << 20
        return stream

    async with receiving() as receiver:
        receiver.answer = answer
        for status in (200, 500):
            channel = Webhook(webhook(receiver.url))
            channel._open().headers["X-Status"] = str(status)
            if status == 200:
                await channel.send(EVENT)
            else:
                with pytest.raises(NotDelivered):
                    await channel.send(EVENT)
            await channel.close()
    assert sent <= 32 << 20, "buffers of the sockets, and no more"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00\xff\x16\x03\x01",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, x\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \x00\r\n\r\n",
    ],
)
@scene
async def test_what_is_no_answer_is_a_failure(said: bytes) -> None:
    """Whatever comes instead of HTTP, it is one sentence without a secret."""
    async with raw(said) as url:
        error = await refusal(url)
    assert "\n" not in str(error)


@asynccontextmanager
async def raw(said: bytes, drip: bytes = b"", *, holds: bool = False) -> AsyncIterator[str]:
    """A receiver that says these bytes, and then closes; or holds on, with a drop every 50 ms."""

    serving: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            while holds:
                await asyncio.sleep(0.05)
                writer.write(drip)
                await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        serving.add(task)
        await asyncio.wait([task])
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook-of-mine"
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            await asyncio.sleep(0.01)  # so that each connection is seen to end
