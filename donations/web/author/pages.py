"""The author's pages, behind the gate."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from donations.books import Filter
from donations.errors import StoreError
from donations.ledger import Key
from donations.web import policy
from donations.web.assets import compact_js, widget_folder
from donations.web.author import write
from donations.web.author.gate import OPERATOR, SESSION, Gate
from donations.web.author.gift_page import GiftWriter
from donations.web.author.gifts_page import PAGE, GiftsWriter
from donations.web.author.health_page import HealthWriter
from donations.web.author.login import Login
from donations.web.author.overview_page import OverviewWriter
from donations.web.author.room import Room, enter
from donations.web.author.search import BadSearch, parse_search
from donations.web.author.told_page import PAGE as TOLD
from donations.web.author.told_page import ToldWriter, place_of
from donations.web.markup import Html

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from donations.web.author.room import Sources
    from donations.web.author.words import Writers

_log = logging.getLogger(__name__)

# Gifts on the overview.
_LATEST = 5


class AuthorPages:
    """All of them, and the way in."""

    def __init__(self, gate: Gate, writers: Writers, sources: Sources) -> None:
        self._writers, self._sources, self._gate = writers, sources, gate
        self._login = Login(gate, writers)
        script = (widget_folder() / "author/script.js").read_text(encoding="utf-8")
        self._script = compact_js(script).encode()

    def routes(self) -> list[web.RouteDef]:
        """Their routes; each has its line in `access`."""
        get, post = web.get, web.post
        return [
            *self._login.routes(),
            get("/author", self._in(_overview)),
            get("/author/gifts", self._in(_gifts)),
            get("/author/gift", self._in(_gift)),
            post("/author/gift", self._in(write.about_a_gift)),
            get("/author/by-hand", self._in(write.by_hand)),
            post("/author/by-hand", self._in(write.add_by_hand)),
            get("/author/health", self._in(_health)),
            get("/author/told", self._in(_told)),
            get("/author/script.js", self._serve_script),
        ]

    def _in(
        self, page: Callable[[Room], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        @functools.wraps(page)
        async def answer(request: web.Request) -> web.Response:
            if SESSION not in request:  # a program with a token: it has an API of its own
                request[SESSION] = self._gate.visitor(request[OPERATOR])
            room = enter(request, self._writers, self._sources, self._gate.attempts)
            try:
                return await page(room)
            except StoreError as error:
                _log.error("a page of the author cannot be read: %s", error)
                reason = room.writer.pages.say("unreadable", reason=error.why.value)
                body = room.writer.pages.piece("alarm", text=reason)
                return room.show("overview", body, status=503)

        return answer

    async def _serve_script(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._script, headers=policy.AUTHOR_SCRIPT)


async def _overview(room: Room) -> web.Response:
    desk, now = room.sources.desk, int(room.sources.now())
    overview = await desk.overview(now, room.sources.prices())
    latest = await desk.entries(Filter(keys=frozenset(desk.assets)), None, _LATEST)
    writer = OverviewWriter(room.writer, overview, room.root)
    return room.show("overview", writer.write(latest, room.rows, _tried(room)), "overview")


def _tried(room: Room) -> Html:
    """What is to be said of wrong tokens: the author may want to know that somebody tries."""
    pages, attempts = room.writer.pages, room.attempts
    if not attempts.failed:
        return Html()
    last = pages.locale.moment(attempts.last, room.writer.zone)
    count = pages.locale.count("author_tries", attempts.failed)
    return pages.piece("apart", text=pages.say("tried", count=count, when=last))


async def _gifts(room: Room) -> web.Response:
    desk = room.sources.desk
    names = [key.asset for key in desk.assets]
    page = GiftsWriter(room.writer, room.root, names, desk.widgets)
    given = dict(room.request.query)
    try:
        search = parse_search(given, desk.assets, desk.widgets, room.writer.zone)
    except BadSearch as error:
        return room.show("gifts", page.refuse(given, error), "gifts", status=400)
    entries = await desk.entries(search.wanted, search.before, PAGE + 1)
    return room.show("gifts", page.write(search, entries, room.rows), "gifts")


async def _gift(room: Room) -> web.Response:
    asked = room.request.query
    key = Key(asked.get("chain", ""), asked.get("address", ""), asked.get("asset", ""))
    full = await room.full(key, asked.get("id", ""))
    if full is None:
        return room.show("gift", room.writer.pages.note("none_such"), "gifts", status=404)
    page = GiftWriter(room.writer, room.root, room.rows, room.session.form)
    return room.show("gift", page.write(full), "gifts")


async def _health(room: Room) -> web.Response:
    desk = room.sources.desk
    page = HealthWriter(room.writer, room.root, desk.assets)
    body = page.write(room.sources.upstreams(), await desk.doubts())
    return room.show("health", body, "health")


async def _told(room: Room) -> web.Response:
    desk = room.sources.desk
    before = place_of(room.request.query.get("before", ""))
    notices = await desk.notices(before, TOLD + 1)
    page = ToldWriter(room.writer, room.root, desk.assets)
    body = page.write(notices, before, await desk.channels())
    return room.show("told", body, "told")
