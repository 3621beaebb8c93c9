"""The author's part of the interface: what he writes, each an entry that can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babel.numbers import list_currencies

from donations.books import Annotation, ManualGift, Writing, check_text
from donations.errors import Conflict, NotFound
from donations.ledger import Key
from donations.valuation import minor_digits
from donations.web.api.author_forms import ManualGiftForm, RemarkForm, UndoForm, WrittenForm
from donations.web.api.checked import read_body
from donations.web.api.operation import Operation
from donations.web.api.problem import Problem
from donations.web.author.gate import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from donations.web.api.operation import Route
    from donations.web.author.room import Sources

_ERRORS = (404, 409, 503)
_REMARK = Operation(
    "addAnnotation",
    'Write about a transfer: a note, a thank-you for everybody, or that it is "not a gift"',
    WrittenForm,
    body=RemarkForm,
    status=201,
    errors=_ERRORS,
)
_UNDO = Operation(
    "undoAnnotation",
    "Undo an entry, by one more entry",
    WrittenForm,
    body=UndoForm,
    status=201,
    errors=_ERRORS,
)
_GIFT = Operation(
    "addManualGift",
    "Write down a gift that came another way",
    WrittenForm,
    body=ManualGiftForm,
    status=201,
    errors=_ERRORS,
)


@dataclass(frozen=True)
class AuthorWrites:
    """``route`` makes the routes of the author's part."""

    sources: Sources
    route: Callable[[str, str, Callable[[web.Request], Awaitable[Any]], Operation], Route]

    def routes(self) -> list[Route]:
        """What can be written."""
        return [
            self.route("POST", "annotations", self._remark, _REMARK),
            self.route("POST", "undoings", self._undo, _UNDO),
            self.route("POST", "manual-gifts", self._gift, _GIFT),
        ]

    async def _remark(self, request: web.Request) -> WrittenForm:
        body: RemarkForm = await read_body(request, RemarkForm)
        key = Key(body["chain"], body["address"], body["asset"])
        if key not in self.sources.desk.assets:
            raise Problem(404, "This address is not watched for this asset.")
        annotation = self._entry(
            request, Writing(body["writing"]), key=key, id=body["id"], text=_text(body)
        )
        return await self._keep(annotation, body["expects"])

    async def _undo(self, request: web.Request) -> WrittenForm:
        body: UndoForm = await read_body(request, UndoForm)
        return await self._keep(self._entry(request, Writing.UNDO, undoes=body["undoes"]), None)

    async def _gift(self, request: web.Request) -> WrittenForm:
        body: ManualGiftForm = await read_body(request, ManualGiftForm)
        desk, widget, unit = self.sources.desk, body.get("widget", ""), body["unit"]
        if widget and widget not in {slug for slug, _, _ in desk.widgets}:
            raise Problem(404, "There is no such widget.", parameter="widget")
        # What came later than now may come to be right: the clock is the state it is at odds with.
        if body["received_at"] > self.sources.now():
            raise Problem(409, "received_at is later than now.", parameter="received_at")
        gift = ManualGift(
            int(body["units"]), unit, self._decimals(unit), body["received_at"], widget
        )
        entry = self._entry(request, Writing.MANUAL_GIFT, text=_text(body), manual=gift)
        return await self._keep(entry, None)

    def _decimals(self, unit: str) -> int:
        for key, asset in self.sources.desk.assets.items():
            if key.asset == unit:
                return asset.decimals
        if unit not in list_currencies():
            detail = "No such currency is known, and no such asset is watched."
            raise Problem(404, detail, parameter="unit")
        return minor_digits(unit)

    def _entry(self, request: web.Request, writing: Writing, **more: Any) -> Annotation:
        return Annotation(writing, request[OPERATOR], int(self.sources.now()), **more)

    async def _keep(self, annotation: Annotation, expects: int | None) -> WrittenForm:
        try:
            return {"sequence": (await self.sources.keep(annotation, expects)).sequence}
        except Conflict as error:
            last = error.between[-1]
            detail = (
                f"Meanwhile entry {last.sequence} was written ({last.writing.value}): look at it, "
                "and write again."
            )
            raise Problem(409, detail, sequence=last.sequence) from None
        except NotFound:
            raise Problem(404, "There is nothing of that name to write about.") from None


def _text(body: RemarkForm | ManualGiftForm) -> str:
    try:
        return check_text(body.get("text", ""))
    except ValueError as error:
        raise Problem(400, f"text: {error}", parameter="text") from None
