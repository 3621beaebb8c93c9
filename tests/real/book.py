"""The database of the service, read with plain SQL from beside it, whoever writes it meanwhile."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

STANDING = frozenset({"seen", "confirmed", "final"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer as recorded; ``amount`` in base units."""

    address: str
    asset: str
    id: str
    kind: str
    state: str
    amount: int
    height: int | None
    block: str | None
    missing: bool
    replaced_by: str | None

    @property
    def stands(self) -> bool:
        """Whether it counts now."""
        return self.state in STANDING and not (self.missing and self.state != "final")


@dataclass(frozen=True, slots=True)
class Told:
    """One change as recorded, in the order in which changes happened."""

    address: str
    id: str
    news: str
    before: str | None
    after: str
    reorged: bool
    final_reversed: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last view of one key was true at. ``balance`` is in confirmed base units."""

    height: int
    hash: str
    balance: int | None
    complete: bool


class Book:
    """A reader of one database; empty as long as there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, chain: str) -> list[Entry]:
        """All transfers of a chain."""
        return [
            Entry(
                row["address"],
                row["asset"],
                row["id"],
                row["kind"],
                row["state"],
                int(row["amount"]),
                row["block_height"],
                row["block_hash"],
                row["missing_since"] is not None,
                row["replaced_by"],
            )
            for row in self._rows("SELECT * FROM transfers WHERE chain = ?", chain)
        ]

    def entry(self, chain: str, identity: str) -> Entry:
        """The only transfer of a transaction."""
        (found,) = [entry for entry in self.entries(chain) if entry.id == identity]
        return found

    def told(self, chain: str, identity: str | None = None) -> list[Told]:
        """The changes of a chain, or of one transaction, oldest first.

        That the proof of a place is under way is told with what it comes to.
        """
        rows = self._rows("SELECT * FROM changes WHERE chain = ? ORDER BY sequence", chain)
        found: list[Told] = []
        under_way: dict[tuple[str, str], bool] = {}
        for row in rows:
            if identity not in (None, row["id"]):
                continue
            place = (row["address"], row["id"])
            reorged = bool(row["reorged"]) or under_way.pop(place, False)
            if row["news"] == "placed":
                under_way[place] = reorged
                continue
            found.append(
                Told(
                    *place,
                    row["news"],
                    row["before"],
                    row["after"],
                    reorged,
                    bool(row["final_reversed"]),
                    row["evidence"],
                )
            )
        return found

    def news(self, chain: str, identity: str) -> list[str]:
        """What was told of one transaction, in a word each, oldest first."""
        return [told.news for told in self.told(chain, identity)]

    def sums(self, chain: str) -> dict[tuple[str, str], dict[str, int]]:
        """The running totals: (address, asset) -> bucket -> base units; nothing that is zero."""
        sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in self._rows("SELECT * FROM totals WHERE chain = ?", chain):
            sums[row["address"], row["asset"]][row["bucket"]] += int(row["units"])
        kept = {key: {name: n for name, n in each.items() if n} for key, each in sums.items()}
        return {key: each for key, each in kept.items() if each}

    def standings(self, chain: str) -> dict[tuple[str, str], Standing]:
        """The last view of each (address, asset)."""
        return {
            (row["address"], row["asset"]): Standing(
                row["height"],
                row["hash"],
                None if row["balance"] is None else int(row["balance"]),
                bool(row["complete"]),
            )
            for row in self._rows("SELECT * FROM views WHERE chain = ?", chain)
        }

    def _rows(self, query: str, *values: object) -> list[Any]:
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                # The service has made the file and not yet its tables.
                if "no such table" in str(error):
                    return []
                raise
