"""How much memory 20 bombs at once take: `python -m tests.bombs URL`, in a process of its own.

Each is half a gigabyte of zeros; what packs it is the last part of the path under URL. Five sources
of each kind that speaks HTTP ask at once, and five readers of an author's page. A line is printed
for each kind of bomb: its name, by how many bytes the peak of resident memory grew, and why each of
the twenty refused it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]  # ships no types

from donations.app import make_source
from donations.config import parse
from donations.errors import UpstreamMalformed
from donations.fetch import Ways, fetch_page
from donations.public_web import public_sockets
from donations.sources.certificates import Certificates
from donations.sources.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator

    from donations.ledger import Key, Transfer

SIZE = 512 << 20
EACH = 5
ADDRESSES = {
    "btc": "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf",
    "bch": "bitcoincash:qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6",
    "eth": "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8",
}
_PART = 1 << 20


def gzip_bomb() -> Iterator[bytes]:
    """RFC 1952: one flushed piece of a stream of zeros, as often as wanted."""
    yield bytes.fromhex("1f8b08000000000000ff")
    checksum = 0
    yield from _deflated()
    for _ in range(SIZE // _PART):
        checksum = zlib.crc32(bytes(_PART), checksum)
    yield checksum.to_bytes(4, "little") + SIZE.to_bytes(4, "little")


def deflate_bomb() -> Iterator[bytes]:
    """RFC 1950, which HTTP calls deflate; its checksum of zeros is the number of them."""
    yield bytes.fromhex("789c")
    yield from _deflated()
    yield (SIZE % 65_521 << 16 | 1).to_bytes(4, "big")


def _deflated() -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=-15)
    piece = packer.compress(bytes(_PART)) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(SIZE // _PART):
        yield piece
    yield packer.flush()


def brotli_bomb() -> Iterator[bytes]:
    """RFC 7932."""
    packer = brotli.Compressor(quality=1)
    for _ in range(SIZE // _PART):
        yield packer.process(bytes(_PART))
    yield packer.finish()


def zstd_bomb() -> Iterator[bytes]:
    """RFC 8878: a frame that tells its size, of blocks that are one byte 131,072 times.

    Its window is of 8 MiB, the widest that HTTP allows (RFC 9659).
    """
    yield bytes.fromhex("28b52ffd8068") + SIZE.to_bytes(4, "little")
    blocks = SIZE >> 17
    for number in range(1, blocks + 1):
        header = (1 << 17) << 3 | 1 << 1 | (number == blocks)
        yield header.to_bytes(3, "little") + b"\0"


BOMBS = {"gzip": gzip_bomb, "deflate": deflate_bomb, "br": brotli_bomb, "zstd": zstd_bomb}


class _Nothing:
    """The memory of a source that has seen nothing."""

    async def outputs(self, _outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        return {}

    async def transfers(self, _key: Key, _ids: Iterable[str]) -> list[Transfer]:
        return []


def askers(url: str, folder: Path) -> Iterator[Coroutine[object, object, object]]:
    """Everything of ours that reads an answer of HTTP, five times."""
    addresses = "".join(f'{chain} = "{its}"\n' for chain, its in ADDRESSES.items())
    upstreams = "".join(f'[chains.{chain}]\nupstreams = ["{url}"]\n' for chain in ADDRESSES)
    config = parse(f"[addresses]\n{addresses}{upstreams}", folder / "config.toml", {})
    certificates = Certificates(folder / "certificates.json")
    for settings in config.chains.values():
        for _ in range(EACH):
            (upstream,) = settings.upstreams
            yield make_source(settings, upstream, Shelf(_Nothing()), certificates).probe()
    for _ in range(EACH):
        yield fetch_page(url, Ways(public_sockets(url)))


def peak_from_now() -> int:
    """Let the peak begin anew (Linux: proc_pid_clear_refs(5)); the resident memory now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def peak() -> int:
    """The highest resident memory of this process since then, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) << 10


async def _all(url: str, folder: Path) -> None:
    await asyncio.gather(*askers(url + "/nothing", folder), return_exceptions=True)
    for kind in BOMBS:
        before = peak_from_now()
        told = await asyncio.gather(*askers(f"{url}/{kind}", folder), return_exceptions=True)
        print(kind, max(0, peak() - before), *map(_word, told), sep="\t")  # noqa: T201


def _word(error: object) -> str:
    return str(error) if isinstance(error, UpstreamMalformed) else f"not refused: {error!r}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_all(sys.argv[1], Path(folder)))


if __name__ == "__main__":
    main()
