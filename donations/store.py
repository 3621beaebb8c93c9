"""The store loads and saves; it decides nothing.

One thread owns the one connection that writes. A save is one function and one SQLite transaction
(WAL, ``synchronous=FULL``, ``BEGIN IMMEDIATE``) with no await inside, so that no cancellation can
cut it in half: transfers, totals, changes, cursors and standing commit together or not at all.
Every method raises StoreError when the database cannot be used.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from heapq import merge
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import delete, exists, func, insert, select, tuple_

from donations import bookkeeping, evidence, kept_quotes, outbox, rows, sums
from donations.amounts import parse_units
from donations.announcements import Baseline
from donations.books import Figure, Writing
from donations.database import Database
from donations.errors import Conflict, NotFound, StoreError
from donations.ledger import (
    Block,
    Change,
    Key,
    Kind,
    Level,
    News,
    State,
    Transfer,
    judge,
)
from donations.reasons import Reason
from donations.records import Annotated, Cursor, Standing
from donations.rows import of_key, portions, put
from donations.schema import (
    ATTRIBUTIONS,
    BLOCKS,
    CHANGES,
    CURSORS,
    FACTS,
    OUTPUTS,
    TRANSFERS,
    VIEWS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.engine import Row

    from donations.announcements import Announcement, Asset
    from donations.books import Annotation, Entry, Figures, Filter, Place
    from donations.evidence import Conviction, EthereumProof, KeptClaim, Proof
    from donations.kept_quotes import KeptQuote
    from donations.outbox import Delivery, Event
    from donations.records import Batch
    from donations.rows import Told
    from donations.valuation import Valuation

P = ParamSpec("P")
T = TypeVar("T")

# Changes of what we know or want, and not of where a transfer stands.
_UNTOLD = (News.PROVEN, News.JUDGED)


class Store(Database):
    """What is kept in a database, and how it is read. Methods are synchronous: see `Database`."""

    def __init__(
        self,
        path: Path,
        timezone: tzinfo,
        currency: str = "EUR",
        assets: Mapping[tuple[str, str], Asset] = MappingProxyType({}),
    ) -> None:
        """``timezone`` is that of days and months, ``currency`` (ISO 4217) that of values.

        Of gifts in ``assets``, by chain and asset, the author is told.
        """
        super().__init__(path)
        self._timezone, self._currency = timezone, currency
        self._assets = assets

    # -- opening

    def open(self, networks: Mapping[str, str]) -> None:
        """Create or migrate the database and take it for this process.

        ``networks`` names the network of each chain. Raises StoreError also when another process
        writes the database, when it is newer than the code, or was made for another network.
        """
        self.open_to_write()
        with self._begin() as connection:
            _check_networks(connection, networks, self._path)
            self._check_sums(connection)
            if self._assets:
                _note_restore(connection)

    def _rows(self, table: Table, *where: ColumnElement[bool]) -> Sequence[Row[Any]]:
        with self._connected() as connection:
            return connection.execute(select(table).where(*where)).all()

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
            if batch.standing.complete and batch.whole:
                caught_up = Baseline(batch.standing.tip.height, batch.standing.final_height)
                outbox.put_baseline(connection, batch.standing.key, caught_up)

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
        told = [c for c in changes if c.news not in _UNTOLD and not (history and c.before is None)]
        if told:
            connection.execute(insert(CHANGES), [rows.change_row(change) for change in told])
        sums.add_changes(connection, changes, self._timezone, self._currency)
        if self._assets and not history:
            outbox.put_changes(connection, told, self._assets, self._currency)

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

    def rebuild_totals(self) -> None:
        """Make the running totals anew from the transfers."""
        with self._begin() as connection:
            sums.rebuild(connection, self._timezone, self._currency)

    def _check_sums(self, connection: Connection) -> None:
        """Days are days of the configured time zone, and values are of the configured currency."""
        grounds = {"timezone": str(self._timezone), "currency": self._currency}
        kept = {name: _fact(connection, name) for name in grounds}
        if any(kept[name] not in (grounds[name], None) for name in grounds):
            sums.rebuild(connection, self._timezone, self._currency)
        put(connection, FACTS, [{"name": n, "value": value} for n, value in grounds.items()])

    def remember(self, name: str, value: str, announcements: Iterable[Announcement] = ()) -> None:
        """Keep a fact by its name, in the place of an older one, with what is told of it."""
        with self._begin() as connection:
            put(connection, FACTS, [{"name": name, "value": value}])
            outbox.put_events(connection, announcements)

    def transaction(
        self,
        work: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do ``work`` of `outbox`, whole or not at all."""
        with self._begin() as connection:
            return work(connection, *args, **kwargs)

    async def transact(
        self,
        work: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The same in the writer thread, as `run`."""
        return await self.run(lambda: self.transaction(work, *args, **kwargs))

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

    def months(self) -> Figures:
        """All running totals, by key, month ("2026-11") and bucket."""
        with self._connected() as connection:
            return sums.read_months(connection)

    def days(
        self, keys: Iterable[Key] | None = None, first: str | None = None, last: str | None = None
    ) -> Figures:
        """The running totals of ``keys`` by day ("2026-11-24"), both ends included."""
        with self._connected() as connection:
            return sums.read_days(connection, keys, first, last)

    def latest_gifts(self, key: Key, limit: int) -> list[Transfer]:
        """The latest gifts of ``key`` that stand, the newest first."""
        query = (
            select(TRANSFERS)
            .where(
                *of_key(TRANSFERS, key),
                TRANSFERS.c.kind == Kind.GIFT.value,
                TRANSFERS.c.excluded.is_(False),
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

    # -- the author's books

    def save_valuations(self, valued: Sequence[tuple[Key, str, Valuation]]) -> None:
        """Freeze what transfers were worth; one that has a value in that currency keeps it."""
        with self._begin() as connection:
            added = []
            for key, identity, value in valued:
                kept = bookkeeping.read_valuations(connection, key, [identity], value.currency)
                row = _transfer_row(connection, key, identity)
                if not kept and row is not None:
                    bookkeeping.put_valuations(connection, [(key, identity, value)])
                    added.append((rows.transfer_of(row), value))
            ours = [(t, value.minor) for t, value in added if value.currency == self._currency]
            sums.add_values(connection, ours, self._timezone)

    def unvalued(self, before: Place | None, limit: int) -> list[Transfer]:
        """Standing transfers that nobody knows the worth of, the newest first."""
        with self._connected() as connection:
            return bookkeeping.read_unvalued(connection, before, limit)

    def valuations(self, key: Key, ids: Iterable[str]) -> dict[str, Valuation]:
        """The values of those of ``ids`` that have one."""
        with self._connected() as connection:
            return bookkeeping.read_valuations(connection, key, ids, self._currency)

    def annotate(self, annotation: Annotation, expects: int | None = None) -> Annotated:
        """Keep what the author wrote, and take it into account.

        ``expects`` is the last entry about the transfer that its author had seen, 0 for none; None
        where he did not look. Raises Conflict when another one came between, or undid it already;
        NotFound for what is not there to be written about or undone.
        """
        with self._begin() as connection:
            annotation = _aimed(connection, annotation)
            key, identity = annotation.key, annotation.id
            if key is None or identity is None:
                return Annotated(bookkeeping.add_annotation(connection, annotation))
            row = _transfer_row(connection, key, identity)
            if row is None:
                raise NotFound(f"no transfer {identity} of {key.asset} is known at {key.address}")
            before = bookkeeping.read_annotations(connection, key, identity)
            between = [each for each in before if expects is not None and each.sequence > expects]
            if between:
                raise Conflict(tuple(between))
            sequence = bookkeeping.add_annotation(connection, annotation)
            remarks = bookkeeping.read_remarks(connection, key, [identity])[identity]
            transfer = rows.transfer_of(row)
            change = judge(transfer, remarks.excluded, annotation.at)
            if change is not None:
                self._save_changes(connection, [change], history=False)
            return Annotated(sequence, change, transfer)

    def chain_of(self, annotation: Annotation) -> str | None:
        """The chain of the transfer that an entry is about; None for a manual gift."""
        with self._connected() as connection:
            key = _aimed(connection, annotation).key
        return None if key is None else key.chain

    def annotations(self, key: Key, identity: str) -> list[Annotation]:
        """All that the author wrote about one transfer, the oldest first."""
        with self._connected() as connection:
            return bookkeeping.read_annotations(connection, key, identity)

    def manual_gifts(self) -> list[Annotation]:
        """The manual gifts that are not undone, in the order they were written."""
        with self._connected() as connection:
            return bookkeeping.read_manual_gifts(connection)

    def thanks(self) -> dict[tuple[Key, str], str]:
        """What the author says to everybody about a gift, by key and transfer."""
        with self._connected() as connection:
            return bookkeeping.read_thanked(connection)

    def entries(self, wanted: Filter, before: Place | None, limit: int) -> list[Entry]:
        """Transfers that ``wanted`` lets through, the newest first, from below ``before``."""
        with self._connected() as connection:
            return bookkeeping.read_entries(connection, wanted, before, limit, self._currency)

    def all_entries(self, wanted: Filter) -> Iterator[Entry]:
        """Transfers that ``wanted`` lets through, the oldest first, all of one moment.

        They stream: until the last one is taken, nothing else can be asked of this store.
        """
        with self._connected() as connection:
            yield from bookkeeping.stream_entries(connection, wanted, self._currency)

    def entry(self, key: Key, identity: str) -> Entry | None:
        """One transfer with what is kept beside it; None where there is none."""
        with self._connected() as connection:
            row = _transfer_row(connection, key, identity)
            if row is None:
                return None
            return bookkeeping.entries_of(connection, [rows.transfer_of(row)], self._currency)[0]

    def changes(self, key: Key, identity: str) -> list[Told]:
        """What was told of one transfer, the oldest first."""
        where = (*of_key(CHANGES, key), CHANGES.c.id == identity)
        query = select(CHANGES).where(*where).order_by(CHANGES.c.sequence)
        with self._connected() as connection:
            return [rows.told_of(row) for row in connection.execute(query)]

    # -- what was told

    def events(self, before: int | None, limit: int) -> list[tuple[Event, list[Delivery]]]:
        """What was announced, the newest first, and how it fared in each channel.

        ``before`` is the sequence number of the last one of the page before. A channel that is not
        named was not told, or not yet.
        """
        with self._connected() as connection:
            latest = outbox.read_latest(connection, before, limit)
            fared: dict[int, list[Delivery]] = defaultdict(list)
            for each in outbox.read_deliveries(connection, [event.sequence for event in latest]):
                fared[each.sequence].append(each)
        return [(event, fared[event.sequence]) for event in latest]

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

    def openings(self, chain: str) -> list[Transfer]:
        """What lay at addresses of a chain when their watch began, and has no history yet."""
        where = (TRANSFERS.c.kind == Kind.OPENING.value, TRANSFERS.c.state == State.FINAL.value)
        found = self._rows(TRANSFERS, TRANSFERS.c.chain == chain, *where)
        return [rows.transfer_of(row) for row in found]

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

    def waiting(self, key: Key) -> Figure:
        """What would stand in blocks of ``key`` if it were proven."""
        units = [
            transfer.amount
            for transfer in self.unsettled(key.chain)
            if transfer.key == key and transfer.waits_for_proof and transfer.missing_since is None
        ]
        return Figure(sum(units), len(units))

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


def _order(row: Row[Any]) -> tuple[int, str, str, str, str]:
    return row.received_at, row.chain, row.address, row.asset, row.id


def _transfer_row(connection: Connection, key: Key, identity: str) -> Row[Any] | None:
    where = (*of_key(TRANSFERS, key), TRANSFERS.c.id == identity)
    return connection.execute(select(TRANSFERS).where(*where)).first()


def _aimed(connection: Connection, annotation: Annotation) -> Annotation:
    """An undoing is about what it undoes. Raises NotFound, or Conflict where it is undone."""
    if annotation.undoes is None:
        return annotation
    undone = bookkeeping.read_annotation(connection, annotation.undoes)
    if undone is None or undone.writing is Writing.UNDO:
        raise NotFound(f"there is no entry {annotation.undoes} to be undone")
    again = bookkeeping.read_undoing(connection, annotation.undoes)
    if again is not None:
        raise Conflict((again,))
    return replace(annotation, key=undone.key, id=undone.id)


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


def _note_restore(connection: Connection) -> None:
    """After a backup was put back, what is looked at again is no news (`restored_at` is a fact)."""
    restored = _fact(connection, "restored_at")
    if restored != _fact(connection, "restore_noted"):
        outbox.forget_baselines(connection)
        outbox.skip_kept(connection)
        put(connection, FACTS, [{"name": "restore_noted", "value": restored}])


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
