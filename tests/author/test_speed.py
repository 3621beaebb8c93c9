"""Two hundred thousand gifts: pages are as fast as with two thousand."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING

import aiohttp

from tests.author.client import PUBLIC, author_pages, make_gate
from tests.benchmarks import many
from tests.benchmarks.author import FEW, MANY, measure, percentile
from tests.web.waiting import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from donations.config import Config
    from tests.measured import Table

# Seconds, at the 99th percentile; and how many times the medians may be those of few gifts.
ALLOWED, TIMES, EACH = 0.05, 2.0, 3.0
# What else the machine does may spoil a measurement, so it is repeated; it never makes it better.
ATTEMPTS = 4


def waiting() -> float:
    """How many programs want each core of this machine, at least one: they take turns."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_pages_take_as_long_with_many_gifts(tmp_path: Path, long: bool, table: Table) -> None:
    """Each kind of page and search, with 2,000 and with 200,000 gifts, whole answers read.

    How long by the clock is judged in the long run, which has the machine alone.
    """
    files = tmp_path / "few.sqlite3", tmp_path / "many.sqlite3"
    for file, gifts in zip(files, (FEW, MANY), strict=True):
        many.make(many.config_of(file), gifts)
    best: dict[str, list[float]] = {}
    for _ in range(ATTEMPTS):
        for name, taken in asyncio.run(measure(*files, rounds=20)).items():
            found = [percentile(taken.many, 99)]
            found += [percentile(times, 50) for times in (taken.many, taken.few)]
            best[name] = [min(pair) for pair in zip(best.get(name, found), found, strict=True)]
        slow = max(p99 for p99, _, _ in best.values())
        ratio = sum(m for _, m, _ in best.values()) / sum(f for _, _, f in best.values())
        each = max(m / f for _, m, f in best.values())
        turns = waiting()
        if (slow <= ALLOWED * turns or not long) and ratio <= TIMES and each <= EACH:
            break
    name = max(best, key=lambda each: best[each][0])
    share = f"slowest p99 ({name}), by turns of {turns:.1f} programs"
    row = table.gate if long else table.note
    row(f"author's pages, 200,000 gifts: {share}", slow / turns, ALLOWED, " s")
    table.gate("author's pages, 200,000 gifts: medians beside 2,000", ratio, TIMES, " times")
    table.gate("author's pages, 200,000 gifts: the worst of them", each, EACH, " times")


def test_wrong_tokens_do_not_slow_readers(
    few: Config, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    """While wrong tokens come as fast as one connection after another takes them, readers wait as
    little as ever, and the author gets in."""
    caplog.set_level(logging.INFO)

    async def law() -> None:
        async with author_pages(few, make_gate()) as browser:
            stop, tried = asyncio.Event(), 0

            async def attack() -> None:
                nonlocal tried
                async with aiohttp.ClientSession() as http:
                    while not stop.is_set():
                        async with http.post(
                            f"{browser.base}/author/login",
                            data={"token": f"guess-{tried}"},
                            headers={"Origin": PUBLIC, "Host": "donations.example"},
                        ) as answer:
                            assert answer.status in (401, 429)
                        tried += 1

            attackers = [asyncio.create_task(attack()) for _ in range(4)]
            times = []
            start = time.perf_counter()
            while time.perf_counter() - start < 3:
                asked = time.perf_counter()
                status, _, _ = await browser.ask("GET", "/healthz")
                times.append(time.perf_counter() - asked)
                assert status == 200
                await asyncio.sleep(0.01)
            assert await browser.log_in() == 303
            stop.set()
            await asyncio.gather(*attackers)
            table.note("readers beside wrong tokens, p99", percentile(times, 99), 0.15, " s")
            table.gate("readers beside wrong tokens, median", percentile(times, 50), 0.15, " s")
            assert tried > 100

    run(law())
    assert len(caplog.records) < 40
    assert "guess-" not in caplog.text
