"""The transfers of one chain that views may still change, in memory; all others are in the store.

Each change makes a new mapping, so that whoever looked at the old one goes on in peace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.ledger import is_deep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from donations.ledger import Change, Key, Transfer
    from donations.records import Standing


class Unsettled:
    """By key, then by id."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._ledgers: dict[Key, dict[str, Transfer]] = {key: {} for key in keys}

    def load(self, transfers: Iterable[Transfer], standings: Mapping[Key, Standing]) -> None:
        """Take up what the store holds as unsettled."""
        for transfer in transfers:
            standing = standings.get(transfer.key)
            deep = standing is not None and is_deep(transfer, standing.final_height)
            if transfer.key in self._ledgers and not deep:
                self._ledgers[transfer.key][transfer.id] = transfer

    def __getitem__(self, key: Key) -> Mapping[str, Transfer]:
        return self._ledgers[key]

    def heights(self, key: Key) -> set[int]:
        """The blocks in which they stand."""
        return {t.block.height for t in self._ledgers[key].values() if t.block is not None}

    def believe(
        self,
        key: Key,
        ledger: Mapping[str, Transfer],
        changes: Iterable[Change],
        unsure: Collection[str],
        final_height: int,
    ) -> None:
        """What a view made of a key, and what that changed elsewhere, is so.

        What another key is unsure of stays there until its own view: its next question needs it.
        """
        self._ledgers[key] = {
            t.id: t
            for t in ledger.values()
            if t.id in unsure or not (t.settled or is_deep(t, final_height))
        }
        for change in changes:
            other = change.after.key
            if other != key and other in self._ledgers:
                self._ledgers[other] = {**self._ledgers[other], change.after.id: change.after}

    def keep(self, transfer: Transfer) -> None:
        """Hold a transfer as long as views may change it."""
        ledger = dict(self._ledgers[transfer.key])
        ledger.pop(transfer.id, None)
        if not transfer.settled:
            ledger[transfer.id] = transfer
        self._ledgers[transfer.key] = ledger

    def renew(self, transfer: Transfer) -> None:
        """If the transfer is held, this is what it is now."""
        ledger = self._ledgers[transfer.key]
        if transfer.id in ledger:
            self._ledgers[transfer.key] = {**ledger, transfer.id: transfer}
