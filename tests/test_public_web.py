"""The fetcher of pages reaches the public web and nothing else: judged by the address it connects
to, whatever the URL, the resolver or a redirect says. Nothing here leaves the machine.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from donations.errors import DonationsError, UpstreamMalformed, UpstreamUnavailable
from donations.fetch import MAX_BYTES, Ways, fetch_page
from donations.public_web import NotPublic, check, is_public, public_sockets
from tests.running import scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.connector import AddrInfoType

PUBLIC = "93.184.215.14"
NOT_PUBLIC = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1
    127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.168.0.1
    192.168.255.255 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
    ::ffff:169.254.169.254 ::127.0.0.1 ::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1
    64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:db8::1 2001:10::1
    2001:20::1 2002:7f00:1:: 2002:a00:1:: 2002:a9fe:a9fe:: 2002:c0a8:101::1 3fff::1 5f00::1
    fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1 4000::1 e000::1
""".split()  # noqa: SIM905  # readable in lines
IS_PUBLIC = """
    1.1.1.1 8.8.8.8 93.184.215.14 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1
    192.167.1.1 198.17.1.1 198.20.1.1 223.255.255.255 126.255.255.255 128.0.0.1
    2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1
""".split()  # noqa: SIM905  # readable in lines
# Ways to write an address of this machine, or of its neighbours, into a URL.
SPELLINGS = """
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 017700000001 0 0.0.0.0
    127.000.000.001 127.0.0.1. 10.1 192.168.257 3232235777 0xa9fea9fe 169.254.169.254
    2852039166 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:1]
    [64:ff9b::7f00:1] [2002:7f00:1::] [fe80::1] [fd00::1] [::127.0.0.1] localhost LOCALHOST
    localhost.
""".split()  # noqa: SIM905  # readable in lines


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_nobodys_or_ours(address: str) -> None:
    """Every special range of IPv4 and IPv6, and what is wrapped into another address."""
    assert not is_public(address)


@pytest.mark.parametrize("address", IS_PUBLIC)
def test_public_addresses(address: str) -> None:
    """The neighbours of those ranges are public."""
    assert is_public(address)


def test_what_is_no_address_is_not_public() -> None:
    """A name, or numbers that only some programs read, is no address."""
    for text in ("", "example.org", "127.1", "0x7f000001", "1.2.3.4.5", "::1%lo", "[::1]"):
        assert not is_public(text)


class Names(AbstractResolver):
    """A resolver that knows a few names, and counts. Each look-up takes the next address."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names, self.asked = names, 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        known = self.names.get(host)
        if known is None:
            loop = asyncio.get_running_loop()
            # Numbers in odd spellings are read by the system, without asking anybody.
            found = await loop.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
            known = [str(each[4][0]) for each in found]
        address = known.pop(0) if len(known) > 1 else known[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]  # fmt: skip

    async def close(self) -> None:
        pass


class _ToLoopback(socket.socket):
    """Where a connection would go out it ends on a port of this machine instead."""

    target = 0

    def connect(self, _address: Any) -> None:
        super().connect(("127.0.0.1", self.target))


def ways(url: str, port: int, names: dict[str, list[str]], connected: list[str]) -> Ways:
    """The safe ways, with the web behind them on this machine. ``connected`` grows."""
    guard = public_sockets(url)

    def open_socket(info: AddrInfoType) -> socket.socket:
        guard(info).close()
        connected.append(str(info[4][0]))
        sock = _ToLoopback(socket.AF_INET, socket.SOCK_STREAM)
        sock.target = port
        return sock

    return Ways(open_socket, Names(names))


@asynccontextmanager
async def site(handler: Any) -> AsyncIterator[int]:
    """A web server on this machine; yields its port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def refused(url: str, port: int = 9, names: dict[str, list[str]] | None = None) -> str:
    """The error of a page that must not be read, after which nothing was connected to."""
    connected: list[str] = []
    with pytest.raises(DonationsError) as told:
        await fetch_page(url, ways("http://blog.example/", port, names or {}, connected))
    assert connected == []
    return str(told.value)


@pytest.mark.parametrize("host", SPELLINGS)
@scene
async def test_no_spelling_leads_to_this_machine(host: str) -> None:
    """However the host is written, no connection is made to an address that is not public."""
    names = {"localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"]}
    for scheme in ("http", "https"):
        await refused(f"{scheme}://{host}/", names=names)


