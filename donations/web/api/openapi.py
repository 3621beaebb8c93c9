"""Routes -> the OpenAPI 3.1 document of this very service: what is switched off is not in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from donations.web import policy
from donations.web.api.forms import Anything
from donations.web.api.operation import JSON, ROOT, Operation, Route, get
from donations.web.api.problem import MEDIA, ProblemForm, phrase
from donations.web.api.schema import Schemas
from donations.web.prepared import prepare
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiohttp import web

    from donations.web.api.parameter import Parameter

Json = dict[str, Any]

VERSION = "1.0.0"
_ABOUT = """\
What this service knows of the gifts to its addresses. The public part may be read by anyone, from
any page, without credentials; the author's part needs his token: `Authorization: Bearer TOKEN`.

Amounts are texts: `units` in base units (satoshi, wei), beside them the same as a decimal number.
What is not known is null, and never 0. Times are Unix seconds. Errors are problem+json (RFC 9457).

Lists are read by cursor: ask again with `cursor` set to the `next` of the last answer, until `next`
is null. A cursor is a place in the list, so nothing is told twice or left out while gifts arrive. A
page may hold fewer entries than `limit`.

Whoever asks too often gets 429, with the seconds to wait in Retry-After. `/live` is a stream of
server-sent events, one for each time that what is public has changed.
"""
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "The author's token.",
}
# What the server says before it knows what was asked for, and the limit.
_ANYWHERE = (414, 421, 429, 431)
PATH = "/openapi.json"
_ITSELF = Operation("getOpenapi", "This document", Anything, kept=True)
_PATTERN = re.compile(r"\{(\w+):[^/]*\}")


def document_routes(routes: Sequence[Route]) -> list[Route]:
    """The routes, and that of the document that describes them all, itself too."""

    async def answer(request: web.Request) -> web.Response:
        return send(prepared, request)

    every = [*routes, get(PATH, answer, _ITSELF)]
    prepared = prepare(write_openapi(every), policy.SNAPSHOT)
    return every


def write_openapi(routes: Iterable[Route]) -> bytes:
    """The document as JSON."""
    schemas = Schemas()
    problem = schemas.of(ProblemForm)
    paths: dict[str, Json] = {}
    routes = [*routes]
    errors = sorted(set().union(*map(errors_of, routes)))
    for route in routes:
        path = _PATTERN.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "donations", "version": VERSION, "description": _ABOUT},
        # Relative to the document: a service behind a proxy does not know where it is.
        "servers": [{"url": "./"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "responses": {str(status): _error(status, problem) for status in errors},
            "securitySchemes": {"token": _TOKEN},
        },
    }
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _operation(route: Route, schemas: Schemas) -> Json:
    operation = route.operation
    told: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": ["public" if route.public else "author"],
        "responses": _responses(route, schemas),
    }
    if operation.parameters:
        told["parameters"] = [_parameter(one, schemas) for one in operation.parameters]
    if operation.body is not None:
        content = {JSON: {"schema": schemas.of(operation.body)}}
        told["requestBody"] = {"required": True, "content": content}
    if not route.public:
        told["security"] = [{"token": []}]
    return told


def _responses(route: Route, schemas: Schemas) -> Json:
    operation = route.operation
    good = {"schema": schemas.of(operation.answer)} if operation.answer is not None else {}
    statuses = (operation.status, *operation.also)
    answers: Json = {
        str(status): {"description": phrase(status), "content": {operation.media: good}}
        for status in statuses
    }
    if operation.kept:
        answers["304"] = {"description": "What you hold is still right."}
    for status in errors_of(route) - set(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return dict(sorted(answers.items()))


def _error(status: int, problem: Json) -> Json:
    told: Json = {"description": phrase(status), "content": {MEDIA: {"schema": problem}}}
    if status in (429, 503):
        told["headers"] = {
            "Retry-After": {
                "description": "Seconds until it is worth asking again.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return told


def errors_of(route: Route) -> set[int]:
    """All statuses with which an operation may end in a problem."""
    operation = route.operation
    found = {*_ANYWHERE, *operation.errors}
    if route.path.startswith(ROOT):
        found |= {400, 406}
    if not route.public:
        found |= {401, 403}
    if operation.body is not None:
        found |= {400, 413, 415}
    return found


def _parameter(one: Parameter[Any], schemas: Schemas) -> Json:
    told: Json = {
        "name": one.name,
        "in": "path" if one.in_path else "query",
        "description": one.about,
        "required": one.required,
        "schema": schemas.of(one.form),
    }
    if one.example is not None:
        told["example"] = one.example
    return told
