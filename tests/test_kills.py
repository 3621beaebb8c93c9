"""kill -9 of the whole service, while the world around it lives on: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

from donations.demo.world import World
from tests.killing import Series
from tests.service_lives import PHASES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.measured import Table

KILLS, KILLS_LONG = 200, 2_000
# So many in one world; then the service may live, and has to tell the truth.
A_WORLD = 50
AT_ONCE = 2


def test_kill_9_of_the_whole_service(tmp_path: Path, seed: int, long: bool, table: Table) -> None:
    """At steps of a migration, in the middle of saves, at checkpoints, at any moment: all that was
    saved is there, once, and in the end every gift of the world."""
    kills = KILLS_LONG if long else KILLS
    lost, double, hit = 0, 0, Counter[str]()
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Series:
        async with turns, World(seed + number) as world:
            folder = tmp_path / str(number)
            folder.mkdir()
            series = Series(world, folder, random.Random(seed + number))
            await series.run(A_WORLD)
            await series.tells_the_truth()
            return series

    async def everything() -> list[Series]:
        return await asyncio.gather(*(one(number) for number in range(kills // A_WORLD)))

    for series in asyncio.run(everything()):
        lost, double, hit = lost + series.lost, double + series.double, hit + series.hit
    where = ", ".join(f"{place} {count}" for place, count in sorted(hit.items()))
    table.never(
        f"kill -9 of the whole service, seed {seed} ({where}): lost or double",
        lost + double,
        hit.total(),
    )
    assert set(PHASES) < set(hit)
