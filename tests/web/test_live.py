"""The stream of news: what a client hears and when, how many may listen, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from donations.web import create_web
from donations.web.assets import load_assets
from donations.web.client_address import client_network
from donations.web.live import Caps, Live
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import Limits, serve
from tests.running import until
from tests.web.samples import snapshot
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUBLISHER = Publisher(load_assets(), languages=("fr",))
PUBLISHER.publish(snapshot())
PROXY = (ip_network("127.0.0.0/8"),)
MANY = 250


@asynccontextmanager
async def listening(live: Live, limits: Limits | None = None) -> AsyncIterator[int]:
    """A server with the stream on a free port."""
    app = create_web(PUBLISHER, Readiness, more=live.routes())
    app.on_shutdown.append(live.close)
    async with serve(app, "127.0.0.1", 0, limits=limits) as port:
        yield port


@dataclass
class Listener:
    """A client as a browser's EventSource is one."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int
    headers: dict[str, str]
    heard: list[int] = field(default_factory=list)
    comments: int = 0
    retry: int = 0

    @classmethod
    async def connect(cls, port: int, *lines: str, method: str = "GET") -> Listener:
        """Send the request with these header lines and read the head of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = [f"{method} /live HTTP/1.1", "Host: localhost", *lines, "", ""]
        writer.write("\r\n".join(head).encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in answer[1:] if line)
        status = int(answer[0].split(" ")[1])
        if status != 200:
            writer.close()
        return cls(reader, writer, status, headers)

    async def hear(self) -> bool:
        """Take in one piece of the stream; False at its end."""
        size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
        text = (await self.reader.readexactly(size + 2))[:-2].decode()
        for block in text.split("\n\n")[:-1]:
            for line in block.split("\n"):
                name, _, value = line.partition(":")
                match name:
                    case "retry":
                        self.retry = int(value)
                    case "id":
                        self.heard.append(int(value))
                    case "data":
                        assert int(value) == self.heard[-1]
                    case "":
                        self.comments += 1
        return size > 0

    async def hear_edition(self, edition: int) -> None:
        """Listen until this edition is heard of."""
        while not self.heard or self.heard[-1] != edition:
            assert await self.hear()

    def hang_up(self) -> None:
        """Close the connection."""
        self.writer.close()


def test_the_first_byte_comes_at_once_with_the_headers_of_a_stream() -> None:
    """A proxy sees at once that there is an answer, that it must not hold it, nor keep it."""

    async def law() -> None:
        async with listening(live := Live()) as port:
            start = time.monotonic()
            one = await Listener.connect(port)
            await one.hear_edition(live.edition)
            assert time.monotonic() - start < 2
            assert one.status == 200
            assert one.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert one.headers["cache-control"] == "no-store"
            assert one.headers["x-accel-buffering"] == "no"
            assert one.headers["access-control-allow-origin"] == "*"
            assert one.headers["referrer-policy"] == "no-referrer"
            assert not one.headers.keys() & {"set-cookie", "server", "content-encoding"}
            assert 3000 <= one.retry <= 6000
            one.hang_up()

    run(law())


def test_hundreds_hear_of_a_new_edition() -> None:
    """Everyone hears of each edition in rising order, and a page is served meanwhile."""

    async def law() -> None:
        async with listening(live := Live()) as port:
            crowd = [await Listener.connect(port) for _ in range(MANY)]
            assert len(live) == MANY
            for _ in range(3):
                live.announce()
                page = await asyncio.open_connection("127.0.0.1", port)
                page[1].write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert (await page[0].read()).startswith(b"HTTP/1.1 200")
                page[1].close()
                await asyncio.gather(*(each.hear_edition(live.edition) for each in crowd))
            for each in crowd:
                assert each.heard == sorted(set(each.heard))
                each.hang_up()
            assert len({each.retry for each in crowd}) > MANY // 4, "they come back together"
            await until(lambda: len(live) == 0)

    run(law())


def test_only_the_newest_edition_matters() -> None:
    """A burst of editions costs a client fewer events, and the last one is always heard."""

    async def law() -> None:
        async with listening(live := Live()) as port:
            one = await Listener.connect(port)
            await one.hear_edition(live.edition)
            for _ in range(1000):
                live.announce()
            await one.hear_edition(live.edition)
            assert len(one.heard) == 2
            one.hang_up()

    run(law())


def test_a_returning_client_hears_once_of_what_it_missed() -> None:
    """With an older Last-Event-ID one event comes at once, with the present one none."""

    async def law() -> None:
        async with listening(live := Live(caps=Caps(beat_seconds=0.1))) as port:
            held = live.edition
            live.announce()
            behind = await Listener.connect(port, f"Last-Event-ID: {held}")
            await behind.hear_edition(live.edition)
            assert behind.heard == [live.edition]
            level = await Listener.connect(port, f"Last-Event-ID: {live.edition}")
            while level.comments < 2:
                await level.hear()
            assert level.heard == []
            live.announce()
            await level.hear_edition(live.edition)
            for each in (behind, level):
                each.hang_up()

    run(law())


def test_numbers_go_on_rising_over_a_restart() -> None:
    """A later life of the service starts above every number of an earlier one."""
    now = [1_790_000_000.0]
    first = Live(clock=lambda: now[0])
    for _ in range(50):
        first.announce()
    now[0] += 1
    assert Live(clock=lambda: now[0]).edition > first.edition


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1e9", "9" * 400, "٣", "0x10", "1790000000000; DROP", "99"]
)
def test_a_forged_last_event_id_is_none(text: str) -> None:
    """Whatever is no number we gave costs one event and nothing else."""

    async def law() -> None:
        async with listening(live := Live()) as port:
            one = await Listener.connect(port, f"Last-Event-ID: {text}")
            await one.hear_edition(live.edition)
            assert one.heard == [live.edition]
            one.hang_up()

    run(law())


def test_silence_is_filled_with_comments() -> None:
    """Between editions a comment comes in time for every proxy."""

    async def law() -> None:
        async with listening(Live(caps=Caps(beat_seconds=0.05))) as port:
            one = await Listener.connect(port)
            while one.comments < 3:
                assert await one.hear()
            one.hang_up()

    run(law())


def test_a_stream_ends_by_itself() -> None:
    """After its time the stream is closed in order, and its place is free."""

    async def law() -> None:
        async with listening(live := Live(caps=Caps(seconds=0.2))) as port:
            one = await Listener.connect(port)
            while await one.hear():
                pass
            assert await one.reader.read() == b""
            await until(lambda: len(live) == 0)
            one.hang_up()

    run(law())


def test_one_client_has_so_many_streams_and_all_have_so_many() -> None:
    """Beyond a cap the answer is 503 with a time to come back; a free place is given again."""

    async def law() -> None:
        caps = Caps(streams=5, streams_per_client=2)
        async with listening(live := Live(PROXY, caps=caps)) as port:

            async def come(client: str) -> Listener:
                return await Listener.connect(port, f"X-Forwarded-For: {client}")

            held = [await come("198.51.100.7"), await come("198.51.100.7")]
            third = await come("198.51.100.7")
            assert third.status == 503
            assert 3 <= int(third.headers["retry-after"]) < 60
            assert third.headers["access-control-allow-origin"] == "*"
            assert third.headers["cache-control"] == "no-store"
            # What a client claims to the left of its proxy's word changes nothing.
            assert (await come("203.0.113.9, 198.51.100.7")).status == 503
            held += [await come(f"203.0.113.{n}") for n in range(3)]
            assert {each.status for each in held} == {200}
            assert (await come("192.0.2.1")).status == 503, "the cap of all"
            held[0].hang_up()
            await until(lambda: len(live) == 4)
            held.append(await come("198.51.100.7"))
            assert held[-1].status == 200
            for each in held:
                each.hang_up()

    run(law())


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9/32"),
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9/32"),
        ("10.0.0.2", ["198.51.100.7"], "198.51.100.7/32"),
        ("10.0.0.2", ["1.1.1.1, 198.51.100.7"], "198.51.100.7/32"),
        ("10.0.0.2", ["1.1.1.1, 198.51.100.7, 10.0.0.3"], "198.51.100.7/32"),
        ("10.0.0.2", ["1.1.1.1", "198.51.100.7", "10.0.0.3"], "198.51.100.7/32"),
        ("10.0.0.2", ["198.51.100.7:4711"], "198.51.100.7/32"),
        ("10.0.0.2", ["198.51.100.7, unknown"], "10.0.0.2/32"),
        ("10.0.0.2", [""], "10.0.0.2/32"),
        ("10.0.0.2", [], "10.0.0.2/32"),
        ("10.0.0.2", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("10.0.0.2", ["[2001:db8:1:2::9]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.2", ["::ffff:198.51.100.7"], "198.51.100.7/32"),
        ("::ffff:10.0.0.2", ["198.51.100.7"], "198.51.100.7/32"),
        ("127.0.0.1", ["198.51.100.7"], None),
        ("::1", [], None),
        (None, ["198.51.100.7"], None),
        ("not an address", [], None),
        ("10.0.0.2", ["10.0.0.3, " * 2000], "10.0.0.2/32"),
    ],
)
def test_the_client_is_the_rightmost_hop_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    """Only a trusted proxy is believed, and only about the hop before it."""
    found = client_network(peer, forwarded, (ip_network("10.0.0.0/8"),))
    assert (None if found is None else str(found)) == client


def test_clients_behind_a_proxy_nobody_named_are_not_counted_as_one() -> None:
    """Where everyone comes from this machine, the cap of one client holds nobody off."""

    async def law() -> None:
        async with listening(live := Live(caps=Caps(streams_per_client=1))) as port:
            crowd = [await Listener.connect(port) for _ in range(3)]
            assert [each.status for each in crowd] == [200, 200, 200]
            assert len(live) == 3
            for each in crowd:
                each.hang_up()

    run(law())


def deaf_socket() -> socket.socket:
    """A socket whose owner will not read."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.setblocking(False)
    return deaf


