"""Notices that a goal is reached: once for each goal and period."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.announcements import Announcement, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.snapshot import Snapshot
    from donations.store import Store

_FACT = "goal "


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a goal is. ``name`` is that of its widget, ``period`` "" for one that has none.

    ``amount`` and ``unit`` are the target as people write it. ``reached`` are the shares of it, in
    per cent, that are reached of those to be told, None while that is not known; ``coming`` those
    that what is pending reaches too. ``whole``: every gift that counts has its value.
    """

    name: str
    period: str
    amount: str
    unit: str
    reached: frozenset[int] | None
    coming: frozenset[int] = frozenset()
    whole: bool = True


def reaches(snapshot: Snapshot) -> list[Reach]:
    """How far the goals of a widget are."""
    goal = snapshot.goal
    if goal is None:
        return []
    target = format_amount(goal.target, goal.decimals)
    first = goal.period.first if goal.every is not None else None
    period = "" if first is None else first.isoformat()
    if goal.collected is None:
        return [Reach(snapshot.slug, period, target, goal.symbol, None)]
    steps = {each * 100 // goal.target: each for each in goal.milestones} | {100: goal.target}
    soon = goal.collected + (goal.pending or 0)
    reached = frozenset(share for share, units in steps.items() if goal.collected >= units)
    coming = frozenset(share for share, units in steps.items() if soon >= units)
    whole = goal.unvalued == 0
    return [Reach(snapshot.slug, period, target, goal.symbol, reached, coming, whole)]


class Goals:
    """What was told of each goal. The first look at a goal is the past, and nothing is told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, tuple[str, frozenset[int]]] | None = None

    async def look(self, snapshot: Snapshot, now: int) -> bool:
        """Look at every goal once; whether something was told. Raises StoreError."""
        if self._kept is None:
            self._kept = _kept(await self._store.run(self._store.facts))
        told = False
        for reach in reaches(snapshot):
            if reach.reached is not None:
                told |= await self._judge(reach, reach.reached, now)
        return told

    async def _judge(self, reach: Reach, reached: frozenset[int], now: int) -> bool:
        goal = f"{reach.name} {reach.amount} {reach.unit}"
        known = (self._kept or {}).get(goal)
        if known is None and not reach.whole:
            return False  # the past is still being valued: the first look is yet to come
        if known is None:
            # A first history is pending until it is proven.
            before = reached | reach.coming
        else:
            period, shares = known
            # Each period begins with nothing. What is reached stays so, whatever a reorg takes.
            before = shares if period == reach.period else frozenset()
        standing = reached | before
        if known == (reach.period, standing):
            return False
        news = [_announcement(reach, share, now) for share in sorted(reached - before)]
        value = json.dumps([reach.period, sorted(standing)])
        await self._store.run(self._store.remember, _FACT + goal, value, news)
        self._kept = {**(self._kept or {}), goal: (reach.period, standing)}
        return bool(news)


def _announcement(reach: Reach, share: int, now: int) -> Announcement:
    data = {
        "goal": reach.name,
        "period": reach.period,
        "percent": share,
        "target": {"amount": reach.amount, "unit": reach.unit},
    }
    subject = f"goal {reach.name} {reach.amount} {reach.unit} {reach.period} {share}"
    return Announcement(Type.GOAL, subject, now, data)


def _kept(facts: Mapping[str, str]) -> dict[str, tuple[str, frozenset[int]]]:
    found = {}
    for name, value in facts.items():
        if name.startswith(_FACT):
            period, shares = json.loads(value)
            found[name.removeprefix(_FACT)] = (str(period), frozenset(map(int, shares)))
    return found
