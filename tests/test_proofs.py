"""Proofs through the whole service: what counts, what is asked for, and who is caught."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from donations.app import Service, running
from donations.check import check
from donations.demo.electrum_lies import ProofLie
from donations.demo.story import BTC_ADDRESS, BTC_SCRIPT
from donations.demo.world import World
from donations.ledger import Bucket, Key, Level, State
from donations.snapshot import Freshness
from donations.totals import lines, read_totals
from tests.running import agrees, coin, config_on, received, scene, service_on, until

if TYPE_CHECKING:
    from pathlib import Path

    from donations.ledger import Transfer

KEY = Key("btc", BTC_ADDRESS, "BTC")
ONLY: dict[str, Any] = {"only": ("btc",)}
IN_BLOCKS = (Bucket.CONFIRMED, Bucket.FINAL)


async def ledger(service: Service) -> dict[str, Transfer]:
    kept = await service.store.run(service.store.latest, KEY, 1_000)
    return {transfer.id: transfer for transfer in kept}


async def levels(service: Service) -> Counter[tuple[State, Level]]:
    return Counter((t.state, t.level) for t in (await ledger(service)).values())


async def at_levels(service: Service, expected: dict[tuple[State, Level], int]) -> bool:
    return await levels(service) == expected


def stands_at(service: Service, world: World) -> bool:
    """Whether the tracker's view is of the present tip."""
    standing = service.trackers[0].standings.get(KEY) if service.trackers else None
    return standing is not None and standing.tip.hash == world.btc.tip.hash


async def is_waiting(service: Service, units: int) -> bool:
    return (await service.store.run(service.store.waiting, KEY)).units == units


async def all_proven(service: Service) -> bool:
    found = (await ledger(service)).values()
    return bool(found) and all(t.level is Level.PROVEN for t in found if t.block is not None)


async def confirmed(service: Service) -> int:
    """Base units that stand in blocks."""
    months = await service.store.run(service.store.months)
    return sum(t.units for (_, _, bucket), t in months.items() if bucket in IN_BLOCKS)


async def convicted(service: Service) -> set[str]:
    return {each.operator for tracker in service.trackers for each in tracker.quarantine.active}


@scene
async def test_what_stands_in_blocks_is_proven(tmp_path: Path) -> None:
    """Old and new gifts are proven, the proofs are kept, and the headers up to the tip too."""
    async with World(1) as world:
        old = [world.btc.pay(BTC_SCRIPT, 5_000 + n) for n in range(3)]
        world.btc.mine(10)
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: agrees(service, world))
            new = world.btc.pay(BTC_SCRIPT, 9_000)
            await until(lambda: agrees(service, world))
            world.btc.mine()
            expected = {(State.FINAL, Level.PROVEN): 3, (State.CONFIRMED, Level.PROVEN): 1}
            await until(lambda: at_levels(service, expected))
            store = service.store
            proofs = await store.run(store.proofs, "btc", [*old, new])
            assert proofs.keys() == {*old, new}
            kept = await store.run(store.headers, "btc", 0, 10**6)
            assert kept[-1][0] == world.btc.height


@pytest.mark.parametrize("lie", [None, *ProofLie])
@scene
async def test_all_operators_together_invent_no_confirmed_gift(
    lie: ProofLie | None, tmp_path: Path
) -> None:
    """Whatever all servers show for an invented transaction, it never stands in a block, and what
    is true goes on to."""
    async with World(2) as world:
        real = world.btc.pay(BTC_SCRIPT, 5_000)
        world.btc.mine(2)
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: all_proven(service))
            for server in world.btc_servers:
                server.view.invent(BTC_SCRIPT, 10**9, world.btc.height)
                server.answers.proof_lie = lie
                server.catch_up()
            await until(lambda: told_or_caught(service))
            world.btc.mine(2)
            for _ in range(20):
                await asyncio.sleep(0.1)
                assert await confirmed(service) == 5_000
            assert (await ledger(service))[real].level is Level.PROVEN