def test_a_client_that_never_reads_is_cut_off_and_holds_nobody_up() -> None:
    """Its buffers fill, its deadline passes, its place is free, and others hear everything."""

    async def law() -> None:
        limits = Limits(write_seconds=0.3)
        async with listening(live := Live(), limits) as port:
            loop = asyncio.get_running_loop()
            one = await Listener.connect(port)
            deaf = [deaf_socket() for _ in range(20)]
            for each in deaf:
                await loop.sock_connect(each, ("127.0.0.1", port))
                await loop.sock_sendall(each, b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: len(live) == 21)
            while len(live) > 1:
                live.announce()
                await one.hear_edition(live.edition)
            for each in deaf:
                each.close()
            one.hang_up()

    run(law(), seconds=60)


def test_a_client_that_is_gone_before_the_stream_begins_leaves_no_trace() -> None:
    """Places are counted by what is there: a reset at any moment gives the place back."""

    async def law() -> None:
        async with listening(live := Live(caps=Caps(streams=50))) as port:
            loop = asyncio.get_running_loop()
            for number in range(200):
                gone = socket.socket()
                gone.setblocking(False)
                # Linger of zero: closing sends a reset.
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await loop.sock_connect(gone, ("127.0.0.1", port))
                await loop.sock_sendall(gone, b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
                if number % 3 == 1:
                    await asyncio.sleep(0)
                elif number % 3 == 2:
                    with contextlib.suppress(ConnectionError):
                        await loop.sock_recv(gone, 100)
                gone.close()
            await until(lambda: len(live) == 0)
            one = await Listener.connect(port)
            assert one.status == 200
            one.hang_up()

    run(law())


def test_a_shutdown_ends_all_streams_in_order_and_soon() -> None:
    """Every client gets the proper end of its stream, long before the drain is over."""

    async def law() -> None:
        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(listening(live := Live()))
            crowd = [await Listener.connect(port) for _ in range(50)]
            for each in crowd:
                await each.hear()
            start = time.monotonic()
            await stack.aclose()
            assert time.monotonic() - start < 3
            for each in crowd:
                while await each.hear():
                    pass
                assert await each.reader.read() == b""
                each.hang_up()
            assert len(live) == 0

    run(law())


def test_nobody_is_admitted_while_it_ends() -> None:
    """A client that comes during the shutdown is told to come later."""

    async def law() -> None:
        async with listening(live := Live()) as port:
            await live.close()
            assert (await Listener.connect(port)).status == 503

    run(law())


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_a_stream_is_only_read(method: str) -> None:
    """Any other method is refused at once: HEAD would hold a place for nothing."""

    async def law() -> None:
        async with listening(live := Live()) as port:
            one = await Listener.connect(port, method=method)
            assert one.status == 405
            assert len(live) == 0
            one.hang_up()

    run(law())
