"""Domain objects <-> rows of the store. Integers of money are text on the way in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.sqlite import insert as upsert

from donations.amounts import parse_units
from donations.ledger import Block, Change, Checkpoint, Key, Kind, Level, News, State, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.engine import Row

    from donations.records import Cursor, Standing

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One change of a transfer as it was told: ``at`` in Unix seconds, ``amount`` base units."""

    sequence: int
    news: News
    before: State | None
    after: State
    amount: int
    block_hash: str | None
    reorged: bool
    final_reversed: bool
    evidence: str
    at: int


# SQLite takes 32,766 parameters a statement.
_VALUES_A_QUERY = 5_000


def key_row(key: Key) -> Values:
    return {"chain": key.chain, "address": key.address, "asset": key.asset}


def transfer_row(transfer: Transfer) -> Values:
    block = transfer.block
    return {
        **key_row(transfer.key),
        "id": transfer.id,
        "kind": transfer.kind.value,
        "state": transfer.state.value,
        "amount": str(transfer.amount),
        "block_height": block.height if block else None,
        "block_hash": block.hash if block else None,
        "block_time": block.time if block else None,
        "consumes": "\n".join(sorted(transfer.consumes)),
        "brings": _pairs_text(transfer.brings),
        "spends": _pairs_text(transfer.spends),
        "coinbase": transfer.coinbase,
        "first_seen": transfer.first_seen,
        "received_at": transfer.received_at,
        "missing_since": transfer.missing_since,
        "replaced_by": transfer.replaced_by,
        "settled": transfer.settled,
        "level": transfer.level.value,
        "excluded": transfer.excluded,
    }


def transfer_of(row: Row[Any]) -> Transfer:
    block = None
    if row.block_height is not None:
        block = Block(row.block_height, row.block_hash, row.block_time)
    return Transfer(
        key=Key(row.chain, row.address, row.asset),
        id=row.id,
        kind=Kind(row.kind),
        state=State(row.state),
        amount=parse_units(row.amount),
        block=block,
        consumes=frozenset(row.consumes.splitlines()),
        brings=_pairs_of(row.brings),
        spends=_pairs_of(row.spends),
        coinbase=row.coinbase,
        first_seen=row.first_seen,
        missing_since=row.missing_since,
        replaced_by=row.replaced_by,
        level=Level(row.level),
        excluded=bool(row.excluded),
    )


def change_row(change: Change) -> Values:
    after = change.after
    return {
        **key_row(after.key),
        "id": after.id,
        "news": change.news.value,
        "before": change.before.state.value if change.before else None,
        "after": after.state.value,
        "amount": str(after.amount),
        "block_hash": after.block.hash if after.block else None,
        "reorged": change.reorged,
        "final_reversed": change.final_reversed,
        "evidence": change.evidence,
        "at": change.at,
    }


def told_of(row: Row[Any]) -> Told:
    return Told(
        sequence=row.sequence,
        news=News(row.news),
        before=None if row.before is None else State(row.before),
        after=State(row.after),
        amount=parse_units(row.amount),
        block_hash=row.block_hash,
        reorged=row.reorged,
        final_reversed=row.final_reversed,
        evidence=row.evidence,
        at=row.at,
    )


def cursor_row(cursor: Cursor) -> Values:
    point = cursor.checkpoint
    return {
        "operator": cursor.operator,
        **key_row(cursor.key),
        "since": cursor.since,
        "height": point.block.height if point else None,
        "hash": point.block.hash if point else None,
        "time": point.block.time if point else None,
        "balance": str(point.balance) if point else None,
        "nonce": point.nonce if point else None,
    }


def checkpoint_of(row: Row[Any]) -> Checkpoint | None:
    if row.height is None:
        return None
    return Checkpoint(Block(row.height, row.hash, row.time), parse_units(row.balance), row.nonce)


def standing_row(standing: Standing) -> Values:
    return {
        **key_row(standing.key),
        "height": standing.tip.height,
        "hash": standing.tip.hash,
        "time": standing.tip.time,
        "final_height": standing.final_height,
        "at": standing.at,
        "sources": standing.sources,
        "balance": None if standing.balance is None else str(standing.balance),
        "complete": standing.complete,
    }


def _pairs_text(pairs: tuple[tuple[str, int], ...]) -> str:
    """One pair a line: the name, which may hold spaces, then the units."""
    return "\n".join(f"{name} {units}" for name, units in pairs)


def _pairs_of(text: str) -> tuple[tuple[str, int], ...]:
    pairs = (line.rpartition(" ") for line in text.splitlines())
    return tuple((name, parse_units(units)) for name, _, units in pairs)


def put(connection: Connection, table: Table, values: list[Values]) -> None:
    """Insert rows, each in the place of one with the same primary key."""
    connection.execute(upsert(table).prefix_with("OR REPLACE"), values)


def of_key(table: Table, key: Key) -> tuple[ColumnElement[bool], ...]:
    """The condition that a row belongs to a key."""
    columns = table.c
    return (
        columns.chain == key.chain,
        columns.address == key.address,
        columns.asset == key.asset,
    )


def portions(values: Iterable[str]) -> Iterator[list[str]]:
    """As many values at a time as one statement takes."""
    everything = list(values)
    for start in range(0, len(everything), _VALUES_A_QUERY):
        yield everything[start : start + _VALUES_A_QUERY]
