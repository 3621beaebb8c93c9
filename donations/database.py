"""The database file: who holds it, in which thread, and how its failures are told.

One thread owns the one connection. Every transaction that writes is ``BEGIN IMMEDIATE`` with
``synchronous=FULL`` on a write-ahead log: once it is committed no crash takes it back.
"""

from __future__ import annotations

import asyncio
import fcntl
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from donations.errors import StoreError
from donations.reasons import Reason
from donations.schema import check_current, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS = 5
_REASONS = {
    "SQLITE_FULL": Reason.STORE_FULL,
    "SQLITE_BUSY": Reason.STORE_LOCKED,
    "SQLITE_LOCKED": Reason.STORE_LOCKED,
    "SQLITE_READONLY": Reason.STORE_READ_ONLY,
    "SQLITE_CANTOPEN": Reason.STORE_READ_ONLY,
    "SQLITE_CORRUPT": Reason.STORE_CORRUPT,
    "SQLITE_NOTADB": Reason.STORE_CORRUPT,
    "SQLITE_IOERR": Reason.STORE_INPUT_OUTPUT,
}


class Database:
    """One file. Methods are synchronous; `run` carries them to the thread that owns it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._engine: Engine | None = None
        self._file: tuple[int, int] | None = None
        self._lock: IO[str] | None = None

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the writer thread; a cancelled caller does not stop it half-way."""
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))
        return await asyncio.shield(call)

    def open_to_write(self) -> None:
        """Create or migrate the database and take it for this process.

        Raises StoreError also when another process writes it, or when it is newer than the code.
        """
        self._lock = take_lock(self._path)
        self._engine = _engine(URL.create("sqlite", database=str(self._path)), writes=True)
        with _translated(self._path):
            migrate(self._engine)
        self._file = _file_at(self._path)

    def open_readonly(self) -> None:
        """Open an existing database without being able to write it.

        Raises StoreError also when its schema is not the one of this program.
        """
        if not self._path.exists():
            raise StoreError(f"{self._path}: no database yet; `donations serve` makes it")
        url = URL.create(
            "sqlite",
            database=f"file:{quote(str(self._path))}",
            query={"mode": "ro", "uri": "true"},
        )
        self._engine = _engine(url, writes=False)
        with _translated(self._path):
            check_current(self._engine)

    def close(self) -> None:
        """Give the database back, after the save in progress."""
        self._thread.shutdown(wait=True)
        if self._engine is not None:
            self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self._engine is None:
            raise StoreError(f"{self._path}: the database is not open")
        with _translated(self._path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        if self._file not in (None, _file_at(self._path)):
            # SQLite would go on, and write what nobody finds again.
            raise StoreError(
                f"{self._path}: another file lies here than was opened", why=Reason.STORE_MOVED
            )
        with self._connected() as connection, connection.begin():
            yield connection


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies there; None: no file."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_dev, told.st_ino


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"{path}: {error.orig}", why=_why(error.orig)) from error


def _why(error: object) -> Reason:
    """Source: SQLite's result codes; an extended one begins with the name of the plain one."""
    name = getattr(error, "sqlite_errorname", "")
    return next((why for begin, why in _REASONS.items() if name.startswith(begin)), Reason.STORE)


def take_lock(path: Path) -> IO[str]:
    """Take the database for this process until the file is closed. Raises StoreError.

    A file of its own, because SQLite's lock lasts for a transaction only.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot write here: {error.strerror}", why=Reason.STORE_READ_ONLY
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StoreError(
            f"{path}: another donations process writes this database", why=Reason.STORE_LOCKED
        ) from None
    return lock


def _engine(url: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: its deferred ones fail at the first
        # write with SQLITE_BUSY_SNAPSHOT, whatever the time-out.
        connection.isolation_level = None
        connection.create_function("casefold", 1, str.casefold, deterministic=True)
        if writes:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
