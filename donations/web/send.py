"""Prepared bytes -> the answer to one request: in its coding, or "you have it already"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from donations.web.prepared import Prepared


def send(found: Prepared, request: web.Request) -> web.Response:
    """The answer, 304 for a client that holds these bytes."""
    coding = found.choose(request.headers.get("Accept-Encoding"))
    headers = {**found.headers, "ETag": found.etag(coding)}
    if found.matches(request.headers.get("If-None-Match"), coding):
        del headers["Content-Type"]
        return web.Response(status=304, headers=headers)
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return web.Response(body=found.bodies[coding], headers=headers)
