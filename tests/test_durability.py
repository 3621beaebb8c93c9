"""Full disks, locks, failures in the middle, and kill -9: nothing is lost, nothing counts twice."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from donations import database
from donations import store as store_module
from donations.errors import StoreError
from donations.ledger import Bucket
from donations.store import Store
from tests.saver import GIFTS, KEY, NETWORKS, save, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from donations.books import Figure

ROOT = Path(__file__).parent.parent
KILLS = 60
TABLES = ("transfers", "outputs", "changes", "totals", "cursors", "views", "blocks")


def opened(path: Path) -> Store:
    store = Store(path, UTC)
    store.open(NETWORKS)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = opened(path)
    yield store
    store.close()


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the database, as another connection sees them."""
    with closing(sqlite3.connect(path)) as raw:
        return {table: raw.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def totals(store: Store) -> dict[tuple[str, Bucket], Figure]:
    return {(m, b): total for (_, m, b), total in store.months().items() if total.transfers}


def received(store: Store) -> tuple[int, int]:
    """Units and number of all gifts in a block."""
    standing = [t for (_, b), t in totals(store).items() if b in (Bucket.CONFIRMED, Bucket.FINAL)]
    return sum(t.units for t in standing), sum(t.transfers for t in standing)


# -- one transaction


@pytest.mark.parametrize("table", TABLES)
def test_a_failure_in_any_table_leaves_nothing(store: Store, path: Path, table: str) -> None:
    """Whichever write fails, none of the batch is kept; the next save of it is whole."""
    save(store, 1)
    before = everything(path)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(
            f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'torn'); END"
        )
    with pytest.raises(StoreError, match="torn"):
        save(store, 2)
    assert everything(path) == before
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TRIGGER broken")
    save(store, 2)
    assert received(store) == (2 * GIFTS * 10**18, 2 * GIFTS)


