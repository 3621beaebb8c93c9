"""Kill -9 between saving, sending and noting, and a receiver that fails half of the time."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from tests.notify.receiver import receiving
from tests.saver import GIFTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.measured import Table

ROOT = Path(__file__).parent.parent.parent


def test_each_event_arrives_once_and_in_order(
    tmp_path: Path, seed: int, long: bool, table: Table
) -> None:
    """After its duplicates are left out, the receiver has each event exactly once, in order."""
    events = 100_000 if long else 5_000
    path = tmp_path / "d.sqlite"
    asyncio.run(_tell(path, events, random.Random(seed), table))


async def _tell(path: Path, events: int, dice: random.Random, table: Table) -> None:
    async with receiving() as receiver:
        # What the receiver has kept, whatever it answered.
        kept: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            lot = dice.random()
            if lot < 0.4:
                return web.Response(status=dice.choice((500, 404, 429)))
            kept.append(request.headers["webhook-id"])
            if lot < 0.5 and request.transport is not None:
                request.transport.abort()
            return web.Response(status=204)

        receiver.answer = answer
        sender = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.notify.sender",
            str(path), receiver.url, str(events), str(dice.getrandbits(32)),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await sender.communicate()
        lives = said.decode().split("\n")[:-1]
        bytes_of = receiver.bytes_of
    with closing(sqlite3.connect(path)) as raw:
        rows = raw.execute("SELECT id, payload FROM events ORDER BY sequence").fetchall()
        given_up = raw.execute("SELECT count(*) FROM deliveries WHERE error IS NOT NULL").fetchone()
    once = [*dict.fromkeys(kept)]
    told = [json.loads(bytes_of[identity]) for identity in once]
    assert lives[-1] == "ended 0", lives
    assert given_up == (0,)
    assert len(once) == len(rows) >= events
    kept_bytes = {identity: payload.encode() for identity, payload in rows}
    wrong = [
        identity
        for identity, event, row, expected in zip(once, told, rows, _expected(), strict=False)
        if identity != row[0]
        or (event["type"], event["data"]["id"]) != expected
        or bytes_of[identity] != kept_bytes[identity]
    ]
    table.never(
        f"{len(rows):,} events, {len(lives) - 1} kills, {receiver.asked:,} attempts, "
        f"{len(kept) - len(once):,} repeated: lost, double or out of order",
        len(wrong),
        len(rows),
    )


def _expected() -> Iterator[tuple[str, str]]:
    """(type, transfer) of each event, told from how the batches are made; see `tests.saver`."""
    for number in itertools.count(2):
        yield from (("gift.confirmed", f"t{number}.{n}") for n in range(GIFTS))
        yield from (("gift.final", f"t{number - 1}.{n}") for n in range(GIFTS))
