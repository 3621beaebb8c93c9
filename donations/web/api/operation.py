"""A route with what it takes and answers. /openapi.json is made of these and of nothing else.

Below /api/ a parameter that is not declared is refused, so none can be read in secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from donations.web.api.accept import accepts
from donations.web.api.problem import Problem

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from donations.web.api.parameter import Parameter

JSON = "application/json"
ROOT = "/api/"
AUTHOR_ROOT = "/api/v1/author/"


@dataclass(frozen=True, slots=True)
class Operation:
    """What one route does.

    ``name`` is unique among operations. ``answer`` is the form of a JSON answer, else the answer
    is of the type ``media``. ``errors`` are statuses beside those that any operation may have.
    ``body`` is the form of what is sent. ``kept``: it has an ETag and may be a 304. ``also`` are
    statuses with the same answer as success.
    """

    name: str
    summary: str
    answer: Any = None
    media: str = JSON
    parameters: tuple[Parameter[Any], ...] = ()
    errors: tuple[int, ...] = ()
    body: Any = None
    kept: bool = False
    status: int = 200
    also: tuple[int, ...] = ()


@dataclass(frozen=True)
class Route(web.AbstractRouteDef):
    """A route of aiohttp that is documented."""

    method: str
    path: str
    handler: Handler
    operation: Operation

    @property
    def public(self) -> bool:
        """Whether anyone may ask."""
        return not self.path.startswith(AUTHOR_ROOT)

    def register(self, router: web.UrlDispatcher) -> list[web.AbstractRoute]:
        """Called by aiohttp."""
        handler = self._strict if self.path.startswith(ROOT) else self.handler
        return web.RouteDef(self.method, self.path, handler, {}).register(router)

    async def _strict(self, request: web.Request) -> web.StreamResponse:
        if not accepts(request.headers.get("Accept"), self.operation.media):
            raise Problem(406, f"Only {self.operation.media} can be had here.")
        declared = {one.name for one in self.operation.parameters if not one.in_path}
        for name in request.query:
            if name not in declared:
                known = ", ".join(sorted(declared)) or "none"
                raise Problem(400, f"unknown parameter; known here: {known}")
            if len(request.query.getall(name)) > 1:
                raise Problem(400, f"{name} is given more than once", parameter=name)
        return await self.handler(request)


def get(path: str, handler: Handler, operation: Operation) -> Route:
    """A documented route for GET and HEAD."""
    return Route("GET", path, handler, operation)


def post(path: str, handler: Handler, operation: Operation) -> Route:
    """A documented route for POST of a JSON body."""
    return Route("POST", path, handler, operation)
