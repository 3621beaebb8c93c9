"""The store loads and saves; it decides nothing.

One thread owns the one connection that writes. A save is one function and one SQLite transaction
(WAL, ``synchronous=FULL``, ``BEGIN IMMEDIATE``) with no await inside, so that no cancellation can
cut it in half: transfers, totals, changes, cursors and standing commit together or not at all.
Every method raises StoreError when the database cannot be used.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from heapq import merge
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, create_engine, delete, event, exists, func, insert, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from donations import evidence, kept_quotes, rows
from donations.amounts import parse_units
from donations.errors import StoreError
from donations.ledger import (
    Block,
    Bucket,
    Change,
    Checkpoint,
    Key,
    Kind,
    Level,
    News,
    State,
    Transfer,
)
from donations.reasons import Reason
from donations.rows import of_key, portions, put
from donations.schema import (
    ATTRIBUTIONS,
    BLOCKS,
    CHANGES,
    CURSORS,
    FACTS,
    OUTPUTS,
    TOTALS,
    TRANSFERS,
    VIEWS,
    check_current,
    migrate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, Engine, Table
    from sqlalchemy.engine import Row

    from donations.evidence import Conviction, EthereumProof, KeptClaim, Proof
    from donations.kept_quotes import KeptQuote

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
# Seconds: every time zone's months begin at a whole number of these (offsets are quarter hours).
_MONTH_STEP = 900


@dataclass(frozen=True, slots=True)
class Cursor:
    """From where an operator's next observation of a key has to tell everything."""

    operator: str
    key: Key
    since: int
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The last view that was applied to a key. ``complete``: its first history was read to the end.

    ``balance`` is of the tip, None while the operators do not agree on one.
    """

    key: Key
    tip: Block
    final_height: int
    at: int
    sources: int
    complete: bool
    balance: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one applied view leaves behind. ``history``: a first reading, nothing of it is news.

    ``blocks`` are the recorded blocks of the chain by height, all of them; ``facts`` are kept by
    name, as by `Store.remember`. ``claims`` take the place of the key's last ones; None: as before.
    """

    changes: tuple[Change, ...]
    cursors: tuple[Cursor, ...]
    standing: Standing
    blocks: Mapping[int, Block]
    history: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    claims: tuple[KeptClaim, ...] | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """A running sum of base units, and of how many transfers."""

    units: int
    transfers: int


