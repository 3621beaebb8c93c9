"""The whole service on a simulated world, and a stranger's receiver that checks each signature."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from donations.announcements import Type
from donations.app import running
from donations.copies.restore import restore
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from tests.notify.receiver import receiving, shown, webhook
from tests.running import agrees, config_on, received, scene, truth, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from donations.app import Service
    from tests.notify.receiver import Receiver


@asynccontextmanager
async def told(
    world: World, folder: Path, *receivers: Receiver, proofs: bool = False
) -> AsyncIterator[Service]:
    """The service on Bitcoin alone, telling these receivers."""
    config = config_on(world, folder, only=("btc",), proofs=proofs)
    channels = [webhook(r.url, f"webhook {n}") for n, r in enumerate(receivers)]
    async with running(replace(config, notify=tuple(channels))) as (service, _):
        await until(lambda: received(service, "btc") is not None)
        yield service


@scene
async def test_a_gift_is_told_from_the_first_sight_to_the_end(tmp_path: Path) -> None:
    """Seen, confirmed and final come in this order, once, with amount and block."""
    async with World(1) as world, receiving() as receiver, told(world, tmp_path, receiver):
        payment = world.btc.pay(BTC_SCRIPT, 5_000_000)
        await until(lambda: receiver.types == ["gift.seen"])
        world.btc.mine()
        await until(lambda: receiver.types == ["gift.seen", "gift.confirmed"])
        for _ in range(5):
            world.btc.mine()
        await until(lambda: receiver.types == ["gift.seen", "gift.confirmed", "gift.final"])
        for event in receiver.once:
            data = event["data"]
            assert event["number"] == 1
            assert data["transaction"] == payment
            assert (data["units"], data["amount"]) == ("5000000", "0.05")
            assert "value" not in data, "a value that is not known is not told"
        assert "block" not in receiver.once[0]["data"]
        assert receiver.once[1]["data"]["block"]["height"] == world.btc.height - 5


@scene
async def test_the_past_is_told_to_nobody(tmp_path: Path) -> None:
    """A first start and a restart send nothing for what was there, with proofs and without."""
    for proofs in (False, True):
        folder = tmp_path / str(proofs)
        folder.mkdir()
        async with World(1) as world, receiving() as receiver:
            for _ in range(3):
                world.btc.pay(BTC_SCRIPT, 7_000_000)
                world.btc.mine()
            for _ in range(2):
                async with told(world, folder, receiver, proofs=proofs) as service:
                    await until(lambda: received(service, "btc") == truth(world, "btc"))
                    await until(lambda: service.store.unsettled("btc") is not None)
                    world.btc.pay(BTC_SCRIPT, 9_000_000)
                    await until(lambda: received(service, "btc") == truth(world, "btc"))
                    await until(lambda: receiver.got)
            assert set(receiver.types) == {"gift.seen"}
            assert {each["data"]["units"] for each in receiver.once} == {"9000000"}
            assert len(receiver.once) == 2


@scene
async def test_each_chain_is_told_of(tmp_path: Path) -> None:
    """With proofs, and on Ethereum, where nothing is seen before it stands in a block."""
    async with World(1) as world, receiving() as receiver:
        config = replace(config_on(world, tmp_path), notify=(webhook(receiver.url),))
        async with running(config) as (service, _):
            await until(lambda: agrees(service, world), seconds=60)
            world.btc.pay(BTC_SCRIPT, 5_000_000)
            world.bch.pay(BCH_SCRIPT, 6_000_000)
            world.eth.pay(ETH_ADDRESS, 7 * 10**17)
            await until(lambda: receiver.types.count("gift.seen") == 2, seconds=60)
            world.btc.mine()
            world.bch.mine()
            world.eth.mine()
            await until(lambda: receiver.types.count("gift.confirmed") == 3, seconds=60)
            world.btc.mine(9)
            world.bch.mine(9)
            world.eth.mine(100)
            await until(lambda: receiver.types.count("gift.final") == 3, seconds=60)
        told = {chain: [e["type"] for e in receiver.once if e["data"]["chain"] == chain]
                for chain in ("btc", "bch", "eth")}  # fmt: skip
        utxo = ["gift.seen", "gift.confirmed", "gift.final"]
        assert told == {"btc": utxo, "bch": utxo, "eth": utxo[1:]}
        assert {e["data"]["amount"] for e in receiver.once} == {"0.05", "0.06", "0.7"}


@scene
async def test_who_was_told_good_news_is_told_when_it_is_undone(tmp_path: Path) -> None:
    """A reorg corrects what was said of a block, and a rival what was said of the gift, to all."""
    async with World(1) as world, receiving() as everything, receiving() as little:
        config = config_on(world, tmp_path, only=("btc",), proofs=False)
        channels = (
            webhook(everything.url, "everything"),
            webhook(little.url, "little", events=frozenset({Type.CONFIRMED})),
        )
        async with running(replace(config, notify=channels)) as (service, _):
            await until(lambda: received(service, "btc") is not None)
            world.btc.pay(BTC_SCRIPT, 5_000_000)
            lost = world.btc.pay(BTC_SCRIPT, 6_000_000)
            world.btc.mine()
            await until(lambda: little.types.count("gift.confirmed") == 2)
            world.btc.reorg(1, conflict=[lost])
            await until(lambda: "gift.replaced" in little.types)
            world.btc.mine()
            await until(lambda: len(everything.types) == len(set(map(shown, everything.once))))
        gone = [e["data"] for e in little.once if e["type"] == "gift.replaced"]
        assert [data["transaction"] for data in gone] == [lost]
        assert "previous_block" in gone[0]
        stays = [e for e in little.once if e["data"]["units"] == "5000000"]
        assert stays[0]["type"] == "gift.confirmed"
        assert all(
            each["type"] == ("gift.reorged", "gift.confirmed")[number % 2]
            for number, each in enumerate(stays[1:])
        ), [shown(each) for each in stays]


@scene
async def test_no_dust_and_no_transfer_of_ones_own_is_told(tmp_path: Path) -> None:
    """Less than the dust of the chain, and what the author pays himself, is no news."""
    async with World(1) as world, receiving() as receiver, told(world, tmp_path, receiver) as told_:
        world.btc.pay(BTC_SCRIPT, 2_000_000)
        world.btc.mine()
        await until(lambda: "gift.confirmed" in receiver.types)
        world.btc.pay(BTC_SCRIPT, 999)
        world.btc.spend(BTC_SCRIPT, 500_000, BTC_SCRIPT)
        world.btc.mine()
        await until(lambda: received(told_, "btc") == truth(world, "btc"))
        world.btc.pay(BTC_SCRIPT, 1_000)
        await until(lambda: receiver.once[-1]["data"]["units"] == "1000")
        assert {each["data"]["units"] for each in receiver.once} == {"2000000", "1000"}


@scene
async def test_an_older_copy_tells_nothing_in_other_words(tmp_path: Path) -> None:
    """A database that was put back by hand tells what it sees again by the id that it had."""
    async with World(1) as world, receiving() as receiver:
        async with told(world, tmp_path, receiver) as service:
            path = service.config.database
            world.btc.pay(BTC_SCRIPT, 2_000_000)
            await until(lambda: receiver.types == ["gift.seen"])
        with closing(sqlite3.connect(path)) as present:
            present.execute("VACUUM INTO ?", (str(tmp_path / "copy"),))
        async with told(world, tmp_path, receiver) as service:
            world.btc.mine()
            await until(lambda: receiver.types[1:] == ["gift.confirmed"])
            world.btc.mine(5)
            await until(lambda: receiver.types[2:] == ["gift.final"])
        with (
            closing(sqlite3.connect(tmp_path / "copy")) as copy,
            closing(sqlite3.connect(path)) as present,
        ):
            copy.backup(present)
        async with told(world, tmp_path, receiver) as service:
            await until(lambda: len(receiver.got) == 4)
            world.btc.pay(BTC_SCRIPT, 4_000_000)
            await until(lambda: receiver.once[-1]["data"]["units"] == "4000000")
        assert receiver.types == ["gift.seen", "gift.confirmed", "gift.final", "gift.seen"]


@scene
async def test_an_older_backup_sends_nothing_of_what_was_sent(tmp_path: Path) -> None:
    """After a restore what happened in between is looked at in silence; what comes then is told."""
    async with World(1) as world, receiving() as receiver:
        async with told(world, tmp_path, receiver) as service:
            path = service.config.database
            world.btc.pay(BTC_SCRIPT, 2_000_000)
            await until(lambda: receiver.types == ["gift.seen"])
        with closing(sqlite3.connect(path)) as present:
            present.execute("VACUUM INTO ?", (str(tmp_path / "backup"),))
        async with told(world, tmp_path, receiver) as service:
            world.btc.mine()
            world.btc.pay(BTC_SCRIPT, 3_000_000)
            await until(lambda: receiver.types[1:] == ["gift.confirmed", "gift.seen"])
        restore(tmp_path / "backup", path, {"btc": "mainnet"}, service.config.timezone, 1)
        async with told(world, tmp_path, receiver) as service:
            await until(lambda: received(service, "btc") == truth(world, "btc"))
            world.btc.pay(BTC_SCRIPT, 4_000_000)
            await until(lambda: receiver.once[-1]["data"]["units"] == "4000000")
        assert [identity for identity, _ in receiver.got] == [*dict(receiver.got)], "sent twice"
        assert len(receiver.got) == 4
