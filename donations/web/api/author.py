"""The author's part of the interface: what he asks for. What he writes is in `author_writes`.

Who asks is known before a handler runs (`web.author.gate`); a token alone opens this part, never
the cookie of a session.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from donations.books import Filter, place_of
from donations.errors import StoreError
from donations.ledger import Key, Kind, State
from donations.web.api.author_files import AuthorFiles, Export
from donations.web.api.author_forms import (
    AuthorEntriesForm,
    AuthorFullForm,
    AuthorTotalsForm,
    By,
    ManualGiftsForm,
)
from donations.web.api.author_writes import AuthorWrites
from donations.web.api.cursor import CURSOR, write_cursor
from donations.web.api.figures import Currency, group_by
from donations.web.api.health_forms import HealthForm
from donations.web.api.operation import AUTHOR_ROOT, Operation, Route
from donations.web.api.parameter import one_of, text_up_to, whole, word, yes_or_no
from donations.web.api.problem import Problem
from donations.web.api.public import LIMIT, USUAL
from donations.web.api.throttle import AUTHOR, Throttle
from donations.web.api.told import annotation_form, entry_form, full_form, health_form
from donations.web.author.gate import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from donations.web.author.room import Sources

_LATEST = 2**33  # Unix seconds: the year 2242
_CHAIN, _ADDRESS = r"[a-z]{3,8}", r"[0-9A-Za-z:]{1,120}"
_ASSET, _ID = r"[0-9A-Za-z.]{1,20}", r"[0-9A-Za-z:]{1,120}"

_BY = one_of("by", "What sums are made by; by month without it.", By)
_OF_CHAIN = word("chain", "A chain.", _CHAIN, example="btc")
_OF_ASSET = word("asset", "An asset.", _ASSET, example="BTC")
_OF_WIDGET = word("widget", "The slug of a widget.", r"[0-9A-Za-z_-]{1,64}")
_STATE = one_of("state", "Where a transfer stands.", State)
_KIND = one_of("kind", "What a transfer is.", Kind)
_SINCE = whole("since", "Received at this time or later.", lowest=0, highest=_LATEST)
_UNTIL = whole("until", "Received before this time.", lowest=0, highest=_LATEST)
_EXCLUDED = yes_or_no("excluded", 'Whether it is "not a gift".')
_VALUED = yes_or_no("valued", "Whether its worth is known.")
_TEXT = text_up_to(
    "q", "The beginning of a transaction's number, or a part of what was written.", 200
)
_NAMED = (
    word("chain", "The chain.", _CHAIN, in_path=True),
    word("address", "The address.", _ADDRESS, in_path=True),
    word("asset", "The asset.", _ASSET, in_path=True),
    word("id", "The name of the transfer, as lists have it.", _ID, in_path=True),
)

_TOTALS = Operation(
    "getAuthorTotals",
    "What came in by month, year, coin or widget, and what it was worth when it came",
    AuthorTotalsForm,
    parameters=(_BY,),
    errors=(503,),
)
_ENTRIES = Operation(
    "listEntries",
    "All transfers, the newest first",
    AuthorEntriesForm,
    parameters=(
        CURSOR, LIMIT, _OF_CHAIN, _OF_ASSET, _OF_WIDGET, _STATE, _KIND, _SINCE, _UNTIL,
        _EXCLUDED, _VALUED, _TEXT,
    ),
    errors=(404, 503),
)  # fmt: skip
_ENTRY = Operation(
    "getEntry",
    "One transfer with all that is known of it",
    AuthorFullForm,
    parameters=_NAMED,
    errors=(404, 503),
)
_MANUAL = Operation(
    "listManualGifts", "The gifts that came another way", ManualGiftsForm, errors=(503,)
)
_HEALTH = Operation("getHealth", "Every upstream, and its doubts", HealthForm, errors=(503,))


@dataclass(frozen=True)
class AuthorApi:
    """Answers from what the author's pages answer from."""

    sources: Sources
    export: Export
    throttle: Throttle = field(default_factory=lambda: Throttle(AUTHOR))

    def routes(self) -> list[Route]:
        """What can be asked for."""
        return [
            self.route("GET", "totals", self._totals, _TOTALS),
            self.route("GET", "entries", self._entries, _ENTRIES),
            self.route("GET", "entries/{chain}/{address}/{asset}/{id}", self._entry, _ENTRY),
            self.route("GET", "manual-gifts", self._manual, _MANUAL),
            self.route("GET", "health", self._health, _HEALTH),
            *AuthorWrites(self.sources, self.route).routes(),
            *AuthorFiles(self.sources, self.export, self.route, self.admit).routes(),
        ]

    def route(
        self,
        method: str,
        path: str,
        tell: Callable[[web.Request], Awaitable[Any]],
        operation: Operation,
    ) -> Route:
        """A route below that of the author; ``tell`` gives the form of its answer."""

        async def answer(request: web.Request) -> web.Response:
            self.admit(request)
            try:
                told = await tell(request)
            except StoreError as error:
                detail = f"The database cannot be used: {error.why.value}."
                raise Problem(503, detail, headers={"Retry-After": "5"}) from None
            body = json.dumps(told, separators=(",", ":")).encode("ascii")
            return web.Response(
                body=body, status=operation.status, content_type=operation.media, charset="utf-8"
            )

        return Route(method, AUTHOR_ROOT + path, answer, operation)

    def admit(self, request: web.Request) -> None:
        """Count one request of an author. Raises Problem (429) for one too many."""
        wait = self.throttle.wait(request[OPERATOR])
        if wait:
            raise Problem(429, f"Ask again in {wait} s.", headers={"Retry-After": str(wait)})

    @property
    def money(self) -> Currency:
        """The author's currency."""
        return Currency(self.sources.desk.currency, self.sources.desk.digits)

    async def _totals(self, request: web.Request) -> AuthorTotalsForm:
        by = _BY.read(request) or By.MONTH
        months, unread = await self.sources.desk.months()
        manual = await self.sources.desk.by_hand()
        decimals = {key: asset.decimals for key, asset in self.sources.desk.assets.items()}
        groups, total = group_by(by, months, decimals, self.sources.desk.widgets, self.money)
        return {
            "currency": self.sources.desk.currency,
            "by": by,
            "groups": groups,
            "total": total,
            "unread": unread,
            "manual": len(manual),
        }

    async def _entries(self, request: web.Request) -> AuthorEntriesForm:
        wanted, limit = self._wanted(request), LIMIT.read(request) or USUAL
        found = await self.sources.desk.entries(wanted, CURSOR.read(request), limit + 1)
        told = found[:limit]
        return {
            "entries": [
                entry_form(one, self.sources.desk.assets[one.transfer.key].decimals, self.money)
                for one in told
            ],
            "next": write_cursor(place_of(told[-1].transfer)) if len(found) > limit else None,
        }

    def _wanted(self, request: web.Request) -> Filter:
        chain, asset = _OF_CHAIN.read(request), _OF_ASSET.read(request)
        keys = {
            key
            for key in self.sources.desk.assets
            if chain in (None, key.chain) and asset in (None, key.asset)
        }
        slug = _OF_WIDGET.read(request)
        if slug is not None:
            found = [frozenset(its) for name, _, its in self.sources.desk.widgets if name == slug]
            if not found:
                raise Problem(404, "There is no such widget.", parameter="widget")
            keys &= found[0]
        state, kind = _STATE.read(request), _KIND.read(request)
        return Filter(
            keys=frozenset(keys),
            states=None if state is None else frozenset({state}),
            kinds=None if kind is None else frozenset({kind}),
            since=_SINCE.read(request),
            until=_UNTIL.read(request),
            excluded=_EXCLUDED.read(request),
            valued=_VALUED.read(request),
            text=_TEXT.read(request) or "",
        )

    async def _entry(self, request: web.Request) -> AuthorFullForm:
        chain, address, asset, name = (one.read(request) or "" for one in _NAMED)
        full = await self.sources.desk.full(Key(chain, address, asset), name)
        if full is None:
            raise Problem(404, "No such transfer is known.")
        return full_form(full, self.money)

    async def _manual(self, _request: web.Request) -> ManualGiftsForm:
        return {"gifts": [annotation_form(one) for one in await self.sources.desk.by_hand()]}

    async def _health(self, _request: web.Request) -> HealthForm:
        return health_form(self.sources.upstreams(), await self.sources.desk.doubts())
