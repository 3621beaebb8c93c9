"""Payments from inside contract calls get the names of their transactions, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.app import running
from donations.attribution import attribute
from donations.chains.base import Explorer
from donations.demo.etherscan import EtherscanServer
from donations.demo.story import ETH_ADDRESS
from donations.demo.world import World
from donations.ledger import Block, Key, Kind, State, Transfer
from donations.sources.etherscan_answers import Inside
from tests.running import config_on, received, scene, until

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