class Store:
    """An open database. Methods are synchronous; `run` carries them to the writer thread."""

    def __init__(self, path: Path, timezone: tzinfo) -> None:
        self._path = path
        self._timezone = timezone
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._engine: Engine | None = None
        self._lock: IO[str] | None = None

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the writer thread; a cancelled caller does not stop it half-way."""
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))
        return await asyncio.shield(call)

    # -- opening

    def open(self, networks: Mapping[str, str]) -> None:
        """Create or migrate the database and take it for this process.

        ``networks`` names the network of each chain. Raises StoreError also when another process
        writes the database, when it is newer than the code, or was made for another network.
        """
        self._lock = take_lock(self._path)
        self._engine = _engine(URL.create("sqlite", database=str(self._path)), writes=True)
        with _translated(self._path):
            migrate(self._engine)
        with self._begin() as connection:
            _check_networks(connection, networks, self._path)
            self._check_timezone(connection)

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

    # -- saving

    def save(self, batch: Batch) -> None:
        """Write all of ``batch``, or nothing."""
        with self._begin() as connection:
            if batch.changes:
                self._save_changes(connection, batch.changes, history=batch.history)
            for cursor in batch.cursors:
                put(connection, CURSORS, [rows.cursor_row(cursor)])
            for name, value in batch.facts:
                put(connection, FACTS, [{"name": name, "value": value}])
            put(connection, VIEWS, [rows.standing_row(batch.standing)])
            if batch.claims is not None:
                evidence.replace_claims(connection, batch.standing.key, batch.claims)
            if batch.blocks:
                _save_blocks(connection, batch.standing.key.chain, batch.blocks)

    def _save_changes(
        self, connection: Connection, changes: Sequence[Change], *, history: bool
    ) -> None:
        put(connection, TRANSFERS, [rows.transfer_row(change.after) for change in changes])
        outputs = [
            {"chain": t.key.chain, "outpoint": name, "address": t.key.address, "units": str(units)}
            for t in (change.after for change in changes)
            for name, units in t.brings
        ]
        if outputs:
            put(connection, OUTPUTS, outputs)
        told = [
            c for c in changes if c.news is not News.PROVEN and not (history and c.before is None)
        ]
        if told:
            connection.execute(insert(CHANGES), [rows.change_row(change) for change in told])
        self._add_totals(connection, changes)

    def save_proofs(self, proofs: Sequence[Proof], changes: Sequence[Change]) -> None:
        """Keep proofs, together with what they change."""
        with self._begin() as connection:
            evidence.put_proofs(connection, proofs)
            if changes:
                self._save_changes(connection, changes, history=False)

    def save_ethereum_proofs(
        self, proofs: Sequence[EthereumProof], changes: Sequence[Change]
    ) -> None:
        """Keep proofs of Ethereum, together with what they change."""
        with self._begin() as connection:
            evidence.put_ethereum_proofs(connection, proofs)
            if changes:
                self._save_changes(connection, changes, history=False)

    def save_headers(
        self, chain: str, headers: Sequence[tuple[int, bytes]], fork: int | None
    ) -> None:
        """Keep (height, 80 bytes) of headers; after a reorg instead of all above ``fork``."""
        with self._begin() as connection:
            evidence.put_headers(connection, chain, headers, fork)

    def convict(self, conviction: Conviction) -> None:
        """Keep what an operator is convicted of."""
        with self._begin() as connection:
            evidence.put_conviction(connection, conviction)

    def _add_totals(self, connection: Connection, changes: Iterable[Change]) -> None:
        sums: dict[tuple[Key, str, Bucket], list[int]] = defaultdict(lambda: [0, 0])
        for change in changes:
            for transfer, sign in ((change.before, -1), (change.after, 1)):
                if transfer is not None and transfer.bucket is not None:
                    entry = sums[transfer.key, self._month(transfer), transfer.bucket]
                    entry[0] += sign * transfer.amount
                    entry[1] += sign
        for (key, month, bucket), (units, count) in sums.items():
            where = (*of_key(TOTALS, key), TOTALS.c.month == month, TOTALS.c.bucket == bucket.value)
            row = connection.execute(select(TOTALS).where(*where)).first()
            total = {
                **rows.key_row(key),
                "month": month,
                "bucket": bucket.value,
                "units": str(units + (parse_units(row.units) if row else 0)),
                "transfers": count + (row.transfers if row else 0),
            }
            put(connection, TOTALS, [total])

    def _month(self, transfer: Transfer) -> str:
        return _month(transfer.received_at // _MONTH_STEP, self._timezone)

    def rebuild_totals(self) -> None:
        """Make the running totals anew from the transfers."""
        with self._begin() as connection:
            self._rebuild_totals(connection)

    def _rebuild_totals(self, connection: Connection) -> None:
        connection.execute(delete(TOTALS))
        result = connection.execution_options(yield_per=1000).execute(select(TRANSFERS))
        for part in result.partitions():
            standing = [rows.transfer_of(row) for row in part]
            self._add_totals(connection, [_as_new(transfer) for transfer in standing])

    def _check_timezone(self, connection: Connection) -> None:
        """Months are months of the configured time zone: another zone, other months."""
        name = str(self._timezone)
        if _fact(connection, "timezone") not in (name, None):
            self._rebuild_totals(connection)
        put(connection, FACTS, [{"name": "timezone", "value": name}])

    def remember(self, name: str, value: str) -> None:
        """Keep a fact by its name, in the place of an older one."""
        with self._begin() as connection:
            put(connection, FACTS, [{"name": name, "value": value}])

    # -- loading

    def facts(self) -> dict[str, str]:
        """All facts kept by `remember`, and the store's own."""
        return {row.name: row.value for row in self._rows(FACTS)}

    def cursors(self, chain: str) -> list[Cursor]:
        """Where each operator's next observation of each key of ``chain`` starts."""
        return [
            Cursor(
                row.operator,
                Key(row.chain, row.address, row.asset),
                row.since,
                rows.checkpoint_of(row),
            )
            for row in self._rows(CURSORS, CURSORS.c.chain == chain)
        ]

    def standings(self) -> dict[Key, Standing]:
        """The last applied view of each key."""
        return {standing.key: standing for standing in map(_standing, self._rows(VIEWS))}

    def blocks(self, chain: str) -> dict[int, Block]:
        """The recorded blocks of a chain, by height."""
        return {
            row.height: Block(row.height, row.hash, row.time)
            for row in self._rows(BLOCKS, BLOCKS.c.chain == chain)
        }

    def unsettled(self, chain: str) -> list[Transfer]:
        """The transfers of a chain that views are expected to change."""
        found = self._rows(TRANSFERS, TRANSFERS.c.chain == chain, TRANSFERS.c.settled.is_(False))
        return [rows.transfer_of(row) for row in found]

    def transfers(self, key: Key, ids: Iterable[str]) -> list[Transfer]:
        """Those of ``ids`` that the ledger of ``key`` holds, in whatever state."""
        return [
            rows.transfer_of(row)
            for some in portions(ids)
            for row in self._rows(TRANSFERS, *of_key(TRANSFERS, key), TRANSFERS.c.id.in_(some))
        ]

    def gifts_elsewhere(self, key: Key, ids: Iterable[str]) -> list[Transfer]:
        """Gifts of the same transactions at other keys of the chain."""
        chain = (TRANSFERS.c.chain == key.chain, TRANSFERS.c.kind == Kind.GIFT.value)
        found = [
            rows.transfer_of(row)
            for some in portions(ids)
            for row in self._rows(TRANSFERS, *chain, TRANSFERS.c.id.in_(some))
        ]
        return [transfer for transfer in found if transfer.key != key]

    def final_above(self, key: Key, height: int) -> list[Transfer]:
        """The transfers of ``key`` in blocks above ``height`` that are FINAL, or wait for proof."""
        states = (State.FINAL.value, State.SEEN.value)
        where = (TRANSFERS.c.state.in_(states), TRANSFERS.c.block_height > height)
        return [
            rows.transfer_of(row) for row in self._rows(TRANSFERS, *of_key(TRANSFERS, key), *where)
        ]

    def count_final(self, key: Key, below: int) -> int:
        """How many FINAL transfers ``key`` has in blocks below the height ``below``."""
        where = (TRANSFERS.c.state == State.FINAL.value, TRANSFERS.c.block_height < below)
        query = select(func.count()).select_from(TRANSFERS).where(*of_key(TRANSFERS, key), *where)
        with self._connected() as connection:
            return int(connection.execute(query).scalar_one())

    def outputs(self, chain: str, outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        """(address, units) of those of ``outpoints`` that pay a watched address."""
        return {
            row.outpoint: (row.address, parse_units(row.units))
            for some in portions(outpoints)
            for row in self._rows(OUTPUTS, OUTPUTS.c.chain == chain, OUTPUTS.c.outpoint.in_(some))
        }

    def months(self) -> dict[tuple[Key, str, Bucket], Total]:
        """All running totals, by key, month ("2026-11") and bucket."""
        return {
            (Key(row.chain, row.address, row.asset), row.month, Bucket(row.bucket)): Total(
                parse_units(row.units), row.transfers
            )
            for row in self._rows(TOTALS)
        }

    def latest_gifts(self, key: Key, limit: int) -> list[Transfer]:
        """The latest gifts of ``key`` that stand, the newest first."""
        query = (
            select(TRANSFERS)
            .where(
                *of_key(TRANSFERS, key),
                TRANSFERS.c.kind == Kind.GIFT.value,
                TRANSFERS.c.state.in_([State.SEEN.value, State.CONFIRMED.value, State.FINAL.value]),
            )
            .order_by(TRANSFERS.c.received_at.desc(), TRANSFERS.c.id)
            .limit(limit)
        )
        with self._connected() as connection:
            return [rows.transfer_of(row) for row in connection.execute(query)]

    def latest(self, key: Key, limit: int) -> list[Transfer]:
        """The latest transfers of ``key``, of every kind and in every state, the newest first."""
        query = select(TRANSFERS).where(*of_key(TRANSFERS, key))
        newest = query.order_by(TRANSFERS.c.received_at.desc()).limit(limit)
        with self._connected() as connection:
            return [rows.transfer_of(row) for row in connection.execute(newest)]

    def in_order(self, keys: Iterable[Key], since: int) -> Iterator[Transfer]:
        """The transfers of ``keys`` received from ``since`` (Unix seconds) on, in that order.

        Those of one second are in the order of key and id. They stream: memory holds few of them.
        """
        with self._connected() as connection:
            streams = [
                connection.execution_options(yield_per=200).execute(
                    select(TRANSFERS)
                    .where(*of_key(TRANSFERS, key), TRANSFERS.c.received_at >= since)
                    .order_by(TRANSFERS.c.received_at, TRANSFERS.c.id)
                )
                for key in keys
            ]
            merged = merge(*streams, key=_order)
            yield from map(rows.transfer_of, merged)

    # -- why it is believed

    def claims(self) -> list[KeptClaim]:
        """What fewer operators tell than must agree, of all keys; the oldest first."""
        with self._connected() as connection:
            return evidence.read_claims(connection)

    def headers(self, chain: str, first: int, last: int) -> list[tuple[int, bytes]]:
        """(height, 80 bytes) of the kept headers between two heights, both included, rising."""
        with self._connected() as connection:
            return evidence.read_headers(connection, chain, first, last)

    def proofs(self, chain: str, txids: Iterable[str]) -> dict[str, Proof]:
        """The proofs of those of ``txids`` that have one, by txid."""
        with self._connected() as connection:
            return {p.txid: p for p in evidence.read_proofs(connection, chain, txids)}

    def proven_places(self, chain: str, txids: Iterable[str]) -> dict[str, Block]:
        """The blocks in which those of ``txids`` were proven to stand."""
        with self._connected() as connection:
            return evidence.read_places(connection, chain, txids)

    def ethereum_proofs(self, key: Key, ids: Iterable[str]) -> dict[str, EthereumProof]:
        """The proofs of those of ``ids`` that have one, by transfer."""
        with self._connected() as connection:
            return {p.id: p for p in evidence.read_ethereum_proofs(connection, key, ids)}

    def attribute(self, key: Key, identity: str, inside: Sequence[tuple[str, int]]) -> None:
        """Keep (transaction, base units) under a transfer of ``key``."""
        with self._begin() as connection:
            evidence.put_attributions(connection, key, identity, inside)

    def attributions(self, key: Key, ids: Iterable[str]) -> dict[str, tuple[tuple[str, int], ...]]:
        """(transaction, base units) under those of ``ids`` where they are known."""
        with self._connected() as connection:
            return evidence.read_attributions(connection, key, ids)

    def unattributed(self, chain: str) -> list[Transfer]:
        """Final gifts from inside contract calls whose transactions are not known."""
        columns = ("chain", "address", "asset", "id")
        named = exists().where(*(ATTRIBUTIONS.c[name] == TRANSFERS.c[name] for name in columns))
        where = (
            TRANSFERS.c.chain == chain,
            TRANSFERS.c.state == State.FINAL.value,
            TRANSFERS.c.id.endswith(":internal"),
            ~named,
        )
        return [rows.transfer_of(row) for row in self._rows(TRANSFERS, *where)]

    def convictions(self) -> list[Conviction]:
        """What each operator was convicted of last, also those that are over."""
        with self._connected() as connection:
            return evidence.read_convictions(connection)

    def unproven(self, key: Key, before: tuple[int, str] | None, limit: int) -> list[Transfer]:
        """Standing transfers of ``key`` in blocks whose place is not proven, the newest first.

        ``before`` is (height, id) of the last one of the page before.
        """
        place = (TRANSFERS.c.block_height, TRANSFERS.c.id)
        query = (
            select(TRANSFERS)
            .where(
                *of_key(TRANSFERS, key),
                TRANSFERS.c.level != Level.PROVEN.value,
                TRANSFERS.c.block_height.is_not(None),
                TRANSFERS.c.state.in_([State.SEEN.value, State.CONFIRMED.value, State.FINAL.value]),
            )
            .order_by(*(column.desc() for column in place))
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        with self._connected() as connection:
            return [rows.transfer_of(row) for row in connection.execute(query)]

    def waiting(self, key: Key) -> Total:
        """What would stand in blocks of ``key`` if it were proven."""
        columns = (TRANSFERS.c.amount, TRANSFERS.c.missing_since)
        where = (TRANSFERS.c.state == State.SEEN.value, TRANSFERS.c.block_height.is_not(None))
        with self._connected() as connection:
            query = select(*columns).where(*of_key(TRANSFERS, key), *where)
            units = [
                parse_units(row.amount)
                for row in connection.execute(query)
                if row.missing_since is None
            ]
        return Total(sum(units), len(units))

    # -- what things cost

    def save_quotes(self, quotes: Sequence[KeptQuote]) -> None:
        """Keep what sources of prices told."""
        with self._begin() as connection:
            kept_quotes.put_quotes(connection, quotes)

    def quotes(
        self, asset: str, currency: str, slots: Iterable[tuple[int, int]]
    ) -> list[KeptQuote]:
        """What is kept of an asset's price for (step, start) of slots."""
        with self._connected() as connection:
            return kept_quotes.read_quotes(connection, asset, currency, slots)

    # -- the connection

    def _rows(self, table: Table, *where: ColumnElement[bool]) -> Sequence[Row[Any]]:
        with self._connected() as connection:
            return connection.execute(select(table).where(*where)).all()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self._engine is None:
            raise StoreError(f"{self._path}: the database is not open")
        with _translated(self._path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._connected() as connection, connection.begin():
            yield connection


def _order(row: Row[Any]) -> tuple[int, str, str, str, str]:
    return row.received_at, row.chain, row.address, row.asset, row.id


@lru_cache(maxsize=1024)
def _month(step: int, timezone: tzinfo) -> str:
    return datetime.fromtimestamp(step * _MONTH_STEP, timezone).strftime("%Y-%m")


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
        if writes:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _check_networks(connection: Connection, networks: Mapping[str, str], path: Path) -> None:
    for chain, network in networks.items():
        recorded = _fact(connection, f"network:{chain}")
        if recorded not in (network, None):
            raise StoreError(
                f"{path} holds the {chain} ledger of network {recorded}, the configuration says "
                f"{network}: give each network its own `database`",
                why=Reason.STORE_SCHEMA,
            )
        put(connection, FACTS, [{"name": f"network:{chain}", "value": network}])


def _fact(connection: Connection, name: str) -> str | None:
    return connection.execute(select(FACTS.c.value).where(FACTS.c.name == name)).scalar()


def _save_blocks(connection: Connection, chain: str, blocks: Mapping[int, Block]) -> None:
    values = [
        {"chain": chain, "height": b.height, "hash": b.hash, "time": b.time}
        for b in blocks.values()
    ]
    connection.execute(delete(BLOCKS).where(BLOCKS.c.chain == chain))
    put(connection, BLOCKS, values)


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        key=Key(row.chain, row.address, row.asset),
        tip=Block(row.height, row.hash, row.time),
        final_height=row.final_height,
        at=row.at,
        sources=row.sources,
        complete=row.complete,
        balance=None if row.balance is None else parse_units(row.balance),
    )


def _as_new(transfer: Transfer) -> Change:
    return Change(None, transfer, News.FOUND, transfer.first_seen)
