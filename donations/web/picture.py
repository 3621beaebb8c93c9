"""A small picture of rectangles and words, as a PNG file with a palette."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

from donations.png import INDEXED, write_png
from donations.web.letters import ink

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = 16  # shades of an ink on the paper


class Picture:
    """Pixels on paper. ``inks`` are colours (#rrggbb), named by their place in the list."""

    def __init__(self, width: int, height: int, paper: str, inks: Sequence[str]) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(width) for _ in range(height)]
        self._palette = b"".join(
            _mixed(paper, colour, level) for colour in inks for level in range(_LEVELS)
        )

    def rectangle(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        """Fill with one ink; what lies outside is left out."""
        left, right = max(0, x), min(self.width, x + width)
        if left < right:
            full = bytes([colour * _LEVELS + _LEVELS - 1]) * (right - left)
            for row in self._rows[max(0, y) : max(0, y + height)]:
                row[left:right] = full

    def frame(self, thickness: int, colour: int) -> None:
        """A line around the whole picture."""
        for x, y, width, height in (
            (0, 0, self.width, thickness),
            (0, self.height - thickness, self.width, thickness),
            (0, 0, thickness, self.height),
            (self.width - thickness, 0, thickness, self.height),
        ):
            self.rectangle(x, y, width, height, colour)

    def words(
        self, x: float, baseline: int, text: str, size: float, weight: float, colour: int
    ) -> None:
        """Text on bare paper. Raises KeyError for a character without a glyph."""
        for char in unicodedata.normalize("NFC", text):
            at = math.floor(x)
            # Quarters of a pixel: even gaps, and few drawings to keep.
            drawn, advance = ink(char, size, weight, math.floor((x - at) * 4) / 4)
            if drawn is not None:
                for number, line in enumerate(drawn.rows, baseline + drawn.top):
                    if 0 <= number < self.height:
                        self._lay(self._rows[number], at + drawn.left, line, colour)
            x += advance

    def _lay(self, row: bytearray, left: int, line: bytes, colour: int) -> None:
        for x, level in enumerate(line, left):
            if level and 0 <= x < self.width:
                row[x] = colour * _LEVELS + max(level, row[x] % _LEVELS)

    def png(self) -> bytes:
        """The file."""
        rows = b"".join(b"\0" + row for row in self._rows)
        return write_png((self.width, self.height), 8, INDEXED, rows, self._palette)


def _mixed(paper: str, colour: str, level: int) -> bytes:
    ground, top = bytes.fromhex(paper[1:]), bytes.fromhex(colour[1:])
    full = _LEVELS - 1
    return bytes((g * (full - level) + t * level) // full for g, t in zip(ground, top, strict=True))
