"""A receiver of webhooks on loopback, which checks signatures by the reference library."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from standardwebhooks import Webhook

from donations.announcements import Type
from donations.config_notify import ChannelSettings, Way
from tests.running import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ALL = frozenset(Type) - {Type.TEST, Type.DIGEST}


@dataclass
class Receiver:
    """What came, in order: (id, body) of each request whose signature is good.

    ``answer`` decides the status; by default all is taken.
    """

    url: str
    secret: str = SECRET
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    bytes_of: dict[str, bytes] = field(default_factory=dict)
    asked: int = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked += 1
        body = await request.read()
        told = Webhook(self.secret).verify(body, dict(request.headers))
        answer = web.Response(status=204) if self.answer is None else await self.answer(request)
        identity = request.headers["webhook-id"]
        assert self.bytes_of.setdefault(identity, body) == body, "an id with other bytes"
        if 200 <= answer.status < 300:
            self.got.append((identity, told))
        return answer

    @property
    def once(self) -> list[dict[str, Any]]:
        """What came, each id once."""
        return [*dict(self.got).values()]

    @property
    def types(self) -> list[str]:
        """The types of what came, each id once."""
        return [told["type"] for told in self.once]


@asynccontextmanager
async def receiving(port: int = 0, path: str = "/hook") -> AsyncIterator[Receiver]:
    """A receiver while the block lasts."""
    port = port or free_port()
    receiver = Receiver(f"http://127.0.0.1:{port}{path}")
    app = web.Application()
    app.router.add_post("/{any:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()


def webhook(url: str, name: str = "webhook", **more: Any) -> ChannelSettings:
    """The settings of a webhook that takes all events, signed with `SECRET`."""
    settings: dict[str, Any] = {"events": ALL, "language": "en", "secrets": (SECRET,), **more}
    return ChannelSettings(name, Way.WEBHOOK, url=url, **settings)


def shown(told: dict[str, Any]) -> str:
    """One event, for the message of a failing test."""
    return json.dumps(told, indent=1)
