"""``donations restore``: a backup takes the place of the database, which is kept aside.

The steps, so that a kill between any two leaves the old database or the new one, whole, in its
place, and the old one is never lost: copy and check beside it; bring the copy up to date; keep the
old one under a second name; let the copy take the first.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from donations.copies.backup import sync
from donations.copies.content import (
    FACT,
    RESTORED,
    check_whole,
    digest_of,
    schema_of,
    transfers_of,
)
from donations.database import take_lock
from donations.doctor.database import log_of
from donations.errors import ConfigError, StoreError
from donations.schema import MIGRATIONS
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo
    from pathlib import Path

_LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What took place. ``made_at`` is None for a file that `donations backup` did not make.

    ``aside`` is where the former database is now, None where there was none.
    """

    database: Path
    made_at: int | None
    schema: int
    transfers: int
    aside: Path | None


def restore(
    file: Path,
    database: Path,
    networks: Mapping[str, str],
    timezone: tzinfo,
    now: int,
    currency: str = "EUR",
) -> Restored:
    """Put the backup ``file`` in the place of ``database``; as of ``now`` nothing of it is news.

    ``networks`` names the network of each chain, ``currency`` is that of values. Raises ConfigError
    when ``file`` is no database of this program, StoreError when it is damaged, newer than this
    program or of another network, or when a service runs: then nothing was changed.
    """
    try:
        lock = take_lock(database)
    except StoreError as error:
        raise StoreError(f"{error}; stop the service first", why=error.why) from None
    try:
        with lock, _room(database) as coming:
            made_at, schema, transfers = _take_over(file, database, coming, now)
            with closing(Store(coming, timezone, currency)) as store:
                store.open(networks)
            _same_owner(database, coming)
            sync(coming)
            aside = _keep_aside(database, now) if database.exists() else None
            coming.replace(database)
            sync(database.parent)
    except OSError as error:
        raise StoreError(f"{error.filename or database}: {error.strerror}") from error
    return Restored(database, made_at, schema, transfers, aside)


@contextmanager
def _room(database: Path) -> Iterator[Path]:
    """The name under which the copy is made; what a killed restore left there goes."""
    coming = database.with_name(database.name + ".restoring")
    names = [coming, *(coming.with_name(coming.name + end) for end in (*_LOGS, ".lock"))]
    for path in names:
        path.unlink(missing_ok=True)
    try:
        yield coming
    finally:
        for path in names:
            path.unlink(missing_ok=True)


def _take_over(file: Path, database: Path, coming: Path, now: int) -> tuple[int | None, int, int]:
    """Copy, check and mark; when the backup was made, its schema, and how many transfers."""
    if not file.is_file():
        raise ConfigError("there is no such file", file=file)
    if database.exists() and file.samefile(database):
        raise ConfigError("that is the database itself, and no backup of it", file=file)
    os.close(os.open(coming, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    read = f"{file.resolve().as_uri()}?mode=ro{'' if log_of(file).exists() else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(read, uri=True)) as source:
            _check_kind(file, source)
            with closing(sqlite3.connect(coming)) as copy:
                source.backup(copy)
                check_whole(file, copy)
                made_at = _check_digest(file, copy)
                with copy:
                    copy.execute("DELETE FROM facts WHERE name = ?", (FACT,))
                    copy.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (RESTORED, str(now)))
                return made_at, schema_of(copy), transfers_of(copy)
    except sqlite3.DatabaseError as error:
        told = getattr(error, "sqlite_errorname", "")
        if told == "SQLITE_NOTADB":
            raise ConfigError("is no database, so no backup", file=file) from None
        raise StoreError(f"{file} cannot be restored: {error}") from error
    except UnicodeDecodeError:
        raise StoreError(f"{file} is damaged: a text in it is none; take another") from None


def _check_kind(file: Path, source: sqlite3.Connection) -> None:
    names = {row[0] for row in source.execute("SELECT name FROM sqlite_schema")}
    if not names >= {"facts", "transfers", "views"}:
        raise ConfigError("is a database of another program", file=file)
    schema = schema_of(source)
    if schema > len(MIGRATIONS):
        raise StoreError(
            f"{file} is of schema {schema}, newer than this program's {len(MIGRATIONS)}: install "
            "the version of donations that made it"
        )


def _check_digest(file: Path, copy: sqlite3.Connection) -> int | None:
    """When the backup was made, as its fact tells; None without the fact."""
    row = copy.execute("SELECT value FROM facts WHERE name = ?", (FACT,)).fetchone()
    if row is None:
        return None
    moment, _, digest = row[0].partition(" ")
    if digest != digest_of(copy) or not moment.isdecimal():
        raise StoreError(f"{file} is damaged: it does not hold what was backed up; take another")
    return int(moment)


def _same_owner(database: Path, coming: Path) -> None:
    """Restored by root, it still belongs to whom the service runs as."""
    like = database if database.exists() else database.parent
    owner, here = like.stat(), coming.stat()
    if database.exists():
        coming.chmod(owner.st_mode & 0o777)
    if (owner.st_uid, owner.st_gid) != (here.st_uid, here.st_gid):
        for path in (coming, database.with_name(database.name + ".lock")):
            os.chown(path, owner.st_uid, owner.st_gid)


def _keep_aside(database: Path, now: int) -> Path:
    """Copy the present database, as it lies there, and leave no log in its place."""
    moment = datetime.fromtimestamp(now, UTC)
    aside = _free_name(database.with_name(f"{database.name}.before-{moment:%Y%m%dT%H%M%SZ}"))
    logs = [end for end in _LOGS if database.with_name(database.name + end).exists()]
    # A copy and no second name: whoever goes on with the old one after a kill must not write both.
    for end in (*logs, ""):
        _copy_file(database.with_name(database.name + end), aside.with_name(aside.name + end))
    sync(database.parent)
    # A log applies to whatever lies beside it, so that it may not stay for the new one. It is
    # folded in first: killed here, the old one is whole. A damaged one may not take it.
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(database)) as present:
        present.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for end in _LOGS:
        database.with_name(database.name + end).unlink(missing_ok=True)
    return aside


def _copy_file(file: Path, to: Path) -> None:
    part = to.with_name(to.name + ".part")
    shutil.copy2(file, part)
    sync(part)
    part.replace(to)


def _free_name(path: Path) -> Path:
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
