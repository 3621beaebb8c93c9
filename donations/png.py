"""PNG files: the frame around compressed rows (PNG specification, sections 5 and 11)."""

from __future__ import annotations

import struct
import zlib

GREY, INDEXED = 0, 3  # colour types


def write_png(
    size: tuple[int, int], depth: int, colours: int, rows: bytes, palette: bytes = b""
) -> bytes:
    """A picture of ``size`` (width, height) pixels, ``depth`` bits each.

    ``rows`` are the filtered rows: a byte for the filter, then the pixels of the row.
    """
    header = struct.pack(">IIBBBBB", *size, depth, colours, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette) if palette else b"",
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
