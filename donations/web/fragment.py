"""Snapshot -> the one HTML fragment that every form of the widget shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from donations import qr
from donations.snapshot import Coin, Freshness, Gift, Part, Snapshot
from donations.web.goal import (
    say_amount,
    say_elsewhere,
    say_milestones,
    say_name,
    say_notes,
    say_progress,
)
from donations.web.markup import Html, escape, fill, join

if TYPE_CHECKING:
    from donations.goals import Goal
    from donations.web.assets import Assets
    from donations.web.locale import Locale

LATEST = 3  # gifts shown: a widget has one height, whatever came in


def say_network(locale: Locale, coin: Coin) -> Html:
    """Where a gift must be sent: an address alone does not say it, least of all on Ethereum."""
    if coin.network != "mainnet":
        return locale.say("network_test", network=coin.network)
    if coin.chain == "eth":
        return locale.say("network_main_eth")
    return locale.say("network_main", coin=coin.title)


@dataclass(frozen=True, slots=True)
class FragmentWriter:
    """Renders snapshots in one language. ``home`` is where the hosted page is."""

    assets: Assets
    locale: Locale
    home: str
    zone: tzinfo = UTC
    accent: str = ""

    def write(self, snapshot: Snapshot, *, compact: bool = False, drawn: bool = True) -> Html:
        """The card: goal, coins with codes and sums, latest gifts.

        ``compact`` is a line that opens into the card. Not ``drawn``, the codes come as bits,
        which are smaller, for the element's script to draw.
        """
        say = self.locale.say
        body = self._piece(
            "body",
            goal=self._goal(snapshot.goal) if snapshot.goal else Html(),
            choose=say("choose"),
            coins=join([self._coin(i, c, snapshot, drawn) for i, c in enumerate(snapshot.coins)]),
            latest=Html() if Part.GIFTS in snapshot.hidden else self._latest(snapshot),
            home=self.home,
            verify=say("verify"),
        )
        return self._piece(
            "compact" if compact else "card",
            lang=self.locale.tag,
            dir=self.locale.direction,
            accent=Html(f' data-accent="{escape(self.accent)}"' if self.accent else ""),
            ages=self.locale.ages,
            title=snapshot.title or say("title"),
            short=self._short(snapshot),
            give=say("give"),
            body=body,
        )

    def _short(self, snapshot: Snapshot) -> Html:
        """What fits in the closed line: how far the goal is, else what can be given."""
        goal = snapshot.goal
        if goal is None or goal.percent is None:
            return escape(" · ".join(dict.fromkeys(coin.symbol for coin in snapshot.coins)))
        return self.locale.say(
            "goal_short",
            percent=self.locale.whole(goal.percent),
            target=say_amount(self.locale, goal, goal.target),
        )

    def _piece(self, piece: str, /, **values: str | int) -> Html:
        return fill(self.assets.pieces[piece], **values)

    def _time(self, time: int, text: str) -> Html:
        iso = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._piece("time", iso=iso, text=text)

    def _goal(self, goal: Goal) -> Html:
        locale = self.locale
        text = [say_progress(locale, goal), *say_notes(locale, goal)]
        more = [say_elsewhere(locale, goal)] if goal.elsewhere else []
        more += [say_milestones(locale, goal)] if goal.milestones else []
        return self._piece(
            "goal",
            label=say_name(locale, goal),
            text=Html(" · ".join(text)),
            percent=min(goal.percent or 0, 100),
            soon=min(goal.soon or 0, 100),
            more=join([self._piece("more", text=each) for each in more]),
        )

    def _coin(self, index: int, coin: Coin, snapshot: Snapshot, drawn: bool) -> Html:
        say = self.locale.say
        # Two addresses of one chain are told apart by their ends.
        alone = sum(other.chain == coin.chain for other in snapshot.coins) == 1
        code = say("qr", coin=coin.title)
        return self._piece(
            "coin",
            index=index,
            checked=Html(" checked" if index == 0 else ""),
            symbol=coin.symbol,
            name=coin.title if alone else f"…{coin.address[-4:]}",
            data=Html() if drawn else self._data(coin, code),
            svg=self._svg(coin, code) if drawn else Html(),
            network=self._network(coin),
            address=self._address(coin.address),
            copied=say("copied"),
            failed=say("failed"),
            copy=say("copy"),
            link=coin.link,
            open=say("open", coin=coin.title),
            sum=Html() if Part.TOTALS in snapshot.hidden else self._sum(index, coin),
            freshness=coin.freshness.value,
            state=self._state(coin),
        )

    def _svg(self, coin: Coin, code: Html) -> Html:
        side = qr.side(coin.payment)
        return self._piece("svg", side=side, qr=code, path=qr.path(coin.payment))

    def _data(self, coin: Coin, code: Html) -> Html:
        return self._piece("data", bits=qr.bits(coin.payment), qr=code)

    def _address(self, address: str) -> Html:
        """The address in groups of four; the gaps are style, so that a selection has none."""
        prefix, colon, body = address.rpartition(":")
        groups = [body[i : i + 4] for i in range(0, len(body), 4)]
        first, *middle, last = ([prefix + colon] if prefix else []) + groups
        inner = "".join(f"<span>{part}</span>" for part in map(escape, middle))
        # The ends are what people compare, so they stand out.
        return Html(f"<b>{escape(first)}</b>{inner}<b>{escape(last)}</b>")

    def _network(self, coin: Coin) -> Html:
        said = say_network(self.locale, coin)
        if coin.chain != "eth":
            return said
        return join([said, Html(". "), self.locale.say("eth_delay")])

    def _sum(self, index: int, coin: Coin) -> Html:
        total, pending = self._sums(coin)
        received = self.locale.say("received")
        return self._piece("sum", index=index, received=received, total=total, pending=pending)

    def _sums(self, coin: Coin) -> tuple[Html, Html]:
        """What arrived, and what is on its way."""
        say, amount = self.locale.say, self.locale.amount
        if coin.sums is None:
            return say("unknown"), Html()
        received = [amount(s.received, s.decimals, s.symbol) for s in coin.sums]
        pending = [amount(s.pending, s.decimals, s.symbol) for s in coin.sums if s.pending]
        text = say("pending", amount=Html(", ".join(pending))) if pending else Html()
        # A large sum in a narrow column may break before its symbol, never inside the number.
        own, *tokens = received
        total = Html(own.replace("\u00a0", " ") + "".join(f" +\u00a0{each}" for each in tokens))
        return total, self._piece("pending", text=text) if pending else Html()

    def _state(self, coin: Coin) -> Html:
        if coin.as_of is None or coin.freshness is Freshness.NEVER:
            return self.locale.say("never")
        moment = self.locale.moment(coin.as_of.observed, self.zone)
        return self.locale.say(
            coin.freshness.value,
            when=self._time(coin.as_of.observed, moment),
            block=self.locale.whole(coin.as_of.height),
            sources=self.locale.count("sources", coin.sources),
        )

    def _latest(self, snapshot: Snapshot) -> Html:
        return self._piece("latest", latest=self.locale.say("latest"), gifts=self._gifts(snapshot))

    def _gifts(self, snapshot: Snapshot) -> Html:
        if snapshot.gifts:
            items = join([self._gift(gift) for gift in snapshot.gifts[:LATEST]])
            return self._piece("gifts", new=self.locale.say("new"), items=items)
        known = any(coin.as_of is not None for coin in snapshot.coins)
        return self._piece("nogift", text=self.locale.say("none" if known else "gifts_unknown"))

    def _gift(self, gift: Gift) -> Html:
        return self._piece(
            "gift",
            amount=self.locale.amount(gift.units, gift.decimals, gift.symbol),
            when=self._time(gift.time, self.locale.date(gift.time, self.zone)),
            stage=gift.stage.value,
            word=self.locale.say(f"stage_{gift.stage.value}"),
        )
