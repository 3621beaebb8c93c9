"""The signed statement of addresses, where other programs look for such things (RFC 8615)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from donations.web import policy
from donations.web.prepared import prepare
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "/.well-known/"
TEXT = {**policy.SNAPSHOT, "Content-Type": "text/plain; charset=utf-8"}


def well_known_routes(files: Mapping[str, bytes]) -> list[web.RouteDef]:
    """One route a file: what is served was read and checked before, and no name is a path."""
    prepared = {f"{FOLDER}{name}": prepare(body, TEXT) for name, body in files.items()}

    async def answer(request: web.Request) -> web.Response:
        return send(prepared[request.path], request)

    return [web.get(path, answer) for path in prepared]
