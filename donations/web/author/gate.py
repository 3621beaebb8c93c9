"""Before every route of the author: by which way, from whose page, and who."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from aiohttp import web

from donations.author_token import digest_of
from donations.web.access import ACCESS, Access, path_of
from donations.web.api.operation import ROOT
from donations.web.author.attempts import AT_ONCE, AT_ONCE_TOGETHER, Attempts
from donations.web.author.origin import SAFE, Refused, Site, comes_from, site_of
from donations.web.author.refusal import refuse, unknown
from donations.web.author.sessions import Session, Sessions
from donations.web.client_address import client_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp.typedefs import Handler

    from donations.web.client_address import Network

SITE = web.RequestKey("site", Site)
OPERATOR = web.RequestKey("operator", str)
SESSION = web.RequestKey("session", Session)
# A token in an address would stand in histories, logs and bookmarks.
_TOKEN = "token"  # noqa: S105 - the name of a field
_BEARER = "bearer "


class Gate:
    """Knows the tokens' hashes, the sessions, and who tried wrong ones.

    ``operators`` are digests by name. ``unknown`` answers those who are not logged in.
    """

    def __init__(
        self,
        operators: Mapping[str, bytes],
        *,
        public_url: str | None = None,
        trusted: Sequence[Network] = (),
        sessions: Sessions | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        self._operators = dict(operators)
        self._public_url, self._trusted = public_url, tuple(trusted)
        self.sessions = sessions or Sessions()
        self.attempts = attempts or Attempts()
        self.unknown: Callable[[web.Request], web.Response] = unknown

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware. What is not declared public is not public."""
        resource = request.match_info.route.resource
        access = ACCESS.get(path_of(resource), Access.AUTHOR)
        if resource is None or access in (Access.PUBLIC, Access.LINK):
            return await handler(request)
        try:
            request[SITE] = self._site(request)
        except Refused as refused:
            return refuse(request, refused.status, str(refused))
        if _TOKEN in request.query:
            return refuse(request, 400, "a token in an address ends up in logs: make a new one")
        bearer = _bearer(request)
        if bearer is None and request.path.startswith(ROOT):
            return self.unknown(request)  # a cookie acts for whichever page is open
        unsafe = request.method not in SAFE
        if unsafe and bearer is None and not comes_from(request.headers, request[SITE]):
            return refuse(request, 403, "this was sent by a page of another site")
        if access is Access.AUTHOR:
            refused_as = await self._admit(request, bearer, unsafe=unsafe)
            if refused_as is not None:
                return refused_as
        return await handler(request)

    async def _admit(
        self, request: web.Request, bearer: str | None, *, unsafe: bool
    ) -> web.Response | None:
        """None where the operator is known from here on, else the answer."""
        if bearer is not None:
            return self._admit_bearer(request, bearer)
        session = self.sessions.find(request.cookies.get(request[SITE].cookie, ""))
        if session is None:
            return self.unknown(request)
        if unsafe:
            form = (await request.post()).get("form")
            if not isinstance(form, str) or not session.owns(form):
                return refuse(request, 403, "this form is not of your session: load its page anew")
        request[SESSION], request[OPERATOR] = session, session.operator
        return None

    def _admit_bearer(self, request: web.Request, token: str) -> web.Response | None:
        client = self.client(request)
        programs = client is None and request.path.startswith(ROOT)
        at_once = AT_ONCE_TOGETHER if programs else AT_ONCE
        wait = self.attempts.wait(client, at_once)
        operator = self.recognise(token)
        # Strangers behind one proxy that nobody named must not lock the author out.
        if operator is None or (wait and client is not None):
            if not wait:
                self.attempts.fail(client, at_once)
            return refuse(request, 429, "too many wrong tokens", wait) if wait else unknown(request)
        request[OPERATOR] = operator
        return None

    @staticmethod
    def visitor(operator: str) -> Session:
        """For a program that shows its token: a session that ends with the request."""
        return Session(operator, 0.0, 0.0)

    def recognise(self, token: str) -> str | None:
        """Whose token this is, in the same time for every wrong one."""
        digest, found = digest_of(token), None
        for name, known in self._operators.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def client(self, request: web.Request) -> Network | None:
        """Whose request it is, None where that cannot be told."""
        forwarded = request.headers.getall("X-Forwarded-For", [])
        return client_network(request.remote, forwarded, self._trusted)

    def _site(self, request: web.Request) -> Site:
        scheme = request.headers.get("X-Forwarded-Proto")
        said = None if scheme is None else scheme.rpartition(",")[2].strip().lower()
        return site_of(request.host, request.remote, said, self._public_url, self._trusted)


def _bearer(request: web.Request) -> str | None:
    """The token of a program, which no browser sends by itself (RFC 6750, section 2.1)."""
    given = request.headers.get("Authorization", "")
    return given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else None
