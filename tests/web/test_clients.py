"""What strangers may write into a request: caches are not misled, and no file is ever read."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from tests.web.samples import snapshot
from tests.web.test_public import PUBLIC, client
from tests.web.test_server import LAST, listening
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.measured import Table

MARK = "marker-of-nobody.example"
# Headers by which other software is told of another host, path, method, scheme or client.
_NAMES = """
X-Forwarded-Host X-Forwarded-Server X-Forwarded-Scheme X-Forwarded-Proto
X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Path X-Forwarded-For X-Forwarded-SSL
X-Forwarded-By Forwarded X-Host X-Original-Host X-Original-URL X-Original-URI
X-Rewrite-URL X-HTTP-Host-Override X-HTTP-Method X-HTTP-Method-Override
X-Method-Override X-HTTP-Path-Override X-Real-IP X-Client-IP X-Cluster-Client-IP
True-Client-IP CF-Connecting-IP Fastly-Client-IP X-Remote-IP X-Remote-Addr
X-Originating-IP X-WAP-Profile X-Arbitrary X-Scheme X-Url-Scheme Front-End-Https
X-ATT-DeviceId X-Custom-IP-Authorization X-Backend-Host X-ProxyUser-Ip Origin Referer
Cookie User-Agent Via X-Requested-With Base-Url Destination Profile Proxy Proxy-Host
Request-Uri Uri Url X-Proxy-URL X-Sub-Domain X-Original-Remote-Addr Client-IP
X-Amz-Website-Redirect-Location X-Oss-Security Max-Forwards
"""
UNKEYED = _NAMES.split()


def test_an_answer_depends_on_its_path_alone() -> None:
    """Whatever a header says, the bytes are those without it, and nothing of it comes back: a cache
    in front can hand them to everybody."""

    async def law() -> None:
        async with client(snapshot()) as session:
            for path in PUBLIC:
                async with session.get(path) as answer:
                    right = answer.status, await answer.read(), answer.headers.get("Location")
                assert right[0] == 200
                for name in UNKEYED:
                    value = f"http://{MARK}/" if "ur" in name.lower() else MARK
                    async with session.get(path, headers={name: value}) as answer:
                        got = answer.status, await answer.read(), answer.headers.get("Location")
                        assert got == right, f"{path} with {name}"
                        kept = {k: v for k, v in answer.headers.items() if MARK in v}
                        assert not kept, f"{path} with {name}"

    assert len(UNKEYED) == 60
    run(law())


def test_no_suffix_makes_a_page_another_one() -> None:
    """Where a cache takes an end such as .css for a file that never changes, nothing answers."""

    async def law() -> None:
        async with client(snapshot()) as session:
            for path, end in itertools.product(("/", "/frame", "/fragment", "/snapshot.json"),
                                               ("/x.css", ";x.css", "%2fx.js", ".js", "%00.png",
                                                "%3fx.css", "%23x.ico")):  # fmt: skip
                async with session.get(f"{path.rstrip('/')}{end}") as answer:
                    assert answer.status in (400, 404), f"{path}{end}"
                    assert answer.headers["Cache-Control"] == "no-store"

    run(law())


def ways_out() -> Iterator[bytes]:
    """Paths that lead out of a folder, in every spelling that some server once took."""
    steps = ("..", "%2e%2e", "%252e%252e", ".%2e", "..;", "..%00", "%c0%ae%c0%ae", "%uff0e%uff0e",
             "...", "..%0d", "%2e%2e%2f", "..\\", "..%5c", "%32%65%32%65")  # fmt: skip
    targets = ("etc/passwd", "config.toml", "donations.sqlite3", "widget/page.html",
               "proc/self/environ", "windows/win.ini")  # fmt: skip
    starts = ("", "qr/", "qr/btc/", "w/", ".well-known/", "author/", "locales/")
    for step, target, start in itertools.product(steps, targets, starts):
        yield f"/{start}{f'{step}/' * 6}{target}".encode()
    yield from (b"//etc/passwd", b"/\\etc\\passwd", b"/file:///etc/passwd", b"/%00", b"/.git/HEAD",
                b"/widget.js.map", b"/~root", b"/\xff\xfe",
                b"/" + b"../" * 400 + b"etc/passwd")  # fmt: skip


def test_no_path_leads_to_a_file(table: Table) -> None:
    """Of some six hundred spellings none is answered by anything but a refusal."""
    reached, paths = list[bytes](), list(ways_out())

    async def law() -> None:
        async with listening() as port:
            for path in paths:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(LAST.replace(b"/healthz", path))
                answer = await reader.read()
                writer.close()
                if answer.split(b" ")[1] not in (b"400", b"404", b"414") or b"root:" in answer:
                    reached.append(path)

    run(law())
    assert reached == []
    table.never("paths that lead out of the service: answered", len(reached), len(paths))
