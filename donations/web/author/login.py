"""The way in, with a token, and the way out."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web.author.gate import OPERATOR, SITE, Gate
from donations.web.author.refusal import unknown, wants_json

if TYPE_CHECKING:
    from donations.web.author.words import Writers

_log = logging.getLogger(__name__)

# Where to go on: a page of ours and what it was asked for, in plain characters.
_NEXT = re.compile(r"/author(?:/[a-z]+)?(?:\?[\w%&=:.+-]{0,1500})?", re.ASCII)


class Login:
    """The login page, and what its two forms do."""

    def __init__(self, gate: Gate, writers: Writers) -> None:
        self._gate, self._writers = gate, writers
        gate.unknown = self._ask_instead

    def routes(self) -> list[web.RouteDef]:
        """Its routes."""
        return [
            web.get("/author/login", self._ask),
            web.post("/author/login", self._log_in),
            web.post("/author/logout", self._log_out),
        ]

    async def _ask(self, request: web.Request) -> web.Response:
        return self._page(request, 200)

    def _ask_instead(self, request: web.Request) -> web.Response:
        """In the place of a page: who logs in goes on to that page."""
        return unknown(request) if wants_json(request) else self._page(request, 401)

    def _page(
        self, request: web.Request, status: int, said: str = "", wait: int = 0
    ) -> web.Response:
        wished = request.path_qs if status == 401 and not said else request.query.get("next", "")
        writer = self._writers.speaking(request.query.get("lang"))
        body = writer.login(root_of(request), next_page(wished), said)
        headers = {"Retry-After": str(wait)} if wait else {}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return writer.answer(body, status=status, headers=headers)

    async def _log_in(self, request: web.Request) -> web.Response:
        client = self._gate.client(request)
        wait = self._gate.attempts.wait(client)
        if wait and client is not None:
            return self._page(request, 429, "too_many", wait)
        given = await request.post()
        token, wished = given.get("token"), given.get("next")
        operator = self._gate.recognise(token.strip()) if isinstance(token, str) else None
        if operator is None:
            if wait:
                return self._page(request, 429, "too_many", wait)
            self._gate.attempts.fail(client)
            return self._page(request, 401, "wrong")
        site = request[SITE]
        self._gate.sessions.close(request.cookies.get(site.cookie, ""))
        _log.info("%s opened the author's pages", operator)
        target = next_page(wished if isinstance(wished, str) else "")
        answer = _go(root_of(request), target)
        answer.set_cookie(
            site.cookie,
            self._gate.sessions.open(operator),
            path="/",
            secure=site.secure,
            httponly=True,
            samesite="Strict",
        )
        return answer

    async def _log_out(self, request: web.Request) -> web.Response:
        site = request[SITE]
        self._gate.sessions.close(request.cookies.get(site.cookie, ""))
        _log.info("%s closed the author's pages", request[OPERATOR])
        answer = _go(root_of(request), "/author/login")
        answer.del_cookie(
            site.cookie, path="/", secure=site.secure, httponly=True, samesite="Strict"
        )
        return answer


def root_of(request: web.Request) -> str:
    """From the address of this page to that of the service, which may lie below a path."""
    return "../" * (request.path.count("/") - 1)


def next_page(wished: str) -> str:
    """The page to go on to: one of ours, and never the way out."""
    plain = _NEXT.fullmatch(wished) is not None
    path = wished.partition("?")[0]
    return wished if plain and path not in ("/author/login", "/author/logout") else "/author"


def _go(root: str, path: str) -> web.Response:
    """To a page of ours: the address is relative, so it holds behind every proxy."""
    return web.Response(status=303, headers={"Location": f"{root}{path[1:]}"})
