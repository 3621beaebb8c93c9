"""What is announced, and how far each channel was told: beside the ledger, in its transactions.

Each function is a statement or some on an open connection; the store says when they commit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from donations.amounts import format_amount
from donations.announcements import Announcement, Asset, Baseline, Type, event_id, of_change
from donations.bookkeeping import read_valuations
from donations.rows import key_row, of_key, put
from donations.schema import BASELINES, CHANNELS, DELIVERIES, EVENTS, FACTS
from donations.valuation import minor_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row

    from donations.ledger import Change, Key
    from donations.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is kept. ``payload`` are the bytes that are sent, ``at`` Unix seconds."""

    sequence: int
    id: str
    type: Type
    subject: str
    payload: str
    at: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a channel was told, as `schema.CHANNELS` has it. ``settings`` stands for its own.

    ``due`` (Unix seconds) is the time of the next attempt at the message under way, ``attempts``
    how many failed. ``stopped_at``: since when the receiver wants nothing any more.
    """

    name: str
    settings: str
    cursor: int
    planned: int = 0
    attempts: int = 0
    due: int = 0
    error: str | None = None
    stopped_at: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an event fared in a channel: ``message`` is the id it went under, alone or with others.

    ``error`` says why it was given up, None: it was taken.
    """

    channel: str
    sequence: int
    message: str
    attempts: int
    at: int
    error: str | None = None


# -- events


def put_changes(
    connection: Connection,
    changes: Iterable[Change],
    assets: Mapping[tuple[str, str], Asset],
    currency: str,
) -> None:
    """Keep what is announced of these changes. A key that has not caught up announces nothing."""
    baselines: dict[Key, Baseline | None] = {}
    for change in changes:
        key = change.after.key
        if key not in baselines:
            baselines[key] = read_baseline(connection, key)
        baseline, asset = baselines[key], assets.get((key.chain, key.asset))
        if baseline is not None and asset is not None:
            worth = read_valuations(connection, key, [change.after.id], currency)
            value = worth.get(change.after.id)
            put_events(
                connection,
                of_change(change, asset, baseline, None if value is None else _worth(value)),
            )


def put_events(connection: Connection, announcements: Iterable[Announcement]) -> None:
    """Keep events, each with the next number of its subject."""
    for each in announcements:
        told = select(EVENTS.c.type).where(EVENTS.c.subject == each.subject)
        before = connection.execute(told).scalars().all()
        payload = each.payload(before.count(each.type.value) + 1)
        values = {
            "id": event_id(payload),
            "type": each.type.value,
            "subject": each.subject,
            "number": len(before) + 1,
            "payload": payload,
            "at": each.at,
        }
        connection.execute(insert(EVENTS), values)


def read_baseline(connection: Connection, key: Key) -> Baseline | None:
    """Where the chain stood when the watch over the key had caught up; None before that."""
    row = connection.execute(select(BASELINES).where(*of_key(BASELINES, key))).first()
    return None if row is None else Baseline(row.tip, row.final_height)


def put_baseline(connection: Connection, key: Key, baseline: Baseline) -> None:
    """The key has caught up, unless it had before: from now on it is told of."""
    if read_baseline(connection, key) is None:
        row = {"tip": baseline.tip, "final_height": baseline.final_height}
        put(connection, BASELINES, [key_row(key) | row])


def skip_kept(connection: Connection) -> None:
    """Nothing that is kept is on its way any more: since it was copied it may have been told."""
    last = connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0
    told = {"cursor": last, "planned": 0, "attempts": 0, "due": 0, "error": None}
    connection.execute(update(CHANNELS).values(told))


def forget_baselines(connection: Connection) -> None:
    """The ledger is an older one: keys catch up, and goals are looked at, in silence once more."""
    connection.execute(delete(BASELINES))
    for told_of in ("goal ", "silent "):
        connection.execute(delete(FACTS).where(FACTS.c.name.startswith(told_of)))


