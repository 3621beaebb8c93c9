"""Around every documented route: who asks too often, what cross-origin pages may ask, and errors.

It stands outside of all other middleware, so that whatever refuses a request below a documented
address is told as problem+json.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web import policy
from donations.web.api.operation import AUTHOR_ROOT, ROOT, Route
from donations.web.api.problem import Problem, problem_of
from donations.web.api.throttle import READER, READERS, Throttle
from donations.web.client_address import client_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiohttp.typedefs import Handler

    from donations.web.client_address import Network

# What a page of another origin may send besides what needs no permission (Fetch, section 3.3).
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match",
    "Access-Control-Max-Age": "86400",
}

# A parameter in a path that went through `re.escape`.
_FILLED = re.compile(r"\\\{.*?\\\}")


class Front:
    """Knows the documented routes, and counts who asks."""

    def __init__(
        self,
        routes: Iterable[Route],
        trusted: Sequence[Network] = (),
        *,
        reader: Throttle | None = None,
        readers: Throttle | None = None,
    ) -> None:
        """``reader`` counts each client, ``readers`` together those who cannot be told apart."""
        paths = [route.path for route in routes]
        self._paths = frozenset(path for path in paths if "{" not in path)
        forms = (_FILLED.sub("[^/]+", re.escape(path)) for path in paths if "{" in path)
        self._filled = re.compile("|".join(forms) or "(?!)")
        self._trusted = tuple(trusted)
        self._reader = reader or Throttle(READER)
        self._readers = readers or Throttle(READERS)

    def holds(self, path: str) -> bool:
        """Whether an address is one of the documented interface."""
        if path in self._paths or path.startswith(ROOT):
            return True
        return self._filled.fullmatch(path) is not None

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware."""
        if not self.holds(request.path):
            return await handler(request)
        public = not request.path.startswith(AUTHOR_ROOT)
        try:
            self._admit(request)
            answer = await handler(request)
        except Problem as problem:
            answer = problem.answer()
        except web.HTTPMethodNotAllowed as error:
            preflight = public and request.method == "OPTIONS"
            answer = _allowed(error) if preflight else problem_of(error).answer()
        except web.HTTPException as error:
            if error.status < 400:
                raise
            answer = problem_of(error).answer()
        if public:
            answer.headers.update(policy.ANYONE)
        return answer

    def _admit(self, request: web.Request) -> None:
        forwarded = request.headers.getall("X-Forwarded-For", ())
        client = client_network(request.remote, forwarded, self._trusted)
        wait = (self._readers if client is None else self._reader).wait(client)
        if wait:
            headers = {"Retry-After": str(wait)}
            raise Problem(429, f"Ask again in {wait} s, and less often.", headers=headers)


def _allowed(error: web.HTTPMethodNotAllowed) -> web.Response:
    allowed = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    return web.Response(status=204, headers={"Allow": allowed, **_PREFLIGHT})
