"""Who may ask for what: each route has its line here, and one without a line stops the service.

A handler need not remember to ask who is there: `gate` does it for every route of the author.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from donations.web.below import BELOW
from donations.web.forms import PATHS
from donations.web.secret_feed import PATH

if TYPE_CHECKING:
    from aiohttp import web


class Access(StrEnum):
    """Who gets an answer."""

    PUBLIC = "public"
    LOGIN = "login"  # the page that takes the token: no session yet, and as guarded otherwise
    AUTHOR = "author"
    LINK = "link"  # who knows the address, which is a secret


_OF_A_WIDGET = (
    "/",
    "/frame",
    "/fragment",
    "/card",
    "/compact",
    "/snapshot.json",
    "/widget.js",
    "/widget.{digest}.js",
    "/qr/{chain}/{name}",
    *PATHS,
    "/oembed",
    "/live",
    "/thanks",
    "/ledger",
    "/ledger.json",
    "/proof.json",
    "/.well-known/donations.txt",
    "/.well-known/donations.txt.minisig",
    "/.well-known/donations.txt.sigs",
)
_PUBLIC = (
    *_OF_A_WIDGET,
    "/openapi.json",
    "/api/v1/totals",
    "/api/v1/gifts",
    "/api/v1/payments/{number}",
    "/healthz",
    "/readyz",
)
_LOGIN = ("/author/login",)
_LINK = (PATH,)
_AUTHOR = (
    "/author",
    "/author/logout",
    "/author/gifts",
    "/author/gift",
    "/author/by-hand",
    "/author/health",
    "/author/told",
    "/author/script.js",
)
_AUTHOR_API = (
    "/api/v1/author/totals",
    "/api/v1/author/entries",
    "/api/v1/author/entries/{chain}/{address}/{asset}/{id}",
    "/api/v1/author/annotations",
    "/api/v1/author/undoings",
    "/api/v1/author/manual-gifts",
    "/api/v1/author/health",
    "/api/v1/author/notifications",
    *(f"/api/v1/author/export.{form}" for form in ("csv", "json", "beancount", "hledger")),
)

# The same of the widgets that are not at the root.
_BELOW = (BELOW, *(f"{BELOW}{path}" for path in _OF_A_WIDGET))

ACCESS = MappingProxyType(
    dict.fromkeys((*_PUBLIC, *_BELOW), Access.PUBLIC)
    | dict.fromkeys(_LOGIN, Access.LOGIN)
    | dict.fromkeys((*_AUTHOR, *_AUTHOR_API), Access.AUTHOR)
    | dict.fromkeys(_LINK, Access.LINK)
)


def path_of(resource: web.AbstractResource | None) -> str:
    """The path of a resource as its line has it, "" for what has none."""
    return "" if resource is None else resource.canonical


def check_declared(app: web.Application, *, gated: bool) -> None:
    """Raise LookupError for a route without a line: nothing is served that nobody thought about.

    Without the gate, for one of the author too.
    """
    for route in app.router.routes():
        path = path_of(route.resource)
        access = ACCESS.get(path)
        if access is None:
            raise LookupError(f"who may ask for {path}? web/access.py does not say")
        if access in (Access.LOGIN, Access.AUTHOR) and not gated:
            raise LookupError(f"nothing keeps strangers from {path}")
