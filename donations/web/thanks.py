"""For the one who gave: where a payment stands, by the number of its transaction.

Looked up in memory, worded on the spot, kept nowhere: no cookie, no log, and no cache holds what
somebody asked for.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web import policy
from donations.web.locale import FALLBACK, primary
from donations.web.number import SPACE, NotANumber, parse_number
from donations.web.page_words import load_pages
from donations.web.thanks_card import CardWriter
from donations.web.thanks_page import PageWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.arrivals import Arrival
    from donations.snapshot import Shown, Snapshot
    from donations.web.assets import Assets
    from donations.web.markup import Html

# Seconds until the page of a payment that is under way asks again.
AGAIN = 30


class Thanks:
    """Holds what was published last, and answers from it."""

    def __init__(
        self,
        assets: Assets,
        shown: Sequence[Shown],
        confirmations: Mapping[str, int],
        *,
        zone: tzinfo = UTC,
    ) -> None:
        """``confirmations`` make a block of a chain final; 0 where the chain itself says so."""
        self._addresses = frozenset((one.chain.name, one.address) for one in shown)
        decimals = {
            (one.chain.name, symbol): number
            for one in shown
            for symbol, number in one.decimals.items()
        }
        self._writers = {
            tag: PageWriter(pages, CardWriter(pages, decimals, dict(confirmations), zone))
            for tag, pages in load_pages(assets, "thanks").items()
        }
        self._snapshot: Snapshot | None = None
        self._arrivals: Mapping[str, Mapping[bytes, tuple[Arrival, ...]]] = {}

    def publish(
        self, snapshot: Snapshot, arrivals: Mapping[str, Mapping[bytes, tuple[Arrival, ...]]]
    ) -> None:
        """Answer from these from now on; ``arrivals`` by chain and number must not change."""
        self._snapshot, self._arrivals = snapshot, arrivals

    def routes(self) -> list[web.AbstractRouteDef]:
        """The one page."""
        return [web.get("/thanks", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        snapshot = self._snapshot
        if snapshot is None:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
        writer = self._writer(request.query.get("lang"), snapshot.language)
        text = request.query.get("tx", "")
        if not text.strip(SPACE):
            return _page(writer.ask(snapshot), writer)
        try:
            number = parse_number(text)
        except NotANumber as error:
            return _page(writer.refuse(snapshot, secret=error.secret), writer, status=400)
        found = [a for chain in self._arrivals for a in self._of(chain, number)]
        still = "still" in request.query
        if not found:
            prefixed = text.strip(SPACE)[:2].lower() == "0x"
            written = f"0x{number.hex()}" if prefixed else number.hex()
            return _page(writer.unknown(snapshot, written, still=still), writer, again=not still)
        under_way = writer.is_under_way(found)
        page = writer.known(snapshot, number, found, self._pays, still=still)
        return _page(page, writer, again=under_way and not still)

    def _pays(self, chain: str, text: str) -> bool:
        """Whether a transaction is one that pays here."""
        return any(a.gift for a in self._of(chain, parse_number(text)))

    def _of(self, chain: str, number: bytes) -> list[Arrival]:
        """The payments of a transaction to the addresses that are shown here."""
        paid = self._arrivals.get(chain, {}).get(number, ())
        return [a for a in paid if (chain, a.key.address) in self._addresses]

    def _writer(self, wished: str | None, usual: str) -> PageWriter:
        for tag in (wished, primary(usual), FALLBACK):
            if tag is not None and tag in self._writers:
                return self._writers[tag]
        return next(iter(self._writers.values()))


def _page(
    page: Html, writer: PageWriter, *, status: int = 200, again: bool = False
) -> web.Response:
    headers = policy.private_page(writer.style_hash)
    if again:
        # As a header and not in the page: it ends with the page that "stop" leads to.
        headers["Refresh"] = str(AGAIN)
    return web.Response(body=page.encode(), headers=headers, status=status)
