"""A text without what hides an address in it: invisible characters and spaces inside it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Spaces that hold a line together: a theme that shows an address in groups uses them.
_GLUE = re.compile("[\u00a0\u2007\u2009\u200a\u202f]+")
_GROUPS = re.compile(r"(?<!\S)(?:[0-9A-Za-z]{4} ){6,30}[0-9A-Za-z]{1,4}(?!\S)")


@dataclass(frozen=True, slots=True)
class Plain:
    """The text, and where it came from: what begins at ``_here[i]`` began at ``_there[i]``."""

    text: str
    _here: tuple[int, ...]
    _there: tuple[int, ...]

    def origin(self, offset: int) -> int:
        """Where the character at ``offset`` stood in the text this one was made of."""
        index = bisect_right(self._here, offset) - 1
        return self._there[index] + offset - self._here[index]


def views(text: str) -> Iterator[Plain]:
    """The text without invisible characters; and, where that differs, with its groups joined."""
    invisible = {character for character in set(text) if unicodedata.category(character) == "Cf"}
    cuts = [(at, at + 1) for at, character in enumerate(text) if character in invisible]
    first = _without(text, cuts)
    yield first
    gaps = [match.span() for match in _GLUE.finditer(first.text)]
    for group in _GROUPS.finditer(first.text):
        start, end = group.span()
        gaps += [(at, at + 1) for at in range(start, end) if first.text[at] == " "]
    if gaps:
        joined = _without(first.text, sorted(gaps))
        there = tuple(first.origin(position) for position in joined._there)
        yield Plain(joined.text, joined._here, there)


def _without(text: str, cuts: list[tuple[int, int]]) -> Plain:
    pieces, here, there = [], [], []
    length = position = 0
    for start, end in [*cuts, (len(text), len(text))]:
        pieces.append(text[position:start])
        here.append(length)
        there.append(position)
        length += start - position
        position = end
    return Plain("".join(pieces), tuple(here), tuple(there))
