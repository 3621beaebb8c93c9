"""In what the operators of one chain differ, since when, and who.

The lower, agreed total is what is shown meanwhile. A transaction in a block that one side tells
and the other does not is a difference of the coin, until as many operators as must agree have held
its block without it for a whole grace: from then on it is a claim of whoever tells it, and his
alone. Mempools differ by nature.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from donations.evidence import KeptClaim
from donations.ledger import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.ledger import Claim, View

logger = logging.getLogger(__name__)

# Of each key so many claims are kept for the author; more than that are one operator's noise.
_KEPT = 100


class Differences:
    """Of one chain. ``since`` (Unix seconds) has the keys on which operators differ at present."""

    def __init__(self, chain: str, grace: int) -> None:
        self.since: dict[Key, int] = {}
        self._chain, self._grace = chain, grace
        self._claims: dict[Key, dict[str, KeptClaim]] = {}
        self._omissions: dict[tuple[Key, str, str], int] = {}

    def load(self, facts: Mapping[str, str], claims: Iterable[KeptClaim]) -> None:
        """Take up what was kept."""
        for key, (since,) in read_lines(facts, disagree_fact(self._chain), 1):
            self.since[key] = int(since)
        for key, (operator, identity, since) in read_lines(facts, omit_fact(self._chain), 3):
            self._omissions[key, operator, identity] = int(since)
        for claim in claims:
            self._claims.setdefault(claim.key, {})[claim.id] = claim

    def note_split(self, key: Key, split: bool, now: int) -> None:
        """No block is shared: because of forks or lies, or because too few answer."""
        self._note(key, split, now)

    def note(self, view: View, now: int) -> None:
        """Take in what a view tells of those who differ from it."""
        kept = self._claims.get(view.key, {})
        told = {claim.transaction.id: _kept(view.key, claim, kept, now) for claim in view.claimed}
        self._note(
            view.key,
            any(
                claim.transaction.block is not None
                and not (claim.contradicted and self._is_old(told[claim.transaction.id], now))
                for claim in view.claimed
            ),
            now,
        )
        if view.until is not None:  # what a part of a history does not tell may come in the next
            return
        self._claims[view.key] = told
        before = self._omissions
        self._omissions = {place: at for place, at in before.items() if place[0] != view.key}
        for operator, identity in sorted(view.omissions):
            place = (view.key, operator, identity)
            if place not in before:
                logger.warning(
                    "%s: %s holds the block of %s and does not tell it, others do",
                    view.key.address, operator, identity,
                )  # fmt: skip
            self._omissions[place] = before.get(place, now)

    def claims(self, key: Key) -> tuple[KeptClaim, ...]:
        """What is to be kept for the author of the claims about a key."""
        kept = sorted(self._claims.get(key, {}).values(), key=lambda c: (c.place is None, c.since))
        return tuple(claim for claim in kept if claim.units)[:_KEPT]

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What has to be kept by name."""
        disagree = [f"{key.address}\t{key.asset}\t{since}" for key, since in self.since.items()]
        omitted = [
            f"{key.address}\t{key.asset}\t{operator}\t{identity}\t{since}"
            for (key, operator, identity), since in self._omissions.items()
        ]
        return (
            (disagree_fact(self._chain), "\n".join(disagree)),
            (omit_fact(self._chain), "\n".join(omitted[:_KEPT])),
        )

    def _note(self, key: Key, differ: bool, now: int) -> None:
        if differ:
            self.since.setdefault(key, now)
        else:
            self.since.pop(key, None)

    def _is_old(self, claim: KeptClaim, now: int) -> bool:
        return now - claim.since >= self._grace


def disagree_fact(chain: str) -> str:
    """The name under which it is kept since when operators differ."""
    return f"disagree {chain}"


def omit_fact(chain: str) -> str:
    """The name under which it is kept who does not tell what others do."""
    return f"omitted {chain}"


def read_lines(
    facts: Mapping[str, str], name: str, columns: int
) -> Iterable[tuple[Key, tuple[str, ...]]]:
    """(key, the columns after it) of each line of a fact."""
    for line in facts.get(name, "").split("\n"):
        if line:
            address, asset, *rest = line.split("\t")
            yield Key(name.rpartition(" ")[2], address, asset), tuple(rest[:columns])


def _kept(key: Key, claim: Claim, before: Mapping[str, KeptClaim], now: int) -> KeptClaim:
    told = claim.transaction
    return KeptClaim(
        key,
        told.id,
        tuple(sorted(claim.operators)),
        told.net,
        None if told.block is None else (told.block.height, told.block.hash),
        before[told.id].since if told.id in before else now,
    )
