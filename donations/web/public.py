"""What anyone may ask. A handler looks up prepared bytes: no query, no upstream, no rendering."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web.forms import PATHS
from donations.web.oembed import Refused
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.web.publisher import Publisher


class Reason(StrEnum):
    """Why the service is not ready: a closed list, safe to show to anyone."""

    STARTING = "starting"  # nothing is published yet
    STORE = "store"  # the database cannot be written; what is published stays served
    UPSTREAMS = "upstreams"  # some address has no fresh number
    STOPPING = "stopping"


class Alarm(StrEnum):
    """What the author must look at although the service is ready: a closed list, too."""

    PAGES = "pages"  # a watched page may lead gifts astray
    STATEMENT = "statement"  # the signed statement is not good, so it is not shown


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready when there is no reason against it; ``alarms`` do not count."""

    reasons: tuple[Reason, ...] = ()
    alarms: tuple[Alarm, ...] = ()


def public_routes(publisher: Publisher, readiness: Callable[[], Readiness]) -> list[web.RouteDef]:
    """The public routes. ``readiness`` is asked at each /readyz and must not wait."""

    async def prepared(request: web.Request) -> web.Response:
        wish = request.query.get("lang")
        if publisher.ready(wish):
            return _answer(publisher, request)
        return await asyncio.to_thread(_answer, publisher, request)

    async def oembed(request: web.Request) -> web.Response:
        provider = publisher.provider
        if provider is None:
            raise web.HTTPNotFound
        try:
            return send(provider.answer(request.query), request)
        except Refused as refused:
            return web.Response(status=refused.status)

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        now = readiness()
        reasons = now.reasons
        body: dict[str, object] = {
            "status": "not ready" if reasons else "ready",
            "reasons": [*reasons],
        }
        if now.alarms:
            body["alarms"] = [*now.alarms]
        return web.json_response(body, status=503 if reasons else 200)

    looked_up = (
        "/",
        "/frame",
        "/fragment",
        "/card",
        "/compact",
        "/snapshot.json",
        "/widget.js",
        "/widget.{digest:[0-9a-f]{16}}.js",
        "/qr/{chain}/{name}",
        *PATHS,
    )
    return [
        *(web.get(path, prepared) for path in looked_up),
        web.get("/oembed", oembed),
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
    ]


def _answer(publisher: Publisher, request: web.Request) -> web.Response:
    found = publisher.find(request.path, request.query.get("lang"))
    if found is None:
        if publisher.published is None:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
        raise web.HTTPNotFound
    return send(found, request)