@scene
async def test_a_name_with_a_private_address_is_refused() -> None:
    """A name of the author's own network is refused, and the error says how to allow it."""
    for address in NOT_PUBLIC:
        names = {"blog.example": [address]}
        assert "public internet" in await refused("http://blog.example/", names=names)


@scene
async def test_the_address_that_was_judged_is_the_one_connected_to() -> None:
    """A name that resolves to another address a moment later (rebinding) gains nothing."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<p>hello</p>", content_type="text/html")

    async with site(page) as port:
        connected: list[str] = []
        names = {"blog.example": [PUBLIC, "127.0.0.1"]}
        way = ways("http://blog.example/", port, names, connected)
        assert "hello" in await fetch_page("http://blog.example/", way)
        assert connected == [PUBLIC]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "http://[::1]/", "//10.0.0.1/x", "http://inside.example/",
     "http://169.254.169.254/latest/meta-data/", "http://blog.example:6379/", "file:///etc/passwd",
     "gopher://127.0.0.1/", "ftp://blog.example/", "http://a:b@blog.example/", "", "http://[/"],
)  # fmt: skip
@scene
async def test_redirects_are_judged_again(location: str) -> None:
    """A redirect to a private address, another port or another scheme is not followed."""

    async def away(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with site(away) as port:
        connected: list[str] = []
        names = {"blog.example": [PUBLIC], "inside.example": ["192.168.1.1"]}
        way = ways("http://blog.example/", port, names, connected)
        with pytest.raises(DonationsError):
            await fetch_page("http://blog.example/", way)
        assert connected == [PUBLIC]


@scene
async def test_three_redirects_and_no_more() -> None:
    """A loop of redirects ends; no cookie is carried along, and we say who we are."""
    asked: list[dict[str, str]] = []

    async def loop(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(status=301, headers={"Location": "/again", "Set-Cookie": "a=b"})

    async with site(loop) as port:
        way = ways("http://blog.example/", port, {"blog.example": [PUBLIC]}, [])
        with pytest.raises(UpstreamMalformed, match="more than 3 redirects"):
            await fetch_page("http://blog.example/", way)
    assert len(asked) == 4
    for headers in asked:
        assert "Cookie" not in headers
        assert headers["User-Agent"].startswith("donations/")


@scene
async def test_a_page_has_a_size() -> None:
    """Two megabytes, unpacked too: a bomb of a gigabyte is put down at its beginning."""
    bomb = gzip.compress(bytes(64 << 20))

    async def large(request: web.Request) -> web.Response:
        if request.path == "/bomb":
            headers = {"Content-Encoding": "gzip"}
            return web.Response(body=bomb, headers=headers, content_type="text/html")
        return web.Response(text="x" * (MAX_BYTES + 1), content_type="text/html")

    async with site(large) as port:
        for path in ("bomb", "large"):
            way = ways("http://blog.example/", port, {"blog.example": [PUBLIC]}, [])
            with pytest.raises(UpstreamMalformed, match="larger than"):
                await fetch_page(f"http://blog.example/{path}", way)


@scene
async def test_an_authors_own_machine_must_be_named() -> None:
    """Only the address that the configuration spells out, with its port, is read beside the web."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<p>draft</p>", content_type="text/html")

    async with site(page) as port:
        for host in ("127.0.0.1", "localhost"):
            url = f"http://{host}:{port}/"
            assert "draft" in await fetch_page(url, Ways(public_sockets(url)))
        other = Ways(public_sockets(f"http://127.0.0.1:{port + 1}/"))
        with pytest.raises(UpstreamUnavailable):
            await fetch_page(f"http://127.0.0.1:{port}/", other)


def test_the_judge_of_addresses() -> None:
    """Link-local addresses with a zone, other ports and other hosts are refused."""
    for where in (("fe80::1%eth0", 80), ("127.0.0.1", 8081), ("127.0.0.2", 8080), ("8.8.8.8", 25)):
        with pytest.raises(NotPublic):
            check(where, ("127.0.0.1", 8080), frozenset({80, 443, 8080}))
    check(("127.0.0.1", 8080), ("127.0.0.1", 8080), frozenset({80}))
    check(("8.8.8.8", 443), None, frozenset({80, 443}))
