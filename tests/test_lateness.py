"""Operators that answer well and yet are behind are told, and worth nothing meanwhile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.app import running
from donations.check import check
from donations.demo.electrum import ElectrumServer
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS
from donations.demo.utxo import UtxoChain
from donations.demo.world import World
from donations.lateness import Lateness, old_tip
from donations.ledger import Block, Key, Observation
from donations.reasons import Reason
from donations.snapshot import Freshness
from tests.running import agrees, coin, config_on, received, scene, service_on, truth, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from donations.app import Service

CHAINS = ("btc", "bch", "eth")
KEY = Key("btc", "1Watched", "BTC")


def block(height: int, branch: str = "a", time: int = 1_000) -> Block:
    return Block(height, f"{branch}{height}", time)


def told(tip: Block, *below: Block, at: int = 1_000, by: str = "slow") -> Observation:
    blocks = {each.height: each for each in (*below, tip)}
    return Observation(
        operator=by, key=KEY, tip=tip, final_height=tip.height - 5, since=0, transactions=(),
        blocks=blocks, at=at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tip", "below", "why"),
    [
        (block(9), (), Reason.NOT_SYNCHRONIZED),
        (block(9, "b"), (), Reason.NOT_SYNCHRONIZED),
        (block(10, "b"), (), Reason.OTHER_BRANCH),
        (block(12, "b"), (block(11, "b"), block(10, "b")), Reason.OTHER_BRANCH),
        (block(10), (), None),
        (block(12), (block(11), block(10)), None),
    ],
)
def test_who_stays_apart_for_two_polls_is_told(
    tip: Block, below: tuple[Block, ...], why: Reason | None
) -> None:
    """Lower than the others, or with another block at their height; not before the patience is
    over, and from the beginning again once it was with them."""
    lateness = Lateness(None, 30)
    for start in (1_000, 5_000):
        for later, stated in ((0, None), (30, None), (31, why), (500, why)):
            found = lateness.judge(told(tip, *below, at=start + later), block(10))
            assert (found and found.why) == stated
        assert lateness.judge(told(tip, *below, by="other"), block(10)) is None
        assert lateness.judge(told(block(10), at=start + 501), block(10)) is None


def test_where_nobody_agreed_yet_nobody_is_apart() -> None:
    """The first to answer is behind no one."""
    lateness = Lateness(None, 30)
    assert lateness.judge(told(block(3)), None) is None
    assert lateness.judge(told(block(3), at=9_000), None) is None


@pytest.mark.parametrize(("age", "old"), [(0, False), (180, False), (181, True), (-500, False)])
def test_a_block_is_old_after_the_longest_gap(age: int, old: bool) -> None:
    """To the second; where a network's pace is not known no block is old."""
    tip = block(7, time=10_000)
    assert (old_tip(tip, 10_000 + age, 180) is not None) == old
    assert old_tip(tip, 10_000 + age, None) is None
    assert (Lateness(180, 30).judge(told(tip, at=10_000 + age), tip) is not None) == old


# -- the whole service


def give(world: World, units: int = 5_000) -> None:
    world.btc.pay(BTC_SCRIPT, units)
    world.bch.pay(BCH_SCRIPT, units)
    world.eth.pay(ETH_ADDRESS, units)
    for chain in (world.btc, world.bch, world.eth):
        chain.mine()


def causes(service: Service, *chains: str) -> set[tuple[Reason, ...]]:
    told = service.readiness().causes
    return {tuple(told.get(chain, ())) for chain in chains or CHAINS}


@scene
async def test_one_that_falls_behind_is_named_and_costs_nothing(tmp_path: Path) -> None:
    """One of three that stands still, or goes back, moves no number; what is wrong with it is
    stated, and struck off when it has caught up."""
    async with World(31, operators=3) as world, service_on(world, tmp_path, agree=2) as service:
        give(world)
        await until(lambda: agrees(service, world) and causes(service) == {()})
        btc, bch, eth = world.btc_servers[2], world.bch_servers[2], world.eth_servers[2]
        btc.view.freeze()
        bch.view.lag = 3
        eth.view.freeze()
        give(world)
        await until(lambda: agrees(service, world))
        await until(lambda: causes(service) == {(Reason.NOT_SYNCHRONIZED,)})
        assert service.readiness().reasons == ()
        btc.view.thaw()
        bch.view.lag = 0
        eth.view.thaw()
        give(world)
        await until(lambda: agrees(service, world) and causes(service) == {()})


