"""The whole service over storage that fails: one reason, no wrong number, and healed by itself."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from donations import database
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.doctor.examine import examine
from donations.errors import StoreError
from donations.reasons import Reason
from donations.store import Store
from tests.running import agrees, config_on, free_port, received, scene, service_on, until
from tests.storage_faults import FULL, READ_ONLY, SYNC_ERROR, WRITE_ERROR, Disk, on_disk
from tests.test_weather import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from donations.app import Service
    from tests.measured import Table

_DAMAGE = {Reason.STORE_CORRUPT, Reason.STORE, Reason.STORE_SCHEMA}
ALWAYS, NEVER = range(10**9), range(0)
POLLS = 2


def causes(service: Service) -> list[Reason]:
    return list(service.readiness().causes.get("store", ()))


@contextmanager
def broken(disk: Disk, code: int) -> Iterator[None]:
    disk.code, disk.fails = code, ALWAYS
    yield
    disk.fails = NEVER


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def taken_away(path: Path) -> Iterator[None]:
    aside = path.with_name("aside")
    path.rename(aside)
    yield
    aside.rename(path)


@contextmanager
def replaced(path: Path, older: Path) -> Iterator[None]:
    """A backup is copied into the place of the open file, and the right one put back."""
    aside = path.with_name("aside")
    path.rename(aside)
    shutil.copy(older, path)
    yield
    path.unlink()
    aside.rename(path)


@scene
async def test_each_failure_of_storage_is_told_and_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    """While it lasts the old number stands, pages are served and the reason is told; two polls
    after it is over, what came meanwhile is there, and the file is sound."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    told = 0
    with on_disk() as disk:
        async with World(61, operators=1) as world:
            port = free_port()
            config = config_on(world, tmp_path, only=("btc",))
            path, older = config.database, tmp_path / "older"
            async with service_on(world, tmp_path, only=("btc",), port=port) as service:
                await until(lambda: agrees(service, world))
                with closing(sqlite3.connect(path)) as raw, closing(sqlite3.connect(older)) as copy:
                    raw.backup(copy)
                rows: list[tuple[str, Callable[[], AbstractContextManager[None]], Reason]] = [
                    ("full", lambda: broken(disk, FULL), Reason.STORE_FULL),
                    ("writes fail", lambda: broken(disk, WRITE_ERROR), Reason.STORE_INPUT_OUTPUT),
                    ("syncs fail", lambda: broken(disk, SYNC_ERROR), Reason.STORE_INPUT_OUTPUT),
                    ("read-only", lambda: broken(disk, READ_ONLY), Reason.STORE_READ_ONLY),
                    ("locked", lambda: locked(path), Reason.STORE_LOCKED),
                    ("taken away", lambda: taken_away(path), Reason.STORE_MOVED),
                    ("replaced", lambda: replaced(path, older), Reason.STORE_MOVED),
                ]
                for name, fault, reason in rows:
                    before = received(service, "btc")
                    with fault():
                        world.btc.pay(BTC_SCRIPT, 5_000)
                        world.btc.mine()
                        await until(lambda: causes(service) == [reason], what=name)  # noqa: B023
                        assert received(service, "btc") == before, name
                        ready = await page(port, "readyz")
                        assert reason.value in ready
                        assert '"store"' in ready
                        assert "1Buy" in await page(port)
                    over = time.monotonic()
                    await until(lambda: agrees(service, world) and not causes(service), what=name)
                    # A poll of this service is a second; the rest is the work itself.
                    assert time.monotonic() - over < POLLS + 2, name
                    told += 1
            assert examine(config).ok
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    table.never("failures of storage under a service: told wrongly, or not over", 0, told)


