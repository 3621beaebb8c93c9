"""Reads the page an author names: from the web, a file or standard input, within hard limits."""

from __future__ import annotations

import asyncio
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import aiohttp

from donations import __version__
from donations.errors import ConfigError, UpstreamMalformed, UpstreamUnavailable
from donations.public_web import NotPublic

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from aiohttp.abc import AbstractResolver
    from aiohttp.connector import AddrInfoType as AddrInfo

MAX_BYTES = 2 << 20
_SECONDS = 10
_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/plain", "text/markdown"})
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([A-Za-z0-9_:-]{1,40})", re.IGNORECASE)
_TOO_LARGE = f"the page is larger than {MAX_BYTES >> 20} MiB"


def read_source(source: str) -> str:
    """The text at a URL, in a file, or on standard input ("-").

    Raises ConfigError for a source that cannot be, UpstreamError for a web server that fails.
    """
    if source == "-":
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        return _decoded(_limited(data), None)
    if re.match(r"(?i)https?://", source):
        return asyncio.run(fetch_page(source))
    try:
        with Path(source).open("rb") as file:
            return _decoded(_limited(file.read(MAX_BYTES + 1)), None)
    except FileNotFoundError:
        hint = "" if "." not in source else "; for a page of the web write https:// in front"
        raise ConfigError(f"there is no such file{hint}", file=source) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", file=source) from error


@dataclass(frozen=True, slots=True)
class Ways:
    """How hosts are reached: who finds their addresses, and who opens a socket to one.

    ``open_socket`` is asked about every address before anything connects to it, and that very
    address is then connected to; it raises NotPublic. None: as the system does it.
    """

    open_socket: Callable[[AddrInfo], socket.socket] | None = None
    resolver: AbstractResolver | None = None


async def fetch_page(url: str, ways: Ways | None = None) -> str:
    """The text of a page of the web, within the limits of this file.

    Raises ConfigError for what is no URL, UpstreamError for a web server that fails or that must
    not be asked.
    """
    ways = ways or Ways()
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    headers = {
        "Accept": "text/html, text/plain;q=0.8",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": f"donations/{__version__} (reads the pages of its own author)",
    }
    try:
        async with (
            asyncio.timeout(_SECONDS),
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=ways.resolver, socket_factory=ways.open_socket, force_close=True
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
                headers=headers,
                auto_decompress=False,
            ) as session,
        ):
            for _ in range(_REDIRECTS + 1):
                async with session.get(url, allow_redirects=False) as response:
                    if response.status not in _MOVED:
                        return await _body(response)
                    url = _next(url, response.headers.get("Location", ""))
    except TimeoutError:
        raise UpstreamUnavailable(f"no page within {_SECONDS} seconds") from None
    except aiohttp.InvalidURL:
        raise ConfigError("this is not a URL") from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, NotPublic):
            raise UpstreamUnavailable(str(error.os_error)) from None
        raise UpstreamUnavailable("the web server cannot be reached") from error
    except aiohttp.ClientError as error:
        raise UpstreamUnavailable(f"the page cannot be read: {type(error).__name__}") from error
    raise UpstreamMalformed(f"more than {_REDIRECTS} redirects")


def _next(url: str, location: str) -> str:
    """Where a redirect leads. It may go from http to https and never back."""
    try:
        target = urljoin(url, location)
        scheme, host, *_ = urlsplit(target)
    except ValueError:
        target, scheme, host = "", "", ""
    if not location or scheme not in ("http", "https") or "@" in host:
        raise UpstreamMalformed("the page redirects to what is not a page of the web")
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise UpstreamMalformed("the page redirects from https to http")
    return target


async def _body(response: aiohttp.ClientResponse) -> str:
    if response.status != 200:
        raise UpstreamUnavailable(f"the web server answers {response.status}")
    if response.content_type not in _TYPES:
        raise UpstreamMalformed(f"the answer is {response.content_type}, not a page")
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "deflate"):
        raise UpstreamMalformed("the page is compressed in a way that was not asked for")
    unpacked = zlib.decompressobj(wbits=47) if encoding != "identity" else None  # gzip or zlib
    data = bytearray()
    try:
        async for chunk in response.content.iter_chunked(1 << 16):
            room = MAX_BYTES + 1 - len(data)
            data += unpacked.decompress(chunk, room) if unpacked else chunk
            _limited(data)
    except zlib.error:
        raise UpstreamMalformed("the page is not compressed as it says") from None
    return _decoded(bytes(data), response.charset)


def _limited(data: bytes | bytearray) -> bytes:
    if len(data) > MAX_BYTES:
        raise UpstreamMalformed(_TOO_LARGE)
    return bytes(data)


def _decoded(data: bytes, charset: str | None) -> str:
    """The text, by the charset that was told, else that of its <meta>, else UTF-8."""
    if charset is None:
        meta = _CHARSET.search(data[:4096])
        charset = meta.group(1).decode("ascii") if meta else "utf-8-sig"
    try:
        return data.decode(charset, errors="replace")
    except LookupError:
        return data.decode("utf-8", errors="replace")
