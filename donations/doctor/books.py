"""The ledger made anew from what was recorded, and held against what is kept.

Every transfer is computed again from the outputs it brings and spends, every history of changes is
walked from its first to its last, every sum is added up again. What comes out must be what is kept.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from donations.amounts import parse_units
from donations.books import Figure
from donations.doctor.faults import Faults
from donations.ledger import PENDING, Bucket, Key, Kind, State, Transfer
from donations.rows import transfer_of, transfer_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_IN_BLOCKS = tuple(b for b in Bucket if b not in PENDING)
_DIGEST = 1 << 256
_MONTH = "2026-11"
_OUTPOINT = re.compile(r"[0-9a-f]{64}:\d+")
_DERIVED = ("received_at", "settled")


@dataclass
class Book:
    """The ledger of one key as it was made anew. Amounts are base units.

    ``unproven`` would stand in blocks if that were proven. ``digest`` is of the final transfers,
    and of facts of the chain alone: whoever recorded the same transfers in whatever order has the
    same. ``height`` is that of the last view, None before it. ``sums`` are by period, a month or a
    day, and by bucket.
    """

    key: Key
    transfers: int = 0
    final: int = 0
    unproven: int = 0
    digest: int = 0
    height: int | None = None
    sums: dict[tuple[str, str], Figure] = field(default_factory=dict)

    def total(self, *buckets: Bucket) -> int:
        """Base units in some buckets, all months together."""
        return sum(
            figure.units
            for (period, bucket), figure in self.sums.items()
            if bucket in buckets and len(period) == len(_MONTH)
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """The books of all keys, what does not fit, and what of the balance is not explained yet."""

    books: tuple[Book, ...]
    faults: Faults
    waiting: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of all keys together."""
        return digest_text(sum(book.digest for book in self.books))


def digest_text(digest: int) -> str:
    """As it is printed."""
    return f"{digest % _DIGEST:064x}"


def audit(connection: sqlite3.Connection, zone: tzinfo) -> Audit:
    """Make the ledger anew. Memory grows with what the standing transfers consume, no more."""
    books: dict[Key, Book] = {}
    faults = Faults()
    consumer: dict[bytes, bytes] = {}
    excluded = _excluded(connection)
    for transfer, changes in _with_changes(connection, faults):
        book = books.setdefault(transfer.key, Book(transfer.key))
        _enter(book, transfer, _worth(connection, transfer), zone)
        key = transfer.key
        named = (key.chain, key.address, key.asset, transfer.id) in excluded
        if transfer.excluded is not named:
            faults.add("transfers that count otherwise than the author wrote", transfer.id)
        _check_story(transfer, changes, faults)
        _check_outputs(connection, transfer, faults)
        if transfer.bucket is not None:
            _check_rivals(transfer, consumer, faults)
    _compare_totals(connection, books, faults)
    _check_unvalued(connection, faults)
    waiting = tuple(_check_balances(connection, books, faults))
    return Audit(tuple(books.values()), faults, waiting)


def _with_changes(
    connection: sqlite3.Connection, faults: Faults
) -> Iterator[tuple[Transfer, list[Any]]]:
    """Every transfer with the changes that were told of it, in the order they were told."""
    changes = groupby(
        connection.execute("SELECT * FROM changes ORDER BY chain, address, asset, id, sequence"),
        _identity,
    )
    waiting = next(changes, None)
    for row in connection.execute("SELECT * FROM transfers ORDER BY chain, address, asset, id"):
        here = _identity(row)
        while waiting is not None and waiting[0] < here:
            faults.add("changes of a transfer that is not kept", waiting[0][3])
            waiting = next(changes, None)
        told: list[Any] = []
        if waiting is not None and waiting[0] == here:
            told = list(waiting[1])
            waiting = next(changes, None)
        transfer = transfer_of(row)
        again = transfer_row(transfer)
        wrong = [name for name in _DERIVED if again[name] != getattr(row, name)]
        if wrong:
            faults.add("columns that do not follow from the others", f"{transfer.id} {wrong[0]}")
        yield transfer, told
    while waiting is not None:
        faults.add("changes of a transfer that is not kept", waiting[0][3])
        waiting = next(changes, None)