def test_a_failure_that_is_none_of_sqlite_leaves_nothing(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of our own in the middle of a save undoes what was written before it."""
    save(store, 1)
    before = everything(path)

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "_save_blocks", fail)
        with pytest.raises(MemoryError):
            save(store, 2)
    assert everything(path) == before
    save(store, 2)
    assert received(store)[1] == 2 * GIFTS


def test_the_same_view_twice_counts_once(store: Store, path: Path) -> None:
    """A batch that is made again after a restart adds nothing."""
    save(store, 1)
    save(store, 2)
    before = everything(path)
    assert save(store, 2) == ()
    assert everything(path) == before


# -- locks


def test_a_locked_database_heals(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection's lock is an error after the time-out, and no error once it is gone."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    store = opened(path)
    save(store, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            save(store, 2)
        other.execute("ROLLBACK")
    save(store, 2)
    assert received(store) == (2 * GIFTS * 10**18, 2 * GIFTS)
    store.close()


def test_a_short_lock_is_waited_for(store: Store, path: Path) -> None:
    """A lock shorter than the time-out costs time and nothing else."""
    save(store, 1)
    script = (
        "import sqlite3, sys, time\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True)\n"
        "time.sleep(0.3); c.execute('ROLLBACK')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        save(store, 2)
    assert received(store)[1] == 2 * GIFTS


def test_a_lock_at_the_start_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is locked when the service starts is a StoreError, and opens later."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    opened(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store = Store(path, UTC)
        with pytest.raises(StoreError, match="locked") as refused:
            store.open(NETWORKS)
        assert "\n" not in str(refused.value)
        store.close()
    opened(path).close()


# -- full disk


def test_a_full_database_heals(store: Store, path: Path) -> None:
    """When no page is left a save fails whole, what is there stays readable, and space heals."""
    save(store, 1)
    before = everything(path)
    engine = store._engine
    assert engine is not None
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    for _ in range(3):
        with pytest.raises(StoreError, match="full"):
            save(store, 2)
        assert everything(path) == before
        assert received(store)[1] == GIFTS
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    save(store, 2)
    assert received(store)[1] == 2 * GIFTS


def _may_mount() -> bool:
    """Whether this user may mount a file system of his own."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as place:
        mounted = subprocess.run([*_MOUNT, place], check=False, capture_output=True).returncode == 0
        if mounted:
            subprocess.run(["umount", place], check=True)
    return mounted


_MOUNT = ("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs")
_DISKS = ["limit", "disk"] if _may_mount() else ["limit"]


@contextmanager
def _no_room(kind: str, folder: Path) -> Iterator[None]:
    """For a while no file of ``folder`` can grow: by a limit of this process, or a full disk."""
    if kind == "limit":
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    else:
        filler = _fill(folder)
        yield
        filler.unlink()


@pytest.fixture(params=_DISKS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder that can be full: a file system of one MiB where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if request.param == "limit":
        yield request.param, place
        return
    subprocess.run([*_MOUNT, str(place)], check=True)
    yield request.param, place
    subprocess.run(["umount", str(place)], check=True)


def _fill(disk: Path) -> Path:
    """Leave no byte free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def _save_until_it_fails(store: Store) -> int:
    """The number of the first batch from the second on for which there is no room."""
    number = 2
    with suppress(StoreError):
        while number < 1_000:
            save(store, number)
            number += 1
    assert number < 1_000
    return number


def test_a_full_disk_heals(disk: tuple[str, Path]) -> None:
    """On a full disk a save fails whole, what is there stays readable, and room heals."""
    kind, folder = disk
    path = folder / "d.sqlite"
    store = opened(path)
    save(store, 1)
    with _no_room(kind, folder):
        number = _save_until_it_fails(store)
        for _ in range(3):
            with pytest.raises(StoreError):
                save(store, number)
            assert _assert_whole(store, number - 1, rebuild=False) == number - 1
    save(store, number)
    assert _assert_whole(store, number) == number
    store.close()
    _check(path)


# -- kill -9


def _check(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _life(path: Path, first: int, seconds: float) -> tuple[int, bool]:
    """Let a saver live so long, then kill it: the last batch told, and whether it was writing."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.saver", str(path), str(first)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as saver:
        assert saver.stdout is not None
        assert saver.stdout.readline() == "open\n"
        time.sleep(seconds)
        os.kill(saver.pid, signal.SIGKILL)
        words = [line.split() for line in saver.stdout.read().splitlines()]
    saved = [int(word[1]) for word in words if word[0] == "saved" and len(word) == 2]
    return (saved[-1] if saved else first - 1), bool(words) and words[-1][0] == "writing"


def _assert_whole(store: Store, acknowledged: int, *, rebuild: bool = True) -> int:
    """The batches that are there: all that were told, at most one more, each once and whole."""
    units, count = received(store)
    batches, rest = divmod(count, GIFTS)
    assert rest == 0
    assert units == count * 10**18
    assert batches in (acknowledged, acknowledged + 1)
    assert len(store.unsettled("btc")) == (GIFTS if batches else 0)
    if batches:
        view = told(batches)
        assert store.standings()[KEY].tip == view.tip
        assert store.blocks("btc") == view.blocks
        (cursor,) = store.cursors("btc")
        assert cursor.since == view.final_height + 1
    if rebuild:
        kept = totals(store)
        store.rebuild_totals()
        assert totals(store) == kept
    return batches


def test_kill_9_at_any_moment(path: Path, seed: int, long: bool) -> None:
    """Sixty kills at random moments: what was told is there, whole, and counts once."""
    dice = random.Random(seed)
    batches = torn = 0
    for _ in range(KILLS * (5 if long else 1)):
        acknowledged, writing = _life(path, batches + 1, dice.uniform(0.0, 0.06))
        _check(path)
        with closing(opened(path)) as store:
            batches = _assert_whole(store, acknowledged)
        torn += writing and batches == acknowledged
    assert torn > KILLS // 10, f"only {torn} of {KILLS} kills tore a transaction"
    with closing(opened(path)) as store:
        save(store, batches + 1)
        assert _assert_whole(store, batches + 1) == batches + 1
    with closing(sqlite3.connect(path)) as raw:
        told_changes = raw.execute("SELECT count(*) FROM changes").fetchone()
    assert told_changes == ((2 * batches + 1) * GIFTS,)


def test_a_kill_while_the_database_is_made(path: Path, seed: int) -> None:
    """A first start that is killed leaves nothing, or a database that opens."""
    dice = random.Random(seed)
    for n in range(6):
        here = path.with_name(f"d{n}.sqlite")
        script = (
            "from tests.saver import NETWORKS, UTC, Path, Store\n"
            f"store = Store(Path({str(here)!r}), UTC); print('go', flush=True)\n"
            "store.open(NETWORKS)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as maker:
            assert maker.stdout is not None
            assert maker.stdout.readline() == "go\n"
            time.sleep(dice.uniform(0, 0.03))
            os.kill(maker.pid, signal.SIGKILL)
        with closing(opened(here)) as store:
            save(store, 1)
            assert received(store)[1] == GIFTS
