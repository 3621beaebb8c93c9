"""The programs of a rush: `python -m tests.web.crowd serve`, and `... attack PORT SILENT SLOW`.

The server tells its port. The attackers keep so many connections that ask for much and never read,
and so many that never come to the end of their headers; who is dropped comes back at once.
"""

from __future__ import annotations

import asyncio
import random
import resource
import socket
import sys
from contextlib import suppress

from donations.web import create_web
from donations.web.assets import load_assets
from donations.web.live import Live
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.web.samples import snapshot

Queue = asyncio.Queue[None]
PAGES = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50
STREAM = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


async def serve_for_ever() -> None:
    publisher = Publisher(load_assets(), languages=("fr",))
    publisher.publish(snapshot())
    app = create_web(publisher, Readiness, more=Live().routes())
    async with serve(app, "127.0.0.1", 0) as port:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def attack(port: int, silent: int, slow: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    turn, connected = asyncio.Semaphore(50), asyncio.Queue[None]()
    async with asyncio.TaskGroup() as group:
        for number in range(silent):
            request = PAGES if number % 2 else STREAM
            group.create_task(_never_read(port, request, turn, connected))
        for _ in range(slow):
            group.create_task(_never_end(port, turn, connected))
        for _ in range(silent + slow):
            await connected.get()
        sys.stdout.write("begun\n")
        sys.stdout.flush()


async def _connected(port: int, turn: asyncio.Semaphore, connected: Queue) -> socket.socket:
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    async with turn:
        await loop.sock_connect(connection, ("127.0.0.1", port))
        await asyncio.sleep(0.02)
    connected.put_nowait(None)
    return connection


async def _never_read(port: int, request: bytes, turn: asyncio.Semaphore, connected: Queue) -> None:
    loop = asyncio.get_running_loop()
    while True:
        with suppress(OSError), await _connected(port, turn, connected) as connection:
            while True:
                await loop.sock_sendall(connection, request)
                await asyncio.sleep(1)
        await asyncio.sleep(random.uniform(0, 2))


async def _never_end(port: int, turn: asyncio.Semaphore, connected: Queue) -> None:
    loop = asyncio.get_running_loop()
    while True:
        with suppress(OSError), await _connected(port, turn, connected) as connection:
            await loop.sock_sendall(connection, HEAD)
            while True:
                await asyncio.sleep(1)
                await loop.sock_sendall(connection, b"x")
        await asyncio.sleep(random.uniform(0, 2))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve_for_ever())
    else:
        asyncio.run(attack(*(int(word) for word in sys.argv[2:])))
