"""The whole service with explorers among its operators, in fair weather and in bad."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from donations.chains import CHAINS
from donations.demo import faults
from donations.demo.show import ADDRESSES
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT
from donations.demo.world import World
from tests.running import received, scene, service_on, totals, truth, until
from tests.sources.lives import UtxoLife

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from donations.app import Service
    from donations.demo.faults import Fault

EXPLORERS = {
    name: {CHAINS[name].parse(ADDRESSES[name], CHAINS[name].networks["mainnet"]): script}
    for name, script in (("btc", BTC_SCRIPT), ("bch", BCH_SCRIPT))
}
WATCHED = ("btc", "bch")
PATHS = (
    ("/blocks", "/block/best"),
    ("/address", "/address/balance"),
    ("/address/txs/mempool", "/address/transactions"),
)


def world_of(seed: int, operators: int = 1) -> World:
    """A chain's one Electrum server and its explorer, who have to agree."""
    return World(seed, operators=operators, explorers=EXPLORERS)


def give(world: World, units: int) -> None:
    world.btc.pay(BTC_SCRIPT, units)
    world.bch.pay(BCH_SCRIPT, units)


def mine(world: World) -> None:
    world.btc.mine()
    world.bch.mine()


def right(service: Service, world: World) -> bool:
    """Whether the totals are the truth, and both operators stand at the present tips."""
    tips = {world.btc.tip.hash, world.bch.tip.hash}
    found = {
        latest.tip.hash
        for tracker in service.trackers
        for key in tracker.standings
        for operator in tracker.operators
        if (latest := tracker._settling.agreements[key].latest(operator.name)) is not None
    }
    told = all(received(service, chain) == truth(world, chain) for chain in WATCHED)
    stand = {s.tip.hash for tracker in service.trackers for s in tracker.standings.values()}
    return told and found == stand == tips


@pytest.mark.parametrize("seed", range(1))
@scene
async def test_an_explorer_and_an_electrum_server_agree(seed: int, tmp_path: Path) -> None:
    """Through random lives, double spends and reorgs the two together tell the truth."""
    async with world_of(seed) as world, service_on(world, tmp_path, only=WATCHED) as service:
        dice = random.Random(seed)
        lives = [
            UtxoLife(world.btc, [BTC_SCRIPT], dice),
            UtxoLife(world.bch, [BCH_SCRIPT], dice),
        ]
        for _ in range(8):
            happened = [life.step({"coinbase", "back_to_old_branch"}) for life in lives]
            mine(world)
            await until(lambda: right(service, world), seconds=20, what=f"{seed}: {happened}")


@scene
async def test_an_unconfirmed_gift_waits_for_the_explorer(tmp_path: Path) -> None:
    """What Electrum pushes counts once the explorer, which is polled, has it too."""
    async with world_of(3) as world, service_on(world, tmp_path, only=WATCHED) as service:
        await until(lambda: right(service, world), seconds=20)
        give(world, 4_000)
        await until(lambda: received(service, "btc") == received(service, "bch") == 4_000)
        told = totals(service, "btc")
        assert told is not None
        assert (told.received, told.pending) == (0, 4_000)


@scene
async def test_an_explorer_that_lies_moves_nothing(tmp_path: Path) -> None:
    """One that invents, hides, lags or stands still, beside two Electrum servers, changes no
    number; when it is honest again all agree."""
    async with world_of(4, 2) as world, service_on(world, tmp_path, only=WATCHED) as service:
        give(world, 5_000)
        mine(world)
        await until(lambda: right(service, world), seconds=20)
        for chain, script in (("btc", BTC_SCRIPT), ("bch", BCH_SCRIPT)):
            view = world.explorers[chain].view
            view.invent(script, 10**8)
            view.invent(script, 10**8, height=view.height)
            view.hidden |= set(view.chain.transactions)
        for units in (1_000, 2_000):
            give(world, units)
            mine(world)
            await until(
                lambda: all(received(service, c) == truth(world, c) for c in WATCHED), seconds=20
            )
        for explorer in world.explorers.values():
            explorer.view.invented.clear()
            explorer.view.hidden.clear()
            explorer.view.freeze()
        give(world, 3_000)
        mine(world)
        await until(
            lambda: all(received(service, c) == truth(world, c) == 11_000 for c in WATCHED),
            seconds=20,
        )
        for explorer in world.explorers.values():
            explorer.view.thaw()
        give(world, 500)
        mine(world)
        await until(lambda: right(service, world), seconds=20)


def weather() -> list[tuple[Fault, Fault]]:
    """What befalls the Esplora and, at the same time, the Haskoin Store."""
    makers: list[Callable[..., Fault]] = [
        lambda *paths: faults.http_status(429, *paths, retry_after=1),
        faults.html,
        faults.close,
        lambda *paths: faults.truncate(30, *paths),
        lambda *paths: faults.rpc_error(400, "Too many history entries", *paths),
        lambda *paths: faults.answer([], *paths),
        lambda *paths: faults.answer({}, *paths),
    ]
    found = []
    for number, make in enumerate(makers):
        esplora, haskoin = PATHS[number % len(PATHS)]
        found.append((make(esplora), make(haskoin)))
    return found


@scene
async def test_bad_weather_at_an_explorer_is_survived(tmp_path: Path) -> None:
    """Under each fault the last number stands; when it is over the next polls tell everything."""
    async with world_of(5) as world, service_on(world, tmp_path, only=WATCHED) as service:
        give(world, 5_000)
        mine(world)
        await until(lambda: right(service, world), seconds=20)
        for pair in weather():
            before = [received(service, chain) for chain in WATCHED]
            for chain, fault in zip(WATCHED, pair, strict=True):
                world.explorers[chain].fault = fault
            give(world, 700)
            await until(lambda: all(fault.struck for fault in pair), what=str(pair))  # noqa: B023
            assert [received(service, chain) for chain in WATCHED] == before, pair
            for explorer in world.explorers.values():
                explorer.fault = None
            mine(world)
            await until(lambda: right(service, world), seconds=20, what=str(pair))
