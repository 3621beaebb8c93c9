"""Around every handler: the host the request is for, and the headers every answer carries."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import HttpVersion10, web

from donations.web import policy

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


def host_name(host: str) -> str:
    """The host name of a Host header, in lower case, without port and brackets; "" if malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def only_host(public_url: str) -> Middleware:
    """Refuse requests for another host with 421: a foreign name that resolves here (DNS rebinding)
    must not become an origin of ours. Loopback names stay, for health checks and proxies.
    """
    ours = (urlsplit(public_url).hostname or "").rstrip(".")

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = host_name(request.host)
        if name != ours and not is_loopback(name):
            raise web.HTTPMisdirectedRequest
        return await handler(request)

    return check


@web.middleware
async def only_http(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse HTTP/0.9, which has no headers to protect anyone with."""
    if request.version < HttpVersion10:
        raise web.HTTPVersionNotSupported
    return await handler(request)


async def add_headers(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """A signal of aiohttp, called before any answer of the application is sent."""
    response.headers.pop("Server", None)
    for name, value in policy.EVERY.items():
        response.headers.setdefault(name, value)