async def told_or_caught(service: Service) -> bool:
    """Whether the invention was heard of: it pends, or who told it is out of the vote."""
    return len(await ledger(service)) == 2 or bool(await convicted(service))


@scene
async def test_one_honest_operator_outvotes_those_who_hide(tmp_path: Path) -> None:
    """Two of three deny a gift in a block: the third one's proof makes it count, in two polls."""
    async with World(3, operators=3) as world:
        world.btc.mine(2)
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: agrees(service, world))
            gift = world.btc.pay(BTC_SCRIPT, 7_000)
            for server in world.btc_servers[1:]:
                server.view.hidden.add(gift)
            world.btc.mine()
            await until(lambda: is_confirmed(service, 7_000))
            await until(lambda: agrees(service, world))


async def is_confirmed(service: Service, units: int) -> bool:
    return await confirmed(service) == units


@scene
async def test_a_reorg_takes_proofs_and_new_places_get_theirs(tmp_path: Path) -> None:
    """After a reorg, also one to a chain of the same height, gifts are proven in their new blocks;
    one that fell out of all blocks is proven no more."""
    async with World(4) as world:
        kept = world.btc.pay(BTC_SCRIPT, 5_000)
        fell = world.btc.pay(BTC_SCRIPT, 6_000)
        world.btc.mine(2)
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: all_proven(service))
            world.btc.reorg(2, blocks=2, keep=[kept])

            async def followed() -> bool:
                its = await ledger(service)
                moved, back = its[kept], its[fell]
                place = world.btc.location[kept]
                block = world.btc.best[place[0]].hash
                return (
                    moved.block is not None
                    and moved.block.hash == block
                    and moved.level is Level.PROVEN
                    and (back.state, back.level) == (State.SEEN, Level.AGREED)
                )

            await until(followed)
            world.btc.mine()
            await until(lambda: all_proven(service))
            await until(lambda: agrees(service, world))


@scene
async def test_sources_come_and_go_and_what_is_proven_stays(tmp_path: Path) -> None:
    """With another number of sources, even ones that deny it all, proven transfers are the same."""
    async with World(5, operators=3) as world:
        for n in range(4):
            world.btc.pay(BTC_SCRIPT, 5_000 + n)
            world.btc.mine()
        config = config_on(world, tmp_path, **ONLY)
        settings = config.chains["btc"]
        before: dict[str, Transfer] = {}
        for upstreams in (settings.upstreams[:2], settings.upstreams, settings.upstreams[1:]):
            chosen = {"btc": replace(settings, upstreams=upstreams)}
            async with running(replace(config, chains=chosen)) as (service, _):
                await until(lambda: all_proven(service))
                await until(lambda: agrees(service, world))
                found = await ledger(service)
                assert found == (before or found)
                before = found
            for txid in before:
                world.btc_servers[2].view.hidden.add(txid)


@scene
async def test_a_liar_is_out_of_the_vote_until_it_is_configured_anew(tmp_path: Path) -> None:
    """Who shows a proof that contradicts itself is named with the evidence, also after a restart;
    the coin is fresh without it, and other upstreams of the operator begin anew."""
    async with World(6, operators=3) as world:
        world.btc.pay(BTC_SCRIPT, 5_000)
        world.btc.mine(2)
        liar = world.btc_servers[0]
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: all_proven(service))
            fake = liar.view.invent(BTC_SCRIPT, 10**9, world.btc.height)
            liar.catch_up()
            await until(lambda: convicted(service))
            assert await convicted(service) == {"operator 0"}
            await until(lambda: agrees(service, world))
            assert coin(service, "btc").freshness is Freshness.FRESH
        config = config_on(world, tmp_path, **ONLY)
        (caught,) = read_totals(config)["out_of_the_vote"]
        assert caught["operator"] == "operator 0"
        assert any("out of the vote until" in line for line in lines(config, read_totals(config)))
        rows = await check(config)
        assert [row.reason for row in rows] == ["lie", None, None]
        liar.requests.clear()
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: service.trackers)
            await until(lambda: agrees(service, world))
            (conviction,) = await service.store.run(service.store.convictions)
            assert fake in conviction.evidence
            assert await convicted(service) == {"operator 0"}
            assert liar.requests.total() == 0
        liar.view.invented.clear()
        await liar.stop()
        liar.port = 0
        await liar.start()
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: liar.requests.total() > 0)
            assert await convicted(service) == set()


