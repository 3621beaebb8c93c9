"""All servers of a coin lie together, and the service believes in no block that nobody paid for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.app import Service, running
from donations.chains import CHAINS
from donations.demo.electrum import ElectrumServer
from donations.demo.world import World
from donations.ledger import Bucket
from tests.running import SCRIPTS, config_on, scene, until

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config

GIFT = 123_456_789
LOOKS = 4


def on_the_main_network(config: Config, chain: str) -> Config:
    """The same, believing in the blocks that the release ships for the main network."""
    ground = CHAINS[chain].networks["mainnet"].ground
    settings = config.chains[chain]
    network = replace(settings.network, ground=ground)
    return replace(config, chains={chain: replace(settings, network=network)})


async def sums(service: Service) -> dict[Bucket, int]:
    """What the store holds, by bucket; nothing that is zero."""
    found: dict[Bucket, int] = {}
    for (_, _, bucket), total in (await service.store.run(service.store.months)).items():
        if total.units:
            found[bucket] = found.get(bucket, 0) + total.units
    return found


async def standing(service: Service, bucket: Bucket) -> bool:
    """Whether the gift is the whole of one sum, and nothing is in another."""
    return await sums(service) == {bucket: GIFT}


def convicted(service: Service) -> bool:
    """Whether no operator is heard any more."""
    return bool(service.trackers) and all(
        tracker.quarantine.holds(operator.name)
        for tracker in service.trackers
        for operator in tracker.operators
    )


def asked(world: World, chain: str) -> bool:
    """Whether all servers of the chain were asked for headers since this was last asked."""
    servers = [server for server in world.servers[chain] if isinstance(server, ElectrumServer)]
    method = "blockchain.block.headers"
    done = all(server.requests[method] for server in servers)
    if done:
        for server in servers:
            server.requests.clear()
    return done


@pytest.mark.parametrize("chain", ["btc", "bch"])
@scene
async def test_a_gift_in_blocks_that_nobody_paid_for_stays_pending(
    chain: str, tmp_path: Path
) -> None:
    """Both operators agree on a chain that was mined on a laptop, with a gift deep in it.

    It is told as pending, and confirmed by nobody, however often they say so and how deep it gets.
    """
    async with World(1) as world:
        over = {"btc": world.btc, "bch": world.bch}[chain]
        over.pay(SCRIPTS[chain], GIFT)
        over.mine(12)
        config = on_the_main_network(config_on(world, tmp_path, only=(chain,)), chain)
        async with running(config) as (service, _):
            await until(lambda: standing(service, Bucket.PENDING))
            for _ in range(LOOKS):
                over.mine(3)
                await until(lambda: asked(world, chain))
                assert await sums(service) == {Bucket.PENDING: GIFT}


@pytest.mark.parametrize("chain", ["btc", "bch"])
@scene
async def test_a_chain_beside_a_shipped_block_convicts_who_tells_it(
    chain: str, tmp_path: Path
) -> None:
    """Long enough to be held against a shipped block, the same chain is a lie of both operators."""
    async with World(1) as world:
        over = {"btc": world.btc, "bch": world.bch}[chain]
        over.pay(SCRIPTS[chain], GIFT)
        over.mine(2_100)
        config = on_the_main_network(config_on(world, tmp_path, only=(chain,)), chain)
        async with running(config) as (service, _):
            await until(lambda: convicted(service))
            assert not (await sums(service)).keys() - {Bucket.PENDING}


@pytest.mark.parametrize("chain", ["btc", "bch"])
@scene
async def test_the_same_gift_counts_where_such_blocks_are_the_rule(
    chain: str, tmp_path: Path
) -> None:
    """On a private network, whose blocks cost nothing, the same story ends with a final gift."""
    async with World(1) as world:
        over = {"btc": world.btc, "bch": world.bch}[chain]
        over.pay(SCRIPTS[chain], GIFT)
        over.mine(12)
        async with running(config_on(world, tmp_path, only=(chain,))) as (service, _):
            await until(lambda: standing(service, Bucket.FINAL))
