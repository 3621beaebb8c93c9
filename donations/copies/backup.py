"""``donations backup``: a copy of one moment, also while the service runs."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from donations.copies.content import FACT, check_whole, digest_of, schema_of, transfers_of
from donations.doctor.database import log_of, looking_into
from donations.errors import ConfigError, StoreError
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup: ``sha256`` is of the file, ``made_at`` in Unix seconds."""

    file: Path
    bytes: int
    sha256: str
    schema: int
    transfers: int
    made_at: int


def back_up(database: Path, to: Path, now: int) -> Backup:
    """Copy ``database`` to the new file ``to``, and read the copy again to compare both.

    What is found at ``to`` afterwards is whole or nothing. Raises ConfigError when something is
    there already or the place cannot be written, StoreError when there is no database, one of the
    two is damaged, or the disk is full.
    """
    if not database.exists():
        raise StoreError(f"{database}: no database yet; `donations serve` makes it")
    if os.path.lexists(to):
        raise ConfigError("is there already, and a backup overwrites nothing", file=to)
    with _part(to) as part, _told(to):
        digest = _copy(database, part, to, now)
        with closing(sqlite3.connect(f"{part.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            check_whole(to, copy)
            if digest_of(copy) != digest:
                raise StoreError(f"{to}: what was written is not what was read; look at the disk")
            schema, transfers = schema_of(copy), transfers_of(copy)
        made = Backup(to, part.stat().st_size, _sha256(part), schema, transfers, now)
        _settle(part, to)
    return made


def _copy(database: Path, part: Path, to: Path, now: int) -> str:
    """Copy all of one moment; the digest of what was read."""
    while True:
        alone = not log_of(database).exists()
        with (
            looking_into(database) as source,
            _told(to),
            closing(sqlite3.connect(part)) as copy,
        ):
            check_whole(database, source)
            digest = digest_of(source)
            # All pages in one step: a writer in between would make it begin anew, for ever.
            source.backup(copy)
            # A file that is complete by itself, and can be read where nothing can be written.
            copy.execute("PRAGMA journal_mode = DELETE")
            with copy:
                copy.execute(
                    "INSERT OR REPLACE INTO facts VALUES (?, ?)", (FACT, f"{now} {digest}")
                )
        if not (alone and log_of(database).exists()):
            return digest
        # A service began to write in the middle: what was seen may be half of something.


@contextmanager
def _part(to: Path) -> Iterator[Path]:
    """A file of mode 0600 beside ``to``, which is gone afterwards."""
    try:
        number, name = tempfile.mkstemp(prefix=f"{to.name}.", suffix=".part", dir=to.parent)
    except OSError as error:
        raise ConfigError(f"cannot write here: {error.strerror}", file=to) from None
    os.close(number)
    part = Path(name).resolve()
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        part.with_name(part.name + "-journal").unlink(missing_ok=True)


@contextmanager
def _told(to: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorname", "").startswith("SQLITE_FULL")
        why = Reason.STORE_FULL if full else None
        raise StoreError(f"{to}: the backup failed: {error}", why=why) from error
    except UnicodeDecodeError as error:
        raise StoreError("the database is damaged: a text in it is none") from error


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _settle(part: Path, to: Path) -> None:
    """Give the finished file its name, unless something took that name meanwhile."""
    sync(part)
    try:
        try:
            os.link(part, to)
        except PermissionError:
            # No hard links here, as on the file systems of memory sticks.
            os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            part.replace(to)
    except FileExistsError:
        raise ConfigError("is there already, and a backup overwrites nothing", file=to) from None
    except OSError as error:
        raise ConfigError(f"cannot write here: {error.strerror}", file=to) from None
    sync(to.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
