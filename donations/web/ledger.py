"""Every transfer, page by page, in HTML and JSON.

The facts of each page are prepared when something changes, whoever asks; a request words one page,
of a hundred transfers, and those that were just worded are kept.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import OrderedDict
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web import policy
from donations.web.api.forms import LedgerForm
from donations.web.api.operation import Operation, get
from donations.web.api.parameter import whole
from donations.web.ledger_page import PageWriter
from donations.web.locale import FALLBACK, primary
from donations.web.page_words import load_pages
from donations.web.prepared import Prepared, prepare
from donations.web.send import send

if TYPE_CHECKING:
    from donations.listing import Listing
    from donations.snapshot import Snapshot
    from donations.web.assets import Assets

# Pages in the languages they were asked for: some 30 kB each.
_KEPT = 64
_NUMBER = re.compile(r"[1-9][0-9]{0,6}")
_PAGE = whole("page", "Which page; without it the newest.", lowest=1, highest=9_999_999)
PAGES = Operation(
    "listLedgerPage",
    "A hundred transfers in the order they came",
    LedgerForm,
    parameters=(_PAGE,),
    errors=(404, 503),
    kept=True,
)
_NOTHING = b'{"entries":[],"small":[]}'


class LedgerPages:
    """Holds what was published last, and words it."""

    def __init__(self, assets: Assets, *, zone: tzinfo = UTC) -> None:
        self._writers = {
            tag: PageWriter(p, zone) for tag, p in load_pages(assets, "ledger").items()
        }
        self._published: tuple[Snapshot, Listing] | None = None
        self._kept: OrderedDict[tuple[str, int], Prepared] = OrderedDict()
        self._wording = threading.Lock()

    def publish(self, snapshot: Snapshot, listing: Listing) -> None:
        """Answer from these from now on."""
        if self._published != (snapshot, listing):
            with self._wording:
                self._published = snapshot, listing
                self._kept.clear()

    def routes(self) -> list[web.AbstractRouteDef]:
        """The page and its JSON; without a number the newest."""
        return [web.get("/ledger", self._html), get("/ledger.json", self._json, PAGES)]

    async def _html(self, request: web.Request) -> web.Response:
        return send(await asyncio.to_thread(self._find, request, "html"), request)

    async def _json(self, request: web.Request) -> web.Response:
        return send(await asyncio.to_thread(self._find, request, "json"), request)

    def _find(self, request: web.Request, form: str) -> Prepared:
        with self._wording:
            if self._published is None:
                raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
            snapshot, listing = self._published
            page = _number(request.query.get("page"), len(listing.pages))
            tag = "" if form == "json" else self._tag(request.query.get("lang"), snapshot.language)
            found = self._kept.get((tag, page))
            if found is None:
                facts = listing.pages[page - 1].facts if listing.pages else _NOTHING
                if form == "json":
                    found = _json(snapshot, listing, page, facts)
                else:
                    found = self._worded(tag, snapshot, listing, page, facts)
                self._kept[tag, page] = found
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end((tag, page))
            return found

    def _tag(self, wish: str | None, usual: str) -> str:
        tags = (primary(wish), primary(usual), FALLBACK)
        return next(tag for tag in tags if tag in self._writers)

    def _worded(
        self, tag: str, snapshot: Snapshot, listing: Listing, page: int, facts: bytes
    ) -> Prepared:
        writer = self._writers[tag]
        pages = max(1, len(listing.pages))
        html = writer.write(snapshot, json.loads(facts), listing.sums, page, pages)
        return prepare(html.encode(), policy.plain_page(writer.style_hash), quickly=True)


def _number(text: str | None, pages: int) -> int:
    """The page that is asked for; the newest without a wish. Raises the answer 404."""
    if text is None:
        return max(1, pages)
    if _NUMBER.fullmatch(text) is None or int(text) > max(1, pages):
        raise web.HTTPNotFound
    return int(text)


def _json(snapshot: Snapshot, listing: Listing, page: int, facts: bytes) -> Prepared:
    """The prepared facts behind what all pages share."""
    head = {
        "version": 1,
        "page": page,
        "pages": max(1, len(listing.pages)),
        "transfers": listing.entries,
        "as_of": [
            {
                "chain": coin.chain,
                "address": coin.address,
                "state": coin.freshness.value,
                "height": coin.as_of and coin.as_of.height,
                "block": coin.as_of and coin.as_of.hash,
                "observed": coin.as_of and coin.as_of.observed,
            }
            for coin in snapshot.coins
        ],
    }
    body = json.dumps(head, separators=(",", ":")).encode()[:-1] + b"," + facts[1:]
    return prepare(body, policy.SNAPSHOT, quickly=True)