def _identity(row: Any) -> tuple[str, str, str, str]:
    return row.chain, row.address, row.asset, row.id


def _excluded(connection: sqlite3.Connection) -> set[tuple[str, str, str, str]]:
    """The transfers that the author's entries say are not gifts."""
    return {
        _identity(row)
        for row in connection.execute(
            "SELECT chain, address, asset, id FROM annotations WHERE writing = 'not a gift' AND "
            "sequence NOT IN (SELECT undoes FROM annotations WHERE undoes IS NOT NULL)"
        )
    }


def _worth(connection: sqlite3.Connection, transfer: Transfer) -> int | None:
    """Minor units of the currency that sums are in; None while it is unknown."""
    row = connection.execute(
        "SELECT minor FROM valuations WHERE chain = ? AND address = ? AND asset = ? AND id = ? "
        "AND currency = (SELECT value FROM facts WHERE name = 'currency')",
        (transfer.key.chain, transfer.key.address, transfer.key.asset, transfer.id),
    ).fetchone()
    return None if row is None else parse_units(row.minor)


def _enter(book: Book, transfer: Transfer, minor: int | None, zone: tzinfo) -> None:
    book.transfers += 1
    if transfer.state is State.FINAL:
        book.final += 1
        book.digest = (book.digest + _digest(transfer)) % _DIGEST
    if transfer.waits_for_proof and transfer.bucket is not None:
        book.unproven += transfer.amount
    if transfer.bucket is not None:
        day = datetime.fromtimestamp(transfer.received_at, zone).strftime("%Y-%m-%d")
        figure = Figure(transfer.amount, 1, minor or 0, int(minor is not None))
        for period in (day[: len(_MONTH)], day):
            place = period, transfer.bucket
            book.sums[place] = book.sums.get(place, Figure()) + figure


def _digest(transfer: Transfer) -> int:
    """Facts of the chain alone: when it was first seen, and by whom, differs between machines."""
    block = transfer.block
    facts = (
        transfer.key.chain, transfer.key.address, transfer.key.asset, transfer.id,
        transfer.kind.value, transfer.amount, block and block.height, block and block.hash,
    )  # fmt: skip
    return int.from_bytes(hashlib.sha256("\n".join(map(str, facts)).encode()).digest())


def _check_story(transfer: Transfer, changes: list[Any], faults: Faults) -> None:
    """Amount and kind follow from the outputs; each change begins where the last one ended."""
    net = sum(u for _, u in transfer.brings) - sum(u for _, u in transfer.spends)
    if transfer.amount != net:
        faults.add(
            "amounts that are not what the outputs say",
            f"{transfer.id}: {transfer.amount}, the outputs make {net}",
        )
    if transfer.kind is Kind.GIFT and transfer.amount <= 0:
        faults.add("gifts of nothing", transfer.id)
    for earlier, later in pairwise(changes):
        if later.before != earlier.after:
            faults.add(
                "histories with a gap",
                f"{transfer.id}: {earlier.after}, and then from {later.before}",
            )
    if changes:
        last = changes[-1]
        told = (last.after, last.amount, last.block_hash)
        block = transfer.block.hash if transfer.block else None
        if told != (transfer.state.value, str(transfer.amount), block):
            faults.add(
                "transfers that are not where their last change left them",
                f"{transfer.id} is {transfer.state.value} with {transfer.amount}, it was told as "
                f"{last.after} with {last.amount}",
            )


