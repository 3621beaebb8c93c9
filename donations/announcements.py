"""PURE: which changes the author is told of, to whom, and the very bytes of it.

The laws of this file:

1. Only gifts are announced: no own transfer, no dust, nothing that is only claimed, nothing that
   the author took out.
2. What stood in a block before a key was watched is the past, and the past is never announced.
3. The bytes of an event hold facts alone, and its id is their hash: an id never has two contents,
   and what is told once more after a lost database has the id it had.
4. Who was told good news is told when it ceases to be true, whatever he subscribed to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount
from donations.ledger import Kind, News, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from donations.ledger import Block, Change, Transfer


class Type(StrEnum):
    """What an event tells."""

    SEEN = "gift.seen"
    CONFIRMED = "gift.confirmed"
    FINAL = "gift.final"
    REPLACED = "gift.replaced"
    DROPPED = "gift.dropped"
    REORGED = "gift.reorged"  # its block is no longer part of the chain
    OWN = "gift.own"  # it came from a watched address: no gift after all
    GOAL = "goal.reached"
    SILENT = "upstream.silent"
    BACK = "upstream.back"
    TAMPERED = "page.tampered"
    FINE = "page.fine"
    TEST = "test"
    DIGEST = "digest"  # many events in one message


# How good news rise: who asked for one and missed it is content with a better one.
_RANKS = {Type.SEEN: 0, Type.CONFIRMED: 1, Type.FINAL: 2}
_CONTRADICTS = {
    Type.REORGED: frozenset({Type.CONFIRMED, Type.FINAL}),
    Type.REPLACED: frozenset(_RANKS),
    Type.DROPPED: frozenset(_RANKS),
    Type.OWN: frozenset(_RANKS),
}
_BY_NEWS = {
    News.SEEN: Type.SEEN,
    News.CONFIRMED: Type.CONFIRMED,
    News.FINAL: Type.FINAL,
    News.REPLACED: Type.REPLACED,
    News.DROPPED: Type.DROPPED,
    News.OWN: Type.OWN,
}
_GONE = (State.DROPPED, State.REPLACED)


@dataclass(frozen=True, slots=True)
class Asset:
    """How amounts of one asset are told. Less than ``dust`` base units is told to nobody."""

    decimals: int
    dust: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where a chain stood when the watch over a key had caught up: heights of blocks."""

    tip: int
    final_height: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event before it has its number. ``subject`` names what it is about, ``at`` Unix seconds.

    ``data`` are facts that are the same whenever they are read: no moment of our own looking.
    """

    type: Type
    subject: str
    at: int
    data: Mapping[str, Any] = field(default_factory=dict)

    def payload(self, number: int) -> str:
        """What is sent, byte for byte. ``number``: how often this was told of the subject by now.

        Not of how much was told before: who looks again from an older database may see less.
        """
        told = {"type": self.type.value, "number": number, "data": self.data}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def event_id(payload: str) -> str:
    """The id of the event with these bytes; without a full stop, which the signature uses."""
    return "evt_" + sha256(payload.encode()).hexdigest()[:32]


def of_change(
    change: Change, asset: Asset, baseline: Baseline, value: Mapping[str, Any] | None = None
) -> tuple[Announcement, ...]:
    """What is announced of a change, in this order.

    ``value`` is what the gift was worth when it came, where that is known.
    """
    after = change.after
    if not _is_told(change, asset):
        return ()
    data = _facts(change, asset)
    if value is not None:
        data["value"] = dict(value)
    key = after.key
    subject = f"gift {key.chain} {key.address} {key.asset} {after.id}"
    return tuple(Announcement(kind, subject, change.at, data) for kind in _types(change, baseline))


def _is_told(change: Change, asset: Asset) -> bool:
    """Whether it is about a gift: the state before counts when the gift is gone."""
    gift = change.before if change.news is News.OWN else change.after
    if gift is None or gift.kind is not Kind.GIFT or gift.excluded:
        return False
    return gift.amount >= max(1, asset.dust)


def _types(change: Change, baseline: Baseline) -> tuple[Type, ...]:
    before, after = change.before, change.after
    kind = _BY_NEWS.get(change.news)
    if kind is None and before is not None and before.state in _GONE:
        kind = Type.SEEN  # in a block whose proof is under way, after it was given up
    was_final = before is not None and before.state is State.FINAL
    if _waits_for_final(after) and not (was_final or kind is Type.FINAL):
        return ()
    if change.reorged and after.state not in _GONE:
        stands = kind in _RANKS and after.state is not State.SEEN
        return (Type.REORGED, kind) if stands and kind is not None else (Type.REORGED,)
    return () if kind is None or _is_past(kind, after.block, baseline) else (kind,)


def _waits_for_final(transfer: Transfer) -> bool:
    """What a miner is paid, or a block's contracts pay, may be another sum until it is final."""
    return transfer.coinbase or transfer.id.endswith(":internal")


def _is_past(kind: Type, block: Block | None, baseline: Baseline) -> bool:
    if block is None or kind not in _RANKS:
        return False
    limit = baseline.final_height if kind is Type.FINAL else baseline.tip
    return block.height <= limit


def _facts(change: Change, asset: Asset) -> dict[str, Any]:
    before, after = change.before, change.after
    data: dict[str, Any] = {
        "chain": after.key.chain,
        "address": after.key.address,
        "asset": after.key.asset,
        "id": after.id,
        "units": str(after.amount),
        "decimals": asset.decimals,
        "amount": format_amount(after.amount, asset.decimals),
        "state": after.state.value,
    }
    if not after.id.endswith(":internal"):
        data["transaction"] = after.hash
    if after.block is not None:
        data["block"] = _place(after.block)
    if change.reorged and before is not None and before.block is not None:
        data["previous_block"] = _place(before.block)
    if after.replaced_by is not None:
        data["replaced_by"] = after.replaced_by
    if change.final_reversed:
        data["final_reversed"] = True
    return data


def _place(block: Block) -> dict[str, Any]:
    return {"height": block.height, "hash": block.hash, "time": block.time}


def is_wanted(kind: Type, events: Collection[Type], told: Iterable[Type]) -> bool:
    """Whether a channel that takes ``events`` is to be told; ``told``: what it got of the subject.

    It gets what it takes; good news better than those it takes, if it missed these; and what
    contradicts good news that it got.
    """
    if kind in events:
        return True
    believed: set[Type] = set()
    for each in told:
        believed -= _CONTRADICTS.get(each, frozenset())
        believed |= {each} & _RANKS.keys()
    if kind in _RANKS:
        missed = [_RANKS[e] for e in events if e in _RANKS and _RANKS[e] < _RANKS[kind]]
        return max(missed, default=-1) > max((_RANKS[e] for e in believed), default=-1)
    return bool(believed & _CONTRADICTS.get(kind, frozenset()))


def depends_on_told(kind: Type, events: Collection[Type]) -> bool:
    """Whether `is_wanted` needs to know what was told before."""
    return kind not in events and (kind in _RANKS or kind in _CONTRADICTS)
