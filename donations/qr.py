"""Text -> QR code: matrix, SVG path, 1-bit PNG, bits.

Level M, a quiet zone of four modules, black squares on white: a higher level makes a code that is
shown on a screen harder to scan, and so do inverted colours, dots and logos. One stroked path of
horizontal runs is about five times smaller than one rectangle a module.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from itertools import groupby

import qrcode
from qrcode.constants import ERROR_CORRECT_M

from donations.png import GREY, write_png

QUIET = 4  # modules on each side, ISO/IEC 18004 section 9.1
PIXELS = 8  # of the PNG, per module

Matrix = tuple[tuple[bool, ...], ...]


@lru_cache(maxsize=256)
def matrix(text: str) -> Matrix:
    """The modules of ``text``, True is black, without the quiet zone."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(text)
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.get_matrix())


@lru_cache(maxsize=256)
def bits(text: str) -> str:
    """The modules row by row as base64, the first in the highest bit.

    The side is the integer square root of the number of bits: padding adds at most seven, and the
    next square is farther away than that.
    """
    modules = "".join("1" if black else "0" for row in matrix(text) for black in row)
    padded = modules.ljust(-(-len(modules) // 8) * 8, "0")
    return base64.b64encode(int(padded, 2).to_bytes(len(padded) // 8, "big")).decode()


@lru_cache(maxsize=256)
def path(text: str) -> str:
    """The black modules as a path to be stroked one module wide, quiet zone included."""
    drawn: list[str] = []
    at = (0, 0)
    for y, row in enumerate(matrix(text)):
        x = 0
        for black, run in groupby(row):
            length = len(list(run))
            if black:
                move = f"m{x - at[0]} {y - at[1]}" if drawn else f"M{x + QUIET} {y + QUIET}.5"
                drawn.append(f"{move}h{length}")
                at = (x + length, y)
            x += length
    return "".join(drawn)


def side(text: str) -> int:
    """Modules a side, quiet zone included."""
    return len(matrix(text)) + 2 * QUIET


@lru_cache(maxsize=256)
def svg(text: str) -> bytes:
    """A stand-alone SVG document."""
    n = side(text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {n} {n}" '
        f'width="{n * PIXELS}" height="{n * PIXELS}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{n}v{n}H0z"/><path stroke="#000" d="{path(text)}"/></svg>'
    ).encode()


@lru_cache(maxsize=256)
def png(text: str) -> bytes:
    """A black-and-white PNG (colour type 0, depth 1)."""
    n = side(text)
    blank = (False,) * n
    margin = (False,) * QUIET
    rows = [blank] * QUIET + [margin + row + margin for row in matrix(text)] + [blank] * QUIET
    # At eight pixels a module, a module is exactly one byte of a row; in the file 1 is white.
    lines = [b"\0" + bytes(0x00 if black else 0xFF for black in row) for row in rows]
    image = b"".join(line * PIXELS for line in lines)
    return write_png((n * PIXELS, n * PIXELS), 1, GREY, image)
