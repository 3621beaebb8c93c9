"""The author's accent colour, made legible on both papers of the card.

Contrast as WCAG 2.2 defines it: text of normal size needs 4.5 to 1 (success criterion 1.4.3). Links
and the button are the accent on the paper, or the paper on the accent, which is the same ratio.
"""

from __future__ import annotations

LIGHT_PAPER = "#ffffff"
DARK_PAPER = "#222222"
TEXT_CONTRAST = 4.5
_STEPS = 50

Channels = tuple[int, int, int]


def _channels(colour: str) -> Channels:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(channels: Channels) -> float:
    """Relative luminance, 0 (black) to 1 (white), WCAG 2.2, definition of the same name."""
    parts = [channel / 255 for channel in channels]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours written as #rrggbb, 1 to 21."""
    darker, lighter = sorted((_luminance(_channels(one)), _luminance(_channels(other))))
    return (lighter + 0.05) / (darker + 0.05)


def legible(colour: str, paper: str) -> str:
    """``colour`` (#rrggbb), taken towards black or white only as far as ``paper`` demands."""
    goal = 0 if _luminance(_channels(paper)) > 0.5 else 255
    start = _channels(colour)
    for step in range(_STEPS + 1):
        red, green, blue = (c + (goal - c) * step // _STEPS for c in start)
        moved = f"#{red:02x}{green:02x}{blue:02x}"
        if contrast(moved, paper) >= TEXT_CONTRAST:
            return moved
    raise ValueError(f"no shade of {colour} is legible on {paper}")


def themed(colour: str) -> str:
    """The accent for both themes as one CSS value."""
    return f"light-dark({legible(colour, LIGHT_PAPER)},{legible(colour, DARK_PAPER)})"