@scene
async def test_at_rest_nothing_is_asked_for(tmp_path: Path) -> None:
    """The header of a new block was pushed: it is taken into the chain and costs no request, nor
    does a restart; with proofs turned off no proof is read."""
    async with World(7) as world:
        world.btc.pay(BTC_SCRIPT, 5_000)
        world.btc.mine(8)
        proving = ("blockchain.block.headers", "blockchain.transaction.get_merkle")

        def asked() -> list[int]:
            return [sum(s.requests[method] for s in world.btc_servers) for method in proving]

        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: all_proven(service))
            before = asked()
            world.btc.mine()
            await until(lambda: stands_at(service, world))
            tip = world.btc.height
            await until(lambda: service.store.run(service.store.headers, "btc", tip, tip))
            assert asked() == before
        counts = []
        for proofs in (False, True):
            for server in world.btc_servers:
                server.requests.clear()
            async with service_on(world, tmp_path, proofs=proofs, **ONLY) as service:
                await until(lambda: service.trackers)
                (tracker,) = service.trackers
                await until(lambda: all(o.answered_at for o in tracker.operators))  # noqa: B023
                await asyncio.sleep(0.3)
                counts.append(asked())
        assert counts[0] == counts[1], "reading alone, and reading with proofs"
        for server in world.btc_servers:
            server.requests.clear()
        async with service_on(world, tmp_path / "other", proofs=False, **ONLY) as service:
            await until(lambda: agrees(service, world))
            assert await confirmed(service) == 5_000
            assert asked()[1] == 0
            assert await service.store.run(service.store.headers, "btc", 0, 10**6) == []


@scene
async def test_a_gift_shows_at_once_and_waits_calmly(tmp_path: Path) -> None:
    """While no server can prove anything, what is in blocks pends, the number is fresh, and it is
    confirmed as soon as one can."""
    async with World(8) as world, service_on(world, tmp_path, **ONLY) as service:
        await until(lambda: agrees(service, world))
        for server in world.btc_servers:
            server.answers.proof_lie = ProofLie.NONE
        world.btc.pay(BTC_SCRIPT, 5_000)
        await until(lambda: received(service, "btc") == 5_000, seconds=2)
        world.btc.mine()
        await until(lambda: stands_at(service, world))
        await until(lambda: is_waiting(service, 5_000))
        assert coin(service, "btc").freshness is Freshness.FRESH
        assert await levels(service) == {(State.SEEN, Level.AGREED): 1}
        world.btc_servers[1].answers.proof_lie = None
        await until(lambda: all_proven(service), seconds=20)
        assert await confirmed(service) == 5_000


@scene
async def test_what_waits_for_its_proof_goes_with_its_block(tmp_path: Path) -> None:
    """A gift in a deep block, not proven yet, does not outlive a reorg that takes it away."""
    async with World(8) as world:
        for server in world.btc_servers:
            server.answers.proof_lie = ProofLie.NONE
        gift = world.btc.pay(BTC_SCRIPT, 5_000)
        world.btc.mine(12)
        async with service_on(world, tmp_path, **ONLY) as service:
            await until(lambda: stands_at(service, world))
            world.btc.reorg(12, drop=[gift])

            async def gone() -> bool:
                (told,) = await service.store.run(service.store.transfers, KEY, [gift])
                return told.state is State.DROPPED

            await until(gone, seconds=20)
