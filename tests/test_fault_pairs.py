"""Two operators who have to agree, each with a fault of its own at the same time.

A sample of pairs here; all of them, some thousands, in the long run.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from donations.demo.electrum import ElectrumServer
from donations.demo.world import World
from tests import test_fault_matrix
from tests.test_fault_matrix import (
    AFTER,
    BEFORE,
    CALL_SECONDS,
    POLL_SECONDS,
    Case,
    every_row,
    give,
    received,
    track,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from donations.store import Store
    from donations.tracker import Tracker
    from tests.measured import Table

SAMPLE, AT_ONCE = 30, 60
_small_and_quick = test_fault_matrix._small_and_quick


@dataclass
class Pair:
    """Two faults, and the tracker that meets both."""

    rows: tuple[Case, Case]
    tracker: Tracker
    store: Store

    def __str__(self) -> str:
        return f"{self.rows[0]} + {self.rows[1]}"

    def look(self) -> bool:
        """Note what is told; whether of each the right reason was."""
        for row, operator in zip(self.rows, self.tracker.operators, strict=True):
            if row.met not in row.reasons:
                row.met = None if operator.error is None else operator.error.why
        return all(row.met in row.reasons for row in self.rows)

    def poll(self) -> None:
        self.tracker.poll()


def pairs(world: World) -> Iterator[tuple[Callable[[], Case], Callable[[], Case]]]:
    """Every two faults of the same kind of upstream, at every two questions."""

    def maker(row: test_fault_matrix.Row) -> Callable[[], Case]:
        kind, make, method, name, fault, reasons, _ = row
        return lambda: Case(kind, method, name, fault(method), reasons, make())

    for _, rows in groupby(every_row(world), lambda row: row.kind):
        makers = [maker(row) for row in rows]
        yield from itertools.combinations(makers, 2)


def test_two_faults_at_once(tmp_path: Path, seed: int, long: bool, table: Table) -> None:
    """Both reasons are told, the number is the old one, and two polls after both are over it is
    the new one: no fault hides another, or keeps the other's operator away."""
    dice = random.Random(seed)
    everything = list(pairs(World(72, operators=1)))
    dice.shuffle(everything)
    chosen = range(len(everything)) if long else range(SAMPLE)
    wrong, late = list[str](), list[str]()
    for start in range(0, len(chosen), AT_ONCE):
        folder = tmp_path / str(start)
        folder.mkdir()
        part = (start, min(start + AT_ONCE, len(chosen)))
        found = asyncio.run(_meet_and_heal(folder, seed, part))
        wrong += found[0]
        late += found[1]
    assert (wrong, late) == ([], []), seed
    table.never(f"pairs of faults told wrongly (of {len(everything):,})", len(wrong), len(chosen))
    table.never("pairs of faults not over after two polls", len(late), len(chosen))


async def _meet_and_heal(
    folder: Path, seed: int, part: tuple[int, int]
) -> tuple[list[str], list[str]]:
    async with World(72, operators=1) as world, AsyncExitStack() as stack:
        everything = list(pairs(world))
        random.Random(seed).shuffle(everything)
        met: list[Pair] = []
        for number, makers in enumerate(everything[slice(*part)]):
            place = folder / str(number)
            place.mkdir()
            first, second = (make() for make in makers)
            tracker, store = await track([first, second], world, place, stack)
            met.append(Pair((first, second), tracker, store))

        async def without(units: int) -> list[str]:
            have = await asyncio.gather(*(received(pair.store) for pair in met))
            return [str(pair) for pair, has in zip(met, have, strict=True) if has != units]

        await _polled(met, lambda: _no(not all(p.tracker.standings for p in met)), 60)
        give(world, BEFORE)
        assert not await _polled(met, lambda: without(BEFORE), 60)
        for row in (row for pair in met for row in pair.rows):
            row.server.fault = row.fault
            if isinstance(row.server, ElectrumServer):
                row.server.drop_connections()
        give(world, AFTER - BEFORE)
        await _polled(met, lambda: _no(sum(p.look() for p in met) < len(met)), 60, often=True)
        for pair in met:
            assert await received(pair.store) in (BEFORE, AFTER), str(pair)
            for row in pair.rows:
                row.server.fault = None
        wrong = [
            f"{pair}: {[row.met for row in pair.rows]}"
            for pair in met
            if any(row.met not in row.reasons for row in pair.rows)
        ]
        # What hangs as the faults end has its own time to end.
        late = await _polled(met, lambda: without(AFTER), 2 * POLL_SECONDS + CALL_SECONDS)
        return wrong, late


async def _no(left: bool) -> list[str]:
    return ["something"] if left else []


async def _polled(
    met: list[Pair], left: Callable[[], object], seconds: float, *, often: bool = False
) -> list[str]:
    """Poll as a timer does until nothing is left; what is left after so many seconds."""
    deadline, polled = time.monotonic() + seconds, float("-inf")
    while True:
        if time.monotonic() - polled >= (0.5 if often else POLL_SECONDS):
            polled = time.monotonic()
            for pair in met:
                pair.poll()
        waiting: list[str] = await left()  # type: ignore[misc]
        if not waiting or time.monotonic() > deadline:
            return waiting
        await asyncio.sleep(0.2)
