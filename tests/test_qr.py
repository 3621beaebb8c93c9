"""QR codes: an independent decoder reads what we draw, and the three drawings are one matrix."""

from __future__ import annotations

import base64
import gzip
import io
import math
import re

import pytest
import zxingcpp
from PIL import Image

from donations import qr

PAYMENTS = (
    "bitcoin:1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf",
    "bitcoincash:qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6",
    "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8",
    "bitcoin:bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
)


def black_of_path(d: str, side: int) -> set[tuple[int, int]]:
    """The modules that a stroked path of horizontal runs covers."""
    black: set[tuple[int, int]] = set()
    x = y = 0
    for kind, a, b, run in re.findall(r"(?:([Mm])(-?\d+) (-?\d+)(?:\.5)?)|h(\d+)", d):
        if kind == "M":
            x, y = int(a), int(b)
        elif kind == "m":
            x, y = x + int(a), y + int(b)
        else:
            black |= {(x + i, y) for i in range(int(run))}
            x += int(run)
    assert all(0 <= x < side and 0 <= y < side for x, y in black)
    return black


def black_of_matrix(text: str) -> set[tuple[int, int]]:
    """The black modules, quiet zone counted in."""
    rows = enumerate(qr.matrix(text), qr.QUIET)
    return {(x, y) for y, row in rows for x, black in enumerate(row, qr.QUIET) if black}


@pytest.mark.parametrize("text", PAYMENTS)
def test_the_png_decodes_to_the_very_text(text: str) -> None:
    """What a phone reads from the picture is the payment text, byte for byte, at level M."""
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(qr.png(text))))
    assert [(each.text, each.ec_level) for each in found] == [(text, "M")]


@pytest.mark.parametrize("text", PAYMENTS)
def test_the_path_covers_the_matrix(text: str) -> None:
    """The SVG path covers the black modules and nothing else, with four quiet ones around."""
    assert black_of_path(qr.path(text), qr.side(text)) == black_of_matrix(text)


@pytest.mark.parametrize("text", PAYMENTS)
def test_the_bits_are_the_matrix(text: str) -> None:
    """A reader that knows only the bits finds the side and every module."""
    data = base64.b64decode(qr.bits(text))
    side = math.isqrt(len(data) * 8)
    modules = "".join(f"{byte:08b}" for byte in data)
    rows = [modules[i * side : (i + 1) * side] for i in range(side)]
    assert tuple(tuple(module == "1" for module in row) for row in rows) == qr.matrix(text)


@pytest.mark.parametrize("text", PAYMENTS)
def test_the_png_is_one_bit_deep_and_the_svg_small(text: str) -> None:
    """A code costs a page at most 2.4 kB as SVG, 650 bytes compressed, and 700 bytes as PNG."""
    image = Image.open(io.BytesIO(qr.png(text)))
    assert (image.mode, image.size) == ("1", (qr.side(text) * qr.PIXELS,) * 2)
    assert len(qr.svg(text)) <= 2400
    assert len(gzip.compress(qr.svg(text), 9)) <= (550 if qr.side(text) <= 41 else 650)
    assert len(qr.png(text)) <= 700
