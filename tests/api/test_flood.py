"""A thousand wrong tokens a second: readers and the author are answered as if nobody tried."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.api.author_part import TOKEN
from tests.api.interface import interface
from tests.benchmarks.many import config_of, make
from tests.running import scene
from tests.web.test_crowd import ALLOWED_MS, p99

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.measured import Table

ROOT = Path(__file__).parents[2]
A_SECOND, SECONDS = 1_000, 5


@asynccontextmanager
async def program(*words: object) -> AsyncIterator[asyncio.StreamReader]:
    """One of the programs of `tests.api.flood`; yields what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.flood", *map(str, words),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


@scene
async def test_wrong_tokens_cost_readers_nothing(tmp_path: Path, table: Table) -> None:
    """Honest p99 stays below 150 ms, or ten times what it is on this machine without them."""
    file = tmp_path / "books.sqlite3"
    make(config_of(file), 300)
    async with program("serve", file) as told:
        port = int(await told.readline())
        quiet = await p99(port, 2)
        async with program("guess", port, A_SECOND) as guesses:
            lines = [await guesses.readline()]
            following = asyncio.create_task(follow(guesses, lines))
            began = time.monotonic()
            rush = await p99(port, SECONDS)
            async with interface(port, **TOKEN) as api:
                own = [await api.ask("/api/v1/author/totals") for _ in range(20)]
            took = 1 + time.monotonic() - began
            tried, refused = map(int, lines[-1].split())
        await following
    assert {answer.status for answer in own} == {200}
    assert tried == refused
    name = f"{tried / took:,.0f} wrong tokens a second: honest p99 (quiet: {quiet:.0f} ms)"
    table.gate(name, round(rush, 1), max(ALLOWED_MS, round(10 * quiet)), " ms")
    assert tried > A_SECOND


async def follow(told: asyncio.StreamReader, lines: list[bytes]) -> None:
    """Every line as it comes."""
    while line := await told.readline():
        lines.append(line)
