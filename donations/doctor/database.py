"""The file of the ledger, looked at without SQLAlchemy and without being able to write it.

All that is read comes from one moment: a service that writes meanwhile is not seen half-way.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from donations.doctor.finding import fault, fine, warning
from donations.errors import StoreError
from donations.schema import METADATA, MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from donations.doctor.finding import Finding

_WAL_MIB = 64
_LISTED = 5
RESTORE = (
    "stop the service, keep the file aside, and put your last backup in its place; without one "
    "start anew: BTC and BCH are read again from the servers, old Ethereum income is not"
)


def log_of(path: Path) -> Path:
    """The write-ahead log beside a database."""
    return path.with_name(path.name + "-wal")


@contextmanager
def looking_into(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the database as it is at this moment. Raises StoreError.

    Where no log lies beside it nobody has it open, and SQLite is told so: it would leave a log
    and an index behind otherwise.
    """
    alone = "" if log_of(path).exists() else "&immutable=1"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro{alone}", uri=True, isolation_level=None, timeout=5
        )
        try:
            connection.row_factory = _named
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _named(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Any:
    """Rows as the store's own are: columns by name."""
    names = tuple(column[0] for column in cursor.description)
    return _row_type(names)._make(values)


@cache
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)


def schema_version(connection: sqlite3.Connection) -> int:
    """How many steps of the schema were made."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_file(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    """Whether the file is whole, of our schema, and its log of a healthy size."""
    version, ours = schema_version(connection), len(MIGRATIONS)
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
    if problems != ["ok"] or dangling:
        shown = "; ".join([*problems[:_LISTED], *(f"{row[0]}: dangling" for row in dangling)])
        yield fault("database", f"{path} is damaged: {shown.replace(chr(10), ' ')}", RESTORE)
    else:
        size = path.stat().st_size / 2**20
        yield fine("database", f"{path} is whole ({size:.1f} MiB, schema {version})")
    if version > ours:
        yield fault(
            "schema",
            f"the database is of schema {version}, newer than this program's {ours}",
            "install the version of donations that wrote it, or restore an older backup",
        )
    elif version < ours:
        yield warning(
            "schema",
            f"the database is of schema {version}, this program's is {ours}; the ledger was not "
            "looked at",
            "start `donations serve` once: it brings the database up to date by itself",
        )
    else:
        tables = {row.name for row in connection.execute("SELECT name FROM sqlite_schema")}
        missing = sorted(METADATA.tables.keys() - tables)
        if missing:
            yield fault("schema", f"tables are missing: {', '.join(missing)}", RESTORE)
    yield from _check_log(path)


def _check_log(path: Path) -> Iterator[Finding]:
    with path.open("rb") as file:
        header = file.read(20)
    # Bytes 18 and 19 of an SQLite file: 2 means that it is written through a log.
    if header[18:20] != b"\x02\x02":
        yield warning(
            "database",
            "the database is not in WAL mode: readers and the service would block each other",
            "another program changed it; `donations serve` sets the mode again when it starts",
        )
    log = log_of(path)
    size = log.stat().st_size // 2**20 if log.exists() else 0
    if size > _WAL_MIB:
        yield warning(
            "database",
            f"its log {log.name} has grown to {size} MiB: something has kept the database open "
            "for reading and never let go",
            "look for a forgotten sqlite3 shell or backup, then restart the service",
        )
