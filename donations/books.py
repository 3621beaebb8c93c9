"""PURE: the author's books: what each transfer was worth, what he wrote about it, and sums of both.

What he writes is kept as entries of their own, each of which can be undone. None changes what the
chain said; "not a gift" says only that a transfer is to be left out of what was received.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.amounts import parse_amount
from donations.ledger import Bucket, Key, Kind, Level, State, Transfer
from donations.secrets import find_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.valuation import Valuation

TEXT_LIMIT = 500
_UNIT = re.compile(r"[A-Za-z0-9.]{2,12}")

# Where a transfer stands in the order it came: received at (Unix seconds), then its name.
Place = tuple[int, str, str, str, str]

RECEIVED = (Bucket.FINAL, Bucket.CONFIRMED)


class Writing(StrEnum):
    """What an entry of the author says."""

    NOTE = "note"  # for himself
    THANKS = "thanks"  # for everybody, beside the gift
    NOT_A_GIFT = "not a gift"
    MANUAL_GIFT = "manual gift"  # came another way: cash, a bank transfer, another chain
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class ManualGift:
    """A gift that no watched chain shows.

    ``amount`` is in base units of ``unit``, an asset or a currency (ISO 4217) with ``decimals``.
    ``received_at`` is in Unix seconds; ``widget`` the slug of the widget it counts for, "" for all.
    """

    amount: int
    unit: str
    decimals: int
    received_at: int
    widget: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One entry of the author, before and after it is kept; ``sequence`` 0 before.

    ``key`` and ``id`` name the transfer it is about; both are None for a manual gift and for the
    undoing of one. ``by`` says who wrote it, ``at`` when (Unix seconds).
    """

    writing: Writing
    by: str
    at: int
    key: Key | None = None
    id: str | None = None
    text: str = ""
    undoes: int | None = None
    manual: ManualGift | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Remarks:
    """What stands of the entries about one transfer; ``sequence`` of the last, 0 for none."""

    note: str = ""
    thanks: str = ""
    excluded: bool = False
    reason: str = ""  # why it is not a gift
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A sum of base units, of how many transfers, ``valued`` of which are worth ``minor`` together.

    The rest, ``unvalued``, is worth nobody knows what: never nothing.
    """

    units: int = 0
    transfers: int = 0
    minor: int = 0
    valued: int = 0

    @property
    def unvalued(self) -> int:
        """How many transfers have no value yet."""
        return self.transfers - self.valued

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            self.units + other.units,
            self.transfers + other.transfers,
            self.minor + other.minor,
            self.valued + other.valued,
        )


# By key, by period ("2026-11" or "2026-11-24", in the configured time zone), and by bucket.
Figures = dict[tuple[Key, str, Bucket], Figure]


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer as the author sees it; ``value`` is None while it is unknown."""

    transfer: Transfer
    value: Valuation | None
    remarks: Remarks


@dataclass(frozen=True, slots=True)
class Filter:
    """Which transfers are wanted; None is no condition. Times are Unix seconds, ``until`` excluded.

    ``valued`` False is what stands and waits for a price. ``text`` is the beginning of a
    transaction's name, or a part of what the author wrote.
    """

    keys: frozenset[Key] | None = None
    states: frozenset[State] | None = None
    kinds: frozenset[Kind] | None = None
    levels: frozenset[Level] | None = None
    since: int | None = None
    until: int | None = None
    excluded: bool | None = None
    valued: bool | None = None
    text: str = ""


def place_of(transfer: Transfer) -> Place:
    """Where a transfer stands in the order it came."""
    key = transfer.key
    return transfer.received_at, key.chain, key.address, key.asset, transfer.id


def standing(annotations: Iterable[Annotation]) -> Remarks:
    """What is in force of all entries about one transfer, the oldest first."""
    entries = list(annotations)
    undone = {entry.undoes for entry in entries}
    last: dict[Writing, str] = {}
    for entry in entries:
        if entry.sequence not in undone:
            last[entry.writing] = entry.text
    return Remarks(
        note=last.get(Writing.NOTE, ""),
        thanks=last.get(Writing.THANKS, ""),
        excluded=Writing.NOT_A_GIFT in last,
        reason=last.get(Writing.NOT_A_GIFT, ""),
        sequence=max((entry.sequence for entry in entries), default=0),
    )


def check_text(text: str) -> str:
    """What the author writes, as it may be kept: one line, without surrounding space.

    Raises ValueError, which never repeats the text: control and direction characters could make a
    page or a terminal show something else than what is written, and key material has to go.
    """
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > TEXT_LIMIT:
        raise ValueError(f"a text has at most {TEXT_LIMIT} characters")
    if any(_is_hidden(character) for character in text):
        raise ValueError("a text is one line without control or direction characters")
    found = find_secret(text)
    if found is not None:
        raise ValueError(
            f"this looks like {found.kind}: it is not kept. Only public things belong here"
        )
    return text


# Joiners that scripts and emoji need.
_JOINERS = "\u200c\u200d"


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and character not in _JOINERS)


def parse_manual(
    amount: str, unit: str, decimals: int, received_at: int, widget: str
) -> ManualGift:
    """A gift that came another way. Raises ValueError for what is no amount or no unit."""
    if _UNIT.fullmatch(unit) is None:
        raise ValueError("a unit is a currency such as EUR or an asset such as BTC")
    units = parse_amount(amount, decimals)
    if units == 0:
        raise ValueError("the amount is more than nothing")
    return ManualGift(units, unit, decimals, received_at, widget)


def received(
    figures: Mapping[tuple[Key, str, Bucket], Figure], keys: Iterable[Key]
) -> dict[str, Figure]:
    """What the gifts that stand in blocks brought to ``keys``, each key once: by asset."""
    wanted = frozenset(keys)
    sums: dict[str, Figure] = {}
    for (key, _, bucket), figure in figures.items():
        if key in wanted and bucket in RECEIVED:
            sums[key.asset] = sums.get(key.asset, Figure()) + figure
    return sums
