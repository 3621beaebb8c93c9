"""What an upstream sends without end costs a bounded amount of memory.

The source runs in a process of its own (this file as a program), which tells how its largest size
grew; the flood comes from here.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest

from donations.chains.base import Network
from donations.ledger import Key
from donations.sources.base import Ask, Failure, Source
from donations.sources.certificates import Certificates
from donations.sources.electrum import ElectrumSource
from donations.sources.ethereum import EthereumSource
from donations.sources.shelf import Shelf
from tests.running import scene
from tests.sources.kinds import ADDRESSES, SCRIPTS, Recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


MIB = 1024 * 1024
BOMB = 512 * MIB
_BLANKS = b" " * MIB
_BEGIN, _END = b'{"jsonrpc": "2.0", "id": 1, ', b'"result": "0x1"}'


@cache
def packed(kind: str) -> bytes:
    """The same bytes for whoever asks: to pack them takes longer than to send them."""
    made = {"gzip": lambda: deflated(31), "deflate": lambda: deflated(15), "br": brotlied}
    return b"".join(made[kind]())


def deflated(kind: int) -> Iterator[bytes]:
    """A right answer with ``BOMB`` blanks in it, packed by zlib (15: deflate, 31: gzip)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, kind)
    yield packer.compress(_BEGIN)
    for _ in range(BOMB // MIB):
        yield packer.compress(_BLANKS)
    yield packer.compress(_END) + packer.flush()


def brotlied() -> Iterator[bytes]:
    """The same, packed by brotli."""
    packer = brotli.Compressor(quality=3)
    yield packer.process(_BEGIN)
    for _ in range(BOMB // MIB):
        yield packer.process(_BLANKS)
    yield packer.process(_END) + packer.finish()


def zstandarded() -> Iterator[bytes]:
    """As many blanks in a Zstandard frame: each block of 128 KiB is one repeated byte (RFC 8878,
    section 3.1.1.2)."""
    yield bytes.fromhex("28b52ffd 00 38")  # the magic number, no options, a window of 128 KiB
    size = 128 * 1024
    for _ in range(BOMB // size):
        yield (size << 3 | 1 << 1).to_bytes(3, "little") + b" "
    yield (1).to_bytes(3, "little")  # the last block is empty


def plain() -> Iterator[bytes]:
    """The same, as it is."""
    yield _BEGIN
    for _ in range(BOMB // MIB):
        yield _BLANKS
    yield _END


async def _http(writer: asyncio.StreamWriter, encoding: str, parts: Iterator[bytes]) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    if encoding:
        head += f"Content-Encoding: {encoding}\r\n"
    writer.write(head.encode() + b"\r\n")
    for part in parts:
        if part:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
    writer.write(b"0\r\n\r\n")


async def endless_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(BOMB // MIB):
        writer.write(_BLANKS.replace(b" ", b"x"))
        await writer.drain()


async def endless_line(writer: asyncio.StreamWriter) -> None:
    """An Electrum answer that never ends."""
    for part in plain():
        writer.write(part)
        await writer.drain()


async def endless_notices(writer: asyncio.StreamWriter) -> None:
    """Electrum notices without an answer among them, for as long as they are taken."""
    notice = {"method": "blockchain.headers.subscribe", "params": [{"hex": "ab" * 2_000}]}
    line = json.dumps(notice).encode() + b"\n"
    for _ in range(64 * MIB // len(line)):
        writer.write(line)
        await writer.drain()


FLOODS: dict[str, Callable[[asyncio.StreamWriter], Any]] = {
    "gzip": lambda writer: _http(writer, "gzip", iter([packed("gzip")])),
    "deflate": lambda writer: _http(writer, "deflate", iter([packed("deflate")])),
    "br": lambda writer: _http(writer, "br", iter([packed("br")])),
    "zstd": lambda writer: _http(writer, "zstd", zstandarded()),
    "plain": lambda writer: _http(writer, "", plain()),
    "header": endless_header,
    "line": endless_line,
    "notices": endless_notices,
}


async def flooded(flood: str) -> AsyncIterator[int]:
    """A port that answers anything by a flood."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1_000)
            await FLOODS[flood](writer)
        except OSError:
            pass  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.mark.parametrize("flood", list(FLOODS))
@scene
async def test_a_flood_costs_bounded_memory(flood: str, tmp_path: Path) -> None:
    """512 MB in one answer, packed or not: refused, at the cost of at most 40 MiB, in time."""
    async for port in flooded(flood):
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            "electrum" if flood in ("line", "notices") else "ethereum",
            str(port),
            str(tmp_path),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await program.communicate()
        assert program.returncode == 0
        told = json.loads(said)
        assert told["error"] in ("UpstreamMalformed", "UpstreamUnavailable"), told
        assert told["grown"] <= 40 * MIB, told


async def _look_once(protocol: str, port: int, folder: Path) -> dict[str, Any]:
    source, key = _source(protocol, port, folder)
    Path("/proc/self/clear_refs").write_text("5")  # noqa: ASYNC240 - the peak is measured from here
    before = _size("VmRSS")
    error = await _refusal(source, key)
    after = _size("VmHWM")
    await source.close()
    return {"error": error, "grown": after - before}


def _size(name: str) -> int:
    """Bytes of memory that this process holds (VmRSS), or held at most (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


async def _refusal(source: Source, key: Key) -> str:
    answers = [answer async for answer in source.observe([Ask(key, 0)])]
    return type(answers[0].error).__name__ if isinstance(answers[0], Failure) else ""


def _source(protocol: str, port: int, folder: Path) -> tuple[Source, Key]:
    source: Source
    if protocol == "ethereum":
        url, key = f"http://127.0.0.1:{port}", Key("eth", ADDRESSES[0], "ETH")
        network = Network("mainnet", chain_id=1)
        source = EthereumSource(url, "someone", network=network, addresses=ADDRESSES[:1])
    else:
        url, key = f"tcp://127.0.0.1:{port}", Key("btc", next(iter(SCRIPTS)), "BTC")
        source = ElectrumSource(
            url,
            "someone",
            network=Network("mainnet"),
            confirmations=6,
            scripts=SCRIPTS,
            shelf=Shelf(Recorded()),
            certificates=Certificates(folder / "certificates.json"),
        )
    return source, key


if __name__ == "__main__":
    json.dump(asyncio.run(_look_once(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))), sys.stdout)
