"""Letters as strokes of a round pen: text for pictures, any size and weight, without a font file.

``glyphs.txt`` has one glyph a line: a few strokes, each a list of points on a grid. The baseline is
0, small letters are 10 high, capitals and digits 14. A point with ``~`` is the control point of a
curve (quadratic, as in TrueType: between two of them lies a point of the curve). A mark is written
after a dotted circle; it is drawn two units over the letter it is composed with (0 is there), or
under it. That covers the Latin languages of ``widget/locales``.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_CIRCLE = "\u25cc"
_BELOW = (f"{_CIRCLE}\u0327", f"{_CIRCLE}\u0328")
_SPACES = {" ": 4.5, "\u00a0": 4.5, "\u202f": 3.0}
_CLEAR = 2.6  # units between two letters, the width of the pen not counted
_STEPS = 6  # straight pieces a curve
SIZE = 20.0  # units an em: a text of 20 pixels has capitals 14 pixels high

Point = tuple[float, float]
Piece = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Glyph:
    """The strokes of one character in units, and how far the next one stands."""

    pieces: tuple[Piece, ...]
    advance: float


@dataclass(frozen=True, slots=True)
class Ink:
    """A drawn glyph: rows of coverage (0 to 15), placed from the pen's position (pixels)."""

    left: int
    top: int
    rows: tuple[bytes, ...]


def drawable(text: str) -> bool:
    """Whether every character has a glyph."""
    return all(_glyph(char) is not None for char in unicodedata.normalize("NFC", text))


def width(text: str, size: float, weight: float) -> float:
    """Pixels from the start of ``text`` to its end. Raises KeyError for an unknown character."""
    return sum(_advance(char, size, weight) for char in unicodedata.normalize("NFC", text))


def _advance(char: str, size: float, weight: float) -> float:
    glyph = _glyph(char)
    if glyph is None:
        raise KeyError(char)
    return glyph.advance * size / SIZE + (0 if char in _SPACES else weight)


@lru_cache(maxsize=2048)
def ink(char: str, size: float, weight: float, shift: float) -> tuple[Ink | None, float]:
    """``char`` drawn with a pen ``weight`` pixels wide, and the pixels to the next character.

    ``shift`` is the part of a pixel that the pen stands to the right of a whole one. Raises
    KeyError for an unknown character.
    """
    glyph, advance = _glyph(char), _advance(char, size, weight)
    if glyph is None or not glyph.pieces:
        return None, advance
    scale, radius = size / SIZE, weight / 2
    start = shift + weight / 2 + _CLEAR / 2 * scale
    placed = [
        ((start + ax * scale, -ay * scale), (start + bx * scale, -by * scale))
        for (ax, ay), (bx, by) in glyph.pieces
    ]
    across = [x for piece in placed for x, _ in piece]
    down = [y for piece in placed for _, y in piece]
    left, top = math.floor(min(across) - radius) - 1, math.floor(min(down) - radius) - 1
    columns, lines = math.ceil(max(across) + radius) - left + 1, math.ceil(max(down) + radius) - top
    rows = [bytearray(columns) for _ in range(lines + 1)]
    for piece in placed:
        _stroke(rows, piece, left, top, radius)
    return Ink(left, top, tuple(bytes(row) for row in rows)), advance


def _stroke(rows: list[bytearray], piece: Piece, left: int, top: int, radius: float) -> None:
    """Raise the coverage of the pixels near one straight piece, by their distance from it."""
    (ax, ay), (bx, by) = piece
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy or 1.0
    reach = radius + 1
    for y in range(math.floor(min(ay, by) - reach), math.ceil(max(ay, by) + reach)):
        if not 0 <= y - top < len(rows):
            continue
        row, py = rows[y - top], y + 0.5 - ay
        for x in range(math.floor(min(ax, bx) - reach), math.ceil(max(ax, bx) + reach)):
            px = x + 0.5 - ax
            along = min(1.0, max(0.0, (px * dx + py * dy) / length))
            distance = math.hypot(px - along * dx, py - along * dy)
            level = int(min(1.0, max(0.0, radius + 0.5 - distance)) * 15 + 0.5)
            if 0 <= x - left < len(row) and level > row[x - left]:
                row[x - left] = level


@cache
def _glyphs() -> dict[str, str]:
    lines = Path(__file__).with_name("glyphs.txt").read_text(encoding="utf-8").splitlines()
    return {name: strokes for name, _, strokes in (line.partition(" ") for line in lines)}


@lru_cache(maxsize=512)
def _glyph(char: str) -> Glyph | None:
    if char in _SPACES:
        return Glyph((), _SPACES[char])
    composed = unicodedata.normalize("NFD", char)
    letter, marks = composed[0], [f"{_CIRCLE}{mark}" for mark in composed[1:]]
    glyphs = _glyphs()
    if not {letter, *marks} <= glyphs.keys():
        return None
    strokes = _strokes(glyphs["ı" if letter == "i" and marks else letter])
    end = max(x for stroke in strokes for (x, _), _ in stroke)
    above = 2 + (10.0 if letter.islower() and letter not in "bdfhklt" else 14.0)
    for mark in marks:
        over = 0.0 if mark in _BELOW else above
        strokes += [
            [((x + end / 2, y + over), control) for (x, y), control in stroke]
            for stroke in _strokes(glyphs[mark])
        ]
    pieces = tuple(piece for stroke in strokes for piece in _flat(stroke))
    return Glyph(pieces, end + _CLEAR)


def _strokes(text: str) -> list[list[tuple[Point, bool]]]:
    """The lines of a glyph; each point with whether it is a control point."""
    strokes = []
    for line in text.split("|"):
        stroke = []
        for word in line.split(","):
            x, y = word.rstrip("~").split()
            stroke.append(((float(x), float(y)), word.endswith("~")))
        strokes.append(stroke)
    return strokes


def _flat(stroke: list[tuple[Point, bool]]) -> list[Piece]:
    """The straight pieces of a line with curves."""
    pieces: list[Piece] = []
    at = stroke[0][0]
    for index, (point, control) in enumerate(stroke[1:], 1):
        if not control:
            if not stroke[index - 1][1]:
                pieces.append((at, point))
                at = point
            continue
        following, also = stroke[index + 1]
        end = ((point[0] + following[0]) / 2, (point[1] + following[1]) / 2) if also else following
        for step in range(1, _STEPS + 1):
            t = step / _STEPS
            x, y = (
                (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t * t * e
                for a, c, e in zip(at, point, end, strict=True)
            )
            pieces.append((pieces[-1][1] if step > 1 else at, (x, y)))
        at = end
    return pieces
