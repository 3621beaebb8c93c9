"""Which transfers a filter lets through, found without reading those that it does not.

Each key is read in its own order by an index that holds little else than what is wanted; what the
keys give is merged. So the answer takes as long with a hundred times as many gifts.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, literal, or_, select, text, tuple_

from donations.ledger import Key, Kind, State
from donations.rows import of_key, transfer_of
from donations.schema import ANNOTATIONS, ODD, TOTALS, TRANSFERS, UNVALUED, VALUATIONS, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from donations.books import Filter, Place
    from donations.ledger import Transfer

    Conditions = Sequence[ColumnElement[bool]]

_IDENTITY = ("chain", "address", "asset", "id")
_ORDER = tuple(TRANSFERS.c[name] for name in ("received_at", *_IDENTITY))
# So few transfers are all looked at; where there are more, one of them is soon met.
_FEW = 500
# So many names are put in order; where more begin alike, one of them is soon met in any order.
_NAMES = 1_000


def pick(
    connection: Connection, wanted: Filter, before: Place | None, limit: int, currency: str
) -> list[Transfer]:
    """The newest transfers that ``wanted`` lets through, newest first, from below ``before``."""
    keys = frozenset(read_keys(connection) if wanted.keys is None else wanted.keys)
    named, conditions = _narrowed(connection, wanted, currency)
    if named is not None:
        if wanted.valued is False:
            conditions.append(_same(UNVALUED))
        meant = (
            place
            for place in sorted(named, reverse=True)
            if Key(*place[1:4]) in keys and (before is None or place < before)
        )
        where = [*conditions, *_conditions(wanted, TRANSFERS, odd=False)]
        return list(islice(_read(connection, meant, where), limit))
    table = UNVALUED if wanted.valued is False else TRANSFERS
    conditions += _conditions(wanted, table)
    places: list[Place] = []
    begun = _chains(connection, wanted.text) if wanted.text else None
    for key in keys:
        if begun is not None and key.chain not in begun:
            continue  # it would be read to its end for nothing
        where = [*conditions, *_below(table, key, before)]
        places += _places(connection, table, key, where, limit)
    return list(_read(connection, sorted(places, reverse=True)[:limit], []))


def stream(
    connection: Connection, wanted: Filter, currency: str, page: int
) -> Iterator[list[Transfer]]:
    """All transfers that ``wanted`` lets through, the oldest first, so many at a time."""
    named, conditions = _narrowed(connection, wanted, currency)
    where = [*conditions, *_conditions(wanted, TRANSFERS)]
    if wanted.valued is False:
        where.append(_same(UNVALUED))
    if wanted.keys is not None:
        # As one text: an index by key would be read as a whole, and sorted, for each page.
        where.append(_as_text().in_([" ".join(_parts(key)) for key in wanted.keys]))
    if named is not None:
        where.append(TRANSFERS.c.id.in_(sorted({place[4] for place in named})))
    after: tuple[Any, ...] | None = None
    while True:
        query = select(TRANSFERS).where(*where).order_by(*_ORDER).limit(page)
        if after is not None:
            query = query.where(tuple_(*_ORDER) > tuple_(*map(literal, after)))
        some = [transfer_of(row) for row in connection.execute(query)]
        yield some
        if len(some) < page:
            return
        last = some[-1]
        after = (last.received_at, *_parts(last.key), last.id)


def read_keys(connection: Connection) -> list[Key]:
    """The keys that something is known of."""
    rows = connection.execute(select(VIEWS.c.chain, VIEWS.c.address, VIEWS.c.asset))
    return [Key(row.chain, row.address, row.asset) for row in rows]


def _parts(key: Key) -> tuple[str, str, str]:
    return key.chain, key.address, key.asset


def _as_text() -> ColumnElement[str]:
    columns = TRANSFERS.c
    return columns.chain.concat(" ").concat(columns.address).concat(" ").concat(columns.asset)


def _same(table: Table, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """That ``table`` has a row of the same transfer."""
    return exists().where(*(table.c[n] == TRANSFERS.c[n] for n in _IDENTITY), *more)


def _conditions(wanted: Filter, table: Table, *, odd: bool = True) -> Iterator[ColumnElement[bool]]:
    """What can be said of each transfer by itself; its time is read off ``table``."""
    columns = TRANSFERS.c
    for column, values in (
        (columns.state, wanted.states),
        (columns.kind, wanted.kinds),
        (columns.level, wanted.levels),
    ):
        if values is not None:
            yield column.in_([value.value for value in values])
    if wanted.since is not None:
        yield table.c.received_at >= wanted.since
    if wanted.until is not None:
        yield table.c.received_at < wanted.until
    if wanted.excluded is not None:
        yield columns.excluded.is_(wanted.excluded)
    if odd and table is TRANSFERS and _is_odd(wanted):
        # In the words of the index of all that is no final gift, so that it is taken.
        yield text(f"({ODD})")  # type: ignore[misc] # a condition like any other


def _is_odd(wanted: Filter) -> bool:
    """Whether no final gift can be wanted: almost all transfers are final gifts."""
    return (
        (wanted.states is not None and State.FINAL not in wanted.states)
        or (wanted.kinds is not None and Kind.GIFT not in wanted.kinds)
        or wanted.excluded is True
    )


def _below(table: Table, key: Key, before: Place | None) -> Iterator[ColumnElement[bool]]:
    """What lies before a place in the order, of one key."""
    if before is None:
        return
    at, *parts, identity = before
    if _parts(key) == tuple(parts):
        yield table.c.received_at <= at
        yield or_(table.c.received_at < at, table.c.id < identity)
    elif _parts(key) < tuple(parts):
        yield table.c.received_at <= at
    else:
        yield table.c.received_at < at


def _places(
    connection: Connection, table: Table, key: Key, where: Conditions, limit: int
) -> Iterator[Place]:
    """The places of the newest."""
    query = select(table.c.received_at, table.c.id)
    if table is not TRANSFERS:
        same = and_(*(table.c[name] == TRANSFERS.c[name] for name in _IDENTITY))
        query = query.select_from(table).join(TRANSFERS, same)
    query = query.where(*of_key(table, key), *where)
    order = (table.c.received_at.desc(), table.c.id.desc())
    for row in connection.execute(query.order_by(*order).limit(limit)):
        yield row.received_at, *_parts(key), row.id


def _read(connection: Connection, places: Iterable[Place], where: Conditions) -> Iterator[Transfer]:
    """The transfers at these places that meet the conditions, in the order of the places."""
    for some in _portions(places):
        ids: dict[Key, list[str]] = defaultdict(list)
        for _, *parts, identity in some:
            ids[Key(*parts)].append(identity)
        found = {
            (key, row.id): transfer_of(row)
            for key, its in ids.items()
            for row in connection.execute(
                select(TRANSFERS).where(*of_key(TRANSFERS, key), TRANSFERS.c.id.in_(its), *where)
            )
        }
        for _, *parts, identity in some:
            transfer = found.get((Key(*parts), identity))
            if transfer is not None:
                yield transfer


def _portions(places: Iterable[Place]) -> Iterator[list[Place]]:
    """A few at a time, and then more: often the first are enough."""
    left, size = iter(places), 64
    while some := list(islice(left, size)):
        yield some
        size = min(4 * size, _FEW)


# -- what names few transfers


def _narrowed(
    connection: Connection, wanted: Filter, currency: str
) -> tuple[set[Place] | None, list[ColumnElement[bool]]]:
    """The only places that can be meant, where they are few; else conditions that many meet."""
    named: set[Place] | None = None
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        name, told = wanted.text.lower(), _told(connection, wanted.text)
        # What is rare is read as a whole, and sooner than many names are.
        rare = _is_odd(wanted) or wanted.valued is False
        named = _begun(connection, name, _FEW if rare else _NAMES)
        if named is None:
            begins = func.substr(TRANSFERS.c.id, 1, len(name)) == name
            conditions.append(or_(begins, TRANSFERS.c.id.in_(sorted({p[4] for p in told}))))
        else:
            named |= told
    if wanted.valued is True:
        valued = _valued(connection, currency)
        if valued is None:
            conditions.append(_same(VALUATIONS, VALUATIONS.c.currency == currency))
        else:
            named = valued if named is None else named & valued
    return named, conditions


def _begun(connection: Connection, name: str, most: int) -> set[Place] | None:
    """The places of those whose name begins so; None for more than ``most``."""
    found: set[Place] = set()
    for chain in sorted({key.chain for key in read_keys(connection)}):
        query = select(*_ORDER).where(
            TRANSFERS.c.chain == chain,
            TRANSFERS.c.id >= name,
            TRANSFERS.c.id < name + "\U0010ffff",
        )
        found |= {_place(row) for row in connection.execute(query.limit(most + 1))}
        if len(found) > most:
            return None
    return found


def _chains(connection: Connection, part: str) -> set[str]:
    """The chains on which a transfer is meant by a text, by its name or by what was written."""
    name, found = part.lower(), {place[1] for place in _told(connection, part)}
    for chain in {key.chain for key in read_keys(connection)} - found:
        begins = (TRANSFERS.c.id >= name, TRANSFERS.c.id < name + "\U0010ffff")
        query = select(TRANSFERS.c.id).where(TRANSFERS.c.chain == chain, *begins).limit(1)
        if connection.execute(query).first() is not None:
            found.add(chain)
    return found


def _place(row: Any) -> Place:
    return row.received_at, row.chain, row.address, row.asset, row.id


def _told(connection: Connection, part: str) -> set[Place]:
    """The places of those of which something was written that holds ``part``, in any case."""
    holds = func.casefold(ANNOTATIONS.c.text).contains(part.casefold(), autoescape=True)
    same = and_(*(ANNOTATIONS.c[name] == TRANSFERS.c[name] for name in _IDENTITY))
    query = select(*_ORDER).select_from(ANNOTATIONS).join(TRANSFERS, same)
    return {_place(row) for row in connection.execute(query.where(holds))}


def _valued(connection: Connection, currency: str) -> set[Place] | None:
    """The places of those that have a value; None for more than a few."""
    many = connection.execute(select(func.sum(TOTALS.c.valued))).scalar() or 0
    if many > _FEW:
        return None
    same = and_(*(VALUATIONS.c[name] == TRANSFERS.c[name] for name in _IDENTITY))
    query = select(*_ORDER).select_from(VALUATIONS).join(TRANSFERS, same)
    return {
        _place(row) for row in connection.execute(query.where(VALUATIONS.c.currency == currency))
    }
