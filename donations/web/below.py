"""The widgets that are not at the root: the same answers, each below /w/ and its slug."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web.api.operation import Route
from donations.web.api.parameter import word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp.typedefs import Handler

BELOW = "/w/{slug}"
_SLUG = word("slug", "Which widget.", "[a-z0-9-]{1,40}", in_path=True, example="book")


def own_path(request: web.Request) -> str:
    """What is asked of the widget, wherever it is: the path that it would have at the root."""
    slug = request.match_info.get("slug")
    return request.path if slug is None else request.path.removeprefix(f"/w/{slug}")


def routes_below(
    widgets: Mapping[str, Sequence[web.AbstractRouteDef]],
) -> list[web.AbstractRouteDef]:
    """The routes of some widgets, each as for the root, below their slugs.

    However many widgets there are, each path is one route; what a widget does not have is a 404.
    """
    handlers: dict[str, dict[str, Handler]] = {}
    shapes: dict[str, web.RouteDef | Route] = {}
    for slug, routes in widgets.items():
        for route in routes:
            if isinstance(route, web.RouteDef | Route):
                shapes.setdefault(route.path, route)
                handlers.setdefault(route.path, {})[slug] = _coroutine(route)
    found: list[web.AbstractRouteDef] = [
        _below(shape, _choice(handlers[path])) for path, shape in shapes.items()
    ]
    return [*found, web.get(BELOW, _closed(frozenset(widgets)))] if widgets else []


def _coroutine(route: web.RouteDef | Route) -> Handler:
    handler = route.handler
    if isinstance(handler, type):
        raise TypeError(f"{route.path} is no handler of a widget")
    return handler


def _choice(handlers: Mapping[str, Handler]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        handler = handlers.get(request.match_info["slug"])
        if handler is None:
            raise web.HTTPNotFound
        return await handler(request)

    return answer


def _below(shape: web.RouteDef | Route, handler: Handler) -> web.AbstractRouteDef:
    path = f"{BELOW}{shape.path}"
    if isinstance(shape, web.RouteDef):
        return web.RouteDef(shape.method, path, handler, shape.kwargs)
    operation = shape.operation
    errors = tuple(sorted({*operation.errors, 404}))
    own = replace(
        operation,
        name=f"{operation.name}OfWidget",
        summary=f"{operation.summary}: of one of several widgets",
        parameters=(_SLUG, *operation.parameters),
        errors=errors,
    )
    return Route(shape.method, path, handler, own)


def _closed(slugs: frozenset[str]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        """With a slash at the end, so that what the page names lies below it."""
        slug = request.match_info["slug"]
        if slug not in slugs:
            raise web.HTTPNotFound
        query = request.rel_url.raw_query_string
        raise web.HTTPPermanentRedirect(f"{slug}/{'?' if query else ''}{query}")

    return answer
