"""What those get who may not: a sentence, as text for people and as JSON for programs."""

from __future__ import annotations

from aiohttp import web

from donations.web.api.operation import ROOT
from donations.web.api.problem import Problem

_CHALLENGE = {"WWW-Authenticate": "Bearer"}  # RFC 6750, section 3; no browser asks because of it


def wants_json(request: web.Request) -> bool:
    """Whether a program asks. A browser says that it wants HTML."""
    if request.path.startswith(ROOT):
        return True
    accepted = request.headers.get("Accept", "")
    return "text/html" not in accepted and (
        "json" in accepted or "Authorization" in request.headers or request.path.endswith(".json")
    )


def refuse(request: web.Request, status: int, reason: str, wait: int = 0) -> web.Response:
    """The answer; ``wait`` are the seconds after which to come again. Problems as in RFC 9457."""
    headers = {"Retry-After": str(wait)} if wait else {}
    if status == 401:
        headers |= _CHALLENGE
    if wants_json(request):
        return Problem(status, f"{reason[0].upper()}{reason[1:]}.", headers=headers).answer()
    return web.Response(text=f"{reason}\n", status=status, headers=headers)


def unknown(request: web.Request) -> web.Response:
    """The answer to somebody who is not logged in."""
    return refuse(request, 401, "log in with your token")
