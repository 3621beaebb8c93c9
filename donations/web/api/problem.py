"""Errors that programs can read: application/problem+json (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, NotRequired, TypedDict

from aiohttp import web

from donations.web.api.schema import Says

MEDIA = "application/problem+json"

_DETAILS = {
    400: "The request is not well-formed.",
    404: "There is nothing at this address.",
    405: "The address does not take this method; Allow names those that it takes.",
    413: "The body is larger than this address takes.",
    414: "The address is too long.",
    421: "This service does not answer for that host.",
    431: "The headers are too long.",
    500: "The service made a mistake; its log says which.",
    503: "The answer cannot be had now; Retry-After says when to ask again.",
    505: "Ask with HTTP/1.0 or HTTP/1.1.",
}


class ProblemForm(TypedDict):
    """What went wrong (RFC 9457). `title` belongs to the status, `detail` names place and cure."""

    type: Annotated[str, Says("about:blank: the status says it all")]
    title: str
    status: Annotated[int, Says(lowest=400, highest=599)]
    detail: str
    parameter: NotRequired[Annotated[str, Says("the parameter, or field of the body, at fault")]]
    sequence: NotRequired[Annotated[int, Says("the entry that came between")]]


class Problem(Exception):
    """Ends a request with an error that is told as JSON. Never holds what the client sent."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        parameter: str | None = None,
        sequence: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.parameter = status, detail, parameter
        self.sequence = sequence
        self.headers = dict(headers or {})

    def told(self) -> ProblemForm:
        """The body."""
        form: ProblemForm = {
            "type": "about:blank",
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail or _DETAILS.get(self.status, phrase(self.status)),
        }
        if self.parameter is not None:
            form["parameter"] = self.parameter
        if self.sequence is not None:
            form["sequence"] = self.sequence
        return form

    def answer(self) -> web.Response:
        """The answer of the server."""
        body = (json.dumps(self.told()) + "\n").encode("ascii")
        headers = {**self.headers, "Content-Type": MEDIA}
        return web.Response(status=self.status, body=body, headers=headers)


def problem_of(error: web.HTTPException) -> Problem:
    """The same error as a problem. Its headers stay, but for those of its body."""
    kept = {
        name: value
        for name, value in error.headers.items()
        if name.lower() not in ("content-type", "content-length")
    }
    return Problem(error.status, headers=kept)


def phrase(status: int) -> str:
    """The words that HTTP has for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
