"""What does not fit, gathered: the first of each kind in words, and all of them counted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTED = 5


@dataclass
class Faults:
    """By the law that was broken."""

    first: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, law: str, what: str) -> None:
        """One more."""
        self.counts[law] += 1
        if len(self.first[law]) < _LISTED:
            self.first[law].append(what)

    def lines(self) -> Iterator[str]:
        """One line for each law."""
        for law, told in self.first.items():
            more = self.counts[law] - len(told)
            yield f"{law}: {'; '.join(told)}{f' and {more} more' if more else ''}"