@scene
async def test_a_lone_server_that_goes_back_makes_its_number_stale(tmp_path: Path) -> None:
    """Nothing is taken away; the number turns stale, with the reason, and heals by itself."""
    async with World(32, operators=1) as world, service_on(world, tmp_path) as service:
        for units in (1_000, 2_000, 3_000):
            give(world, units)
        await until(lambda: agrees(service, world))
        for servers in world.servers.values():
            servers[0].view.lag = 2
        for server in (*world.btc_servers, *world.bch_servers):
            server.catch_up()

        def stale() -> bool:
            service._changed.set()
            return {coin(service, chain).freshness for chain in CHAINS} == {Freshness.STALE}

        await until(stale, seconds=20)
        assert {received(service, chain) for chain in CHAINS} == {6_000}
        await until(lambda: causes(service) == {(Reason.NOT_SYNCHRONIZED,)})
        assert service.readiness().reasons == (Reason.UPSTREAMS,)
        for servers in world.servers.values():
            servers[0].view.lag = 0
        for server in (*world.btc_servers, *world.bch_servers):
            server.catch_up()
        await until(lambda: agrees(service, world) and causes(service) == {()}, seconds=20)


@asynccontextmanager
async def forked(world: World, start: int) -> AsyncIterator[ElectrumServer]:
    """A third server of Bitcoin, which follows another branch of the same chain from here on."""
    other = UtxoChain("btc", world.seed, start=start)
    assert other.tip.hash == world.btc.tip.hash
    other.pay(BTC_SCRIPT, 10**8)
    other.mine(3)
    async with ElectrumServer(other) as server:
        world.btc_servers.append(server)
        yield server


@scene
async def test_a_server_on_another_branch_is_named_and_moves_nothing(tmp_path: Path) -> None:
    """Higher, and with a gift of its own: what two others agree on is shown, and it is told to be
    elsewhere. When it follows the others it is heard again."""
    start = 1_700_000_000
    async with (
        World(33, operators=2, start=start) as world,
        forked(world, start) as server,
        service_on(world, tmp_path, agree=2, only=("btc",), proofs=False) as service,
    ):
        world.btc.pay(BTC_SCRIPT, 700)
        world.btc.mine()
        await until(lambda: received(service, "btc") == truth(world, "btc"))
        await until(lambda: causes(service, "btc") == {(Reason.OTHER_BRANCH,)})
        assert received(service, "btc") == 700
        world.btc.pay(BTC_SCRIPT, 800)
        world.btc.mine()
        await until(lambda: received(service, "btc") == truth(world, "btc"))
        server.view.chain = world.btc
        server.drop_connections()
        world.btc.mine()
        await until(lambda: agrees(service, world) and causes(service, "btc") == {()})


@scene
async def test_a_chain_without_new_blocks_is_not_fresh(tmp_path: Path) -> None:
    """All servers alike stand at an old block: the number stays, is said to be stale, and why;
    `donations check` says it too. With the next block all is well."""
    async with World(34, past=1_000) as world:
        config = config_on(world, tmp_path)
        chains = {
            name: replace(settings, network=replace(settings.network, longest_gap=500))
            for name, settings in config.chains.items()
        }
        config = replace(config, chains=chains)
        rows = await check(config)
        assert {row.reason for row in rows} == {Reason.NOT_SYNCHRONIZED.value}
        async with running(config) as (service, _):
            await until(
                lambda: {coin(service, chain).freshness for chain in CHAINS} == {Freshness.STALE}
            )
            assert {received(service, chain) for chain in CHAINS} == {0}
            await until(lambda: causes(service) == {(Reason.NOT_SYNCHRONIZED,)})
            give(world)
            await until(lambda: agrees(service, world) and causes(service) == {()})
            assert {received(service, chain) for chain in CHAINS} == {truth(world, "btc")}
        rows = await check(config)
        assert {row.reason for row in rows} == {None}
