"""The tracker with its sources, store and operators: own moves, restarts, long histories."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.app import Service, running
from donations.chains.btc import BTC
from donations.demo import oracle
from donations.demo.story import BTC_ADDRESS, BTC_SCRIPT
from donations.demo.world import World
from donations.ledger import Bucket, Key
from donations.sources import base
from tests.running import agrees, config_on, received, scene, service_on, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

# Another address of ours: the one of Bitcoin's first block.
OTHER_ADDRESS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
assert BTC.script is not None
OTHER_SCRIPT = BTC.script(OTHER_ADDRESS, BTC.networks["mainnet"])
GET = "blockchain.transaction.get"


@asynccontextmanager
async def watching(
    world: World, folder: Path, addresses: Sequence[str], agree: int = 1
) -> AsyncIterator[Service]:
    """A service over BTC alone that watches ``addresses``, asked for in this order."""
    config = config_on(world, folder, only=("btc",), agree=agree)
    settings = replace(config.chains["btc"], addresses=tuple(addresses))
    async with running(replace(config, chains={"btc": settings})) as (service, _):
        yield service


async def sums(service: Service) -> dict[str, dict[Bucket, int]]:
    """What the store says of each address, by bucket; nothing that is zero."""
    found: dict[str, dict[Bucket, int]] = defaultdict(lambda: defaultdict(int))
    for (key, _, bucket), total in (await service.store.run(service.store.months)).items():
        if total.units:
            found[key.address][bucket] += total.units
    return {address: dict(its) for address, its in found.items()}


def answered(service: Service) -> list[bool]:
    """Which operators of the first chain have told something."""
    return [
        operator.answered_at is not None
        for tracker in service.trackers[:1]
        for operator in tracker.operators
    ]


def gifts(world: World, script: bytes) -> int:
    """What strangers gave to a script, as the oracle reads the chain with both addresses."""
    facts = oracle.utxo_facts(world.btc, [BTC_SCRIPT, OTHER_SCRIPT])
    return oracle.received(facts, script.hex(), world.btc.height)


async def true(service: Service, world: World) -> bool:
    """Whether gifts at both addresses are what the oracle says, and nothing else counts as one."""
    told = await sums(service)
    if not service.trackers:
        return False
    for address, script in ((BTC_ADDRESS, BTC_SCRIPT), (OTHER_ADDRESS, OTHER_SCRIPT)):
        its = told.get(address, {})
        counted = sum(its.get(b, 0) for b in (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING))
        if counted != gifts(world, script):
            return False
    tips = {standing.tip.hash for standing in service.trackers[0].standings.values()}
    return tips == {world.btc.tip.hash} and len(service.trackers[0].standings) == 2


def moves(world: World) -> None:
    """Gifts to both, and moves in either direction: out of a block, out of the mempool, with a
    gift in the same transaction, and one that another move builds on."""
    world.btc.pay(BTC_SCRIPT, 100_000)
    world.btc.pay(OTHER_SCRIPT, 70_000)
    world.btc.mine()
    world.btc.spend(BTC_SCRIPT, 30_000, OTHER_SCRIPT)
    world.btc.spend(OTHER_SCRIPT, 50_000, BTC_SCRIPT, mempool=True, change=BTC_SCRIPT)
    world.btc.pay(OTHER_SCRIPT, 1_000, others=[(BTC_SCRIPT, 2_000)])
    world.btc.pay(BTC_SCRIPT, 5_000, join=world.btc.unspent(OTHER_SCRIPT)[0])


both_orders = pytest.mark.parametrize(
    "addresses", list(itertools.permutations([BTC_ADDRESS, OTHER_ADDRESS]))
)


@both_orders
@pytest.mark.parametrize("agree", [1, 2])
@scene
async def test_moves_between_our_addresses_are_no_gifts(
    addresses: Sequence[str], agree: int, tmp_path: Path
) -> None:
    """Whichever history is read first, money that moves between watched addresses is own on both
    sides: in the past, while it happens, confirmed, and after a reorg."""
    async with World(1) as world:
        moves(world)
        world.btc.mine(2)
        moves(world)
        async with watching(world, tmp_path, addresses, agree) as service:
            await until(lambda: true(service, world))
            moves(world)
            await until(lambda: true(service, world))
            world.btc.reorg(2)
            await until(lambda: true(service, world))
            world.btc.mine(7)
            await until(lambda: true(service, world))
        async with watching(world, tmp_path, addresses, agree) as service:
            assert await until(lambda: true(service, world))


@both_orders
@scene
async def test_an_address_that_is_watched_later_disowns_gifts(
    addresses: Sequence[str], tmp_path: Path
) -> None:
    """What looked like a gift while only one address was watched is own once the sender's address
    is watched too."""
    async with World(2) as world:
        moves(world)
        world.btc.mine(8)
        async with watching(world, tmp_path, [OTHER_ADDRESS]) as service:
            await until(lambda: service.trackers and service.trackers[0].standings)
        async with watching(world, tmp_path, addresses) as service:
            await until(lambda: true(service, world))


@scene
async def test_a_restart_asks_for_nothing_it_knows(tmp_path: Path) -> None:
    """After a restart no transaction is read again, be it final, in a block or unconfirmed; a new
    one is read once."""
    async with World(3) as world:
        for _ in range(5):
            world.btc.pay(BTC_SCRIPT, 5_000)
        world.btc.mine(8)
        for _ in range(3):
            world.btc.pay(BTC_SCRIPT, 6_000)
        world.btc.mine()
        world.btc.pay(BTC_SCRIPT, 7_000)
        async with service_on(world, tmp_path, only=("btc",), agree=2) as service:
            await until(lambda: agrees(service, world))
        for server in world.btc_servers:
            server.requests.clear()
        async with service_on(world, tmp_path, only=("btc",), agree=2) as service:
            await until(lambda: answered(service) == [True, True])
            assert [server.requests[GET] for server in world.btc_servers] == [0, 0]
            world.btc.pay(BTC_SCRIPT, 8_000)
            await until(lambda: agrees(service, world))
        assert 1 <= sum(server.requests[GET] for server in world.btc_servers) <= 2


def long_history(world: World, gifts: int) -> None:
    """So many gifts, a hundred in a block."""
    for _ in range(gifts // 100):
        for _ in range(100):
            world.btc.pay(BTC_SCRIPT, 1_000)
        world.btc.mine()


@scene
async def test_a_long_history_is_read_once(tmp_path: Path) -> None:
    """3,500 gifts come in portions; two operators that must agree read each transaction once,
    between them."""
    async with World(4) as world:
        long_history(world, 3_500)
        world.btc.mine(6)
        read: Counter[str] = Counter()
        async with service_on(world, tmp_path, only=("btc",), agree=2, proofs=False) as service:
            await until(lambda: agrees(service, world), seconds=40)
            read.update({s.url: s.requests[GET] for s in world.btc_servers})
        assert sum(read.values()) == 3_500
        async with service_on(world, tmp_path, only=("btc",), agree=2, proofs=False) as service:
            assert received(service, "btc") == 3_500_000


@scene
async def test_a_long_history_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first reading that is stopped in the middle shows no total, and the next start reads what
    is left, not what it has."""
    monkeypatch.setattr("donations.sources.electrum.PORTION", base.PORTION // 5)
    async with World(5) as world:
        long_history(world, 2_000)
        world.btc.mine(6)
        key = Key("btc", BTC_ADDRESS, "BTC")

        def partly() -> bool:
            standing = service.trackers[0].standings.get(key) if service.trackers else None
            assert standing is None or not standing.complete, "too quick to be interrupted"
            return standing is not None and standing.tip.height > 0

        async with service_on(world, tmp_path, only=("btc",), agree=2, proofs=False) as service:
            await until(partly)
            assert received(service, "btc") is None, "a part of a total is no total"
        first = sum(server.requests[GET] for server in world.btc_servers)
        async with service_on(world, tmp_path, only=("btc",), agree=2, proofs=False) as service:
            await until(lambda: agrees(service, world), seconds=40)
        both = sum(server.requests[GET] for server in world.btc_servers)
        assert first < 2_000
        # What was read ahead, or read and not yet saved, when it was stopped is read again.
        assert both <= 2_000 + 3 * base.PORTION // 5


@scene
async def test_an_operator_that_joins_later_reads_nothing_again(tmp_path: Path) -> None:
    """A new operator's history is held against what is recorded, without a transaction read."""
    async with World(6, operators=3) as world:
        for _ in range(30):
            world.btc.pay(BTC_SCRIPT, 5_000)
        world.btc.mine(8)
        third = world.btc_servers[2]
        await third.stop()
        async with service_on(world, tmp_path, only=("btc",), agree=2) as service:
            await until(lambda: agrees(service, world))
            await third.start()
            await until(lambda: answered(service) == [True, True, True])
            assert third.requests[GET] == 0
            await asyncio.sleep(0)
            assert agrees(service, world)
