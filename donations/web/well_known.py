"""The signed statement of addresses, where other programs look for such things (RFC 8615)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.web import policy
from donations.web.api.operation import Operation, Route, get
from donations.web.below import own_path
from donations.web.prepared import prepare
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

FOLDER = "/.well-known/"
TEXT = {**policy.SNAPSHOT, "Content-Type": "text/plain; charset=utf-8"}


def well_known_routes(files: Mapping[str, bytes]) -> list[Route]:
    """One route a file: what is served was read and checked before, and no name is a path."""
    prepared = {f"{FOLDER}{name}": prepare(body, TEXT) for name, body in files.items()}

    async def answer(request: web.Request) -> web.Response:
        return send(prepared[own_path(request)], request)

    return [get(path, answer, _operation(path)) for path in prepared]


def _operation(path: str) -> Operation:
    kind = path.rpartition(".txt")[2].title()
    return Operation(
        f"getStatement{kind.replace('.', '')}",
        "The signed statement of addresses" if not kind else "A signature of the statement",
        media="text/plain",
        kept=True,
    )
