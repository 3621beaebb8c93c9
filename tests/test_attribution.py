"""Payments from inside contract calls get the names of their transactions, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from donations.app import running
from donations.attribution import attribute
from donations.chains.base import Explorer
from donations.demo.etherscan import EtherscanServer
from donations.demo.story import ETH_ADDRESS
from donations.demo.world import World
from donations.doctor.examine import examine
from donations.ledger import Block, Key, Kind, State, Transfer
from donations.sources.etherscan_answers import Inside
from tests.running import coin, config_on, received, scene, until

if TYPE_CHECKING:
    from pathlib import Path

    from donations.app import Service

MILLI = 10**15
SECRET = "HUNTER2HUNTER2"
OURS = "0x" + "11" * 20
KEY = Key("eth", OURS, "ETH")
BLOCK = Block(7, "0x" + "ab" * 32, 5)
HASHES = ["0x" + digit * 64 for digit in "123"]


def transfer(units: int) -> Transfer:
    name = f"{BLOCK.hash}:internal"
    return Transfer(
        key=KEY, id=name, kind=Kind.GIFT, state=State.FINAL, amount=units, block=BLOCK,
        consumes=frozenset(), brings=((name, units),), spends=(), coinbase=False, first_seen=5,
    )  # fmt: skip


def row(name: str, units: int, *, height: int = 7, to: str = OURS, of: str = "0xaa") -> Inside:
    return Inside(name, height, of, to, units)


def test_parts_that_add_up_are_names() -> None:
    """Two payments of one transaction are one part; those of other blocks and addresses none."""
    rows = [
        row(HASHES[0], 700), row(HASHES[0], 200), row(HASHES[1], 100),
        row(HASHES[2], 50, height=8), row(HASHES[2], 50, to="0x" + "22" * 20),
    ]  # fmt: skip
    assert attribute(transfer(1_000), rows) == (
        (HASHES[0], 900),
        (HASHES[1], 100),
    )


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(HASHES[0], 999)],
        [row(HASHES[0], 1_001)],
        [row(HASHES[0], 1_000), row(HASHES[1], 1)],
        [row(HASHES[0], 1_000, height=8)],
        [row(HASHES[0], 1_500), row(HASHES[1], 500, to="0xbb", of=OURS)],
    ],
)
def test_parts_that_do_not_add_up_are_none(rows: list[Inside]) -> None:
    """Whatever an explorer lists, an amount that is not the transfer's names nothing."""
    assert attribute(transfer(1_000), rows) is None


async def names(service: Service, world: World) -> list[tuple[tuple[str, int], ...]]:
    """What is known of the payments from inside, once more asked for."""
    for naming in service.attributions:
        naming.due.set()
    key, ids = Key("eth", ETH_ADDRESS, "ETH"), [f"{each.hash}:internal" for each in world.eth.best]
    found = await service.store.run(service.store.attributions, key, ids)
    return list(found.values())


def listed(service: Service) -> list[list[str]]:
    """The transactions under each transfer that /ledger shows."""
    pages = service.listers[0].listing.pages
    return [entry["transactions"] for page in pages for entry in json.loads(page.facts)["entries"]]


