"""What the author was told, and through which channels it reached him."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from donations.ledger import Key
from donations.web.author.rows import iso, query_of
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.author_facts import Asset, ChannelLine, Delivered, Notice
    from donations.web.author.words import Writer

PAGE = 50


def place_of(text: str) -> int | None:
    """Before which event the list begins; None where that is not asked, or makes no sense."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


class ToldWriter:
    """Writes it in one language."""

    def __init__(self, writer: Writer, root: str, assets: Mapping[Key, Asset]) -> None:
        self._pages, self._zone, self._root = writer.pages, writer.zone, root
        self._assets = assets

    def write(
        self, notices: Sequence[Notice], before: int | None, channels: Sequence[ChannelLine]
    ) -> Html:
        """The body: at most a page of events, and one more where there is a next page."""
        say, piece = self._pages.say, self._pages.piece
        first = piece("apart", text=say("told_no_channel"))
        if channels:
            first = piece("told", lines=piece("list", lines=join(map(self._channel, channels))))
        if not notices:
            return join([first, self._pages.note("told_nothing")])
        shown = notices[:PAGE]
        links: list[Html] = []
        if before is not None:
            links.append(piece("toldon", query="", text=say("newest"), rel=Html()))
        if len(notices) > PAGE:
            query = f"before={shown[-1].sequence}"
            rel = Html(' rel="next"')
            links.append(piece("toldon", query=query, text=say("older"), rel=rel))
        lines = piece("list", lines=join(map(self._line, shown)))
        return join([first, piece("told", lines=lines), piece("links", links=join(links))])

    def _channel(self, channel: ChannelLine) -> Html:
        good = channel.error is None
        state = "good" if good else "stopped" if channel.stopped else "failing"
        word = self._pages.say(f"told_{state}")
        mark = self._pages.piece("mark", name="good" if good else "failing", word=word)
        about = Html() if channel.error is None else escape(channel.error)
        return self._pages.piece(
            "toldchannel", name=channel.name, kind=channel.kind, mark=mark, about=about
        )

    def _line(self, notice: Notice) -> Html:
        data = json.loads(notice.payload)["data"]
        word = self._pages.say(f"told_{notice.type.replace('.', '_')}")
        about = self._about(data)
        text = join([word, Html(" · "), about]) if about else word
        fared = join(map(self._fared, notice.deliveries)) or self._pages.say("told_nobody")
        return self._pages.piece("toldline", text=text, when=self._time(notice.at), fared=fared)

    def _about(self, data: Mapping[str, Any]) -> Html:
        """What it is about: a gift with a link to all of it, an operator, a page or a goal."""
        if "units" in data:
            key = Key(data["chain"], data["address"], data["asset"])
            amount = self._pages.locale.amount(int(data["units"]), data["decimals"], key.asset)
            if key not in self._assets:
                return amount
            query = query_of(key, data["id"])
            return self._pages.piece("toldgift", root=self._root, query=query, amount=amount)
        if "operator" in data:
            return escape(f"{data['operator']} ({data['chain']})")
        if "target" in data:
            target = data["target"]
            return escape(f"{data['percent']} % / {target['amount']} {target['unit']}")
        return escape(data.get("url", ""))

    def _fared(self, delivered: Delivered) -> Html:
        say = self._pages.say
        if delivered.error is None:
            word = say("told_taken", channel=delivered.channel, when=self._when(delivered.at))
        else:
            word = say("told_given_up", channel=delivered.channel, reason=delivered.error)
        name = "good" if delivered.error is None else "failing"
        return self._pages.piece("mark", name=name, word=word)

    def _when(self, time: int) -> Html:
        return escape(self._pages.locale.moment(time, self._zone))

    def _time(self, time: int) -> Html:
        return self._pages.piece("time", iso=iso(time), when=self._when(time))
