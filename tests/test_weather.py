"""The whole service in bad weather: it serves, keeps its last numbers, and heals by itself."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from donations.chains.base import Token
from donations.demo import faults
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from donations.errors import StoreError
from donations.snapshot import Freshness
from tests.program import COMMAND, ENVIRONMENT, read
from tests.running import (
    agrees,
    coin,
    config_file,
    free_port,
    received,
    scene,
    service_on,
    totals,
    truth,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from donations.app import Service

CHAINS = ("btc", "bch", "eth")


def give(world: World, units: int = 5_000) -> None:
    """A gift on each chain, in a block."""
    world.btc.pay(BTC_SCRIPT, units)
    world.bch.pay(BCH_SCRIPT, units)
    world.eth.pay(ETH_ADDRESS, units)
    for chain in (world.btc, world.bch, world.eth):
        chain.mine()


async def stop_all(world: World) -> None:
    for servers in world.servers.values():
        for server in servers:
            await server.stop()


async def start_all(world: World) -> None:
    for servers in world.servers.values():
        for server in servers:
            await server.start()


def stands(service: Service, world: World) -> bool:
    """Whether the numbers are right and of now, whatever is said of the operators."""
    tips = {"btc": world.btc.tip.hash, "bch": world.bch.tip.hash, "eth": world.eth.tip.hash}
    as_of = {chain: coin(service, chain).as_of for chain in CHAINS}
    return all(
        (at := as_of[chain]) is not None
        and at.hash == tips[chain]
        and received(service, chain) == truth(world, chain)
        for chain in CHAINS
    )


async def page(port: int, path: str = "") -> str:
    return await asyncio.to_thread(read, f"http://127.0.0.1:{port}/{path}") or ""


def changes(folder: Path) -> list[tuple[str, str]]:
    """What the ledger noted, as (chain and id, news)."""
    (database,) = folder.glob("*.sqlite3")
    engine = create_engine(f"sqlite:///file:{database}?mode=ro&uri=true")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT chain, id, news FROM changes")).all()
    engine.dispose()
    return [(f"{row.chain} {row.id}", row.news) for row in rows]


@scene
async def test_a_first_start_with_everything_down_heals(tmp_path: Path) -> None:
    """The page is served with addresses and no number, /readyz names the upstreams; when they come
    all is as it should be."""
    async with World(1) as world:
        give(world)
        await stop_all(world)
        port = free_port()
        async with service_on(world, tmp_path, port=port) as service:
            assert "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf" in await page(port)
            assert {coin(service, chain).freshness for chain in CHAINS} == {Freshness.NEVER}
            assert {totals(service, chain) for chain in CHAINS} == {None}
            await until(lambda: all(op.error for t in service.trackers for op in t.operators))
            assert "upstreams" in await page(port, "readyz")
            assert "upstreams" not in await page(port, "healthz")
            await start_all(world)
            await until(lambda: agrees(service, world), seconds=20)
            assert "upstreams" not in await page(port, "readyz")


@scene
async def test_the_last_numbers_stay_turn_stale_and_heal(tmp_path: Path) -> None:
    """With every upstream gone the numbers and their age stay, and say that they are old."""
    async with World(2) as world:
        give(world)
        port = free_port()
        async with service_on(world, tmp_path, port=port) as service:
            await until(lambda: agrees(service, world))
            before = {
                chain: (totals(service, chain), coin(service, chain).as_of) for chain in CHAINS
            }
            await stop_all(world)
            give(world, 7_000)

            def all_stale() -> bool:
                service._changed.set()
                return all(coin(service, c).freshness is Freshness.STALE for c in CHAINS)

            await until(all_stale)
            after = {
                chain: (totals(service, chain), coin(service, chain).as_of) for chain in CHAINS
            }
            assert {c: t for c, (t, _) in after.items()} == {c: t for c, (t, _) in before.items()}
            assert {a.hash for _, a in after.values() if a} == {
                a.hash for _, a in before.values() if a
            }
            assert "upstreams" in await page(port, "readyz")
            await start_all(world)
            await until(lambda: agrees(service, world), seconds=20)
        async with service_on(world, tmp_path) as service:
            assert {received(service, chain) for chain in CHAINS} == {12_000}, "known at once"


@scene
async def test_one_operator_of_three_changes_nothing(tmp_path: Path) -> None:
    """With two that must agree, one that hides, invents, lags, freezes or lies about balances does
    not move a total; the truth shows as if it were not there."""
    async with World(3, operators=3) as world, service_on(world, tmp_path, agree=2) as service:
        give(world)
        await until(lambda: agrees(service, world))
        btc, bch, eth = world.btc_servers[0], world.bch_servers[0], world.eth_servers[0]
        btc.view.hidden |= set(world.btc.transactions)
        bch.view.invent(BCH_SCRIPT, 10**8)
        bch.view.invent(BCH_SCRIPT, 10**8, height=world.bch.height)
        eth.fault = faults.answer(hex(10**24), "eth_getBalance")
        for server in (btc, bch):
            server.catch_up()
        for _ in range(3):
            give(world)
            await until(lambda: stands(service, world))
        for server in (btc, bch):
            server.view.hidden.clear()
            server.view.invented.clear()
        eth.fault = None
        btc.view.lag = 4
        bch.view.freeze()
        eth.view.freeze()
        for _ in range(3):
            give(world)
            await until(lambda: agrees(service, world))
            assert {received(service, chain) for chain in CHAINS} == {truth(world, "btc")}


@scene
async def test_one_liar_of_two_moves_nothing_up(tmp_path: Path) -> None:
    """Where two of two must agree, one that invents raises no total and one that hides lowers none;
    when it is honest again all is well."""
    async with World(4) as world, service_on(world, tmp_path, agree=2) as service:
        give(world)
        await until(lambda: agrees(service, world))
        world.btc_servers[0].view.invent(BTC_SCRIPT, 10**8)
        world.bch_servers[1].view.hidden |= set(world.bch.transactions)
        for server in (world.btc_servers[0], world.bch_servers[1]):
            server.catch_up()
        seen = set()
        for _ in range(40):
            seen |= {received(service, "btc"), received(service, "bch")}
            await asyncio.sleep(0.1)
        assert seen == {5_000}
        world.btc_servers[0].view.invented.clear()
        world.bch_servers[1].view.hidden.clear()
        for server in (world.btc_servers[0], world.bch_servers[1]):
            server.catch_up()
        await until(lambda: agrees(service, world))


@scene
async def test_an_empty_history_deletes_nothing(tmp_path: Path) -> None:
    """A server that had a history and tells an empty one, without a new block and with one, with
    and without a new connection, takes nothing away from what is in blocks."""
    async with World(5, operators=1) as world, service_on(world, tmp_path) as service:
        for _ in range(3):
            give(world)
        world.btc.mine(10)
        give(world)
        await until(lambda: agrees(service, world))
        noted = len(changes(tmp_path))
        for server in (world.btc_servers[0], world.bch_servers[0]):
            server.answers.history_limit = 0
            server.answers.fulcrum = True  # it tells an empty history instead of an error
            server.catch_up()
            server.drop_connections()
        seen = set()
        for moment in range(40):
            if moment == 20:
                world.btc.mine()
                world.bch.mine()
            seen |= {received(service, "btc"), received(service, "bch")}
            await asyncio.sleep(0.1)
        assert seen == {20_000}
        assert len(changes(tmp_path)) <= noted + 8, "no flapping"
        for server in (world.btc_servers[0], world.bch_servers[0]):
            server.answers.history_limit = 125_000
            server.catch_up()
        give(world)
        await until(lambda: agrees(service, world), seconds=20)


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_getLogs"])
@scene
async def test_a_pause_that_was_asked_for_is_kept(method: str, tmp_path: Path) -> None:
    """After 429 with Retry-After nothing is asked of that endpoint until then, also when only a
    part of a look was refused."""
    token = Token("USDX", "0x2222222222222222222222222222222222222222", 6)
    async with (
        World(6, operators=1) as world,
        service_on(world, tmp_path, only=("eth",), tokens=(token,)) as service,
    ):
        await until(lambda: agrees(service, world))
        server = world.eth_servers[0]
        server.fault = faults.http_status(429, method, retry_after=4)
        world.eth.pay(ETH_ADDRESS, 5_000)
        world.eth.mine()
        await until(lambda: server.fault is not None and server.fault.struck)
        await asyncio.sleep(0)
        refused_at, posts = time.monotonic(), server.posts
        await until(lambda: server.posts > posts, seconds=10)
        assert time.monotonic() - refused_at > 3.5
        server.fault = None
        await until(lambda: agrees(service, world), seconds=15)


@scene
async def test_other_mempools_make_nothing_flap(tmp_path: Path) -> None:
    """Operators that forget and remember unconfirmed gifts in turn leave one change for each."""
    async with (
        World(7, operators=3) as world,
        service_on(world, tmp_path, only=("btc",)) as service,
    ):
        await until(lambda: agrees(service, world))
        gifts = [world.btc.pay(BTC_SCRIPT, 5_000) for _ in range(3)]
        await until(lambda: agrees(service, world))
        seen = set()
        for turn in range(30):
            server = world.btc_servers[turn % 3]
            server.view.hidden ^= {gifts[turn % 2]}
            server.catch_up()
            seen.add(received(service, "btc"))
            await asyncio.sleep(0.1)
        assert seen == {15_000}
        for server in world.btc_servers:
            server.view.hidden.clear()
            server.catch_up()
        await until(lambda: agrees(service, world))
        news = [news for name, news in changes(tmp_path) if name.split()[1] in gifts]
        assert news == ["seen"] * 3


@scene
async def test_a_frozen_operator_is_left_behind(tmp_path: Path) -> None:
    """One of three that hears nothing new holds nobody up; alone it makes no number fresh."""
    async with World(8, operators=3) as world, service_on(world, tmp_path, agree=2) as service:
        await until(lambda: agrees(service, world))
        for servers in world.servers.values():
            servers[2].view.freeze()
        for _ in range(3):
            give(world)
            await until(lambda: agrees(service, world))
        for servers in world.servers.values():
            servers[2].view.thaw()
        give(world)
        await until(lambda: agrees(service, world))


@scene
async def test_a_server_that_hangs_up_is_not_hammered(tmp_path: Path) -> None:
    """One that closes the line after each good answer is called again at polls, not at once."""
    async with World(9, operators=1) as world:
        server = world.btc_servers[0]

        def hang_up(method: str) -> None:
            if method == "blockchain.scripthash.get_balance":
                asyncio.get_running_loop().call_later(0.05, server.drop_connections)

        server.before = hang_up
        async with service_on(world, tmp_path, only=("btc",), poll_seconds=2) as service:
            await until(lambda: server.connections_made)
            made, started = server.connections_made, time.monotonic()
            await asyncio.sleep(5)
            calls = server.connections_made - made
            assert calls <= 2 * (time.monotonic() - started), "about one a second at most"
            server.before = None
            world.btc.pay(BTC_SCRIPT, 5_000)
            await until(lambda: agrees(service, world))


@scene
async def test_a_full_disk_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be saved nothing new is shown, /readyz names the store; afterwards all that
    came meanwhile is there."""
    async with World(10) as world:
        port = free_port()
        async with service_on(world, tmp_path, port=port) as service:
            give(world)
            await until(lambda: agrees(service, world))

            def full(_batch: object) -> None:
                raise StoreError("database or disk is full")

            with monkeypatch.context() as patch:
                patch.setattr(service.store, "save", full)
                give(world)
                await until(lambda: all(t.store_error for t in service.trackers))
                assert {received(service, chain) for chain in CHAINS} == {5_000}
                assert "store" in await page(port, "readyz")
            await until(lambda: agrees(service, world), seconds=20)
            assert "store" not in await page(port, "readyz")


