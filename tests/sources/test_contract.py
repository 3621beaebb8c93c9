"""The contract of every source: an observation is the whole truth about a key, or there is none."""

from __future__ import annotations

import logging
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from donations.chains.base import Network
from donations.errors import UpstreamError, UpstreamUnavailable
from donations.sources.base import Ask
from tests.running import scene, until
from tests.sources.kinds import FINAL_LAG, FLAVOURS, Past, look, open_kind, transfers

if TYPE_CHECKING:
    from pathlib import Path

    from donations.ledger import Observation
    from donations.sources.base import Source
    from tests.sources.kinds import AnyKind

logger = logging.getLogger(__name__)
KINDS = list(FLAVOURS)
every_kind = pytest.mark.parametrize("name", KINDS)
STEPS = 40


async def up_to_date(source: Source, past: Past, asks: list[Ask]) -> list[Observation]:
    """One look. Fails for anything that was never true; nothing, as long as it is old news."""
    try:
        observations = await look(source, *asks)
    except UpstreamUnavailable:
        return []  # what the server told before the step is gone, and it has not said so yet
    for ask, observation in zip(asks, observations, strict=True):
        assert observation.since <= ask.since
    return observations if not [o for o in observations if not past.check(o)] else []


@every_kind
@pytest.mark.parametrize("seed", range(3))
@scene
async def test_a_random_life_is_told_as_it_was(name: str, seed: int, tmp_path: Path) -> None:
    """After each step of any life, observed from a cursor or from the start, by an old source or
    by a new one, an observation is what the oracle reads off the blocks."""
    async with open_kind(name, tmp_path, seed) as (kind, source):
        used = source
        past, asks = Past(kind), [Ask(key, 0) for key in kind.keys]
        for step in range(STEPS):
            happened = kind.life.step()
            logger.warning("%s, seed %s, step %s: %s", name, seed, step, happened)
            past.note()
            used = kind.source() if step % 12 == 7 else used
            observations = await until(partial(up_to_date, used, past, asks))
            for observation in observations:
                kind.memory.record(observation)
            asks = [
                Ask(o.key, max(0, o.final_height + 1), checkpoint=o.checkpoint)
                for o in observations
            ]


@every_kind
@pytest.mark.parametrize("seed", range(3))
@scene
async def test_changes_in_the_middle_of_a_look_are_never_half_told(
    name: str, seed: int, tmp_path: Path
) -> None:
    """When the world moves between two requests of a look, the look tells one of the moments or
    fails; it never mixes them."""
    dice = random.Random(seed)
    async with open_kind(name, tmp_path, seed) as (kind, source):
        past, asks = Past(kind), [Ask(key, 0) for key in kind.keys]
        past.note()

        left = 0

        def move(_method: str) -> None:
            nonlocal left
            if left and dice.random() < 0.2:
                left = 0
                kind.life.step()
                past.note()

        looked = 0
        for _ in range(40):
            kind.life.step()
            past.note()
            left = 1
            kind.server.before = move
            try:
                observations = await look(source, *asks)
            except UpstreamError:
                continue
            finally:
                kind.server.before = None
            looked += 1
            for observation in observations:
                past.check(observation)
                kind.memory.record(observation)
        assert looked > 10
        await until(partial(up_to_date, source, past, asks))


async def at_tip(source: Source, kind: AnyKind, ask: Ask) -> list[Observation]:
    """One look; nothing, as long as the server has not told the present tip."""
    observations = await look(source, ask)
    return [o for o in observations if (o.tip.height, o.tip.hash) == kind.tip]


