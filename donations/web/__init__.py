"""Snapshots over HTTP: prepared bytes, public routes, and the server that is safe on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from donations.web.access import check_declared
from donations.web.api.front import Front
from donations.web.api.openapi import document_routes
from donations.web.api.operation import Route
from donations.web.middleware import add_headers, only_host, only_http
from donations.web.public import Readiness, public_routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiohttp.typedefs import Middleware

    from donations.web.author.gate import Gate
    from donations.web.publisher import Publisher

MAX_BODY = 16 * 1024  # bytes; nothing public takes a body at all


def create_web(
    publisher: Publisher,
    readiness: Callable[[], Readiness],
    *,
    public_url: str | None = None,
    others: Sequence[Publisher] = (),
    more: Iterable[web.AbstractRouteDef] = (),
    gate: Gate | None = None,
    front: Callable[[Sequence[Route]], Front] = Front,
) -> web.Application:
    """The web application. With ``public_url`` other hosts are refused; ``more`` adds routes.

    ``publisher`` is that of the widget at the root, whose oEmbed answers for ``others``, too.
    ``front`` makes what stands around the documented routes. Raises LookupError for a route of
    which `access` does not say who may ask for it, and for one of the author without the ``gate``
    in front of it.
    """
    routes = [*public_routes(publisher, readiness, others), *more]
    documented = document_routes([route for route in routes if isinstance(route, Route)])
    around: list[Middleware] = [front(documented).around, only_http]
    if public_url:
        around.append(only_host(public_url))
    if gate is not None:
        around.append(gate.check)
    app = web.Application(client_max_size=MAX_BODY, middlewares=around)
    app.on_response_prepare.append(add_headers)
    app.add_routes([*(each for each in routes if not isinstance(each, Route)), *documented])
    check_declared(app, gated=gate is not None)
    return app
