"""The listening side on raw sockets: what a hostile or broken client gets, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from donations.web import create_web
from donations.web.assets import load_assets
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import Limits, serve
from tests.web.samples import snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUBLISHER = Publisher(load_assets(), languages=("fr",))
PUBLISHER.publish(snapshot())
GOOD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def listening(limits: Limits | None = None) -> AsyncIterator[int]:
    """Our server on a free port."""
    async with serve(create_web(PUBLISHER, Readiness), "127.0.0.1", 0, limits=limits) as port:
        yield port


async def talk(port: int, sent: bytes) -> bytes:
    """All that the server answers until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        return await reader.read()
    finally:
        writer.close()


async def until_closed(port: int, sent: bytes) -> float:
    """Seconds until the server closes a connection that sends ``sent`` and then nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = time.monotonic()
    try:
        writer.write(sent)
        while await reader.read(65536):
            pass
    except ConnectionResetError:
        pass  # an aborted connection is a closed one
    finally:
        writer.close()
    return time.monotonic() - start


BAD = {
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", {b"400", b"505"}),
    "unknown version": (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", {b"400", b"505"}),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", {b"400"}),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {b"400"}),
    "length and chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {b"400"},
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        {b"400"},
    ),
    "NUL": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", {b"400"}),
    "long line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {b"414"}),
    "long header": (
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        {b"431"},
    ),
    "many headers": (
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 2000 + b"\r\n",
        {b"400", b"431"},
    ),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {b"400", b"505"}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, {b"400"}),
    "folded header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", {b"400"}),
    "blank before colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", {b"400"}),
    "bad method": (b"G\x1bT / HTTP/1.1\r\nHost: a\r\n\r\n", {b"400"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_request_is_refused_without_an_echo(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused with 4xx/505, closed, no banner, and nothing it sent comes back or is logged."""
    caplog.set_level(logging.INFO)
    sent, statuses = BAD[name]

    async def law() -> None:
        async with listening() as port:
            answer = await talk(port, sent)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.split(b" ")[1] in statuses, head
            assert b"server:" not in head.lower()
            assert b"nosniff" in head
            assert b"a" * 20 not in body
            if body:
                assert json.loads(body)["status"] == int(head.split(b" ")[1])
                assert b"Content-Type: application/problem+json" in head
            assert (await talk(port, LAST)).startswith(b"HTTP/1.1 200")

    run(law())
    assert caplog.records == []


def test_an_absolute_address_is_judged_by_its_own_host() -> None:
    """The host in the request line counts, not the header beside it (RFC 9112 section 3.2.2)."""

    async def law() -> None:
        app = create_web(PUBLISHER, Readiness, public_url="https://dons.example.org")
        async with serve(app, "127.0.0.1", 0) as port:
            line = b"GET http://evil.example/ HTTP/1.1\r\n"
            headers = b"Host: dons.example.org\r\nConnection: close\r\n\r\n"
            assert (await talk(port, line + headers)).split(b" ")[1] == b"421"

    run(law())


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "],
    ids=["nothing", "one byte", "half a header"],
)
def test_half_sent_headers_are_cut_off(sent: bytes) -> None:
    """A connection that does not finish its headers in time is closed."""

    async def law() -> None:
        async with listening(Limits(header_seconds=0.3, keepalive_seconds=60)) as port:
            assert 0.2 < await until_closed(port, sent) < 3

    run(law())


def test_the_second_request_has_the_same_deadline() -> None:
    """Having asked once before gives no right to be slow."""

    async def law() -> None:
        async with listening(Limits(header_seconds=0.3, keepalive_seconds=60)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GOOD)
            await reader.readuntil(b"alive")
            writer.write(b"GET / HTTP/1.1\r\nHo")
            start = time.monotonic()
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            assert time.monotonic() - start < 3
            writer.close()

    run(law())


def test_dripping_does_not_stretch_the_deadline() -> None:
    """A byte now and then (slow loris) does not keep the connection open."""

    async def law() -> None:
        async with listening(Limits(header_seconds=0.5)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            start = time.monotonic()
            writer.write(b"GET / HTTP/1.1\r\nX: ")
            closed = asyncio.ensure_future(reader.read())
            while not closed.done():
                writer.write(b"a")
                await asyncio.wait([closed], timeout=0.05)
            assert time.monotonic() - start < 3
            assert isinstance(closed.exception(), ConnectionResetError) or closed.result() == b""
            writer.close()

    run(law())


def test_an_idle_connection_is_closed_after_keep_alive() -> None:
    """After an answer the connection waits for the next request only so long."""

    async def law() -> None:
        async with listening(Limits(header_seconds=60, keepalive_seconds=0.3)) as port:
            assert 0.2 < await until_closed(port, GOOD) < 3

    run(law())


def test_a_client_that_never_reads_is_cut_off() -> None:
    """Answers nobody reads do not hold a connection for ever."""

    async def law() -> None:
        async with listening(Limits(write_seconds=0.5, keepalive_seconds=60)) as port:
            loop = asyncio.get_running_loop()
            with socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.setblocking(False)
                await loop.sock_connect(sock, ("127.0.0.1", port))
                request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50

                async def ask_for_ever() -> None:
                    while True:
                        await loop.sock_sendall(sock, request)

                with pytest.raises(ConnectionError):
                    await ask_for_ever()

    run(law())


def test_a_taken_port_is_an_os_error() -> None:
    """The caller can tell in one line why the service cannot start."""

    async def law() -> None:
        async with listening() as port:
            with pytest.raises(OSError, match="address already in use"):
                async with serve(create_web(PUBLISHER, Readiness), "127.0.0.1", port):
                    pass

    run(law())


def test_a_large_body_is_not_read() -> None:
    """A request that announces a gigabyte is answered and closed without waiting for it."""

    async def law() -> None:
        async with listening(Limits(header_seconds=0.5)) as port:
            sent = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nxxxx"
            assert await until_closed(port, sent) < 5

    run(law())
