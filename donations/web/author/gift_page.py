"""One transfer in full: where it stands and stood, its worth, and what was written of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.books import TEXT_LIMIT, Writing
from donations.ledger import Kind, Level
from donations.web.author.explorers import explorers_of
from donations.web.author.rows import iso, query_of
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.author_facts import Full, Step
    from donations.books import Annotation
    from donations.web.author.rows import RowWriter
    from donations.web.author.words import Writer

WRITINGS = (Writing.NOTE, Writing.THANKS, Writing.NOT_A_GIFT)


@dataclass(frozen=True, slots=True)
class Draft:
    """What was about to be written and was not kept, and why.

    ``refill``: the form shows it again, for the author must not lose it. What holds a secret or
    hidden characters is not shown again.
    """

    writing: Writing
    text: str
    reason: Html
    refill: bool = False


class GiftWriter:
    """Writes it in one language; ``form`` is the word of the session."""

    def __init__(self, writer: Writer, root: str, rows: RowWriter, form: str) -> None:
        self._writer, self._pages, self._root = writer, writer.pages, root
        self._rows, self._form = rows, form

    def write(self, full: Full, draft: Draft | None = None) -> Html:
        """The body."""
        transfer, piece = full.entry.transfer, self._pages.piece
        steps = piece("apart", text=self._pages.say("no_steps"))
        if full.steps:
            steps = piece("steps", lines=join(map(self._step, full.steps)))
        alarm = Html() if draft is None else piece("alarm", text=draft.reason)
        return piece(
            "gift",
            alarm=alarm,
            amount=self._rows.amount(transfer),
            marks=join(self._rows.marks(full.entry)),
            facts=self._facts(full),
            title_steps=self._pages.say("steps"),
            steps=steps,
            writing=self._writing(full, draft),
            title_raw=self._pages.say("raw"),
            raw=join(self._raw(full)),
        )

    # -- facts

    def _facts(self, full: Full) -> Html:
        transfer, say = full.entry.transfer, self._pages.say
        value = full.entry.value
        worth, about = self._rows.value(full.entry) or say("no_value"), escape(full.doubt)
        if value is not None:
            about = say(
                "value_about",
                price=self._price(value.price),
                asset=transfer.key.asset,
                source=value.source,
                when=self._moment(value.price_time),
                valued=self._moment(value.valued_at),
            )
        facts = [
            (say("worth"), worth, about),
            (say("came"), self._time(transfer.received_at), Html()),
            (say("founded"), self._rows.level(transfer), self._why(full)),
        ]
        if transfer.replaced_by:
            by = self._pages.piece("code", text=transfer.replaced_by)
            facts.append((say("replaced"), by, Html()))
        facts.append((say("txid"), self._pages.piece("code", text=transfer.id), self._out(full)))
        if full.inside:
            facts.append((say("inside"), join(self._inside(full)), Html()))
        return join(self._fact(*fact) for fact in facts)

    def _fact(self, name: Html, text: Html, about: Html) -> Html:
        quiet = self._pages.piece("quiet", text=about) if about else Html()
        return self._pages.piece("fact", name=name, text=text, about=quiet)

    def _price(self, price: str) -> str:
        return price

    def _why(self, full: Full) -> Html:
        transfer = full.entry.transfer
        if transfer.level is not Level.PROVEN or transfer.kind is not Kind.GIFT:
            return Html()
        return self._pages.piece(
            "bundle",
            root=self._root,
            query=query_of(transfer.key, transfer.id),
            text=self._pages.say("bundle"),
        )

    def _out(self, full: Full) -> Html:
        """Links that lead to strangers: opened by a click, and told nothing of where it was."""
        transfer = full.entry.transfer
        links = [
            self._pages.piece("out", url=url, name=name)
            for name, url in explorers_of(transfer.key.chain, full.asset.network, transfer.hash)
        ]
        return join([self._pages.say("elsewhere"), Html(" "), *links]) if links else Html()

    def _inside(self, full: Full) -> Iterator[Html]:
        asset = full.entry.transfer.key.asset
        for txid, units in full.inside:
            amount = self._pages.locale.amount(units, full.asset.decimals, asset)
            yield self._pages.piece("inside", txid=txid, amount=amount)

    def _step(self, step: Step) -> Html:
        say = self._pages.say
        told = [say(f"news_{step.news.value}")]
        if step.final_reversed:
            told.append(say("final_reversed"))
        elif step.reorged:
            told.append(say("reorged"))
        about = [self._pages.piece("code", text=step.block_hash)] if step.block_hash else []
        if step.evidence:
            about.append(escape(step.evidence))
        return self._pages.piece(
            "step",
            iso=iso(step.at),
            when=self._moment(step.at),
            told=join(_apart(told, " · ")),
            about=self._pages.piece("quiet", text=join(_apart(about, " "))) if about else Html(),
        )

    def _raw(self, full: Full) -> Iterator[Html]:
        """What the chain says, in its own terms."""
        transfer, say = full.entry.transfer, self._pages.say
        code = self._pages.piece
        pairs: list[tuple[str, list[str]]] = [
            ("address", [transfer.key.address]),
            ("network", [f"{transfer.key.chain} {full.asset.network}"]),
            ("units", [f"{transfer.amount}"]),
            ("kind", [transfer.kind.value]),
            ("first_seen", [iso(transfer.first_seen)]),
        ]
        if transfer.block is not None:
            block = transfer.block
            pairs.append(("block", [f"{block.height}", block.hash, iso(block.time)]))
        pairs += [
            ("brings", [f"{name} {units}" for name, units in transfer.brings]),
            ("spends", [f"{name} {units}" for name, units in transfer.spends]),
            ("consumes", sorted(transfer.consumes)),
        ]
        for name, values in pairs:
            if values:
                text = join(code("coded", text=value) for value in values)
                yield self._fact(say(f"raw_{name}"), text, Html())

    # -- what was written

    def _writing(self, full: Full, draft: Draft | None) -> Html:
        say, piece = self._pages.say, self._pages.piece
        return piece(
            "writing",
            title=say("write"),
            forms=join(self._one(full, writing, draft) for writing in WRITINGS),
            history=self._history(full.annotations),
        )

    def _one(self, full: Full, writing: Writing, draft: Draft | None) -> Html:
        remarks, name = full.entry.remarks, _name(writing)
        told = {
            Writing.NOTE: remarks.note,
            Writing.THANKS: remarks.thanks,
            Writing.NOT_A_GIFT: remarks.reason,
        }[writing]
        if draft is not None and draft.refill and draft.writing is writing:
            told = draft.text
        on = writing is not Writing.NOT_A_GIFT or not remarks.excluded
        return self._pages.piece(
            "write",
            root=self._root,
            query=query_of(full.entry.transfer.key, full.entry.transfer.id),
            form=self._form,
            expects=remarks.sequence,
            name=name,
            writing=writing.value,
            label=self._pages.say(f"write_{name}"),
            hint=self._pages.say(f"write_{name}_hint"),
            limit=TEXT_LIMIT,
            text=told,
            required=Html(" required" if writing is not Writing.NOT_A_GIFT else ""),
            keep=self._pages.say("keep" if on else "keep_again"),
        )

    def _history(self, annotations: Iterable[Annotation]) -> Html:
        given = list(annotations)
        if not given:
            return Html()
        undone = {each.undoes: each for each in given if each.undoes is not None}
        lines = [
            self._line(each, undone.get(each.sequence), given[-1].sequence)
            for each in reversed(given)
        ]
        return self._pages.piece("history", title=self._pages.say("written"), lines=join(lines))

    def _line(self, each: Annotation, undone: Annotation | None, last: int) -> Html:
        say, piece = self._pages.say, self._pages.piece
        undo = Html()
        if undone is not None:
            by = say("undone_by", operator=undone.by, when=self._moment(undone.at))
            undo = piece("quiet", text=by)
        elif each.writing is not Writing.UNDO and each.key is not None and each.id is not None:
            undo = piece(
                "undo",
                root=self._root,
                query=query_of(each.key, each.id),
                form=self._form,
                expects=last,
                undoes=each.sequence,
                text=say("undo"),
                what=say(f"write_{_name(each.writing)}"),
            )
        if each.undoes is not None:
            what = say("wrote_undo_of", number=self._pages.locale.whole(each.undoes))
        else:
            what = say(f"wrote_{_name(each.writing)}")
        return piece(
            "entry",
            number=each.sequence,
            what=what,
            text=piece("said", text=each.text) if each.text else Html(),
            by=say("by", operator=each.by, when=self._moment(each.at)),
            undo=undo,
        )

    def _moment(self, time: int) -> Html:
        return escape(self._pages.locale.moment(time, self._writer.zone))

    def _time(self, time: int) -> Html:
        return self._pages.piece("time", iso=iso(time), when=self._moment(time))


def _name(writing: Writing) -> str:
    return writing.value.replace(" ", "_")


def _apart(parts: Iterable[Html], between: str) -> Iterator[Html]:
    for number, part in enumerate(parts):
        if number:
            yield escape(between)
        yield part