@every_kind
@scene
async def test_what_took_a_gifts_place_is_reported(name: str, tmp_path: Path) -> None:
    """A gift that is gone because its giver used the same money elsewhere comes with its rival:
    something that is not ours and consumes the same."""
    async with open_kind(name, tmp_path) as (kind, source):
        key = kind.keys[0]
        identity = kind.pay(key, 5_000)
        if name == "Ethereum":
            kind.confirm()
        (observation,) = await look(source, Ask(key, 0))
        (gift,) = transfers(observation)
        assert (gift.id, gift.amount) == (identity, 5_000)
        kind.double_spend(identity)

        async def rival() -> set[str]:
            (now,) = await look(source, Ask(key, 0, unsettled=(gift,)))
            if any(transaction.id == identity for transaction in now.transactions):
                return set()
            (rival,) = now.transactions
            assert not rival.ours
            return set(gift.consumes & rival.consumes)

        assert await until(rival)


@every_kind
@scene
async def test_a_new_source_goes_on_from_a_cursor(name: str, tmp_path: Path) -> None:
    """After a restart everything from the cursor up is told, and nothing is read below it."""
    async with open_kind(name, tmp_path) as (kind, source):
        (key,) = kind.keys[:1]
        for units in range(1_000, 1_010):
            kind.pay(key, units)
            kind.confirm()
        await look(source, Ask(key, 0))
        for _ in range(FINAL_LAG + 4):
            kind.confirm()
        (before,) = await until(partial(at_tip, source, kind, Ask(key, 0)))
        assert len(before.transactions) == 10
        last = kind.pay(key, 7_777)
        kind.confirm()
        kind.server.requests.clear()
        ask = Ask(key, before.final_height + 1, checkpoint=before.checkpoint)
        (after,) = await look(kind.source(), ask)
        assert after.since <= ask.since
        assert [t.id for t in after.transactions if t.block and t.block.height >= ask.since] == [
            last
        ]
        asked = kind.server.requests
        assert asked["blockchain.transaction.get"] <= 1
        assert asked["eth_getBlockReceipts"] <= 1


@every_kind
@scene
async def test_another_network_is_refused(name: str, tmp_path: Path) -> None:
    """A server of another network tells nothing, whatever it says of itself."""
    async with open_kind(name, tmp_path) as (kind, _):
        kind.pay(kind.keys[0], 5_000)
        other = (
            Network("mainnet", chain_id=137)
            if name == "Ethereum"
            else Network("mainnet", genesis=kind.chain.genesis_hash, landmark=(1, "ab" * 32))
        )
        source = kind.source(other)
        with pytest.raises(UpstreamError, match="another network"):
            await look(source, Ask(kind.keys[0], 0))
        with pytest.raises(UpstreamError, match="another network"):
            await source.probe()


@every_kind
@scene
async def test_a_probe_tells_the_tip(name: str, tmp_path: Path) -> None:
    """A probe names software, protocol, the tip and what is final."""
    async with open_kind(name, tmp_path) as (kind, source):
        probe = await source.probe()
        assert (probe.tip.height, probe.tip.hash) == kind.tip
        assert probe.final_height == probe.tip.height - FINAL_LAG
        assert probe.software
        assert probe.protocol
        assert probe.reaches_genesis


@every_kind
@scene
async def test_a_closed_source_can_be_used_again(name: str, tmp_path: Path) -> None:
    """Closing drops the connection, not the ability to make another."""
    async with open_kind(name, tmp_path) as (kind, source):
        key = kind.keys[0]
        await look(source, Ask(key, 0))
        await source.close()
        identity = kind.pay(key, 5_000)
        kind.confirm()
        (observation,) = await look(source, Ask(key, 0))
        assert [t.id for t in observation.transactions] == [identity]


@every_kind
@scene
async def test_a_server_that_comes_back_is_used_again(name: str, tmp_path: Path) -> None:
    """While the server is away every look fails; afterwards they tell what happened meanwhile."""
    async with open_kind(name, tmp_path) as (kind, source):
        key = kind.keys[0]
        await look(source, Ask(key, 0))
        await kind.server.stop()

        async def fails() -> bool:
            try:
                await look(source, Ask(key, 0))
            except UpstreamUnavailable:
                return True
            return False

        await until(fails)
        identity = kind.pay(key, 5_000)
        kind.confirm()
        await kind.server.start()
        (observation,) = await look(source, Ask(key, 0))
        assert [t.id for t in observation.transactions] == [identity]
