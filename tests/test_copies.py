"""Backup and restore: whole or nothing, checked to the last bit, and nothing past is news."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from donations.announcements import Asset
from donations.copies.backup import back_up
from donations.copies.restore import restore
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.errors import ConfigError, StoreError
from donations.ledger import Bucket
from donations.schema import MIGRATIONS
from donations.store import Store
from tests.copies_kills import NOW
from tests.nodes.process import free_ports
from tests.program import donations, offline_config, served
from tests.running import agrees, scene, service_on, until
from tests.saver import GIFTS, NETWORKS, save

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.measured import Table

ROOT = Path(__file__).parent.parent


def made(path: Path, batches: int) -> None:
    """A database in which so many batches were saved."""
    with closing(Store(path, UTC)) as store:
        store.open(NETWORKS)
        for number in range(1, batches + 1):
            save(store, number)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    made(tmp_path / "d.sqlite", 3)
    return tmp_path / "d.sqlite"


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows, as another connection sees them; what a backup or a restore notes is left out."""
    with closing(sqlite3.connect(path)) as raw:
        tables = [r[0] for r in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {table: raw.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    rows["facts"] = [r for r in rows["facts"] if r[0] not in ("backup", "restored_at")]
    return rows


def facts(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as raw:
        return dict(raw.execute("SELECT * FROM facts"))


def gifts(path: Path) -> int:
    """How many gifts stand in blocks, by the running totals."""
    with closing(Store(path, UTC)) as store:
        store.open_readonly()
        months = store.months().items()
        return sum(t.transfers for (*_, b), t in months if b in (Bucket.CONFIRMED, Bucket.FINAL))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# -- there and back


def test_what_was_backed_up_comes_back(database: Path, tmp_path: Path) -> None:
    """A restore brings back every row, on a new machine too, and notes its own time."""
    before = content(database)
    told = back_up(database, tmp_path / "copy", NOW - 100)
    assert (told.transfers, told.made_at) == (3 * GIFTS, NOW - 100)
    with closing(Store(database, UTC)) as store:
        store.open(NETWORKS)
        save(store, 4)
    for place in (database, tmp_path / "elsewhere" / "d.sqlite"):
        done = restore(tmp_path / "copy", place, NETWORKS, UTC, NOW)
        assert (done.made_at, done.transfers) == (NOW - 100, 3 * GIFTS)
        assert content(place) == before
        assert facts(place)["restored_at"] == str(NOW)
        assert "backup" not in facts(place)


def test_the_former_database_is_kept(database: Path, tmp_path: Path) -> None:
    """What stood there before a restore stays beside it, whole, under a name with the time."""
    back_up(database, tmp_path / "copy", NOW)
    made(database, 5)
    before = content(database)
    done = restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
    assert done.aside == database.with_name("d.sqlite.before-20270115T080000Z")
    assert content(done.aside) == before
    again = restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
    assert again.aside == database.with_name("d.sqlite.before-20270115T080000Z-2")
    assert content(done.aside) == before
    assert not {name for name in files(tmp_path) if name.endswith((".part", ".restoring"))}


def test_nothing_of_a_backup_is_sent_again(database: Path, tmp_path: Path) -> None:
    """What waited to be told when the backup was made was told meanwhile: it is on no way more.

    What comes after the restore is.
    """
    with closing(sqlite3.connect(database)) as raw:
        for number in (1, 2, 3):
            raw.execute(
                "INSERT INTO events (id, type, subject, number, payload, at) VALUES "
                "(?, 'seen', 'gift', ?, '{}', 1)",
                (f"e{number}", number),
            )
        raw.execute(
            "INSERT INTO channels (name, settings, cursor, planned, attempts, due) "
            "VALUES ('mail', 's', 1, 3, 7, 99)"
        )
        raw.commit()
    back_up(database, tmp_path / "copy", NOW)
    restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
    assets = {("btc", "BTC"): Asset(8, 0)}
    for expected in (3, 3):
        with closing(Store(database, UTC, "EUR", assets)) as store:
            store.open(NETWORKS)
        with closing(sqlite3.connect(database)) as raw:
            channel = raw.execute("SELECT cursor, planned, attempts, due FROM channels").fetchone()
            assert channel == (expected, 0, 0, 0)
            raw.execute("UPDATE events SET at = 2")
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("UPDATE channels SET cursor = 2")
        raw.commit()
    with closing(Store(database, UTC, "EUR", assets)) as store:
        store.open(NETWORKS)
    with closing(sqlite3.connect(database)) as raw:
        assert raw.execute("SELECT cursor FROM channels").fetchone() == (2,)


def test_a_restored_database_goes_on(database: Path, tmp_path: Path) -> None:
    """The writer saves into it as into any, and what comes again is counted once."""
    back_up(database, tmp_path / "copy", NOW)
    restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
    with closing(Store(database, UTC)) as store:
        store.open(NETWORKS)
        assert save(store, 3) == ()
        save(store, 4)
    assert gifts(database) == 4 * GIFTS


def test_a_backup_is_of_one_moment(tmp_path: Path) -> None:
    """While another process saves, each backup holds whole batches, and never fewer than before."""
    database, before = tmp_path / "d.sqlite", 0
    saver = subprocess.Popen(
        [sys.executable, "-m", "tests.saver", str(database), "1"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert saver.stdout is not None
        for number in range(8):
            # Until there is more than the last backup could hold.
            while saver.stdout.readline() != f"saved {before // GIFTS + 1}\n":
                pass
            back_up(database, tmp_path / f"{number}", NOW)
            found = gifts(tmp_path / f"{number}")
            assert found % GIFTS == 0
            assert found > before
            before = found
    finally:
        saver.kill()
        saver.communicate()


def test_what_a_killed_service_left_in_the_log_is_backed_up(tmp_path: Path) -> None:
    """A log that nobody folded in belongs to the database, for backup and restore."""
    database = tmp_path / "d.sqlite"
    saver = subprocess.Popen(
        [sys.executable, "-m", "tests.saver", str(database), "1"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert saver.stdout is not None
    while saver.stdout.readline() != "saved 3\n":
        pass
    os.kill(saver.pid, signal.SIGKILL)
    saver.communicate()
    assert database.with_name("d.sqlite-wal").stat().st_size
    back_up(database, tmp_path / "copy", NOW)
    found = gifts(tmp_path / "copy")
    assert found >= 3 * GIFTS
    made(tmp_path / "other.sqlite", 1)
    back_up(tmp_path / "other.sqlite", tmp_path / "small", NOW)
    aside = restore(tmp_path / "small", database, NETWORKS, UTC, NOW).aside
    assert gifts(database) == GIFTS
    assert aside is not None
    assert gifts(aside) == found


def test_only_the_owner_reads_a_backup(database: Path, tmp_path: Path) -> None:
    """Backup and restored database have mode 0600; a restore keeps the mode that was there."""
    old = os.umask(0)
    try:
        back_up(database, tmp_path / "copy", NOW)
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
        restore(tmp_path / "copy", tmp_path / "new.sqlite", NETWORKS, UTC, NOW)
        assert stat.S_IMODE((tmp_path / "new.sqlite").stat().st_mode) == 0o600
        database.chmod(0o640)
        restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
        assert stat.S_IMODE(database.stat().st_mode) == 0o640
    finally:
        os.umask(old)


# -- what is refused


def test_a_backup_overwrites_nothing(database: Path, tmp_path: Path) -> None:
    """A file, a folder or a dangling link of that name ends it, and stays as it is."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = files(tmp_path)
    for name in ("file", "folder", "link", "d.sqlite"):
        with pytest.raises(ConfigError, match="overwrites nothing"):
            back_up(database, tmp_path / name, NOW)
    with pytest.raises(ConfigError, match="cannot write here"):
        back_up(database, tmp_path / "no" / "such" / "folder", NOW)
    assert files(tmp_path) == before
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_database_is_not_backed_up(database: Path, tmp_path: Path) -> None:
    """A copy of damage would pass for a backup: there is none, and the damage is told."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 9000)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        back_up(database, tmp_path / "copy", NOW)
    made(tmp_path / "index.sqlite", 1)
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        changed = raw.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, '(chain, ', '(address, ') "
            "WHERE type = 'index' AND tbl_name = 'transfers' AND sql LIKE '%(chain, %'"
        )
        assert changed.rowcount
        raw.commit()
    with pytest.raises(StoreError, match="is damaged: row"):
        back_up(tmp_path / "index.sqlite", tmp_path / "copy", NOW)
    assert not (tmp_path / "copy").exists()
    for path in tmp_path.glob("index.*"):
        path.unlink()
    assert files(tmp_path) <= {"d.sqlite", "d.sqlite.lock", "d.sqlite-wal", "d.sqlite-shm"}


def test_every_changed_byte_of_a_backup_is_noticed(
    database: Path, tmp_path: Path, seed: int, long: bool, table: Table
) -> None:
    """A restore takes no backup in which a byte was changed, unless it holds the very same rows."""
    chance = random.Random(seed)
    back_up(database, tmp_path / "copy", NOW)
    right, told = content(database), (tmp_path / "copy").read_bytes()
    changed, place = tmp_path / "changed", tmp_path / "new.sqlite"
    flips = 3_000 if long else 150
    for _ in range(flips):
        at = chance.randrange(len(told))
        wrong = bytearray(told)
        wrong[at] ^= 1 << chance.randrange(8)
        changed.write_bytes(wrong)
        with suppress(StoreError, ConfigError):
            restore(changed, place, NETWORKS, UTC, NOW)
        if place.exists():
            assert content(place) == right, at
            place.unlink()
    table.never("backups with a changed byte restored as something else", 0, flips)
    for length in (0, 1, 100, 4096, len(told) // 2, len(told) - 1):
        changed.write_bytes(told[:length])
        with pytest.raises((StoreError, ConfigError)):
            restore(changed, place, NETWORKS, UTC, NOW)
        assert not place.exists()


def test_what_is_no_backup_is_refused(database: Path, tmp_path: Path) -> None:
    """Nothing, a text, another program's database, the database itself: told, and nothing moves."""
    (tmp_path / "text").write_text("hello, this is a text, and no database of any kind " * 20)
    with closing(sqlite3.connect(tmp_path / "other")) as raw:
        raw.execute("CREATE TABLE facts (name TEXT)")
    before = content(database)
    for name, told in [
        ("absent", "no such file"),
        ("text", "no database"),
        ("other", "another program"),
        ("d.sqlite", "the database itself"),
    ]:
        with pytest.raises(ConfigError, match=told):
            restore(tmp_path / name, database, NETWORKS, UTC, NOW)
    assert content(database) == before
    assert "restored_at" not in facts(database)


def test_a_backup_of_elsewhere_is_refused(database: Path, tmp_path: Path) -> None:
    """One of a newer program or of another network leaves the database as it is."""
    back_up(database, tmp_path / "copy", NOW)
    before = content(database)
    with pytest.raises(StoreError, match="of network mainnet"):
        restore(tmp_path / "copy", database, {"btc": "regtest"}, UTC, NOW)
    with closing(sqlite3.connect(tmp_path / "copy")) as raw:
        raw.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer than this program's"):
        restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
    assert content(database) == before


def test_a_backup_of_an_older_program_is_brought_up_to_date(database: Path, tmp_path: Path) -> None:
    """It is checked as it was made, and then led through the steps of the schema."""
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("DROP TABLE convictions")
        raw.execute("PRAGMA user_version = 1")
    assert back_up(database, tmp_path / "copy", NOW).schema == 1
    restore(tmp_path / "copy", database, NETWORKS, UTC, NOW)
    with closing(sqlite3.connect(database)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert raw.execute("SELECT count(*) FROM convictions").fetchone() == (0,)
    assert gifts(database) == 3 * GIFTS


def test_a_copy_without_a_digest_is_taken_with_a_word(database: Path, tmp_path: Path) -> None:
    """What cp made of a resting database can be restored; that it was not compared is told."""
    shutil.copy(database, tmp_path / "copy")
    before = content(database)
    assert restore(tmp_path / "copy", database, NETWORKS, UTC, NOW).made_at is None
    assert content(database) == before


def test_a_damaged_database_makes_room(database: Path, tmp_path: Path) -> None:
    """The case a backup is for: what lies there is no database any more, and is kept aside."""
    back_up(database, tmp_path / "copy", NOW)
    right = content(database)
    saver = subprocess.Popen(
        [sys.executable, "-m", "tests.saver", str(database), "4"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert saver.stdout is not None
    while saver.stdout.readline() != "saved 5\n":
        pass
    saver.kill()
    saver.communicate()
    log = database.with_name("d.sqlite-wal")
    left = log.read_bytes()
    assert left
    database.write_bytes(b"not a database" * 1000)
    aside = restore(tmp_path / "copy", database, NETWORKS, UTC, NOW).aside
    assert not log.exists()
    assert content(database) == right
    assert aside is not None
    assert aside.read_bytes() == b"not a database" * 1000
    assert aside.with_name(aside.name + "-wal").read_bytes() == left


def test_a_full_disk_leaves_no_half_of_a_backup(database: Path, tmp_path: Path) -> None:
    """Where the copy cannot grow, the command fails and leaves nothing behind."""
    before = files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(StoreError, match="the backup failed"):
            back_up(database, tmp_path / "copy", NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == before


# -- killed in between


def lives(what: str, folder: Path) -> Iterator[Path]:
    """The folder of each life of `tests.copies_kills`, each killed one step later than the last."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.copies_kills", what, str(folder), "1"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    steps = done.stdout.splitlines()
    assert len(steps) >= 12
    assert steps[-1].endswith(" end")
    for line in steps:
        yield folder / line.split()[0]


def test_a_killed_backup_is_whole_or_not_there(tmp_path: Path, table: Table) -> None:
    """Killed before any step it leaves no file of that name, or a whole one; the next one works."""
    (tmp_path / "model").mkdir()
    made(tmp_path / "model" / "d.sqlite", 1)
    right = content(tmp_path / "model" / "d.sqlite")
    there = steps = 0
    for life in lives("backup", tmp_path):
        steps += 1
        if (life / "copy").exists():
            there += 1
        else:
            back_up(life / "d.sqlite", life / "copy", NOW)
        restore(life / "copy", life / "new.sqlite", NETWORKS, UTC, NOW)
        assert content(life / "new.sqlite") == right
    assert there
    table.never("backups killed at one step each that left half a file", 0, steps)


def test_a_killed_restore_leaves_old_or_new(tmp_path: Path, table: Table) -> None:
    """Killed before any step, the old or the new database stands there, whole; the old is kept."""
    model = tmp_path / "model"
    model.mkdir()
    made(model / "d.sqlite", 1)
    back_up(model / "d.sqlite", model / "copy", NOW)
    new = content(model / "d.sqlite")
    made(model / "d.sqlite", 2)
    old = content(model / "d.sqlite")
    seen = []
    for life in lives("restore", tmp_path):
        found = content(life / "d.sqlite")
        assert found in (old, new)
        assert ("restored_at" in facts(life / "d.sqlite")) == (found == new)
        seen.append(found == new)
        kept = [life / n for n in files(life) if "before-" in n and not n.endswith(".part")]
        assert found == old or [content(path) for path in kept] == [old]
        restore(life / "copy", life / "d.sqlite", NETWORKS, UTC, NOW)
        assert content(life / "d.sqlite") == new
        assert not (life / "d.sqlite.restoring").exists()
    assert seen == sorted(seen)
    assert {*seen} == {False, True}
    table.never("restores killed at one step each that lost the old or the new", 0, len(seen))


# -- the commands


def test_beside_the_running_service(tmp_path: Path) -> None:
    """`backup` works while the service runs, `restore` says to stop it first; both speak JSON."""
    (port,) = free_ports(1)
    config = offline_config(tmp_path, port)
    with served(config, port):
        done = donations("backup", "copy", "--json", "--config", config, folder=tmp_path)
        told = json.loads(done.stdout)
        assert (done.returncode, told["file"], told["transfers"]) == (0, "copy", 0)
        refused = donations("restore", "copy", "--config", config, folder=tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "stop the service first" in refused.stderr
    again = donations("backup", "copy", "--config", config, folder=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    done = donations("restore", "copy", "--json", "--config", config, folder=tmp_path)
    assert json.loads(done.stdout)["made_at"] == told["made_at"]
    with served(config, port) as service:
        assert "<html" in service.page
    done = donations("restore", "copy", "--config", config, folder=tmp_path)
    assert done.returncode == 0
    assert "the former database is kept" in done.stdout


@scene
async def test_what_is_read_again_after_a_restore_is_no_news(tmp_path: Path) -> None:
    """A gift between backup and restore is not told as new again; what it does next is told."""
    database = tmp_path / "donations.sqlite3"

    def told(amount: int) -> list[str]:
        with closing(sqlite3.connect(database)) as raw:
            rows = raw.execute("SELECT type, payload FROM events ORDER BY sequence").fetchall()
        return [name for name, facts in rows if f'"units":"{amount}"' in facts.replace(" ", "")]

    async with World(1) as world:
        async with service_on(world, tmp_path, only=("btc",)) as service:
            await until(lambda: agrees(service, world), seconds=60)
            world.btc.pay(BTC_SCRIPT, 5_001)
            world.btc.mine(1)
            await until(lambda: agrees(service, world) and told(5_001), seconds=60)
            await asyncio.to_thread(back_up, database, tmp_path / "copy", NOW)
            world.btc.pay(BTC_SCRIPT, 5_002)
            world.btc.mine(1)
            await until(lambda: agrees(service, world) and told(5_002), seconds=60)
        networks = {"btc": service.config.chains["btc"].network.name}
        restore(tmp_path / "copy", database, networks, service.config.timezone, NOW)
        before = told(5_001)
        assert told(5_002) == []
        async with service_on(world, tmp_path, only=("btc",)) as service:
            await until(lambda: agrees(service, world), seconds=60)
            world.btc.mine(7)
            await until(lambda: agrees(service, world), seconds=60)
            world.btc.pay(BTC_SCRIPT, 5_003)
            await until(lambda: agrees(service, world) and told(5_003), seconds=60)
            assert (told(5_001), told(5_002)) == ([*before, "gift.final"], ["gift.final"])
