"""What the ledger must hold, and where it differs from that."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .book import Book

# (address, asset, id) of one transfer.
Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """One transfer that must stand. ``states`` are those it may be in: both confirmed and final
    where a lower tip does not take finality back."""

    kind: str
    amount: int
    block: str | None
    states: frozenset[str]
    coinbase: bool = False

    def bucket(self, state: str) -> str:
        """The running total it is a part of."""
        if self.kind == "own":
            return "own pending" if state == "seen" else "own"
        if self.kind != "gift":
            return self.kind
        if state == "confirmed" and self.coinbase:
            return "immature"
        return {"seen": "pending"}.get(state, state)


@dataclass(frozen=True, slots=True)
class Truth:
    """A chain at one moment. ``balances`` are in confirmed base units by (address, asset)."""

    chain: str
    tip: str
    transfers: dict[Name, Expected]
    balances: dict[tuple[str, str], int]

    def differences(self, book: Book) -> list[str]:
        """Where the database is not as it must be, in words; empty when it is."""
        standings = book.standings(self.chain)
        wrong = [
            f"{key}: its tip is {standings[key].hash if key in standings else None}, not {self.tip}"
            for key in self.balances
            if key not in standings or standings[key].hash != self.tip
        ]
        if wrong:
            return wrong
        entries = {(e.address, e.asset, e.id): e for e in book.entries(self.chain) if e.stands}
        sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for name, expected in self.transfers.items():
            entry = entries.pop(name, None)
            if entry is None:
                wrong.append(f"{name}: missing, expected {expected}")
                continue
            told = (entry.kind, entry.amount, entry.block)
            if told != (expected.kind, expected.amount, expected.block):
                wrong.append(f"{name}: {told}, expected {expected}")
            if entry.state not in expected.states:
                wrong.append(f"{name}: {entry.state}, expected {set(expected.states)}")
            sums[name[0], name[1]][expected.bucket(entry.state)] += expected.amount
        wrong += [f"{name}: stands, expected nothing: {entry}" for name, entry in entries.items()]
        wrong += self._wrong_sums(book, sums)
        for key, balance in self.balances.items():
            if standings[key].balance != balance:
                wrong.append(f"{key}: balance {standings[key].balance}, expected {balance}")
            in_blocks = sum(
                units for name, units in sums[key].items() if name not in ("pending", "own pending")
            )
            if in_blocks != balance:
                wrong.append(f"{key}: all in blocks is {in_blocks}, the balance {balance}")
        return wrong

    def _wrong_sums(self, book: Book, sums: dict[tuple[str, str], dict[str, int]]) -> Iterable[str]:
        told = book.sums(self.chain)
        for key in told.keys() | sums.keys():
            mine = {name: units for name, units in sums.get(key, {}).items() if units}
            if told.get(key, {}) != mine:
                yield f"{key}: totals {told.get(key)}, expected {mine}"
