"""One line of every export: a transfer or a manual gift, with all that is known of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.books import RECEIVED
from donations.ledger import PENDING, Bucket, Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.books import Annotation, Entry
    from donations.valuation import Valuation


class Class(StrEnum):
    """What a line is to the books."""

    GIFT = "gift"  # in a block: received
    PENDING = "pending"  # nothing of it is certain yet
    IMMATURE = "immature"  # mined, and not to be spent yet
    OWN = "own transfer"
    UNATTRIBUTED = "unattributed"
    OPENING = "opening"  # there before the watch
    NOT_A_GIFT = "not a gift"  # by the author's word
    GONE = "gone"  # dropped, replaced or missing: it does not stand
    MANUAL = "manual gift"  # came another way


_CLASSES = {
    Bucket.FINAL: Class.GIFT,
    Bucket.CONFIRMED: Class.GIFT,
    Bucket.IMMATURE: Class.IMMATURE,
    Bucket.OWN: Class.OWN,
    Bucket.UNATTRIBUTED: Class.UNATTRIBUTED,
    Bucket.OPENING: Class.OPENING,
    Bucket.EXCLUDED: Class.NOT_A_GIFT,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What all lines of an export have in common.

    ``currency`` (ISO 4217) with ``digits`` decimals is that of all values; ``decimals`` are those
    of each (chain, asset); ``widgets`` the slugs that each key belongs to; ``made_at`` is in Unix
    seconds.
    """

    currency: str
    digits: int
    zone: tzinfo
    decimals: Mapping[tuple[str, str], int]
    made_at: int
    widgets: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    title: str = ""

    def moment(self, at: int) -> datetime:
        """Unix seconds on the author's clock."""
        return datetime.fromtimestamp(at, self.zone)


@dataclass(frozen=True, slots=True)
class Line:
    """``units`` are base units of ``asset`` with ``decimals``; times are Unix seconds.

    ``minor`` is the value at receipt in minor units of the frame's currency, None while unknown;
    ``value`` says where it is from, None for a gift that came in that currency. ``key`` is None
    for a manual gift, whose ``id`` is the number of its entry.
    """

    what: Class
    received_at: int
    key: Key | None
    asset: str
    id: str
    units: int
    decimals: int
    minor: int | None
    value: Valuation | None
    state: str = ""
    level: str = ""
    kind: str = ""
    first_seen: int | None = None
    block: tuple[int, str, int] | None = None  # height, hash, time
    note: str = ""
    thanks: str = ""
    reason: str = ""  # why it is not a gift
    sequence: int = 0
    widgets: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is part of what was received."""
        return self.what is Class.GIFT

    @property
    def amount(self) -> str:
        """Exact decimal text."""
        return format_amount(self.units, self.decimals)

    @property
    def txid(self) -> str:
        """The hash of the transaction (of the block, for what came inside calls), or ""."""
        return self.id.partition(":")[0] if self.key else ""


def line_of(entry: Entry, frame: Frame) -> Line:
    """The line of a transfer. Raises KeyError for an asset whose decimals nobody knows."""
    transfer, remarks = entry.transfer, entry.remarks
    key, block, bucket = transfer.key, transfer.block, transfer.bucket
    what = Class.GONE
    if bucket is not None:
        what = Class.PENDING if bucket in PENDING else _CLASSES[bucket]
    if (bucket in RECEIVED) != (what is Class.GIFT):
        raise AssertionError(f"{bucket} is {what}")
    value = entry.value if entry.value and entry.value.currency == frame.currency else None
    return Line(
        what=what,
        received_at=transfer.received_at,
        key=key,
        asset=key.asset,
        id=transfer.id,
        units=transfer.amount,
        decimals=frame.decimals[key.chain, key.asset],
        minor=None if value is None else value.minor,
        value=value,
        state=transfer.state.value,
        level=transfer.level.value,
        kind=transfer.kind.value,
        first_seen=transfer.first_seen,
        block=None if block is None else (block.height, block.hash, block.time),
        note=remarks.note,
        thanks=remarks.thanks,
        reason=remarks.reason,
        sequence=remarks.sequence,
        widgets=frame.widgets.get(key, ()),
    )


def manual_line(annotation: Annotation, frame: Frame) -> Line:
    """The line of a manual gift; of one in the frame's own currency the value is the amount."""
    manual = annotation.manual
    if manual is None:
        raise ValueError("this entry is no manual gift")
    minor = None
    if manual.unit == frame.currency:
        minor = rescaled(manual.amount, manual.decimals, frame.digits)
    return Line(
        what=Class.MANUAL,
        received_at=manual.received_at,
        key=None,
        asset=manual.unit,
        id=str(annotation.sequence),
        units=manual.amount,
        decimals=manual.decimals,
        minor=minor,
        value=None,
        kind=Class.MANUAL.value,
        note=annotation.text,
        sequence=annotation.sequence,
        widgets=(manual.widget,) if manual.widget else (),
    )


def rescaled(units: int, decimals: int, digits: int) -> int:
    """``units`` with ``decimals`` as units with ``digits`` decimals, half to even."""
    if digits >= decimals:
        return units * int(10 ** (digits - decimals))
    step = int(10 ** (decimals - digits))
    whole, rest = divmod(units, step)
    return whole + (2 * rest > step or (2 * rest == step and whole % 2 == 1))


def fixed(units: int, decimals: int) -> str:
    """Exact decimal text with all its decimals: 1230, 2 -> "12.30"."""
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits


def utc(at: int) -> str:
    """Unix seconds as RFC 3339 in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


# Joiners that scripts and emoji need.
_JOINERS = "\u200c\u200d"
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def visible(text: str) -> str:
    """One line that hides nothing: control and direction characters show as their numbers."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{ord(c):04x}" if unicodedata.category(c) in _HIDDEN and c not in _JOINERS else c
        for c in text
    )
