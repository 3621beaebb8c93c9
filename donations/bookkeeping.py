"""What is kept for the author: values, his own entries, and the lists he asks for.

Each function is one statement or two on an open connection; the store says when they commit.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, literal, select, tuple_

from donations.amounts import parse_units
from donations.books import Annotation, Entry, ManualGift, Writing, standing
from donations.ledger import Key
from donations.picking import pick, stream
from donations.rows import key_row, of_key, portions, put, transfer_of
from donations.schema import ANNOTATIONS, TRANSFERS, UNVALUED, VALUATIONS
from donations.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row

    from donations.books import Filter, Place, Remarks
    from donations.ledger import Transfer

_IDENTITY = ("chain", "address", "asset", "id")


def put_valuations(connection: Connection, valued: Iterable[tuple[Key, str, Valuation]]) -> None:
    """Keep values."""
    values = [
        {
            **key_row(key),
            "id": identity,
            "currency": value.currency,
            "minor": str(value.minor),
            "price": value.price,
            "price_time": value.price_time,
            "source": value.source,
            "valued_at": value.valued_at,
        }
        for key, identity, value in valued
    ]
    if values:
        put(connection, VALUATIONS, values)


def read_valuations(
    connection: Connection, key: Key, ids: Iterable[str], currency: str
) -> dict[str, Valuation]:
    """The values of those of ``ids`` that have one in ``currency``."""
    return {
        row.id: Valuation(
            row.currency,
            parse_units(row.minor),
            row.price,
            row.price_time,
            row.source,
            row.valued_at,
        )
        for some in portions(ids)
        for row in connection.execute(
            select(VALUATIONS).where(
                *of_key(VALUATIONS, key),
                VALUATIONS.c.id.in_(some),
                VALUATIONS.c.currency == currency,
            )
        )
    }


def read_unvalued(connection: Connection, before: Place | None, limit: int) -> list[Transfer]:
    """Standing transfers without a value in the currency of the sums, the newest first."""
    order = [UNVALUED.c[name] for name in ("received_at", *_IDENTITY)]
    same = and_(*(UNVALUED.c[name] == TRANSFERS.c[name] for name in _IDENTITY))
    query = (
        select(TRANSFERS)
        .select_from(UNVALUED)
        .join(TRANSFERS, same)
        .order_by(*(column.desc() for column in order))
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(*order) < tuple_(*map(literal, before)))
    return [transfer_of(row) for row in connection.execute(query)]


def add_annotation(connection: Connection, annotation: Annotation) -> int:
    """Keep an entry, and say which number it got."""
    manual = annotation.manual
    values: dict[str, Any] = {
        **(key_row(annotation.key) if annotation.key else {}),
        "id": annotation.id,
        "writing": annotation.writing.value,
        "text": annotation.text,
        "undoes": annotation.undoes,
        "at": annotation.at,
        "by": annotation.by,
    }
    if manual is not None:
        values |= {
            "amount": str(manual.amount),
            "unit": manual.unit,
            "decimals": manual.decimals,
            "received_at": manual.received_at,
            "widget": manual.widget,
        }
    result = connection.execute(
        insert(ANNOTATIONS).values(**values).returning(ANNOTATIONS.c.sequence)
    )
    return int(result.scalar_one())


def read_annotation(connection: Connection, sequence: int) -> Annotation | None:
    """One entry by its number."""
    row = connection.execute(select(ANNOTATIONS).where(ANNOTATIONS.c.sequence == sequence)).first()
    return None if row is None else _annotation(row)


def read_undoing(connection: Connection, sequence: int) -> Annotation | None:
    """The entry that undoes the one of this number."""
    query = select(ANNOTATIONS).where(ANNOTATIONS.c.undoes == sequence)
    row = connection.execute(query).first()
    return None if row is None else _annotation(row)


def read_annotations(connection: Connection, key: Key, identity: str) -> list[Annotation]:
    """All entries about one transfer, the oldest first."""
    query = (
        select(ANNOTATIONS)
        .where(*of_key(ANNOTATIONS, key), ANNOTATIONS.c.id == identity)
        .order_by(ANNOTATIONS.c.sequence)
    )
    return [_annotation(row) for row in connection.execute(query)]


def read_remarks(connection: Connection, key: Key, ids: Iterable[str]) -> dict[str, Remarks]:
    """What stands of the entries about those of ``ids`` that have one."""
    entries: dict[str, list[Annotation]] = defaultdict(list)
    for some in portions(ids):
        query = (
            select(ANNOTATIONS)
            .where(*of_key(ANNOTATIONS, key), ANNOTATIONS.c.id.in_(some))
            .order_by(ANNOTATIONS.c.sequence)
        )
        for row in connection.execute(query):
            entries[row.id].append(_annotation(row))
    return {identity: standing(told) for identity, told in entries.items()}


def read_thanked(connection: Connection) -> dict[tuple[Key, str], str]:
    """The public thanks that stand, by transfer."""
    thanked = select(ANNOTATIONS).where(ANNOTATIONS.c.writing == Writing.THANKS.value)
    ids: dict[Key, set[str]] = defaultdict(set)
    for row in connection.execute(thanked):
        ids[Key(row.chain, row.address, row.asset)].add(row.id)
    return {
        (key, identity): remarks.thanks
        for key, names in ids.items()
        for identity, remarks in read_remarks(connection, key, names).items()
        if remarks.thanks
    }


def read_manual_gifts(connection: Connection) -> list[Annotation]:
    """The manual gifts that are not undone, the oldest entry first."""
    undone = select(ANNOTATIONS.c.undoes).where(ANNOTATIONS.c.undoes.is_not(None))
    query = (
        select(ANNOTATIONS)
        .where(
            ANNOTATIONS.c.writing == Writing.MANUAL_GIFT.value,
            ANNOTATIONS.c.sequence.not_in(undone),
        )
        .order_by(ANNOTATIONS.c.sequence)
    )
    return [_annotation(row) for row in connection.execute(query)]


def _annotation(row: Row[Any]) -> Annotation:
    manual = None
    if row.amount is not None:
        manual = ManualGift(
            parse_units(row.amount), row.unit, row.decimals, row.received_at, row.widget
        )
    return Annotation(
        writing=Writing(row.writing),
        by=row.by,
        at=row.at,
        key=None if row.chain is None else Key(row.chain, row.address, row.asset),
        id=row.id,
        text=row.text,
        undoes=row.undoes,
        manual=manual,
        sequence=row.sequence,
    )


def read_entries(
    connection: Connection, wanted: Filter, before: Place | None, limit: int, currency: str
) -> list[Entry]:
    """Transfers that ``wanted`` lets through, the newest first, from below ``before``."""
    return entries_of(connection, pick(connection, wanted, before, limit, currency), currency)


def stream_entries(
    connection: Connection, wanted: Filter, currency: str, page: int = 500
) -> Iterator[Entry]:
    """All transfers that ``wanted`` lets through, the oldest first, a page in memory at a time."""
    for some in stream(connection, wanted, currency, page):
        yield from entries_of(connection, some, currency)


def entries_of(connection: Connection, transfers: Sequence[Transfer], currency: str) -> list[Entry]:
    """Transfers with what is kept beside them, in the same order."""
    ids: dict[Key, list[str]] = defaultdict(list)
    for transfer in transfers:
        ids[transfer.key].append(transfer.id)
    values = {key: read_valuations(connection, key, some, currency) for key, some in ids.items()}
    remarks = {key: read_remarks(connection, key, some) for key, some in ids.items()}
    nothing = standing(())
    return [Entry(t, values[t.key].get(t.id), remarks[t.key].get(t.id, nothing)) for t in transfers]
