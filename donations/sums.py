"""The running sums of the store, by month and by day: of base units, and of what they were worth.

Each function works on an open connection; the store says when it commits.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, insert, select

from donations.amounts import parse_units
from donations.books import Figure, Figures
from donations.ledger import Bucket, Key, State
from donations.rows import key_row, of_key, portions, put, transfer_of
from donations.schema import DAYS, TOTALS, TRANSFERS, UNVALUED, VALUATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Column, ColumnElement, Connection, Table

    from donations.ledger import Change, Transfer

GONE = (State.DROPPED.value, State.REPLACED.value)
# Seconds: every time zone's days begin at a whole number of these (offsets are quarter hours).
_STEP = 900
_SAME_TRANSFER = and_(
    *(TRANSFERS.c[name] == VALUATIONS.c[name] for name in ("chain", "address", "asset", "id"))
)


def add_changes(
    connection: Connection, changes: Iterable[Change], zone: tzinfo, currency: str
) -> None:
    """Move what changed from the sum it belonged to into the one it belongs to now."""
    moved = list(changes)
    known: dict[Key, list[str]] = defaultdict(list)
    for change in moved:
        if change.before is not None:  # what is new has no value yet
            known[change.after.key].append(change.after.id)
    worth = {key: read_minors(connection, key, ids, currency) for key, ids in known.items()}
    _note_unvalued(connection, moved, worth)
    sums: Figures = defaultdict(Figure)
    for change in moved:
        minor = worth.get(change.after.key, {}).get(change.after.id)
        for transfer, sign in ((change.before, -1), (change.after, 1)):
            if transfer is not None:
                _count(sums, transfer, minor, sign, zone)
    _add(connection, sums)


def add_values(
    connection: Connection, valued: Iterable[tuple[Transfer, int]], zone: tzinfo
) -> None:
    """Add what transfers turned out to be worth, in minor units, to the sums they stand in."""
    added = list(valued)
    _forget_unvalued(connection, (transfer for transfer, _ in added))
    sums: Figures = defaultdict(Figure)
    for transfer, minor in added:
        if transfer.bucket is not None:
            day = _day(transfer.received_at // _STEP, zone)
            sums[transfer.key, day, transfer.bucket] += Figure(minor=minor, valued=1)
    _add(connection, sums)


def rebuild(connection: Connection, zone: tzinfo, currency: str) -> None:
    """Make all sums anew from the transfers and their values."""
    for table in (TOTALS, DAYS):
        connection.execute(delete(table))
    query = select(TRANSFERS, VALUATIONS.c.minor).join(
        VALUATIONS, and_(_SAME_TRANSFER, VALUATIONS.c.currency == currency), isouter=True
    )
    sums: Figures = defaultdict(Figure)
    result = connection.execution_options(yield_per=1000).execute(query)
    for row in result:
        minor = None if row.minor is None else parse_units(row.minor)
        _count(sums, transfer_of(row), minor, 1, zone)
    _add(connection, sums)
    _collect_unvalued(connection, currency)


def _collect_unvalued(connection: Connection, currency: str) -> None:
    connection.execute(delete(UNVALUED))
    columns = [TRANSFERS.c[column.name] for column in UNVALUED.c]
    valued = exists().where(_SAME_TRANSFER, VALUATIONS.c.currency == currency)
    waiting = select(*columns).where(TRANSFERS.c.state.not_in(GONE), ~valued)
    connection.execute(insert(UNVALUED).from_select([c.name for c in columns], waiting))


def _note_unvalued(
    connection: Connection, changes: Iterable[Change], worth: Mapping[Key, Mapping[str, int]]
) -> None:
    """Of those that changed, keep the standing ones that have no value."""
    after = {(change.after.key, change.after.id): change.after for change in changes}
    _forget_unvalued(connection, after.values())
    waiting = [
        {**key_row(key), "id": identity, "received_at": transfer.received_at}
        for (key, identity), transfer in after.items()
        if transfer.state.value not in GONE and identity not in worth.get(key, {})
    ]
    if waiting:
        put(connection, UNVALUED, waiting)


def _forget_unvalued(connection: Connection, transfers: Iterable[Transfer]) -> None:
    ids: dict[Key, list[str]] = defaultdict(list)
    for transfer in transfers:
        ids[transfer.key].append(transfer.id)
    for key, its in ids.items():
        for some in portions(its):
            where = (*of_key(UNVALUED, key), UNVALUED.c.id.in_(some))
            connection.execute(delete(UNVALUED).where(*where))


def read_minors(
    connection: Connection, key: Key, ids: Iterable[str], currency: str
) -> dict[str, int]:
    """What those of ``ids`` that have a value are worth, in minor units."""
    return {
        row.id: parse_units(row.minor)
        for some in portions(ids)
        for row in connection.execute(
            select(VALUATIONS.c.id, VALUATIONS.c.minor).where(
                *of_key(VALUATIONS, key),
                VALUATIONS.c.id.in_(some),
                VALUATIONS.c.currency == currency,
            )
        )
    }


def read_months(connection: Connection) -> Figures:
    """All sums by month."""
    return _read(connection, TOTALS, TOTALS.c.month)


def read_days(
    connection: Connection, keys: Iterable[Key] | None, first: str | None, last: str | None
) -> Figures:
    """The sums of ``keys`` by day ("2026-11-24"), from ``first`` to ``last``, both included.

    None is no limit.
    """
    where = []
    if first is not None:
        where.append(DAYS.c.day >= first)
    if last is not None:
        where.append(DAYS.c.day <= last)
    if keys is None:
        return _read(connection, DAYS, DAYS.c.day, *where)
    found: Figures = {}
    for key in set(keys):
        found |= _read(connection, DAYS, DAYS.c.day, *of_key(DAYS, key), *where)
    return found


def _count(sums: Figures, transfer: Transfer, minor: int | None, sign: int, zone: tzinfo) -> None:
    if transfer.bucket is None:
        return
    day = _day(transfer.received_at // _STEP, zone)
    sums[transfer.key, day, transfer.bucket] += Figure(
        units=sign * transfer.amount,
        transfers=sign,
        minor=0 if minor is None else sign * minor,
        valued=0 if minor is None else sign,
    )


def _add(connection: Connection, days: Mapping[tuple[Key, str, Bucket], Figure]) -> None:
    months: Figures = defaultdict(Figure)
    for (key, day, bucket), figure in days.items():
        months[key, day[:7], bucket] += figure
    for table, column, sums in ((TOTALS, TOTALS.c.month, months), (DAYS, DAYS.c.day, days)):
        _add_to(connection, table, column, sums)


def _add_to(
    connection: Connection,
    table: Table,
    column: Column[str],
    sums: Mapping[tuple[Key, str, Bucket], Figure],
) -> None:
    wanted: dict[Key, set[str]] = defaultdict(set)
    for key, period, _ in sums:
        wanted[key].add(period)
    kept: Figures = {}
    for key, periods in wanted.items():
        for some in portions(periods):
            kept |= _read(connection, table, column, *of_key(table, key), column.in_(some))
    values = []
    for (key, period, bucket), figure in sums.items():
        total = kept.get((key, period, bucket), Figure()) + figure
        values.append(
            {
                **key_row(key),
                column.name: period,
                "bucket": bucket.value,
                "units": str(total.units),
                "transfers": total.transfers,
                "minor": str(total.minor),
                "valued": total.valued,
            }
        )
    if values:
        put(connection, table, values)


def _read(
    connection: Connection, table: Table, column: Column[str], *where: ColumnElement[bool]
) -> Figures:
    return {
        (Key(row.chain, row.address, row.asset), getattr(row, column.name), Bucket(row.bucket)): (
            Figure(parse_units(row.units), row.transfers, parse_units(row.minor), row.valued)
        )
        for row in connection.execute(select(table).where(*where))
    }


@lru_cache(maxsize=4096)
def _day(step: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(step * _STEP, zone).strftime("%Y-%m-%d")
