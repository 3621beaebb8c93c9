"""Where one payment stands -> its card, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.arrivals import Arrival, Whereabouts
from donations.snapshot import Freshness
from donations.web.markup import Html, join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from donations.snapshot import Coin, Snapshot
    from donations.web.page_words import Pages

_STEPS = (Whereabouts.PENDING, Whereabouts.CONFIRMED, Whereabouts.FINAL)


@dataclass(frozen=True)
class CardWriter:
    """Writes in one language. ``decimals`` are by chain and asset.

    ``confirmations`` make a block of a chain final; 0 where the chain itself says so.
    """

    pages: Pages
    decimals: Mapping[tuple[str, str], int]
    confirmations: Mapping[str, int]
    zone: tzinfo

    def write(self, snapshot: Snapshot, arrival: Arrival, pays: Callable[[str, str], bool]) -> Html:
        """The card. ``pays`` tells whether a transaction of a chain pays one of the addresses."""
        say = self.pages.say
        coin = _coin_of(snapshot, arrival)
        if not arrival.gift:
            return self._card(coin, "", say("own_title"), say("own_text"), Html())
        decimals = self.decimals[arrival.key.chain, arrival.key.asset]
        amount = self.pages.locale.amount(arrival.units, decimals, arrival.key.asset)
        count = _confirmations(coin, arrival)
        match arrival.whereabouts:
            case Whereabouts.PENDING:
                title, text = say("seen"), say("pending_text")
            case Whereabouts.CONFIRMED:
                title, text = self._confirmed(count), self._soon_final(arrival)
            case Whereabouts.FINAL:
                title = say("final")
                text = say("final_text", block=self._block(arrival))
                if count is not None:
                    text = join([text, Html(" "), self._confirmed(count), Html(".")])
            case Whereabouts.REPLACED:
                title, text = say("replaced_title"), self._replaced(arrival, pays)
            case Whereabouts.MISSING:
                title, text = say("missing_title"), say("missing_text")
            case Whereabouts.DROPPED:
                title, text = say("dropped_title"), say("dropped_text")
        steps = self._steps(arrival, count) if arrival.whereabouts in _STEPS else Html()
        if arrival.inside:
            text = join([text, self.pages.note("inside")])
        return self._card(coin, amount, title, text, steps)

    def _card(self, coin: Coin | None, amount: str, title: Html, text: Html, steps: Html) -> Html:
        state = Html()
        if coin is not None and coin.as_of is not None:
            when = self.pages.locale.moment(coin.as_of.observed, self.zone)
            block = self.pages.locale.whole(coin.as_of.height)
            state = self.pages.say("as_of", coin=coin.title, when=when, block=block)
            if coin.freshness is not Freshness.FRESH:
                state = join([state, Html(" "), self.pages.say("silent")])
        blanks = {"amount": amount, "title": title, "text": text, "steps": steps, "state": state}
        return self.pages.piece("card", **blanks)

    def _steps(self, arrival: Arrival, count: int | None) -> Html:
        here = _STEPS.index(arrival.whereabouts)
        counted = self._confirmed(count if here > 0 else None)
        words = (self.pages.say("seen"), counted, self.pages.say("final"))
        marks = [*[' class="done"'] * here, ' aria-current="step"', "", ""]
        steps = (
            self.pages.piece("step", state=Html(mark), text=word)
            for mark, word in zip(marks, words, strict=False)
        )
        return self.pages.piece("steps", label=self.pages.say("steps"), items=join(steps))

    def _confirmed(self, count: int | None) -> Html:
        if count is None:
            return self.pages.say("confirmed_step")
        return self.pages.locale.count("thanks_confirmed", count)

    def _soon_final(self, arrival: Arrival) -> Html:
        needed = self.confirmations.get(arrival.key.chain, 0)
        block = self._block(arrival)
        if not needed:
            return self.pages.say("confirmed_eth", block=block)
        return self.pages.say("confirmed_text", block=block, final=self.pages.locale.whole(needed))

    def _replaced(self, arrival: Arrival, pays: Callable[[str, str], bool]) -> Html:
        other = arrival.replaced_by or ""
        link = self.pages.piece("other", number=other, lang=self.pages.locale.tag)
        here = "replaced_here" if pays(arrival.key.chain, other) else "replaced_away"
        return join([self.pages.say("replaced_text"), link, self.pages.note(here)])

    def _block(self, arrival: Arrival) -> str:
        return "?" if arrival.height is None else self.pages.locale.whole(arrival.height)


def _coin_of(snapshot: Snapshot, arrival: Arrival) -> Coin | None:
    at = (arrival.key.chain, arrival.key.address)
    return next((coin for coin in snapshot.coins if (coin.chain, coin.address) == at), None)


def _confirmations(coin: Coin | None, arrival: Arrival) -> int | None:
    """As of the published block; a payment in a block has one at least."""
    if coin is None or coin.as_of is None or arrival.height is None:
        return None
    return max(1, coin.as_of.height - arrival.height + 1)