@scene
async def test_the_service_stops_in_the_middle_of_a_look(tmp_path: Path) -> None:
    """With every upstream hanging a stop takes under 10 seconds, and the next start is clean."""
    async with World(11) as world:
        give(world)
        for servers in world.servers.values():
            for server in servers:
                server.fault = faults.hang()
        async with service_on(world, tmp_path):
            await until(lambda: all(s.fault and s.fault.struck for s in world.eth_servers))
            started = time.monotonic()
        assert time.monotonic() - started < 10
        for servers in world.servers.values():
            for server in servers:
                server.fault = None
        async with service_on(world, tmp_path) as service:
            await until(lambda: agrees(service, world))


# -- the program as its users run it


@asynccontextmanager
async def program(config: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """``donations serve`` in a process of its own."""
    with config.with_suffix(".log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", "--config", config, "--port", str(port),
            env=ENVIRONMENT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@scene
async def test_sigterm_in_the_middle_of_polls(tmp_path: Path) -> None:
    """While all upstreams hang, or gifts come in, SIGTERM ends the program with code 0 in less than
    10 seconds; a new start has everything."""
    async with World(12) as world:
        config, port = config_file(world, tmp_path), free_port()
        for hanging in (True, False):
            for servers in world.servers.values():
                for server in servers:
                    server.fault = faults.hang() if hanging else None
            give(world)
            asked = world.btc_servers[0].requests.total()
            async with program(config, port) as process:
                await until(lambda: page(port), seconds=30)
                await until(lambda: world.btc_servers[0].requests.total() > asked)  # noqa: B023
                give(world)
                started = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
                assert time.monotonic() - started < 10
        assert "Traceback" not in config.with_suffix(".log").read_text()
        async with service_on(world, tmp_path) as service:
            await until(lambda: agrees(service, world), seconds=20)


@scene
async def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    """Exit code 1 and one line that names the port; nothing else is said."""
    async with World(13) as world:
        config, port = config_file(world, tmp_path), free_port()
        taken = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", port)
        async with program(config, port) as process, taken:
            assert await process.wait() == 1
        (line,) = config.with_suffix(".log").read_text().splitlines()
        assert str(port) in line
        assert "Traceback" not in line
