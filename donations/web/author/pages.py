"""The author's pages, behind the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from donations.web.author.gate import SESSION, Gate
from donations.web.author.login import Login, root_of

if TYPE_CHECKING:
    from donations.web.author.words import Writer, Writers


class AuthorPages:
    """All of them, and the way in."""

    def __init__(self, gate: Gate, writers: Writers) -> None:
        self._writers = writers
        self._login = Login(gate, writers)

    def routes(self) -> list[web.RouteDef]:
        """Their routes; each has its line in `access`."""
        return [*self._login.routes(), web.get("/author", self._overview)]

    def _writer(self, request: web.Request) -> Writer:
        """In the language that was wished for last in this session."""
        session = request[SESSION]
        session.language = request.query.get("lang", session.language)
        return self._writers.speaking(session.language)

    async def _overview(self, request: web.Request) -> web.Response:
        writer = self._writer(request)
        page = writer.page(
            writer.pages.say("overview"),
            writer.pages.note("soon"),
            root=root_of(request),
            session=request[SESSION],
            here="overview",
        )
        return writer.answer(page)
