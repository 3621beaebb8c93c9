"""What the log says of the changes of one chain."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from donations.ledger import News

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.ledger import Change, Key

logger = logging.getLogger(__name__)

# More changes at once than these are told as a number.
_TOLD_EACH = 20


class Journal:
    """Of one chain: each change in a sentence, a first history as numbers."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._read: dict[Key, int] = {}

    def history(self, key: Key, changes: int, total: int | None) -> None:
        """So many more transactions of a first history were read, of ``total`` if that is known."""
        self._read[key] = self._read.get(key, 0) + changes
        if self._read[key]:
            of_all = "" if total is None else f" of {total}"
            logger.info("%s: %s%s transactions read", key.address, self._read[key], of_all)

    def changes(self, changes: Sequence[Change]) -> None:
        """What was committed."""
        if len(changes) > _TOLD_EACH:
            logger.info(
                "%s: %s changes, the last: %s", self._chain, len(changes), _sentence(changes[-1])
            )
            changes = [change for change in changes if change.final_reversed]
        for change in changes:
            if change.news is News.PROVEN:
                continue
            level = logging.WARNING if change.final_reversed else logging.INFO
            logger.log(level, "%s", _sentence(change))


def _sentence(change: Change) -> str:
    after = change.after
    words = change.news.value
    if change.reorged:
        words += ", reorged"
    if change.final_reversed:
        words += f", final reversed: {change.evidence}"
    if change.news is News.REPLACED:
        words += f" by {after.replaced_by}"
    return f"{after.key.chain} {after.kind.value} {after.id} of {after.amount}: {words}"
