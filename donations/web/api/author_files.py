"""The author's part of the interface: the books as files, and what was sent to him."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from donations.books import Filter
from donations.errors import StoreError
from donations.web import policy
from donations.web.api.notice_forms import NoticesForm
from donations.web.api.operation import AUTHOR_ROOT, JSON, Operation, Route
from donations.web.api.parameter import Parameter, whole, word
from donations.web.api.problem import Problem
from donations.web.api.public import LIMIT, USUAL

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from donations.author_facts import Notice
    from donations.web.api.notice_forms import NoticeForm
    from donations.web.author.room import Sources

_TEXT = "text/plain"
_FORMS = {
    "csv": ("text/csv", "every transfer, for spreadsheets (RFC 4180)"),
    "json": (JSON, "every transfer with all that is known of it"),
    "beancount": (_TEXT, "a journal for Beancount, with the cost at receipt"),
    "hledger": (_TEXT, "a journal for hledger and Ledger, with the cost at receipt"),
}
_LATEST = 2**33
_SINCE = whole("since", "Received at this time or later.", lowest=0, highest=_LATEST)
_UNTIL = whole("until", "Received before this time.", lowest=0, highest=_LATEST)
_WIDGET = word(
    "widget", "The slug of a widget; then without gifts that came another way.",
    r"[0-9A-Za-z_-]{1,64}",
)  # fmt: skip
_WAITING = 4
# The form, what of them, and whether gifts that came another way are among them.
Export = Callable[[str, Filter, bool], AsyncGenerator[bytes]]


def _before() -> Parameter[int]:
    form = word("cursor", "", "[1-9][0-9]{0,15}").form
    return Parameter("cursor", "The `next` of an earlier answer, as it is.", form, _number)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and text[0] != "0"):
        raise ValueError("give the `next` of an earlier answer, as it is")
    return int(text)


_BEFORE = _before()
_NOTICES = Operation(
    "listNotifications",
    "The events that were announced, the newest first, and how each fared in each channel",
    NoticesForm,
    parameters=(_BEFORE, LIMIT),
    errors=(503,),
)


@dataclass
class AuthorFiles:
    """``export`` gives the books piece by piece. ``route`` makes the routes of the author's part.

    ``admit`` counts a request, and raises Problem for one too many.
    """

    sources: Sources
    export: Export
    route: Callable[[str, str, Callable[[web.Request], Awaitable[Any]], Operation], Route]
    admit: Callable[[web.Request], None]
    _waiting: int = 0

    def routes(self) -> list[Route]:
        """A route for each form, and that of the notifications."""
        return [
            self.route("GET", "notifications", self._notices, _NOTICES),
            *(
                Route(
                    "GET",
                    f"{AUTHOR_ROOT}export.{form}",
                    partial(self._send, form, media),
                    Operation(
                        f"export{form.title()}",
                        f"The books as a file: {about}",
                        media=media,
                        parameters=(_SINCE, _UNTIL, _WIDGET),
                        errors=(404, 503),
                    ),
                )
                for form, (media, about) in _FORMS.items()
            ),
        ]

    async def _notices(self, request: web.Request) -> NoticesForm:
        limit = LIMIT.read(request) or USUAL
        found = await self.sources.desk.notices(_BEFORE.read(request), limit + 1)
        told = found[:limit]
        return {
            "notifications": [_notice(one) for one in told],
            "next": str(told[-1].sequence) if len(found) > limit else None,
        }

    async def _send(self, form: str, media: str, request: web.Request) -> web.StreamResponse:
        self.admit(request)
        wanted, manual = self._wanted(request)
        if self._waiting >= _WAITING:
            raise Problem(503, "Other files are being fetched.", headers={"Retry-After": "10"})
        self._waiting += 1
        pieces = self.export(form, wanted, manual)
        try:
            try:
                first = await anext(pieces, b"")
            except StoreError as error:
                detail = f"The database cannot be used: {error.why.value}."
                raise Problem(503, detail, headers={"Retry-After": "5"}) from None
            response = web.StreamResponse(headers=policy.download(media, f"donations.{form}"))
            await response.prepare(request)
            if request.method != "HEAD":
                await response.write(first)
                async for piece in pieces:
                    await response.write(piece)
            return response
        finally:
            self._waiting -= 1
            await pieces.aclose()

    def _wanted(self, request: web.Request) -> tuple[Filter, bool]:
        """What the file is of, and whether gifts that came another way are in it."""
        slug, desk = _WIDGET.read(request), self.sources.desk
        keys = frozenset(desk.assets)
        if slug is not None:
            found = [frozenset(its) for name, _, its in desk.widgets if name == slug]
            if not found:
                raise Problem(404, "There is no such widget.", parameter="widget")
            keys &= found[0]
        wanted = Filter(keys=keys, since=_SINCE.read(request), until=_UNTIL.read(request))
        return wanted, slug is None


def _notice(one: Notice) -> NoticeForm:
    return {
        "sequence": one.sequence,
        "id": one.id,
        "type": one.type,
        "at": one.at,
        "event": json.loads(one.payload),
        "deliveries": [
            {
                "channel": each.channel,
                "message": each.message,
                "attempts": each.attempts,
                "at": each.at,
                "error": each.error,
            }
            for each in one.deliveries
        ],
    }
