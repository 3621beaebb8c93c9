"""The public part of the interface: totals, gifts by cursor, one payment by its number.

Answered from what was published last: no query, and no upstream.
"""

from __future__ import annotations

import asyncio
import json
from itertools import islice
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.listing import place_in
from donations.web import policy
from donations.web.api.cursor import CURSOR, write_cursor
from donations.web.api.operation import Operation, get
from donations.web.api.parameter import whole, word
from donations.web.api.problem import Problem
from donations.web.api.public_forms import GiftsForm, PaymentForm, PaymentsForm, TotalsForm
from donations.web.api.totals import totals_form
from donations.web.number import parse_number
from donations.web.prepared import prepare
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from aiohttp import web

    from donations.arrivals import Arrival
    from donations.listing import Listing, Place
    from donations.snapshot import Shown, Snapshot
    from donations.web.api.operation import Route

MOST = 100
USUAL = 50
# Entries that are looked at for one answer: other transfers stand between gifts.
_LOOKED_AT = 1_000

LIMIT = whole("limit", f"Entries at most; {USUAL} without it.", lowest=1, highest=MOST)
_NUMBER = word(
    "number",
    "The number of a transaction: 64 hexadecimal digits, 0x before them or not.",
    "(?:0[xX])?[0-9a-fA-F]{64}",
    in_path=True,
)

_TOTALS = Operation(
    "getTotals", "What came in, by address and by asset", TotalsForm, errors=(503,), kept=True
)
_GIFTS = Operation(
    "listGifts",
    "The gifts that stand, the newest first; very small ones are counted and not listed",
    GiftsForm,
    parameters=(CURSOR, LIMIT),
    errors=(503,),
    kept=True,
)
_PAYMENT = Operation(
    "getPayment",
    "Where a payment stands, by the number of its transaction",
    PaymentsForm,
    parameters=(_NUMBER,),
    errors=(404, 503),
    kept=True,
)


class PublicApi:
    """Holds what was published last, and answers from it."""

    def __init__(self, shown: Sequence[Shown], *, sums: bool = True, lists: bool) -> None:
        """``sums``: whether those of each coin are public; ``lists``: every single transfer."""
        self._addresses = frozenset((one.chain.name, one.address) for one in shown)
        self._sums = sums
        self._decimals = {
            (one.chain.name, symbol): number
            for one in shown
            for symbol, number in one.decimals.items()
        }
        self._lists = lists
        self._snapshot: Snapshot | None = None
        self._arrivals: Mapping[str, Mapping[bytes, tuple[Arrival, ...]]] = {}
        self._listing: Listing | None = None

    def publish(
        self, snapshot: Snapshot, arrivals: Mapping[str, Mapping[bytes, tuple[Arrival, ...]]]
    ) -> None:
        """Answer from these from now on; ``arrivals`` by chain and number must not change."""
        self._snapshot, self._arrivals = snapshot, arrivals

    def take_list(self, listing: Listing) -> None:
        """The gifts are these from now on."""
        self._listing = listing

    def routes(self) -> list[Route]:
        """What is public; without the sums or the list where they are hidden."""
        listed = [get("/api/v1/gifts", self._gifts, _GIFTS)] if self._lists else []
        totals = [get("/api/v1/totals", self._totals, _TOTALS)] if self._sums else []
        return [
            *totals,
            *listed,
            get("/api/v1/payments/{number}", self._payment, _PAYMENT),
        ]

    async def _totals(self, request: web.Request) -> web.Response:
        if self._snapshot is None:
            raise _not_yet()
        return _answer(totals_form(self._snapshot), request)

    async def _gifts(self, request: web.Request) -> web.Response:
        listing, before = self._listing, CURSOR.read(request)
        if listing is None:
            raise _not_yet()
        limit = LIMIT.read(request) or USUAL
        return _answer(await asyncio.to_thread(_page, listing, before, limit), request)

    async def _payment(self, request: web.Request) -> web.Response:
        number = parse_number(_NUMBER.read(request) or "")
        if self._snapshot is None:
            raise _not_yet()
        found = {
            (told["chain"], told["address"], told["asset"], told["id"]): told
            for told in (*self._listed(number), *self._recent(number))
        }
        if not found:
            raise Problem(404, "No payment with this number is known here, or not yet.")
        form: PaymentsForm = {"payments": [*found.values()]}
        return _answer(form, request)

    def _listed(self, number: bytes) -> Iterator[PaymentForm]:
        for entry in () if self._listing is None else self._listing.find(number):
            yield {
                "chain": entry["chain"],
                "address": entry["address"],
                "asset": entry["asset"],
                "id": entry["id"],
                "gift": entry["kind"] == "gift",
                "stands": entry["stands"],
                "units": entry["units"],
                "amount": entry["amount"],
                "decimals": entry["decimals"],
                "time": entry["time"],
                "height": entry["block"] and entry["block"]["height"],
                "replaced_by": entry["replaced_by"],
            }

    def _recent(self, number: bytes) -> Iterator[PaymentForm]:
        for of_chain in self._arrivals.values():
            for arrival in of_chain.get(number, ()):
                if (arrival.key.chain, arrival.key.address) not in self._addresses:
                    continue
                decimals = self._decimals[arrival.key.chain, arrival.key.asset]
                yield {
                    "chain": arrival.key.chain,
                    "address": arrival.key.address,
                    "asset": arrival.key.asset,
                    "id": arrival.id,
                    "gift": arrival.gift,
                    "stands": arrival.whereabouts,
                    "units": str(arrival.units),
                    "amount": format_amount(arrival.units, decimals),
                    "decimals": decimals,
                    "time": arrival.at,
                    "height": arrival.height,
                    "replaced_by": arrival.replaced_by,
                }


def _page(listing: Listing, before: Place | None, limit: int) -> GiftsForm:
    """The next gifts, and from where to go on: more may be there although fewer are told."""
    gifts: list[Any] = []
    last = None
    entries = listing.before(before)
    for entry in islice(entries, _LOOKED_AT):
        last = place_in(entry)
        if entry["kind"] == "gift" and entry["counts"]:
            gifts.append(entry)
            if len(gifts) == limit:
                break
    more = next(entries, None) is not None
    return {"gifts": gifts, "next": write_cursor(last) if last and more else None}


def _not_yet() -> Problem:
    return Problem(503, headers={"Retry-After": "1"})


def _answer(form: Any, request: web.Request) -> web.Response:
    body = json.dumps(form, separators=(",", ":")).encode("ascii")
    return send(prepare(body, policy.SNAPSHOT, quickly=True), request)