def _check_outputs(connection: sqlite3.Connection, transfer: Transfer, faults: Faults) -> None:
    for outpoint, units in transfer.brings:
        if _OUTPOINT.fullmatch(outpoint) is None:
            continue  # Ethereum has none: what came is named by its transaction
        row = connection.execute(
            "SELECT address, units FROM outputs WHERE chain = ? AND outpoint = ?",
            (transfer.key.chain, outpoint),
        ).fetchone()
        if row is None or (row.address, row.units) != (transfer.key.address, str(units)):
            faults.add("outputs that are not kept as they were told", outpoint)


def _check_rivals(transfer: Transfer, consumer: dict[bytes, bytes], faults: Faults) -> None:
    """Two standing transfers of different transactions that consume the same thing."""
    mine = hashlib.blake2b(transfer.hash.encode(), digest_size=16).digest()
    for thing in transfer.consumes:
        name = f"{transfer.key.chain} {thing}"
        place = hashlib.blake2b(name.encode(), digest_size=16).digest()
        if consumer.setdefault(place, mine) != mine:
            faults.add("things that two transfers consume, and both count", name)


def _compare_totals(connection: sqlite3.Connection, books: dict[Key, Book], faults: Faults) -> None:
    kept: dict[Key, dict[tuple[str, str], Figure]] = defaultdict(dict)
    for table, period in (("totals", "month"), ("days", "day")):
        for row in connection.execute(f"SELECT *, {period} AS period FROM {table}"):  # noqa: S608
            total = Figure(
                parse_units(row.units), row.transfers, parse_units(row.minor), row.valued
            )
            if total != Figure():
                kept[Key(row.chain, row.address, row.asset)][row.period, row.bucket] = total
    for key in sorted({*kept, *books}):
        anew = books[key].sums if key in books else {}
        for place in sorted({*kept[key], *anew}):
            ours, theirs = anew.get(place, Figure()), kept[key].get(place, Figure())
            if ours != theirs:
                period, bucket = place
                faults.add(
                    "sums that are not those of the transfers",
                    f"{key.address} {key.asset} {period} {bucket}: kept {_told(theirs)}, "
                    f"the transfers make {_told(ours)}",
                )


_WAITING = """
SELECT chain, address, asset, id, received_at FROM transfers AS t
WHERE state NOT IN ('dropped', 'replaced') AND NOT EXISTS (
  SELECT 1 FROM valuations AS v WHERE v.chain = t.chain AND v.address = t.address
  AND v.asset = t.asset AND v.id = t.id
  AND v.currency = (SELECT value FROM facts WHERE name = 'currency'))
"""
_LISTED = "SELECT chain, address, asset, id, received_at FROM unvalued"


def _check_unvalued(connection: sqlite3.Connection, faults: Faults) -> None:
    """Those that wait for a price are the standing ones without a value."""
    for one, other in ((_WAITING, _LISTED), (_LISTED, _WAITING)):
        for row in connection.execute(f"SELECT * FROM ({one} EXCEPT {other})"):  # noqa: S608
            faults.add("a list of those without a value that is not theirs", row.id)


def _told(figure: Figure) -> str:
    return f"{figure.units} in {figure.transfers}, {figure.valued} of them worth {figure.minor}"


def _check_balances(
    connection: sqlite3.Connection, books: dict[Key, Book], faults: Faults
) -> Iterator[str]:
    """Balance = what stands in blocks. What may be explained by what waits in blocks is yielded."""
    for row in connection.execute("SELECT * FROM views ORDER BY chain, address, asset"):
        key = Key(row.chain, row.address, row.asset)
        book = books.setdefault(key, Book(key))
        book.height = row.height
        if row.balance is None or not row.complete:
            continue
        rest = parse_units(row.balance) - book.total(*_IN_BLOCKS) - book.unproven
        if rest == 0:
            continue
        text = (
            f"{key.address} {key.asset}: at block {row.height} the operators tell a balance of "
            f"{row.balance}, the transfers in blocks make {book.total(*_IN_BLOCKS)} (base units)"
        )
        if any(bucket in PENDING for _, bucket in book.sums):
            yield text
        else:
            faults.add("balances that the ledger does not explain", text)
