"""How the upstreams fare, and in what they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.web.author.rows import iso, query_of
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from donations.author_facts import Asset, ClaimLine, Doubts, OmissionLine, UpstreamLine
    from donations.ledger import Key
    from donations.web.author.words import Writer


class HealthWriter:
    """Writes it in one language."""

    def __init__(self, writer: Writer, root: str, assets: Mapping[Key, Asset]) -> None:
        self._writer, self._pages, self._root, self._assets = writer, writer.pages, root, assets

    def write(self, upstreams: Sequence[UpstreamLine], doubts: Doubts) -> Html:
        """The body."""
        say, piece = self._pages.say, self._pages.piece
        lines = piece("apart", text=say("no_upstream"))
        if upstreams:
            lines = piece("list", lines=join(map(self._upstream, upstreams)))
        parts = [piece("block", title=say("upstreams"), note=Html(), lines=lines)]
        for name, told in (
            ("disagree", map(self._disagree, doubts.disagree)),
            ("claims", map(self._claim, doubts.claims)),
            ("omissions", map(self._omission, doubts.omissions)),
            ("waiting", map(self._waiting, doubts.waiting)),
        ):
            lines = join(told)
            if lines:
                note = piece("apart", text=say(f"{name}_note"))
                listed = piece("list", lines=lines)
                parts.append(piece("block", title=say(name), note=note, lines=listed))
        if len(parts) == 1:
            parts.append(self._pages.note("no_doubt"))
        return join(parts)

    def _upstream(self, line: UpstreamLine) -> Html:
        say, piece = self._pages.say, self._pages.piece
        state, marks = "good", []
        if line.until is not None:
            state = "convicted"
            marks.append(say("convicted_until", when=self._moment(line.until)))
        elif line.reason is not None:
            state = "failing"
        elif line.answered_at is None:
            state = "never"
        if line.broken:
            marks.append(say("broken"))
        elif line.resting:
            marks.append(say("resting"))
        about = [escape(line.server)]
        if line.answered_at is not None:
            about.append(say("answered", when=self._time(line.answered_at)))
        return piece(
            "upstream",
            chain=line.chain,
            operator=line.operator,
            state=state,
            word=say(f"upstream_{state}"),
            marks=join(piece("mark", name="kind", word=mark) for mark in marks),
            about=join(_apart(about)),
            reason=Html() if line.reason is None else self._reason(line),
        )

    def _reason(self, line: UpstreamLine) -> Html:
        """The reason by its name, and what to do, as `donations check` says it."""
        if line.reason is None:
            return Html()
        text = f"{line.reason.value}: {line.reason.meaning}"
        if line.evidence:
            text = f"{text} {line.evidence}"
        return self._pages.piece("english", text=text)

    def _disagree(self, each: tuple[Key, int]) -> Html:
        key, since = each
        said = self._pages.say("since", when=self._time(since))
        return self._line(escape(f"{key.asset} {key.address}"), said)

    def _claim(self, claim: ClaimLine) -> Html:
        amount = self._amount(claim.key, claim.units)
        by = self._pages.say("claimed_by", operators=", ".join(claim.operators))
        return self._line(
            join([amount, Html(" · "), self._pages.piece("code", text=claim.id)]),
            join([by, Html(" · "), self._pages.say("since", when=self._time(claim.since))]),
        )

    def _omission(self, each: OmissionLine) -> Html:
        link = self._pages.piece(
            "named", root=self._root, query=query_of(each.key, each.id), text=each.id
        )
        by = self._pages.say("omitted_by", operator=each.operator)
        return self._line(
            link, join([by, Html(" · "), self._pages.say("since", when=self._time(each.since))])
        )

    def _waiting(self, each: tuple[Key, int, int]) -> Html:
        key, units, transfers = each
        return self._line(self._amount(key, units), self._pages.locale.count("gifts", transfers))

    def _line(self, text: Html, about: Html) -> Html:
        return self._pages.piece("doubt", text=text, about=about)

    def _amount(self, key: Key, units: int) -> Html:
        asset = self._assets.get(key)
        return self._pages.locale.amount(units, 0 if asset is None else asset.decimals, key.asset)

    def _moment(self, time: int) -> Html:
        return escape(self._pages.locale.moment(time, self._writer.zone))

    def _time(self, time: int) -> Html:
        return self._pages.piece("time", iso=iso(time), when=self._moment(time))


def _apart(parts: Iterable[Html]) -> Iterator[Html]:
    for number, part in enumerate(parts):
        if number:
            yield Html(" · ")
        yield part
