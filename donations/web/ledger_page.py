"""One page of the listing -> HTML in one language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from donations.ledger import Kind, Level
from donations.snapshot import Freshness
from donations.web.assets import integrity
from donations.web.markup import Html, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from donations.ledger import Key
    from donations.listing import Sums
    from donations.snapshot import Coin, Snapshot
    from donations.web.page_words import Pages

_STANDING = ("pending", "confirmed", "final")
_COMMAND = Html('<code dir="ltr">donations verify proof.json</code>')
_WORDS = ("proven", "agreed", "final", "own", "gone")
# Transactions that are written out under one transfer.
_INSIDE = 6
_MINUS = "\u2212"


@dataclass(frozen=True)
class PageWriter:
    """Writes pages in one language."""

    pages: Pages
    zone: tzinfo = UTC

    @cached_property
    def style_hash(self) -> str:
        """The style sheet as the policy of the page names it."""
        return integrity(self.pages.style.encode())

    def write(
        self, snapshot: Snapshot, facts: Mapping[str, Any], sums: Sums, page: int, pages: int
    ) -> Html:
        """Page number ``page`` of ``pages``; ``facts`` are those of `listing.Page`."""
        say, locale = self.pages.say, self.pages.locale
        known = any(coin.as_of is not None for coin in snapshot.coins)
        newest = page == pages
        here = Html() if newest else Html(f"&amp;page={page}")
        return self.pages.piece(
            "page",
            lang=locale.tag,
            dir=locale.direction,
            title=say("title"),
            blog=snapshot.title or locale.say("title"),
            style=Html(self.pages.style),
            intro=say("intro"),
            coins=join(self._coin(coin, sums) for coin in snapshot.coins),
            body=self._body(facts, known=known),
            pages=self._navigation(page, pages) if pages > 1 else Html(),
            words_title=say("words"),
            words=join(self._words(snapshot)),
            limits=say("word_limits"),
            check=self._check(sums),
            home=locale.say("home"),
            languages=join(
                self.pages.piece("language", tag=tag, name=name, page=here)
                for tag, name in self.pages.others.items()
            ),
            json=Html() if newest else Html(f"?page={page}"),
        )

    # -- the addresses

    def _coin(self, coin: Coin, sums: Sums) -> Html:
        say, locale = self.pages.say, self.pages.locale
        total, proven, gifts = locale.say("unknown"), Html(), 0
        if coin.sums is not None:
            own = coin.sums[0]
            total = Html(locale.amount(own.received, own.decimals, own.symbol))
            units, gifts = _of(sums, coin, Level.PROVEN)
            if gifts:
                amount = locale.amount(units, own.decimals, own.symbol)
                proven = join([Html(" · "), say("of_these_proven", amount=amount)])
        return self.pages.piece(
            "coin",
            name=coin.title,
            address=coin.address,
            received=locale.say("received"),
            total=total,
            proven=proven,
            state=self._state(coin),
            proof=self._total_proof(coin) if gifts else Html(),
        )

    def _total_proof(self, coin: Coin) -> Html:
        text = self.pages.say("proof_total")
        return self.pages.piece("total", chain=coin.chain, address=coin.address, text=text)

    def _check(self, sums: Sums) -> Html:
        if not any(level is Level.PROVEN for _, level in sums):
            return Html()
        return self.pages.piece("paragraph", text=self.pages.say("check", command=_COMMAND))

    def _state(self, coin: Coin) -> Html:
        locale = self.pages.locale
        if coin.as_of is None or coin.freshness is Freshness.NEVER:
            return self.pages.say("unknown")
        return locale.say(
            coin.freshness.value,
            when=locale.moment(coin.as_of.observed, self.zone),
            block=locale.whole(coin.as_of.height),
            sources=locale.count("sources", coin.sources),
        )

    # -- the transfers

    def _body(self, facts: Mapping[str, Any], *, known: bool) -> Html:
        entries, small = facts["entries"], facts["small"]
        if not entries and not small:
            return self.pages.piece("note", text=self.pages.say("nothing" if known else "unknown"))
        # The newest first: that is what readers come for.
        months = groupby(reversed(entries), lambda entry: self._month(entry["time"]))
        parts = [
            self.pages.piece("month", month=month, rows=join(map(self._row, rows)))
            for month, rows in months
        ]
        return join([*parts, *map(self._small, small)])

    def _month(self, time: int) -> str:
        from babel.dates import format_skeleton

        when = datetime.fromtimestamp(time, self.zone)
        text: str = format_skeleton("yMMMM", when, locale=self.pages.locale.cldr)
        return text

    def _row(self, entry: Mapping[str, Any]) -> Html:
        locale = self.pages.locale
        units = int(entry["units"])
        amount = locale.amount(abs(units), entry["decimals"], entry["asset"])
        signed = f"{_MINUS if units < 0 else '+' if units else ''}{amount}"
        block = Html()
        if entry["block"]:
            said = self.pages.say("block", block=locale.whole(entry["block"]["height"]))
            block = join([Html(" · "), said])
        return self.pages.piece(
            "row",
            amount=self.pages.piece(
                "gone" if entry["stands"] in ("dropped", "replaced") else "amount", amount=signed
            ),
            kind=self.pages.say(entry["kind"]),
            stands=entry["stands"],
            marks=join(self._marks(entry)),
            iso=datetime.fromtimestamp(entry["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            when=locale.date(entry["time"], self.zone),
            block=block,
            id=entry["id"],
            inside=join(self._inside(entry["transactions"])),
            proof=self._proof(entry),
            thanks=self._thanks(entry["thanks"]),
        )

    def _thanks(self, text: str) -> Html:
        """What the author says of it, in the direction that its own letters have."""
        if not text:
            return Html()
        return self.pages.piece("thanks", says=self.pages.say("author_says"), text=text)

    def _inside(self, transactions: Sequence[str]) -> Iterator[Html]:
        """What income from inside contract calls came with: more than a few say nothing more."""
        for number in transactions[:_INSIDE]:
            yield self.pages.piece("inside", id=number)
        if len(transactions) > _INSIDE:
            yield self.pages.piece(
                "more", count=self.pages.locale.whole(len(transactions) - _INSIDE)
            )

    def _proof(self, entry: Mapping[str, Any]) -> Html:
        """The way to the bundle: of gifts that stand in a block, and are proven."""
        proven = entry["level"] == Level.PROVEN and entry["stands"] in ("confirmed", "final")
        if not (proven and entry["counts"]):
            return Html()
        return self.pages.piece(
            "proof",
            chain=entry["chain"],
            address=entry["address"],
            id=entry["id"],
            text=self.pages.say("proof"),
        )

    def _marks(self, entry: Mapping[str, Any]) -> Iterator[Html]:
        say, stands = self.pages.say, entry["stands"]
        if stands not in _STANDING:
            yield self._mark(stands, say(stands))
            if entry["replaced_by"]:
                yield self.pages.piece("rival", text=say("replaced_by"), id=entry["replaced_by"])
            return
        if entry["excluded"]:
            yield self._mark("excluded", say("excluded"))
        if entry["kind"] == Kind.GIFT and not entry["counts"] and not entry["excluded"]:
            yield self._mark("immature", say("immature"))
        else:
            yield self._mark(stands, self.pages.locale.say(f"stage_{stands}"))
        if entry["level"] == Level.PROVEN:
            yield self._mark("proven", say("proven"))
        else:
            yield self._mark("agreed", self._agreed(entry["operators"]))

    def _mark(self, name: str, word: Html) -> Html:
        return self.pages.piece("mark", name=name, word=word)

    def _agreed(self, operators: int) -> Html:
        return self.pages.locale.count("ledger_agreed", operators)

    def _small(self, small: Mapping[str, Any]) -> Html:
        locale = self.pages.locale
        amount = locale.amount(int(small["units"]), small["decimals"], small["asset"])
        text = self.pages.say("small", gifts=locale.count("gifts", small["gifts"]), amount=amount)
        return self.pages.piece("small", text=text)

    # -- around them

    def _words(self, snapshot: Snapshot) -> Iterator[Html]:
        say = self.pages.say
        operators = max((coin.required for coin in snapshot.coins), default=1)
        named = {
            "proven": say("proven"),
            "agreed": self._agreed(operators),
            "final": self.pages.locale.say("stage_final"),
            "own": say("own"),
            "gone": join([say("dropped"), Html(", "), say("replaced")]),
        }
        for name in _WORDS:
            if name == "agreed" and operators < 2:
                continue  # one operator agrees with nobody
            yield self.pages.piece("word", word=named[name], text=say(f"word_{name}"))

    def _navigation(self, page: int, pages: int) -> Html:
        links = []
        if page < pages:
            links += [
                self._link("newest", None),
                self._link("newer", page + 1, "prev"),
            ]
        if page > 1:
            links += [self._link("older", page - 1, "next"), self._link("oldest", 1)]
        whole = self.pages.locale.whole
        return self.pages.piece(
            "pages",
            label=self.pages.say("pages"),
            links=join(links),
            here=self.pages.say("page", page=whole(page), pages=whole(pages)),
        )

    def _link(self, word: str, page: int | None, rel: str = "") -> Html:
        return self.pages.piece(
            "link",
            lang=self.pages.locale.tag,
            page=Html() if page is None else Html(f"&amp;page={page}"),
            rel=Html(f' rel="{rel}"') if rel else Html(),
            text=self.pages.say(word),
        )


def _of(sums: Sums, coin: Coin, level: Level) -> tuple[int, int]:
    """Units and number of the gifts of a coin's own asset at a level."""
    found = [total for (key, its), total in sums.items() if its is level and _is_of(key, coin)]
    return sum(units for units, _ in found), sum(gifts for _, gifts in found)


def _is_of(key: Key, coin: Coin) -> bool:
    return (key.chain, key.address, key.asset) == (coin.chain, coin.address, coin.symbol)
