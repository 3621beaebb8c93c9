"""Where a payment stands -> a page in plain words, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from donations.arrivals import LATEST, Arrival, Whereabouts
from donations.snapshot import Freshness
from donations.web.assets import integrity
from donations.web.markup import Html, join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.snapshot import Coin, Snapshot
    from donations.web.page_words import Pages
    from donations.web.thanks_card import CardWriter

# Of one transaction: a flood of tokens makes no endless page.
_SHOWN = 10
_UNDER_WAY = {Whereabouts.PENDING, Whereabouts.CONFIRMED, Whereabouts.MISSING}


@dataclass(frozen=True)
class PageWriter:
    """Writes the page in one language."""

    pages: Pages
    card: CardWriter

    @cached_property
    def style_hash(self) -> str:
        """The style sheet as the policy of the page names it."""
        return integrity(self.pages.style.encode())

    @staticmethod
    def is_under_way(found: Sequence[Arrival]) -> bool:
        """Whether news is to be expected."""
        return any(a.gift and a.whereabouts in _UNDER_WAY for a in found)

    def ask(self, snapshot: Snapshot) -> Html:
        """The empty form."""
        return self._page(snapshot, self._form())

    def refuse(self, snapshot: Snapshot, *, secret: bool) -> Html:
        """What was given is no number of a transaction. Nothing of it is repeated."""
        alarm = self.pages.piece("alarm", text=self.pages.say("secret" if secret else "bad"))
        return self._page(snapshot, join([alarm, self._form(invalid=True)]))

    def unknown(self, snapshot: Snapshot, number: str, *, still: bool) -> Html:
        """Nothing is known of the transaction, said honestly."""
        inside = any(coin.chain == "eth" for coin in snapshot.coins)
        card = self.pages.piece(
            "unknown",
            **self.pages.said("unknown_title", "unknown_text", "unknown_check"),
            coins=join(self._coin(coin) for coin in snapshot.coins),
            inside=self.pages.note("unknown_inside") if inside else Html(),
            old=self.pages.say("unknown_old", count=self.pages.locale.whole(LATEST)),
            number=self._number(number),
        )
        foot = self._foot(number, again=True, still=still)
        return self._page(snapshot, join([card, foot]), number)

    def known(
        self,
        snapshot: Snapshot,
        number: bytes,
        found: Sequence[Arrival],
        pays: Callable[[str, str], bool],
        *,
        still: bool,
    ) -> Html:
        """Where each payment of the transaction stands. ``pays``: whether another one pays here."""
        written = found[0].id.partition(":")[0]
        written = written if written.startswith("0x") else number.hex()
        cards = [self.card.write(snapshot, each, pays) for each in found[:_SHOWN]]
        foot = self._foot(written, again=self.is_under_way(found), still=still)
        return self._page(snapshot, join([*cards, self._number(written), foot]), written)

    def _coin(self, coin: Coin) -> Html:
        when = self.pages.say("when_eth" if coin.chain == "eth" else "when")
        if coin.freshness is not Freshness.FRESH:
            when = self.pages.say("silent")
        return self.pages.piece("coin", name=coin.title, address=coin.address, when=when)

    def _form(self, *, invalid: bool = False) -> Html:
        mark = Html(' aria-invalid="true" autofocus' if invalid else "")
        said = self.pages.said("label", "hint", "look")
        return self.pages.piece("form", lang=self.pages.locale.tag, invalid=mark, **said)

    def _number(self, number: str) -> Html:
        return self.pages.piece("number", label=self.pages.say("label"), number=number)

    def _foot(self, number: str, *, again: bool, still: bool) -> Html:
        lang, notes = self.pages.locale.tag, Html()
        if again:
            said = self.pages.said("again", "stop", "look_again")
            piece = "look" if still else "again"
            notes = self.pages.piece(piece, lang=lang, number=number, **said)
        return join([notes, self.pages.piece("another", lang=lang, text=self.pages.say("another"))])

    def _page(self, snapshot: Snapshot, body: Html, number: str = "") -> Html:
        languages = (
            self.pages.piece("language", tag=tag, name=name, number=number)
            for tag, name in self.pages.others.items()
        )
        return self.pages.piece(
            "page",
            lang=self.pages.locale.tag,
            blog=snapshot.title or self.pages.locale.say("title"),
            style=Html(self.pages.style),
            body=body,
            **self.pages.said("title", "kept"),
            home=self.pages.locale.say("home"),
            languages=join(languages),
        )