def read_events(connection: Connection, after: int, limit: int) -> list[Event]:
    """The events after a sequence number, rising."""
    query = select(EVENTS).where(EVENTS.c.sequence > after).order_by(EVENTS.c.sequence)
    return [_event(row) for row in connection.execute(query.limit(limit))]


def read_latest(connection: Connection, before: int | None, limit: int) -> list[Event]:
    """The newest events first; of those before a sequence number, where one is given."""
    query = select(EVENTS).order_by(EVENTS.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(EVENTS.c.sequence < before)
    return [_event(row) for row in connection.execute(query)]


# -- channels


def open_channels(connection: Connection, settings: Mapping[str, str]) -> dict[str, Progress]:
    """How far each of these channels was told, by name; ``settings`` stand for theirs.

    A new channel, and one that was stopped and has other settings now, begins with what comes
    next. What is not named is forgotten: named once more, it is new.
    """
    connection.execute(delete(CHANNELS).where(CHANNELS.c.name.not_in(list(settings))))
    last = connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0
    kept = {row.name: _progress(row) for row in connection.execute(select(CHANNELS))}
    opened = {}
    for name, wanted in settings.items():
        known = kept.get(name)
        if known is None or (known.stopped_at is not None and known.settings != wanted):
            known = Progress(name, wanted, last)
        opened[name] = replace(known, settings=wanted)
        put_progress(connection, opened[name])
    return opened


def read_channels(connection: Connection) -> list[Progress]:
    """How far every channel was told."""
    return [_progress(row) for row in connection.execute(select(CHANNELS))]


def put_progress(connection: Connection, progress: Progress) -> None:
    """Keep how far a channel was told."""
    put(connection, CHANNELS, [{name: getattr(progress, name) for name in _FIELDS}])


def put_deliveries(
    connection: Connection, deliveries: Sequence[Delivery], progress: Progress
) -> None:
    """Keep how events fared, with the step that the channel made."""
    fields = Delivery.__dataclass_fields__
    put(connection, DELIVERIES, [{f: getattr(d, f) for f in fields} for d in deliveries])
    put_progress(connection, progress)


def read_told(connection: Connection, channel: str, subject: str) -> list[Type]:
    """What a channel took of a subject, in order."""
    query = (
        select(EVENTS.c.type)
        .join(DELIVERIES, DELIVERIES.c.sequence == EVENTS.c.sequence)
        .where(
            EVENTS.c.subject == subject,
            DELIVERIES.c.channel == channel,
            DELIVERIES.c.error.is_(None),
        )
        .order_by(EVENTS.c.sequence)
    )
    return [Type(kind) for kind in connection.execute(query).scalars()]


def read_sent(connection: Connection, channel: str, since: int) -> list[int]:
    """The times (Unix seconds) of the messages that a channel took from ``since`` on, rising."""
    query = (
        select(func.max(DELIVERIES.c.at).label("at"))
        .where(
            DELIVERIES.c.channel == channel,
            DELIVERIES.c.at >= since,
            DELIVERIES.c.error.is_(None),
        )
        .group_by(DELIVERIES.c.message)
    )
    return sorted(connection.execute(query).scalars())


def read_deliveries(connection: Connection, sequences: Sequence[int]) -> list[Delivery]:
    """How these events fared, channel by channel."""
    query = (
        select(DELIVERIES)
        .where(DELIVERIES.c.sequence.in_(sequences))
        .order_by(DELIVERIES.c.sequence, DELIVERIES.c.channel)
    )
    return [Delivery(**row._mapping) for row in connection.execute(query)]


def _worth(value: Valuation) -> dict[str, Any]:
    return {
        "currency": value.currency,
        "amount": format_amount(value.minor, minor_digits(value.currency)),
        "price": value.price,
        "price_time": value.price_time,
        "source": value.source,
    }


_FIELDS = tuple(Progress.__dataclass_fields__)


def _progress(row: Row[Any]) -> Progress:
    return Progress(**row._mapping)


def _event(row: Row[Any]) -> Event:
    return Event(row.sequence, row.id, Type(row.type), row.subject, row.payload, row.at)
