"""Which transfers a filter lets through, found without reading those that it does not.

Each key is read in its own order by an index that holds little else than what is wanted; what the
keys give is merged. So the answer takes as long with a hundred times as many gifts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, literal, or_, select, text, tuple_

from donations.ledger import Key, Kind, State
from donations.rows import of_key, portions, transfer_of
from donations.schema import ANNOTATIONS, ODD, TOTALS, TRANSFERS, UNVALUED, VALUATIONS, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from donations.books import Filter, Place
    from donations.ledger import Transfer

    Conditions = Sequence[ColumnElement[bool]]

_IDENTITY = ("chain", "address", "asset", "id")
_ORDER = tuple(TRANSFERS.c[name] for name in ("received_at", *_IDENTITY))
# So few transfers are all looked at; where there are more, one of them is soon met.
_FEW = 500


def pick(
    connection: Connection, wanted: Filter, before: Place | None, limit: int, currency: str
) -> list[Transfer]:
    """The newest transfers that ``wanted`` lets through, newest first, from below ``before``."""
    named, conditions = _narrowed(connection, wanted, currency)
    table = UNVALUED if wanted.valued is False else TRANSFERS
    conditions = [*conditions, *_conditions(wanted, table)]
    places: list[Place] = []
    for key in read_keys(connection) if wanted.keys is None else wanted.keys:
        where = [*conditions, *_below(table, key, before)]
        if named is None:
            places += _places(connection, table, key, where, limit)
            continue
        for some in portions(named.get(key, ())):
            # All of them, sorted here: else the whole key would be read in its order.
            places += _places(connection, table, key, [*where, table.c.id.in_(some)], None)
    return _read(connection, sorted(places, reverse=True)[:limit])


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
        where.append(TRANSFERS.c.id.in_(sorted({i for ids in named.values() for i in ids})))
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


def _conditions(wanted: Filter, table: Table) -> Iterator[ColumnElement[bool]]:
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
    if table is TRANSFERS and _is_odd(wanted):
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
    connection: Connection, table: Table, key: Key, where: Conditions, limit: int | None
) -> Iterator[Place]:
    """The places of the newest, or of all of them in no order."""
    query = select(table.c.received_at, table.c.id)
    if table is not TRANSFERS:
        same = and_(*(table.c[name] == TRANSFERS.c[name] for name in _IDENTITY))
        query = query.select_from(table).join(TRANSFERS, same)
    query = query.where(*of_key(table, key), *where)
    if limit is not None:
        order = (table.c.received_at.desc(), table.c.id.desc())
        query = query.order_by(*order).limit(limit)
    for row in connection.execute(query):
        yield row.received_at, *_parts(key), row.id


def _read(connection: Connection, places: Sequence[Place]) -> list[Transfer]:
    """The transfers at these places, in their order."""
    ids: dict[Key, list[str]] = defaultdict(list)
    for _, *parts, identity in places:
        ids[Key(*parts)].append(identity)
    found = {
        (key, row.id): transfer_of(row)
        for key, its in ids.items()
        for some in portions(its)
        for row in connection.execute(
            select(TRANSFERS).where(*of_key(TRANSFERS, key), TRANSFERS.c.id.in_(some))
        )
    }
    return [found[Key(*parts), identity] for _, *parts, identity in places]


# -- what names few transfers

_Ids = dict[Key, set[str]]


def _narrowed(
    connection: Connection, wanted: Filter, currency: str
) -> tuple[Mapping[Key, set[str]] | None, list[ColumnElement[bool]]]:
    """The only transfers that can be meant, where they are few; else conditions that many meet."""
    named: _Ids | None = None
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        told = _told(connection, wanted.text)
        begun = _begun(connection, wanted.text.lower())
        if begun is None:
            begins = func.substr(TRANSFERS.c.id, 1, len(wanted.text)) == wanted.text.lower()
            mentioned = sorted({identity for ids in told.values() for identity in ids})[:_FEW]
            conditions.append(or_(begins, TRANSFERS.c.id.in_(mentioned)))
        else:
            named = begun
            for key, ids in told.items():
                named.setdefault(key, set()).update(ids)
    if wanted.valued is True:
        valued = _valued(connection, currency)
        if valued is None:
            conditions.append(_same(VALUATIONS, VALUATIONS.c.currency == currency))
        elif named is None:
            named = valued
        else:
            named = {key: ids & valued.get(key, set()) for key, ids in named.items()}
    return named, conditions


def _by_key(rows: Iterable[Any]) -> _Ids:
    found: _Ids = defaultdict(set)
    for row in rows:
        found[Key(row.chain, row.address, row.asset)].add(row.id)
    return found


def _begun(connection: Connection, name: str) -> _Ids | None:
    """Those whose name begins so; None for more than a few."""
    rows: list[Any] = []
    columns = [TRANSFERS.c[each] for each in _IDENTITY]
    for chain in sorted({key.chain for key in read_keys(connection)}):
        query = select(*columns).where(
            TRANSFERS.c.chain == chain,
            TRANSFERS.c.id >= name,
            TRANSFERS.c.id < name + "\U0010ffff",
        )
        rows += connection.execute(query.limit(_FEW + 1)).all()
    return _by_key(rows) if len(rows) <= _FEW else None


def _told(connection: Connection, part: str) -> _Ids:
    """Those of which something was written that holds ``part``, in whatever case."""
    holds = func.casefold(ANNOTATIONS.c.text).contains(part.casefold(), autoescape=True)
    columns = [ANNOTATIONS.c[each] for each in _IDENTITY]
    query = select(*columns).where(holds, ANNOTATIONS.c.id.is_not(None))
    return _by_key(connection.execute(query))


def _valued(connection: Connection, currency: str) -> _Ids | None:
    """Those that have a value; None for more than a few."""
    many = connection.execute(select(func.sum(TOTALS.c.valued))).scalar() or 0
    if many > _FEW:
        return None
    columns = [VALUATIONS.c[each] for each in _IDENTITY]
    query = select(*columns).where(VALUATIONS.c.currency == currency)
    return _by_key(connection.execute(query))
