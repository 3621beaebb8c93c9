"""PURE: operators that answer well and yet are behind, or on another branch.

Such an answer has no vote, or makes no number fresh, and does no harm. But whoever looks after the
service wants to know of it, though nothing failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.errors import UpstreamUnavailable
from donations.reasons import Reason

if TYPE_CHECKING:
    from donations.ledger import Block, Observation


class Lateness:
    """Of one chain. ``longest_gap`` is of its network, ``patience`` in seconds: blocks take a while
    to get around, and a reorg longer."""

    def __init__(self, longest_gap: int | None, patience: int) -> None:
        self._longest_gap, self._patience = longest_gap, patience
        self._apart_since: dict[str, int] = {}

    def judge(self, told: Observation, agreed: Block | None) -> UpstreamUnavailable | None:
        """What is wrong with the tip of an operator; ``agreed`` is where enough of them stand."""
        if too_old := old_tip(told.tip, told.at, self._longest_gap):
            return too_old
        below = agreed is not None and told.tip.height < agreed.height
        if agreed is None or (not below and told.blocks.get(agreed.height, agreed) == agreed):
            self._apart_since.pop(told.operator, None)
            return None
        if told.at - self._apart_since.setdefault(told.operator, told.at) <= self._patience:
            return None
        if below:
            return UpstreamUnavailable(
                f"its newest block is {told.tip.height}, the others have {agreed.height}",
                why=Reason.NOT_SYNCHRONIZED,
            )
        return UpstreamUnavailable(
            f"it has another block {agreed.height} than the others", why=Reason.OTHER_BRANCH
        )


def old_tip(tip: Block, now: int, longest_gap: int | None) -> UpstreamUnavailable | None:
    """What is wrong with a tip at ``now`` (Unix seconds), as far as its age goes."""
    age = now - tip.time
    if longest_gap is None or age <= longest_gap:
        return None
    return UpstreamUnavailable(
        f"its newest block, {tip.height}, is {age // 60} minutes old", why=Reason.NOT_SYNCHRONIZED
    )