@pytest.mark.parametrize("kind", ["etherscan", "blockscout"])
@scene
async def test_the_service_learns_the_names(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What came from inside has its transactions once it is final; the total never moved, no event
    came, a restart asks no more, and the key is in no log."""
    async with World(1, final_lag=2) as world:
        explorer = EtherscanServer(world.eth, SECRET, blockscout=kind == "blockscout")
        async with explorer:
            config = config_on(world, tmp_path, only=("eth",))
            eth = replace(config.chains["eth"], explorer=Explorer(kind, explorer.url, SECRET))
            config = replace(config, chains={"eth": eth})
            async with running(config) as (service, _):
                await until(lambda: received(service, "eth") == 0)
                first = world.eth.pay_inside(ETH_ADDRESS, 7 * MILLI, 3 * MILLI)
                world.eth.mine()
                await until(lambda: received(service, "eth") == 10 * MILLI)
                assert await names(service, world) == []
                world.eth.mine(4)

                async def named() -> list[tuple[tuple[str, int], ...]]:
                    return await names(service, world)

                ((part,),) = await until(named)
                assert part == (first, 10 * MILLI)
                await until(lambda: listed(service) == [[first]])
                assert received(service, "eth") == 10 * MILLI
            asked = explorer.requests["api"]
            async with running(config) as (service, _):
                await until(lambda: received(service, "eth") == 10 * MILLI)
                assert len(await names(service, world)) == 1
                await until(lambda: listed(service) == [[first]])
                assert explorer.requests["api"] == asked
    assert SECRET not in caplog.text


@pytest.mark.parametrize("complete", [True, False])
@scene
async def test_an_explorer_that_is_configured_later_fills_in_the_past(
    complete: bool, tmp_path: Path
) -> None:
    """The opening entry of a database that was made without one gives way to the gifts it stood
    for, once for good and without news; a list that does not add up changes nothing. What was sent
    since the watch began does not disturb it."""
    async with World(3, final_lag=2) as world, EtherscanServer(world.eth, SECRET) as explorer:
        gift = world.eth.pay(ETH_ADDRESS, 5 * MILLI)
        world.eth.mine()
        world.eth.pay_inside(ETH_ADDRESS, 700 * MILLI)
        world.eth.mine()
        world.eth.send(ETH_ADDRESS, MILLI)
        world.eth.mine(40)
        for server in world.eth_servers:
            server.view.states = 20
        opening = world.eth.balance(ETH_ADDRESS)
        config = config_on(world, tmp_path, only=("eth",))
        async with running(config) as (service, _):
            await until(lambda: coin(service, "eth").opening == opening)
            assert received(service, "eth") == 0
            world.eth.pay(ETH_ADDRESS, 30 * MILLI)
            world.eth.send(ETH_ADDRESS, MILLI)
            world.eth.mine(4)
            await until(lambda: received(service, "eth") == 30 * MILLI)
            for _ in range(2):  # what was sent lies behind the point that the watch goes on from
                world.eth.mine(3)
                await until(lambda: stands(service, world))
        if not complete:
            explorer.hidden.add(gift)
        own = Explorer("etherscan", explorer.url, SECRET)
        eth = replace(config.chains["eth"], explorer=own)
        config = replace(config, chains={"eth": eth})
        before = told(tmp_path)
        for _ in range(2):
            async with running(config) as (service, _):
                known, left = (735 * MILLI, 0) if complete else (30 * MILLI, opening)
                await until(lambda: received(service, "eth") == known)  # noqa: B023
                assert coin(service, "eth").opening == left
                world.eth.mine(3)
                await until(lambda: stands(service, world))
                assert received(service, "eth") == known
                rows = await shown(service)
                kinds = sorted(row["kind"] for row in rows)
                assert kinds == (
                    ["gift"] * 3 + ["own"] * 2 if complete else ["gift", "opening", "own"]
                )
                assert (gift in {row["id"] for row in rows}) == complete
        new = told(tmp_path)[len(before) :]
        assert new == ([("opening", "replaced")] if complete else [])
        assert examine(config).ok


def stands(service: Service, world: World) -> bool:
    standings = [s for tracker in service.trackers for s in tracker.standings.values()]
    return {standing.tip.hash for standing in standings} == {world.eth.tip.hash}


async def shown(service: Service) -> list[dict[str, Any]]:
    """What /ledger lists."""
    pages = (await service.listers[0].renew()).pages
    return [entry for page in pages for entry in json.loads(page.facts)["entries"]]


def told(folder: Path) -> list[tuple[str, str]]:
    """(id, news) of all that was noted as news."""
    (database,) = folder.glob("*.sqlite3")
    with closing(sqlite3.connect(database)) as raw:
        return raw.execute("SELECT id, news FROM changes ORDER BY sequence").fetchall()


@pytest.mark.parametrize("complete", [True, False])
@scene
async def test_a_watch_that_begins_late_knows_the_past(complete: bool, tmp_path: Path) -> None:
    """Where no endpoint keeps old states, an explorer's list that adds up makes gifts of what
    would be an opening entry, for all operators alike; one that does not changes nothing."""
    async with World(2, final_lag=2) as world:
        explorer = EtherscanServer(world.eth, SECRET)
        async with explorer:
            gift = world.eth.pay(ETH_ADDRESS, 5_000)
            world.eth.mine()
            world.eth.pay_inside(ETH_ADDRESS, 700)
            world.eth.mine(40)
            for server in world.eth_servers:
                server.view.states = 20
            if not complete:
                explorer.hidden.add(gift)
            config = config_on(world, tmp_path, only=("eth",))
            kept = Explorer("etherscan", explorer.url, SECRET)
            eth = replace(config.chains["eth"], explorer=kept)
            async with running(replace(config, chains={"eth": eth})) as (service, _):
                known = 5_700 if complete else 0
                await until(lambda: received(service, "eth") == known)
                world.eth.pay(ETH_ADDRESS, 30)
                world.eth.mine()
                await until(lambda: received(service, "eth") == known + 30)
            async with running(config) as (service, _):
                await until(lambda: received(service, "eth") == known + 30)
