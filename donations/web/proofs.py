"""Proof bundles for whoever asks: one at a time, and few in waiting.

The one answer that is read when it is asked for: prepared, the headers in each of them would take
more room than the ledger. It is no page, and what reads for it cannot write or keep the writer
waiting.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from aiohttp import web

from donations.errors import BundleRefused, StoreError
from donations.web import policy
from donations.web.api.forms import Anything
from donations.web.api.operation import Operation, get
from donations.web.api.parameter import any_text
from donations.web.prepared import Prepared, prepare
from donations.web.send import send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

_WAITING = 8
_KEPT_BYTES = 16 * 2**20
_LONGEST = 200  # characters of a chain, an address or a number
BUNDLE = Operation(
    "getProof",
    "What proves a transfer, or all of an address: for `donations verify`",
    Anything,
    parameters=(
        any_text("chain", "The chain: btc, bch or eth.", required=True),
        any_text("address", "The address, as /snapshot.json has it.", required=True),
        any_text("id", "The transfer, as /ledger.json has it; without it all of the address."),
    ),
    errors=(404, 503),
    kept=True,
)


class Proofs:
    """``make`` gives the bundle of (chain, address, number of the transaction; None: of all)."""

    def __init__(self, make: Callable[[str, str, str | None], Awaitable[bytes]]) -> None:
        self._make = make
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[tuple[str, str, str | None], Prepared] = OrderedDict()

    def changed(self) -> None:
        """Headers or proofs may be others now."""
        self._kept.clear()

    def routes(self, of: Collection[tuple[str, str]] | None = None) -> list[web.AbstractRouteDef]:
        """The one file; with ``of`` only about these (chain, address)."""

        async def answer(request: web.Request) -> web.Response:
            query = request.query
            if of is not None and (query.get("chain"), query.get("address")) not in of:
                raise web.HTTPNotFound
            return await self._answer(request)

        return [get("/proof.json", answer, BUNDLE)]

    async def _answer(self, request: web.Request) -> web.Response:
        query = request.query
        asked = (query.get("chain", ""), query.get("address", ""), query.get("id"))
        if any(len(part or "") > _LONGEST for part in asked):
            raise web.HTTPNotFound
        if self._waiting >= _WAITING:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._turn:
                return send(await self._find(asked), request)
        except BundleRefused:
            raise web.HTTPNotFound from None
        except StoreError:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "30"}) from None
        finally:
            self._waiting -= 1

    async def _find(self, asked: tuple[str, str, str | None]) -> Prepared:
        found = self._kept.get(asked)
        if found is None:
            body = await self._make(*asked)
            found = prepare(body, policy.PROOF, compress=False)
            self._kept[asked] = found
            while sum(len(p.bodies["identity"]) for p in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
        return found
