"""Final Ethereum gifts of the whole service are proven once, in the background."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from donations.bundle.form import read
from donations.bundle.verify import verify
from donations.chains.base import Token
from donations.demo import faults
from donations.demo.story import ETH_ADDRESS
from donations.demo.world import World
from donations.doctor.examine import examine
from donations.ethereum_levels import EthereumLevels
from donations.ledger import Key, Kind, Level, State, Transfer
from donations.proof.ethereum_evidence import check_evidence, check_together
from donations.showing import Showcase, print_bundle
from donations.sources.ethereum_prover import claim_of
from tests.running import scene, service_on, until

if TYPE_CHECKING:
    from pathlib import Path

    from donations.app import Service
    from donations.config import Config

TOKEN = Token("USDX", "0x2222222222222222222222222222222222222222", 6)
ETH = Key("eth", ETH_ADDRESS, "ETH")
USDX = Key("eth", ETH_ADDRESS, TOKEN.symbol)
LAG = 4
PROOFS = ("eth_getProof", "eth_getBlockByHash")


DAMAGES = (
    ("DELETE FROM ethereum_proofs WHERE asset = 'USDX'", "without a proof"),
    ("UPDATE transfers SET amount = amount + 1", "proofs that do not hold"),
    ("UPDATE ethereum_proofs SET evidence = replace(evidence, '0xf9', '0xf8')", "do not hold"),
    ("UPDATE ethereum_proofs SET evidence = '{'", "proofs that do not hold"),
)


def told_of(config: Config) -> list[str]:
    """What the doctor says of the proofs that are kept."""
    return [f.text for f in examine(config).findings if f.subject == "proofs"]


async def gifts(service: Service) -> list[Transfer]:
    """What the store holds as gifts, from the first block on."""
    store = service.store
    found = [t for key in (ETH, USDX) for t in await store.run(store.final_above, key, 0)]
    return [transfer for transfer in found if transfer.kind is Kind.GIFT]


async def proven(service: Service, count: int) -> list[Transfer]:
    """Wait until so many gifts are final and proven."""

    async def all_of_them() -> list[Transfer] | None:
        found = await gifts(service)
        done = [t for t in found if t.level is Level.PROVEN]
        return found if len(found) == len(done) == count else None

    found: list[Transfer] = await until(all_of_them, seconds=40)
    return found


def asked(world: World) -> int:
    """Requests so far that only a proof needs."""
    return sum(server.requests[method] for server in world.eth_servers for method in PROOFS)


def give(world: World) -> None:
    """A payment, income from two calls in one block, and a token; all of it final."""
    chain = world.eth
    chain.pay(ETH_ADDRESS, 5 * 10**15)
    chain.pay_inside(ETH_ADDRESS, 7 * 10**15)
    chain.pay_inside(ETH_ADDRESS, 11 * 10**15)
    chain.token(TOKEN.contract, ETH_ADDRESS, 13)
    chain.mine()
    chain.mine(LAG)


@pytest.mark.parametrize("amsterdam", [False, True])
@scene
async def test_final_gifts_are_proven_and_what_proves_them_is_kept(
    amsterdam: bool, tmp_path: Path
) -> None:
    """Each kind of gift is proven once it is final; its evidence is kept and checks by itself.

    With logs of ether (EIP-7708) the transactions of income from inside are known: rows under it,
    no gifts beside it. Afterwards nothing that only a proof needs is asked again.
    """
    async with World(1, final_lag=LAG) as world:
        world.eth.amsterdam = amsterdam
        async with service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service:
            await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
            give(world)
            found = await proven(service, 3)
            ours = {t.id: t for t in found}
            assert sorted(t.amount for t in found) == [13, 5 * 10**15, 18 * 10**15]
            store = service.store
            pairs = []
            for key in (ETH, USDX):
                kept = await store.run(store.ethereum_proofs, key, list(ours))
                for proof in kept.values():
                    claim = claim_of(ours[proof.id], "ETH", {TOKEN.symbol: TOKEN.contract})
                    assert claim is not None
                    assert proof.block == ours[proof.id].block
                    assert check_evidence(proof.evidence, claim).hash == proof.block.hash
                    names = {o.name for o in service.trackers[0].operators}
                    assert proof.evidence.operators == names
                    told = amsterdam and proof.id.endswith(":internal")
                    units = sorted(units for _, units in proof.inside)
                    assert units == ([7 * 10**15, 11 * 10**15] if told else [])
                    assert all(txid in world.eth.transactions for txid, _ in proof.inside)
                    pairs.append((proof.evidence, claim))
            assert len(pairs) == 3
            check_together(pairs)
            shown = [
                entry["transactions"]
                for page in (await service.listers[0].renew()).pages
                for entry in json.loads(page.facts)["entries"]
            ]
            assert sorted(map(len, shown)) == ([0, 0, 2] if amsterdam else [0, 0, 0])
            before = asked(world)
            height = world.eth.mine(3)[-1].number
            await until(lambda: service.trackers[0].standings[ETH].tip.height == height)
            assert asked(world) == before
            assert {t.level for t in await gifts(service)} == {Level.PROVEN}
            for text, amount in (
                *((t.id, t.amount) for t in found),
                (ETH_ADDRESS, 23 * 10**15),
            ):
                bundle = await asyncio.to_thread(print_bundle, service.config, text)
                checked = verify(bundle, now=int(time.time()), test_networks=True)
                assert checked.bundle.units == amount
            served = Showcase(service.config)
            for t in found:
                bundle = await served.bundle("eth", ETH_ADDRESS, t.id)
                assert read(bundle).units == t.amount
            served.close()
        assert told_of(service.config) == ["3 hold, under 0 headers"]
        for statement, law in DAMAGES:
            copy = tmp_path / "copy.sqlite3"
            shutil.copy(service.config.database, copy)
            with closing(sqlite3.connect(copy)) as connection, connection:
                connection.execute(statement)
            (line,) = told_of(replace(service.config, database=copy))
            assert law in line, statement


@scene
async def test_what_was_left_open_is_proven_after_a_restart(tmp_path: Path) -> None:
    """Gifts that could not be proven count all the same, and are proven by a later run."""
    async with World(2, final_lag=LAG) as world:
        for server in world.eth_servers:
            server.fault = faults.rpc_error(-32005, "not now", "eth_getBlockByHash")
        async with service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service:
            await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
            give(world)

            async def all_final() -> bool:
                return len(await gifts(service)) == 3

            await until(all_final, seconds=40)
            await until(lambda: any(s.fault and s.fault.struck for s in world.eth_servers))
            assert {t.level for t in await gifts(service)} == {Level.AGREED}
            assert {t.state for t in await gifts(service)} == {State.FINAL}
        for server in world.eth_servers:
            server.fault = None
        async with service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service:
            await proven(service, 3)


@scene
async def test_one_operator_proves_nothing(tmp_path: Path) -> None:
    """With a single source its word is agreed on, and never called proven."""
    async with (
        World(3, operators=1, final_lag=LAG) as world,
        service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service,
    ):
        await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
        give(world)

        async def all_final() -> bool:
            return len(await gifts(service)) == 3

        await until(all_final, seconds=40)
        height = world.eth.mine(2)[-1].number
        await until(lambda: service.trackers[0].standings[ETH].tip.height == height)
        assert {t.level for t in await gifts(service)} == {Level.AGREED}
        assert asked(world) == 0


@scene
async def test_endpoints_without_proofs_leave_what_needs_them_agreed(tmp_path: Path) -> None:
    """Where nobody has eth_getProof, payments and tokens are proven; the rest is left alone."""
    async with World(4, final_lag=LAG) as world:
        for server in world.eth_servers:
            server.missing.add("eth_getProof")
        async with service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service:
            await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
            give(world)

            async def two() -> bool:
                found = await gifts(service)
                return sum(t.level is Level.PROVEN for t in found) == 2 and len(found) == 3

            await until(two, seconds=40)
            before = asked(world)
            height = world.eth.mine(3)[-1].number
            await until(lambda: service.trackers[0].standings[ETH].tip.height == height)
            assert asked(world) == before


@scene
async def test_an_operator_whose_proof_denies_its_word_is_out_of_the_vote(tmp_path: Path) -> None:
    """A balance beside a proof of another one convicts; what is true is proven all the same."""
    async with World(5, operators=3, final_lag=LAG) as world:
        right = world.eth_servers[0].call

        def lie(method: str, params: list[Any]) -> Any:
            answer = right(method, params)
            if method == "eth_getProof":
                return answer | {"balance": hex(int(answer["balance"], 16) + 1)}
            return answer

        world.eth_servers[0].call = lie
        async with service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service:
            await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
            give(world)
            await proven(service, 3)
            (tracker,) = service.trackers
            await until(lambda: tracker.quarantine.active)
            (conviction,) = tracker.quarantine.active
            assert conviction.operator == tracker.operators[0].name
            assert "denies its balance" in conviction.reason
            assert {t.level for t in await gifts(service)} == {Level.PROVEN}


@scene
async def test_what_cannot_be_proven_now_is_tried_later_and_later(tmp_path: Path) -> None:
    """After a minute, two, four: twice as long each time up to a day, and no try costs more than
    the first. What was proven is open no more."""
    async with (
        World(6, final_lag=LAG) as world,
        service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service,
    ):
        await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
        for server in world.eth_servers:
            server.fault = faults.rpc_error(-32000, "not now", "eth_getBlockByHash")
        give(world)

        async def all_final() -> bool:
            return len(await gifts(service)) == 3

        await until(all_final, seconds=40)
        now = 5_000_000.0
        levels = EthereumLevels(service.trackers[0], service.store, lambda: now)
        levels.note(await gifts(service))
        assert levels.rest == 0
        waits, costs = [], set()
        for _ in range(14):
            before = asked(world)
            assert await levels.prove_newest()
            costs.add(asked(world) - before)
            assert not await levels.prove_newest(), "nothing is due at once"
            waits.append(levels.rest)
            now += waits[-1] or 0
        assert len(costs) == 1
        assert waits == [60.0 * 2**n for n in range(11)] + [86_400.0] * 3
        for server in world.eth_servers:
            server.fault = None
        assert await levels.prove_newest()
        assert {t.level for t in await gifts(service)} == {Level.PROVEN}
        levels.note(await gifts(service))
        assert levels.rest is None


@scene
async def test_what_never_can_be_proven_is_asked_once(tmp_path: Path) -> None:
    """Where no endpoint has the method that would show it, a gift is tried once and never again,
    and stays agreed; the others of its block are proven."""
    async with (
        World(7, final_lag=LAG) as world,
        service_on(world, tmp_path, only=("eth",), tokens=(TOKEN,)) as service,
    ):
        await until(lambda: service.trackers and len(service.trackers[0].standings) == 2)
        for server in world.eth_servers:
            server.missing.add("eth_getProof")
        give(world)

        async def all_final() -> bool:
            return len(await gifts(service)) == 3

        await until(all_final, seconds=40)
        found = await gifts(service)
        levels = EthereumLevels(service.trackers[0], service.store)
        levels.note(replace(transfer, level=Level.AGREED) for transfer in found)
        assert await levels.prove_newest()
        (left,) = [t for t in await gifts(service) if t.level is not Level.PROVEN]
        assert left.id.endswith(":internal")
        levels.note(t for t in await gifts(service) if t.level is Level.PROVEN)
        assert levels.rest is None
