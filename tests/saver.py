"""A process that saves batch after batch, to be killed: `python -m tests.saver DATABASE START`.

Each batch is one view with several gifts that move through their states, so that a transaction
writes many rows of every table. "writing N" is printed inside the transaction of batch N, "saved N"
after its commit.
"""

from __future__ import annotations

import itertools
import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from donations.ledger import Block, Change, Key, Transaction, View, apply
from donations.records import Batch, Cursor, Standing
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

KEY = Key("btc", "1Watched", "BTC")
GIFTS = 40
NETWORKS = {"btc": "mainnet"}
GRACE = 1_200
BEGAN = 1_700_000_000


def place(height: int) -> Block:
    return Block(height, f"a{height}", BEGAN + 600 * height)


def gift(number: int, n: int, at: Block) -> Transaction:
    """Gift ``n`` of batch ``number``: 10**18 base units, so that 64 bits do not hold the sum."""
    name = f"t{number}.{n}"
    return Transaction(name, at, frozenset({f"c{name}"}), brings=((f"{name}:0", 10**18),))


def told(number: int) -> View:
    """The view of a batch: its own gifts, and those of the one before, which become final."""
    height = 10 * number
    gifts = [gift(number, n, place(height)) for n in range(GIFTS)]
    if number > 1:
        gifts += [gift(number - 1, n, place(height - 10)) for n in range(GIFTS)]
    return View(
        key=KEY,
        tip=place(height),
        final_height=height - 5,
        since=0,
        transactions=tuple(gifts),
        blocks={h: place(h) for h in range(max(0, height - 149), height + 1)},
        at=BEGAN + 600 * height,
        operators=frozenset({"north", "south"}),
    )


def save(store: Store, number: int) -> tuple[Change, ...]:
    """What the tracker does with a view, for batch ``number``."""
    view = told(number)
    known = {t.id: t for t in store.unsettled("btc")}
    known |= {t.id: t for t in store.transfers(KEY, [t.id for t in view.transactions])}
    changes = apply(known, view, now=view.at, grace=GRACE)
    store.save(
        Batch(
            changes=changes,
            cursors=(Cursor("north", KEY, view.final_height + 1),),
            standing=Standing(KEY, view.tip, view.final_height, view.at, 2, complete=True),
            blocks=view.blocks,
        )
    )
    return changes


def tell(line: str) -> None:
    """Say it now: a line that waits in a buffer dies with the process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Loud(Store):
    """A store that tells when it is in the middle of a transaction."""

    number = 0

    def _save_changes(
        self, connection: Connection, changes: Sequence[Change], *, history: bool
    ) -> None:
        tell(f"writing {self.number}")
        super()._save_changes(connection, changes, history=history)


def main() -> None:
    path, first = Path(sys.argv[1]), int(sys.argv[2])
    store = Loud(path, UTC)
    store.open(NETWORKS)
    tell("open")
    for number in itertools.count(first):
        store.number = number
        save(store, number)
        tell(f"saved {number}")


if __name__ == "__main__":
    main()
