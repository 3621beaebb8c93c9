"""What anyone may ask. A handler looks up prepared bytes: no query, no upstream, no rendering."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aiohttp import web

from donations.web.api.operation import get
from donations.web.api.problem import Problem
from donations.web.below import own_path
from donations.web.data import ALIVE, OEMBED, PREPARED, READY
from donations.web.forms import PATHS
from donations.web.oembed import Refused
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from donations.reasons import Reason
    from donations.web.publisher import Publisher


class Alarm(StrEnum):
    """What the author must look at although the service is ready: a closed list, too."""

    PAGES = "pages"  # a watched page may lead gifts astray
    NOTIFICATIONS = "notifications"  # a channel to the author fails, or wants nothing any more
    STATEMENT = "statement"  # the signed statement is not good, so it is not shown


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready when there is no reason against it; ``alarms`` do not count.

    ``causes`` are what lies behind, by where it lies ("store", or a chain): also of operators that
    fail while enough of the others answer, which keeps nothing from being ready.
    """

    reasons: tuple[Reason, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    causes: Mapping[str, Sequence[Reason]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """What /readyz says: no name of an upstream, no text that came from one."""
        met = {*self.reasons, *(reason for behind in self.causes.values() for reason in behind)}
        alarms = {"alarms": [*self.alarms]} if self.alarms else {}
        return {
            "status": "not ready" if self.reasons else "ready",
            "reasons": [reason.value for reason in self.reasons],
            "causes": {
                place: [reason.value for reason in behind] for place, behind in self.causes.items()
            },
            "meanings": {reason.value: reason.meaning for reason in sorted(met)},
            **alarms,
        }


def public_routes(
    publisher: Publisher, readiness: Callable[[], Readiness], others: Sequence[Publisher] = ()
) -> list[web.AbstractRouteDef]:
    """The public routes. ``readiness`` is asked at each /readyz and must not wait.

    The oEmbed of the root answers for the pages of ``others``, too.
    """

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        ready = readiness()
        return web.json_response(ready.told(), status=503 if ready.reasons else 200)

    return [
        *widget_routes(publisher, others),
        get("/healthz", healthz, ALIVE),
        get("/readyz", readyz, READY),
    ]


def widget_routes(
    publisher: Publisher, others: Sequence[Publisher] = ()
) -> list[web.AbstractRouteDef]:
    """The forms of one widget."""

    async def prepared(request: web.Request) -> web.Response:
        wish = request.query.get("lang")
        if publisher.ready(wish):
            return _answer(publisher, request)
        return await asyncio.to_thread(_answer, publisher, request)

    async def oembed(request: web.Request) -> web.Response:
        providers = [p for each in (publisher, *others) if (p := each.provider) is not None]
        if not providers:
            raise web.HTTPNotFound
        status = 404
        for provider in providers:
            try:
                return send(provider.answer(request.query), request)
            except Refused as refused:
                status = refused.status
            if status != 404:
                break
        raise Problem(status)

    pages = (
        "/",
        "/frame",
        "/fragment",
        "/card",
        "/compact",
        "/widget.js",
        "/widget.{digest:[0-9a-f]{16}}.js",
        *(path for path in PATHS if path not in PREPARED),
    )
    return [
        *(web.get(path, prepared) for path in pages),
        *(get(path, prepared, operation) for path, operation in PREPARED.items()),
        get("/oembed", oembed, OEMBED),
    ]


def _answer(publisher: Publisher, request: web.Request) -> web.Response:
    found = publisher.find(own_path(request), request.query.get("lang"))
    if found is None:
        if publisher.published is None:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
        raise web.HTTPNotFound
    return send(found, request)
