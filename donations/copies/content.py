"""What a database file holds, and whether it is whole."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from donations.errors import StoreError
from donations.reasons import Reason

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

FACT = "backup"
RESTORED = "restored_at"


def digest_of(connection: sqlite3.Connection) -> str:
    """SHA-256 of the schema and of every row, in hexadecimal; the fact of a backup is left out.

    Rows are taken as Python writes them in ASCII: that way does not change between versions.
    """
    found = hashlib.sha256(f"schema {schema_of(connection)}".encode())
    for table, made_by in _tables(connection):
        found.update(f"\n{table} {made_by}\n".encode())
        where = f" WHERE name <> '{FACT}'" if table == "facts" else ""
        quoted = table.replace('"', '""')
        for row in connection.execute(f'SELECT * FROM "{quoted}"{where} ORDER BY rowid'):  # noqa: S608
            found.update(ascii(tuple(row)).encode())
    return found.hexdigest()


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND (name NOT LIKE 'sqlite!_%' "
        "ESCAPE '!' OR name = 'sqlite_sequence') ORDER BY name"
    )
    return ((row[0], row[1]) for row in rows.fetchall())


def schema_of(connection: sqlite3.Connection) -> int:
    """How many steps of the schema were made."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def transfers_of(connection: sqlite3.Connection) -> int:
    """How many transfers it holds."""
    return int(connection.execute("SELECT count(*) FROM transfers").fetchone()[0])


def check_whole(path: Path, connection: sqlite3.Connection) -> None:
    """Raise StoreError unless SQLite finds every page and index in order."""
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        told = "; ".join(problems).replace("\n", " ")
        raise StoreError(f"{path} is damaged: {told}", why=Reason.STORE_CORRUPT)
