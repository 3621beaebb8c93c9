"""What befalls the process: signals, a suspend, no more files, no room, two of it."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import signal
import socket
import sqlite3
import sys
import time
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any

from donations.demo import faults
from donations.demo.story import BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from donations.doctor.examine import examine
from tests.program import COMMAND, ENVIRONMENT
from tests.running import agrees, config_file, config_on, free_port, scene, service_on, until
from tests.test_weather import page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.measured import Table

Program = asyncio.subprocess.Process


@asynccontextmanager
async def quick(config: Path, port: int, *, files: int | None = None) -> AsyncIterator[Program]:
    """The service in a process of its own, which may have so many files open; its log is beside."""

    def limit() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    with config.with_suffix(".log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.quick_service", config, str(port), preexec_fn=limit,
            env=ENVIRONMENT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def told(port: int) -> dict[str, Any]:
    """What readers are told, by chain; {} while nobody answers."""
    text = await page(port, "snapshot.json")
    return {coin["chain"]: coin for coin in json.loads(text)["coins"]} if text else {}


async def shows(port: int, units: int) -> bool:
    """Whether so much came to the Bitcoin address, pending included."""
    sums = (await told(port)).get("btc", {}).get("sums")
    if not sums:
        return False
    return sum(int(sums[0][name]["units"]) for name in ("received", "pending")) == units


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@scene
async def test_signals_at_any_moment_end_it_in_order(
    tmp_path: Path, seed: int, long: bool, table: Table
) -> None:
    """SIGTERM, or two signals one after the other, at random moments of a start and of saves: it
    ends within 10 seconds without a traceback, nothing is lost, and the file is sound."""
    dice = random.Random(seed)
    slowest, runs = 0.0, 40 if long else 4
    async with World(91, operators=1) as world:
        config = config_file(world, tmp_path)

        async def give() -> None:
            while True:
                world.btc.pay(BTC_SCRIPT, 5_000)
                if dice.random() < 0.3:
                    world.btc.mine()
                await asyncio.sleep(0.05)

        giving = asyncio.create_task(give())
        for number in range(runs):
            async with quick(config, free_port()) as process:
                await asyncio.sleep(dice.uniform(0.8, 3))
                started = time.monotonic()
                process.send_signal(signal.SIGTERM)
                if number % 2:
                    await asyncio.sleep(dice.uniform(0, 0.1))
                    with suppress(ProcessLookupError):
                        process.send_signal(dice.choice([signal.SIGINT, signal.SIGTERM]))
                code = await asyncio.wait_for(process.wait(), 15)
                slowest = max(slowest, time.monotonic() - started)
            allowed = {0, -signal.SIGTERM} | ({-signal.SIGINT} if number % 2 else set())
            assert code in allowed, (code, seed)
        giving.cancel()
        assert "Traceback" not in config.with_suffix(".log").read_text()
        assert is_sound(config_on(world, tmp_path).database)
        async with service_on(world, tmp_path, only=("btc",)) as service:
            await until(lambda: agrees(service, world), seconds=20, what=str(seed))
        assert examine(config_on(world, tmp_path, only=("btc",))).ok
    table.gate(f"{runs} ends by one or two signals: the slowest", round(slowest, 1), 10, " s")


@scene
async def test_a_suspend_is_followed_by_one_poll_and_no_burst(tmp_path: Path, table: Table) -> None:
    """Stopped as a whole for several intervals and continued: the next poll comes within two of
    them, none of those that were slept over is made up for, and all is well."""
    async with World(92, operators=1) as world:
        config, port = config_file(world, tmp_path), free_port()
        server = world.eth_servers[0]
        async with quick(config, port) as process:
            await until(lambda: shows(port, 0), seconds=20)
            asked = server.posts
            await asyncio.sleep(2)
            at_rest = (server.posts - asked) / 2
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.3)
            world.btc.pay(BTC_SCRIPT, 700)
            world.eth.pay(ETH_ADDRESS, 5 * 10**15)
            world.btc.mine()
            world.eth.mine()
            await asyncio.sleep(4)
            asked = server.posts
            process.send_signal(signal.SIGCONT)
            woken = time.monotonic()
            await until(lambda: server.posts > asked, seconds=5)
            table.gate("after a suspend: next poll, intervals later",
                       round(time.monotonic() - woken, 2), 2)  # fmt: skip
            await asyncio.sleep(2)
            polls = server.posts - asked
            assert polls <= 2 + 6 * at_rest, "what was slept over is not made up for"
            await until(lambda: shows(port, 700), seconds=10)


@scene
async def test_out_of_files_readers_and_watch_go_on(tmp_path: Path) -> None:
    """Where a process may have 150 files open, 600 connections that ask for nothing take neither
    the page from readers nor the upstreams from the watch."""
    async with World(93, operators=1) as world:
        config, port = config_file(world, tmp_path), free_port()
        async with quick(config, port, files=150) as process:
            await until(lambda: shows(port, 0), seconds=20)
            held = []
            for number in range(600):
                idle = socket.socket()
                idle.setblocking(False)
                idle.bind((f"127.0.0.{2 + number % 200}", 0))
                with suppress(BlockingIOError):
                    idle.connect(("127.0.0.1", port))
                held.append(idle)
            world.btc.pay(BTC_SCRIPT, 700)
            for server in (*world.btc_servers, *world.bch_servers):
                server.drop_connections()
            await until(lambda: shows(port, 700), seconds=15)
            for idle in held:
                idle.close()
            world.btc.pay(BTC_SCRIPT, 300)
            await until(lambda: shows(port, 1_000), seconds=15)
            assert process.returncode is None
        assert "Traceback" not in config.with_suffix(".log").read_text()


@scene
async def test_two_of_it_are_one_line(tmp_path: Path) -> None:
    """A second service on the same database ends at once, with one line that says why; the first
    does not notice."""
    async with World(94, operators=1) as world:
        config, port = config_file(world, tmp_path), free_port()
        async with quick(config, port) as first:
            await until(lambda: shows(port, 0), seconds=20)
            second = await asyncio.create_subprocess_exec(
                *COMMAND, "serve", "--config", config, "--port", str(free_port()),
                env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            said, _ = await asyncio.wait_for(second.communicate(), 20)
            assert second.returncode == 1
            (line,) = said.decode().splitlines()
            assert "another donations process" in line
            world.btc.pay(BTC_SCRIPT, 700)
            await until(lambda: shows(port, 700), seconds=10)
            assert first.returncode is None


@scene
async def test_a_bare_environment_is_enough(tmp_path: Path) -> None:
    """No home, no folder for temporary files, no locale: it runs all the same."""
    async with World(95, operators=1) as world:
        config, port = config_file(world, tmp_path), free_port()
        bare = {**ENVIRONMENT, "LANG": "C", "HOME": "/nowhere", "TMPDIR": "/nowhere"}
        with config.with_suffix(".log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.quick_service", config, str(port),
                env=bare, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            world.btc.pay(BTC_SCRIPT, 700)
            await until(lambda: shows(port, 700), seconds=20)
        finally:
            process.kill()
            await process.wait()
        assert "Traceback" not in config.with_suffix(".log").read_text()


@scene
async def test_upstreams_that_stall_do_not_pile_up(tmp_path: Path) -> None:
    """While every upstream hangs over many polls, no more than one question to each is on the way,
    and pages are answered at once."""
    async with World(96, operators=1) as world:
        port = free_port()
        async with service_on(world, tmp_path, port=port) as service:
            await until(lambda: agrees(service, world))
            for servers in world.servers.values():
                for server in servers:
                    server.fault = faults.hang()
            tasks = len(asyncio.all_tasks())
            for _ in range(8):
                for tracker in service.trackers:
                    tracker.poll()
                started = time.monotonic()
                assert "1Buy" in await page(port)
                assert time.monotonic() - started < 1
                await asyncio.sleep(0.5)
            assert len(asyncio.all_tasks()) <= tasks + 6
            for servers in world.servers.values():
                for server in servers:
                    server.fault = None
