"""PURE: where each recent payment stands, by the number of its transaction, for who gave it.

Bounded: on each chain what is unsettled and the latest of what is settled, both up to a limit. The
changes of a commit are applied as they come, so that no query is needed after the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.ledger import Key, Kind, State, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Of settled transfers, a chain.
LATEST = 2_000
# Of unsettled ones, a chain: more than a flood of dust brings into a few blocks.
UNSETTLED = 10_000
# A few too many are held, so that the limits are not enforced at each change.
_SLACK = 500
_HASH = re.compile(r"(?:0x)?([0-9a-f]{64})(?::(.*))?")


class Whereabouts(StrEnum):
    """What is told of one payment."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FINAL = "final"
    MISSING = "missing"  # was seen, and is not seen now: no verdict yet
    DROPPED = "dropped"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One transfer as its giver may hear of it: ``units`` are base units of the key's asset.

    ``height`` is that of its block. ``inside``: the value came from inside contract calls, and the
    number is the hash of the block. ``at`` (Unix seconds) is what the latest are chosen by.
    """

    key: Key
    id: str
    units: int
    whereabouts: Whereabouts
    height: int | None
    gift: bool
    inside: bool
    replaced_by: str | None
    settled: bool
    at: int


Numbered = dict[bytes, tuple[Arrival, ...]]


class Arrivals:
    """The payments of all chains by the 32 bytes of their number. Not safe between threads."""

    def __init__(self, transfers: Iterable[Transfer] = ()) -> None:
        self._chains: dict[str, Numbered] = {}
        self._counts: dict[str, int] = {}
        self._cut_at: dict[str, int] = {}
        self.apply(transfers)

    def apply(self, transfers: Iterable[Transfer]) -> None:
        """Take in transfers as they stand after a commit, in the place of what was held."""
        for transfer in transfers:
            number = read_number(transfer.id)
            if number is None:
                continue
            arrival, chain = _arrival(transfer), transfer.key.chain
            held = self._chains.setdefault(chain, {})
            before = held.get(number, ())
            others = tuple(a for a in before if (a.key, a.id) != (arrival.key, arrival.id))
            held[number] = (*others, arrival)
            count = self._counts.get(chain, 0) + len(others) + 1 - len(before)
            self._counts[chain] = count
            if count > self._cut_at.get(chain, LATEST + _SLACK):
                self._cut(chain)

    def copy(self) -> dict[str, Mapping[bytes, tuple[Arrival, ...]]]:
        """All as it is now, by chain."""
        return {chain: dict(held) for chain, held in self._chains.items()}

    def _cut(self, chain: str) -> None:
        """Forget the oldest beyond the limits."""
        held = [arrival for some in self._chains[chain].values() for arrival in some]
        held.sort(key=lambda arrival: -arrival.at)
        settled = [arrival for arrival in held if arrival.settled][:LATEST]
        unsettled = [arrival for arrival in held if not arrival.settled][:UNSETTLED]
        kept = [*settled, *unsettled]
        numbered: Numbered = {}
        for arrival in kept:
            number = read_number(arrival.id)
            if number is not None:
                numbered[number] = (*numbered.get(number, ()), arrival)
        self._chains[chain], self._counts[chain] = numbered, len(kept)
        self._cut_at[chain] = len(kept) + _SLACK


def read_number(text: str) -> bytes | None:
    """The 32 bytes an id of the ledger begins with; None for one that is named otherwise."""
    match = _HASH.fullmatch(text)
    return bytes.fromhex(match[1]) if match else None


_WHEREABOUTS = {
    State.SEEN: Whereabouts.PENDING,
    State.CONFIRMED: Whereabouts.CONFIRMED,
    State.FINAL: Whereabouts.FINAL,
    State.DROPPED: Whereabouts.DROPPED,
    State.REPLACED: Whereabouts.REPLACED,
}


def whereabouts_of(transfer: Transfer) -> Whereabouts:
    """Where a transfer stands, as readers are told."""
    if transfer.missing_since is not None and transfer.state is not State.FINAL:
        return Whereabouts.MISSING
    return _WHEREABOUTS[transfer.state]


def _arrival(transfer: Transfer) -> Arrival:
    return Arrival(
        key=transfer.key,
        id=transfer.id,
        units=transfer.amount,
        whereabouts=whereabouts_of(transfer),
        height=transfer.block.height if transfer.block else None,
        gift=transfer.kind is Kind.GIFT,
        inside=transfer.id.endswith(":internal"),
        replaced_by=transfer.replaced_by,
        settled=transfer.settled,
        at=transfer.received_at,
    )
