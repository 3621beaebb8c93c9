"""The name of a chain beside an address: "BTC : 1Buy...", a list's <dt>, a link's title."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"(?<![A-Za-z])(?:(?P<bch>bch|bitcoin[ -]?cash|bcash)|(?P<btc>btc|xbt|bitcoin)"
    r"|(?P<eth>eth|ether|ethereum|erc-?20))(?![A-Za-z])",
    re.IGNORECASE,
)
_FARTHEST = 40


def label_of(text: str) -> str | None:
    """The one chain that a text names; None when it names none or several."""
    named = {match.lastgroup for match in _NAMES.finditer(text)}
    return named.pop() if len(named) == 1 else None


def label_before(text: str, start: int, barrier: int) -> str | None:
    """The chain named before ``start``, not before ``barrier``: the end of the previous address.

    What touches the address counts first ("BCH: qq... ETH: 0x..."). Else a line that names several
    chains ("BTC, ETH and BCH welcome!") labels nothing. An empty head looks at the line above.
    """
    window = text[max(barrier, start - 4 * _FARTHEST) : start]
    lines = [line.strip() for line in window.split("\n")]
    own = lines.pop()
    if any(character.isalnum() for character in own):
        names = list(_NAMES.finditer(own))
        if names and not any(character.isalnum() for character in own[names[-1].end() :]):
            return names[-1].lastgroup
        return _nearest(own)
    above = [line for line in lines if line]
    return _nearest(above[-1]) if above else None


def label_after(text: str, end: int) -> str | None:
    """The chain named right behind an address, as in "1Buy... (BTC)"."""
    line, _, _ = text[end : end + _FARTHEST // 2].partition("\n")
    return label_of(line) if line[:3].strip()[:1] in ("(", "[") else None


def _nearest(line: str) -> str | None:
    return label_of(line) if len(line) <= _FARTHEST else label_of(line[-_FARTHEST:])
