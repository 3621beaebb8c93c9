"""Transfers as the lines of a list, each a link to the whole of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from donations.arrivals import whereabouts_of
from donations.ledger import Kind, Level
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from donations.author_facts import Asset
    from donations.books import Entry
    from donations.ledger import Key, Transfer
    from donations.web.author.words import Writer

_MINUS = "\u2212"
_STANDING = ("pending", "confirmed", "final")


def query_of(key: Key, identity: str) -> str:
    """How a transfer is named in an address."""
    named = {"chain": key.chain, "address": key.address, "asset": key.asset, "id": identity}
    return urlencode(named)


class RowWriter:
    """Writes lines in one language."""

    def __init__(
        self, writer: Writer, root: str, assets: Mapping[Key, Asset], currency: str, digits: int
    ) -> None:
        self._writer, self._pages, self._root = writer, writer.pages, root
        self._assets, self._currency, self._digits = assets, currency, digits

    def write(self, entries: Iterable[Entry]) -> Html:
        """The list."""
        return self._pages.piece("rows", rows=join(self._row(entry) for entry in entries))

    def _row(self, entry: Entry) -> Html:
        transfer, locale = entry.transfer, self._pages.locale
        written = entry.remarks.note or entry.remarks.thanks
        return self._pages.piece(
            "row",
            root=self._root,
            query=query_of(transfer.key, transfer.id),
            iso=iso(transfer.received_at),
            when=locale.date(transfer.received_at, self._writer.zone),
            amount=self.amount(transfer),
            value=self.value(entry),
            marks=join(self.marks(entry)),
            note=self._pages.piece("written", text=written) if written else Html(),
        )

    def amount(self, transfer: Transfer) -> Html:
        """What it brought or took, with its sign; struck out where it does not stand."""
        asset = self._assets.get(transfer.key)
        decimals = 0 if asset is None else asset.decimals
        units, name = transfer.amount, transfer.key.asset
        shown = self._pages.locale.amount(abs(units), decimals, name)
        sign = _MINUS if units < 0 else "+" if units else ""
        gone = transfer.bucket is None
        return self._pages.piece("gone" if gone else "stands", amount=Html(f"{sign}{shown}"))

    def value(self, entry: Entry) -> Html:
        """What it was worth when it came; nothing of the sort where there is nothing to value."""
        if entry.value is not None:
            return self._pages.locale.money(entry.value.minor, self._currency, self._digits)
        return self._pages.say("no_value") if entry.transfer.bucket is not None else Html()

    def marks(self, entry: Entry) -> Iterator[Html]:
        """Where it stands, what stands behind it, and what it is."""
        transfer, say = entry.transfer, self._pages.locale.say
        stands = whereabouts_of(transfer).value
        if transfer.excluded:
            yield self._mark("excluded", self._pages.say("not_a_gift"))
        elif transfer.kind is not Kind.GIFT:
            yield self._mark("kind", say(f"ledger_{transfer.kind.value}"))
        if stands in _STANDING:
            yield self._mark(stands, say(f"stage_{stands}"))
            yield self._mark(transfer.level.value, self.level(transfer))
        else:
            yield self._mark(stands, say(f"ledger_{stands}"))

    def level(self, transfer: Transfer) -> Html:
        """What stands behind it."""
        locale = self._pages.locale
        if transfer.level is Level.PROVEN:
            return locale.say("ledger_proven")
        asset = self._assets.get(transfer.key)
        return locale.count("ledger_agreed", 1 if asset is None else asset.required)

    def _mark(self, name: str, word: Html) -> Html:
        return self._pages.piece("mark", name=escape(name), word=word)


def iso(time: int) -> str:
    """A moment (Unix seconds) as <time> wants it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
