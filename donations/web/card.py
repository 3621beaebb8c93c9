"""The picture that goes with a link to the hosted page in social networks and messengers.

They keep it for weeks, so it says what stays true: whose page it is, which coins, and where.
"""

from __future__ import annotations

from functools import lru_cache

from donations.web.letters import drawable, width
from donations.web.picture import Picture

WIDTH, HEIGHT = 1200, 630  # what Open Graph readers crop least

_MARGIN = 96
_SIZES = (76.0, 64.0, 54.0)
_LINES = 3
_PAPER, _INKS = "#f6f5f1", ("#1f1f1c", "#5d5c56", "#15574b", "#dcdad3")
_INK, _QUIET, _ACCENT, _RULE = range(4)


@lru_cache(maxsize=32)
def card_png(title: str, coins: tuple[str, ...], place: str, fallback: str) -> bytes:
    """``title`` (or ``fallback``, if there are no letters for it), names of coins, and address."""
    picture = Picture(WIDTH, HEIGHT, _PAPER, _INKS)
    picture.rectangle(0, 0, 24, HEIGHT, _ACCENT)
    room = WIDTH - 2 * _MARGIN
    size, lines = _set(title if drawable(title) else fallback, room)
    y = 200
    for line in lines:
        picture.words(_MARGIN, y, line, size, size / 9, _INK)
        y += round(size * 1.25)
    names = " · ".join(dict.fromkeys(coins))
    small = min(40.0, 40 * room / width(names, 40, 3.2)) if names else 40.0
    picture.words(_MARGIN, y + 20, names, small, small / 12.5, _ACCENT)
    picture.rectangle(_MARGIN, 520, room, 2, _RULE)
    if drawable(place) and place:
        least = min(34.0, 34 * room / width(place, 34, 2.6))
        picture.words(_MARGIN, 574, place, least, least / 13, _QUIET)
    return picture.png()


def _set(title: str, room: float) -> tuple[float, list[str]]:
    """The largest size at which the title fits, and its lines; the last one is cut at need."""
    for size in _SIZES:
        lines = _broken(title, size, room)
        if len(lines) <= (2 if size > _SIZES[-1] else _LINES):
            return size, lines
    last = lines[_LINES - 1]
    while width(f"{last} …", size, size / 9) > room:
        last = last[:-1]
    return size, [*lines[: _LINES - 1], f"{last} …"]


def _broken(title: str, size: float, room: float) -> list[str]:
    """The title in lines, broken at spaces, and inside a word that is longer than a line."""
    lines = [""]
    for word in title.split():
        joined = f"{lines[-1]} {word}".strip()
        if width(joined, size, size / 9) <= room:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if width(lines[-1] + char, size, size / 9) > room:
                lines.append("")
            lines[-1] += char
    return lines
