"""What may stand between a client and a server: TLS with any certificate, and what is no TLS.

async with Front(server.port, good) as front:
    front.manner = Manner.STALLS
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# A certificate authority is told from others by these (RFC 5280, 4.2.1.1 and 4.2.1.2).
_EXTENSIONS = "subjectAltName={}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"


class Manner(Enum):
    """What is no TLS, on a port where TLS is expected."""

    PLAIN = "plain text"
    STALLS = "nothing, for ever"
    HANGS_UP = "the end, at the first byte"
    GARBAGE = "bytes without a sense"


class Authority:
    """Signs certificates of loopback, in a folder, with the program ``openssl``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run("req", "-x509", *_KEY, "-days", "9", "-subj", "/CN=Tests", "-keyout", "ca.key",
                  "-out", "ca.pem")  # fmt: skip
        self.trusting = ssl.create_default_context(cafile=str(folder / "ca.pem"))

    def certify(self, name: str, *, names: str = "IP:127.0.0.1", days: int = 9) -> ssl.SSLContext:
        """A server's context; ``days`` may be negative: it ended so long ago."""
        key, wish, signed = (f"{name}.{end}" for end in ("key", "csr", "pem"))
        self._run("req", *_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", wish)
        (self._folder / f"{name}.ext").write_text(_EXTENSIONS.format(names))
        self._run("x509", "-req", "-in", wish, "-CA", "ca.pem", "-CAkey", "ca.key", "-days",
                  str(days), "-extfile", f"{name}.ext", "-out", signed)  # fmt: skip
        return self._context(key, signed)

    def self_signed(self, name: str) -> ssl.SSLContext:
        """A server's context that nobody vouches for."""
        key, signed = f"{name}.key", f"{name}.pem"
        self._run("req", "-x509", *_KEY, "-days", "9", "-subj", f"/CN={name}", "-addext",
                  "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", signed)  # fmt: skip
        return self._context(key, signed)

    def _context(self, key: str, signed: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / signed, self._folder / key)
        return context

    def _run(self, *words: str) -> None:
        command = ["openssl", *words]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)


class Front:
    """Listens on loopback before the plain server at ``behind``. ``manner`` holds for whoever comes
    next; `drop` sends away who is there."""

    def __init__(self, behind: int, manner: ssl.SSLContext | Manner, host: str = "127.0.0.1"):
        self.manner, self.port = manner, 0
        self._behind, self._host = behind, host
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.WriteTransport] = set()

    async def __aenter__(self) -> Front:
        self._server = await asyncio.start_server(self._accept, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()

    def drop(self) -> None:
        """End all connections."""
        for line in tuple(self._lines):
            line.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, manner = writer.transport, self.manner
        self._lines.add(line)
        with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            match manner:
                case ssl.SSLContext():
                    try:
                        await writer.start_tls(manner)
                    finally:
                        # A line that ends in the handshake leaves none there.
                        writer._transport = writer.transport or line  # type: ignore[attr-defined]
                    await self._pass_on(reader, writer)
                case Manner.PLAIN:
                    await self._pass_on(reader, writer)
                case Manner.STALLS:
                    while await reader.read(1000):
                        pass
                case Manner.GARBAGE:
                    await reader.read(1)
                    writer.write(b"\x00\xffno\x16\x03" * 20)
                    await writer.drain()
                case Manner.HANGS_UP:
                    await reader.read(1)
        self._lines.discard(line)
        line.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._lines.add(outer.transport)
        try:
            await asyncio.gather(_copy(reader, outer), _copy(inner, writer))
        finally:
            self._lines.discard(outer.transport)
            outer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