@pytest.mark.parametrize("damage", ["lost", "cut", "of another database", "not one"])
@scene
async def test_a_log_that_is_lost_or_cut_costs_no_gift(
    damage: str, tmp_path: Path, seed: int
) -> None:
    """After a crash with the write-ahead log gone, cut anywhere, foreign or rubbish, what it held
    is read from the servers again; nothing is counted twice."""
    dice = random.Random(seed)
    async with World(62, operators=1) as world:
        first = tmp_path / "first"
        first.mkdir()
        config = config_on(world, first, only=("btc",))
        log = config.database.name + "-wal"
        async with service_on(world, first, only=("btc",)) as service:
            for _ in range(3):
                world.btc.pay(BTC_SCRIPT, 5_000)
                world.btc.mine()
                await until(lambda: agrees(service, world))
            files = {each.name: each.read_bytes() for each in first.iterdir() if each.is_file()}
        assert len(files[log]) > 10_000
        for number in range(2 if damage == "cut" else 1):
            folder = tmp_path / str(number)
            folder.mkdir()
            bad = dict(files)
            bad.pop(config.database.name + "-shm", None)
            match damage:
                case "lost":
                    del bad[log]
                case "cut":
                    bad[log] = bad[log][: dice.randrange(len(bad[log]))]
                case "of another database":
                    bad[log] = _other_log(tmp_path / "other")
                case _:
                    bad[log] = dice.randbytes(50_000)
            for name, body in bad.items():
                (folder / name).write_bytes(body)
            async with service_on(world, folder, only=("btc",)) as service:
                await until(lambda: agrees(service, world), what=f"{damage} {seed}")
                assert received(service, "btc") == 15_000
            assert examine(config_on(world, folder, only=("btc",))).ok


def _other_log(folder: Path) -> bytes:
    folder.mkdir()
    path = folder / "other.sqlite3"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (x)")
        raw.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1_000)])
        raw.commit()
        return path.with_name("other.sqlite3-wal").read_bytes()


@scene
async def test_an_older_copy_catches_up_without_telling_the_past(tmp_path: Path) -> None:
    """A service on a copy of an earlier day reads what came since, each gift once."""
    async with World(63, operators=1) as world:
        config = config_on(world, tmp_path, only=("btc",))
        for gifts in (1, 2, 3):
            async with service_on(world, tmp_path, only=("btc",)) as service:
                world.btc.pay(BTC_SCRIPT, 5_000)
                world.btc.mine()
                await until(lambda: received(service, "btc") == gifts * 5_000)  # noqa: B023
                await until(lambda: agrees(service, world))
            if gifts == 1:
                shutil.copy(config.database, tmp_path / "older")
        shutil.copy(tmp_path / "older", config.database)
        async with service_on(world, tmp_path, only=("btc",)) as service:
            assert received(service, "btc") == 5_000
            await until(lambda: agrees(service, world))
            assert received(service, "btc") == 15_000
        assert examine(config).ok


@scene
async def test_a_damaged_page_shows_no_wrong_number(
    tmp_path: Path, seed: int, long: bool, table: Table
) -> None:
    """Random bytes over random pages of a database: its numbers are the right ones, or it is
    refused with a reason; they are never others."""
    dice = random.Random(seed)
    async with World(64, operators=1) as world:
        config = config_on(world, tmp_path, only=("btc",))
        async with service_on(world, tmp_path, only=("btc",)) as service:
            for _ in range(20):
                world.btc.pay(BTC_SCRIPT, 5_000)
            world.btc.mine()
            await until(lambda: received(service, "btc") == 100_000)
            await until(lambda: agrees(service, world))
    body, networks = config.database.read_bytes(), {"btc": config.chains["btc"].network.name}
    runs, wrong, refused = 5_000 if long else 60, 0, 0
    for number in range(runs):
        damaged = bytearray(body)
        at = dice.randrange(len(damaged) - 2_000)
        damaged[at : at + 2_000] = dice.randbytes(2_000)
        path = tmp_path / f"d{number}"
        path.write_bytes(damaged)
        store = Store(path, UTC, config.currency)
        try:
            store.open(networks)
            sums = {bucket: total.units for (_, _, bucket), total in store.months().items()}
            wrong += sum(sums.values()) != 100_000
        except StoreError as error:
            refused += 1
            if error.why not in _DAMAGE:
                raise
        finally:
            store.close()
        _remove(path)
    name = f"damaged databases ({refused} refused): another number"
    table.never(name, wrong, runs)


def _remove(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
