"""Apprise in a process of its own, held to the rules that it does not know."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from donations.announcements import Type
from donations.config_notify import ChannelSettings, Way
from donations.errors import NotDelivered
from donations.notify import apprise as apprise_module
from donations.notify.apprise import Apprise
from donations.notify.message import Message
from tests.notify.test_webhook import raw
from tests.running import free_port, scene

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROOT = Path(__file__).parent.parent.parent
EVENT = Message("evt_1", "{}", "Carnet: 0,05 BTC reçus", "Il est dans un bloc.", 1)


def through(url: str) -> Apprise:
    """The channel of a URL of Apprise."""
    return Apprise(ChannelSettings("a", Way.APPRISE, frozenset(Type), "fr", url=url))


async def refusal(url: str) -> str:
    """Why a message was not taken; never with a part of the URL."""
    with pytest.raises(NotDelivered) as refused:
        await through(url).send(EVENT)
    assert "hidden" not in str(refused.value)
    return str(refused.value)


class Inbox:
    """A service that Apprise knows how to ask (json://)."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.port = free_port()
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append(await request.json())
        return web.Response() if self.answer is None else await self.answer(request)

    async def __aenter__(self) -> Inbox:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self.take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


@scene
async def test_it_brings_title_and_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are, also to a service of one's own that the URL spells out, from any folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    async with Inbox() as inbox:
        await through(f"json://127.0.0.1:{inbox.port}/hidden").send(EVENT)
        await through(f"json://localhost:{inbox.port}/hidden").send(EVENT)
    assert [(told["title"], told["message"]) for told in inbox.got] == 2 * [
        (EVENT.title, EVENT.text)
    ]


# The process, with a name server of its own.
_LED_ASTRAY = """
import socket
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **how: look_up("127.0.0.1", *more, **how)
from donations.notify.apprise_process import main
raise SystemExit(main())
"""


@scene
async def test_a_name_that_leads_inside_is_not_asked() -> None:
    """Whatever it resolves to is judged before anything connects to it."""
    async with Inbox() as inbox:
        url = f"json://hooks.example:{inbox.port}/hidden"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _LED_ASTRAY, cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told = json.dumps({"url": url, "title": "a", "text": "b"})
        said, _ = await process.communicate(told.encode())
    assert (process.returncode, said, inbox.got) == (1, b"private", [])


@scene
async def test_a_redirect_is_not_followed() -> None:
    """Wherever the service sends it."""
    async with Inbox() as inbox, Inbox() as inner:

        async def away(_: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{inner.port}"})

        inbox.answer = away
        assert "redirects" in await refusal(f"json://127.0.0.1:{inbox.port}/hidden")
    assert (len(inbox.got), inner.got) == (1, [])


@scene
async def test_an_endless_answer_is_not_read() -> None:
    """Of a gigabyte little is read."""
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = web.StreamResponse()
        await stream.prepare(request)
        for _ in range(1_024):
            await stream.write(bytes(1 << 20))
            sent += 1 << 20
        return stream

    async with Inbox() as inbox:
        inbox.answer = flood
        await through(f"json://127.0.0.1:{inbox.port}/hidden").send(EVENT)
    assert sent <= 32 << 20


@scene
async def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process too, so that none is left behind."""
    monkeypatch.setattr(apprise_module, "SECONDS", 3.0)
    async with raw(b"", holds=True) as url:
        began = time.monotonic()
        assert "not done within" in await refusal(url.replace("http", "json") + "/hidden")
        assert time.monotonic() - began < 10
    await asyncio.sleep(0)


@scene
async def test_what_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one of few sentences."""
    async with Inbox() as inbox:

        async def refuse(_: web.Request) -> web.StreamResponse:
            return web.Response(status=500, text="hidden")

        inbox.answer = refuse
        assert "did not take it" in await refusal(f"json://127.0.0.1:{inbox.port}/hidden")
    assert "does not know" in await refusal("nothing://hidden")
    monkeypatch.setattr(apprise_module, "find_spec", lambda _: None)
    assert "pip install" in await refusal("json://127.0.0.1/hidden")
