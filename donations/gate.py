"""PURE: what a view may say once proofs are asked for.

A place in a block counts when it was proven, and not before: until then the transaction is agreed
to be there and pends. What is proven needs no majority: one valid proof outvotes the absence, the
silence and the rivals that others tell. What a transaction does is bound to its id by the source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from donations.ledger import Level, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.ledger import Block, Transaction, Transfer, View

_STANDING = (State.CONFIRMED, State.FINAL)


def gate(
    view: View, believed: Mapping[str, Transfer], places: Mapping[str, Block], final_height: int
) -> View:
    """``view`` with what is proven set against it.

    ``places`` are the proven blocks of transactions, by id, that the headers with the most work
    hold now; ``final_height`` is the last final one of them.
    """
    proven = {t.id: replace(t, block=places[t.id]) for t in _told(view) if t.id in places}
    kept = {i for i, t in believed.items() if i in places and i not in proven and _stands(t)}
    taken = {thing: t.hash for t in proven.values() for thing in t.consumes}
    taken |= {thing: believed[i].hash for i in kept for thing in believed[i].consumes}
    others = [t for t in view.transactions if t.id not in proven and not _rivals(t, taken)]
    return replace(
        view,
        transactions=(*others, *proven.values()),
        claimed=tuple(c for c in view.claimed if c.transaction.id not in proven),
        undecided=(view.undecided | kept) - proven.keys(),
        proven=frozenset(proven),
        unproven=frozenset(t.id for t in others if not _stood(t, believed.get(t.id))),
        proven_final=final_height,
    )


def without_known(view: View, believed: Mapping[str, Transfer]) -> View:
    """What stands already is no claim of who tells it once more, from further below than others."""
    standing = {t.id: t.block for t in believed.values() if t.bucket is not None}
    claimed = (
        claim
        for claim in view.claimed
        if claim.transaction.block is None
        or standing.get(claim.transaction.id) != claim.transaction.block
    )
    return replace(view, claimed=tuple(claimed))


def _told(view: View) -> Iterable[Transaction]:
    return (*view.transactions, *(claim.transaction for claim in view.claimed))


def _stands(transfer: Transfer) -> bool:
    return transfer.block is not None and transfer.state in (State.SEEN, State.CONFIRMED)


def _stood(transaction: Transaction, believed: Transfer | None) -> bool:
    """Whether it counted at this place before proofs were asked for: it goes on to."""
    return (
        believed is not None
        and believed.state in _STANDING
        and believed.level is Level.AGREED
        and believed.block == transaction.block
    )


def _rivals(transaction: Transaction, taken: Mapping[str, str]) -> bool:
    taker = (taken.get(thing, transaction.hash) for thing in transaction.consumes)
    return any(other != transaction.hash for other in taker)
