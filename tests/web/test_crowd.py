"""Many hostile clients at once: who asks honestly is still answered at once."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from donations.web import create_web
from donations.web.live import Live
from donations.web.public import Readiness
from donations.web.server import Limits, serve
from tests.running import scene, until
from tests.web.crowd import STREAM
from tests.web.test_server import GOOD, LAST, PUBLISHER, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.measured import Table

ROOT = Path(__file__).parents[2]
SILENT, SLOW = 1_000, 3_000
ALLOWED_MS = 150.0


@asynccontextmanager
async def program(*words: object) -> AsyncIterator[str]:
    """One of the programs of `tests.web.crowd`; yields its first line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.web.crowd", *map(str, words),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def asked(port: int) -> float:
    """Milliseconds from a new connection to the whole answer."""
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(LAST)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    return 1000 * (time.perf_counter() - start)


async def p99(port: int, seconds: float) -> float:
    """Of honest clients that come one every 20 ms."""
    took: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        took.append(await asked(port))
        await asyncio.sleep(0.02)
    return sorted(took)[int(len(took) * 0.99)]


@scene
async def test_honest_clients_are_answered_in_a_rush(table: Table, long: bool) -> None:
    """1,000 clients that never read and 3,000 that never end their headers cost an honest one no
    refusal, and less than 150 ms, or ten times what it waits on this machine without them."""
    async with program("serve") as told:
        port = int(told)
        quiet = await p99(port, 2)
        async with program("attack", port, SILENT, SLOW):
            rush = await p99(port, 60 if long else 8)
        again = await p99(port, 1)
    name = f"{SILENT:,} silent and {SLOW:,} slow clients: honest p99 (quiet: {quiet:.0f} ms)"
    table.gate(name, round(rush, 1), max(ALLOWED_MS, round(10 * max(quiet, again))), " ms")


async def refused(port: int) -> bool:
    """Whether a new connection is dropped without a word."""
    try:
        await asked(port)
    except (AssertionError, ConnectionError):
        return True
    return False


@scene
async def test_who_waits_longest_makes_room() -> None:
    """When all places are taken, who has asked for nothing for longest gives his to a new one."""
    async with listening(Limits(connections=3, header_seconds=60)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in held[:2]:
            writer.write(GOOD)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await asked(port)
        with suppress(ConnectionError):
            assert await held[2][0].read() == b"", "it never asked"
        held[0][1].write(GOOD)
        assert await held[0][0].readuntil(b"\r\n\r\n"), "it asked before, and is still there"
        for _, writer in held:
            writer.close()


@scene
async def test_connections_under_way_are_not_dropped_for_new_ones() -> None:
    """With all places taken by streams a new connection is dropped; one that ends makes room."""
    app = create_web(PUBLISHER, Readiness, more=Live().routes())
    async with serve(app, "127.0.0.1", 0, limits=Limits(connections=3)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in held:
            writer.write(STREAM)
            await reader.readuntil(b"retry")
        assert await refused(port)
        held[0][1].close()
        await held[0][1].wait_closed()
        await until(lambda: answered(port))
        for _, writer in held[1:]:
            writer.close()


async def answered(port: int) -> bool:
    return not await refused(port)
