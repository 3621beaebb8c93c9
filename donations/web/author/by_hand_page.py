"""Gifts that came another way: cash, a bank transfer, another chain. In no sum of the chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.books import TEXT_LIMIT
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from donations.books import Annotation
    from donations.ledger import Key
    from donations.web.author.words import Writer

FIELDS = ("amount", "unit", "day", "widget", "text")


class ByHandWriter:
    """Writes it in one language; ``form`` is the word of the session."""

    def __init__(
        self,
        writer: Writer,
        root: str,
        form: str,
        widgets: Sequence[tuple[str, str, Collection[Key]]],
    ) -> None:
        self._writer, self._pages, self._root = writer, writer.pages, root
        self._form, self._widgets = form, widgets

    def write(
        self, gifts: Sequence[Annotation], filled: Mapping[str, str], reason: Html | None = None
    ) -> Html:
        """The body. ``filled`` is what the form holds, ``reason`` why it was not kept."""
        say, piece = self._pages.say, self._pages.piece
        lines = join(self._line(each) for each in reversed(gifts))
        options = [
            piece("option", value=slug, text=title or slug,
                  chosen=Html(" selected" if filled.get("widget") == slug else ""))
            for slug, title in [("", say("any")), *((s, t) for s, t, _ in self._widgets)]
        ]  # fmt: skip
        return piece(
            "byhand",
            note=say("by_hand_note"),
            alarm=Html() if reason is None else piece("alarm", text=reason),
            root=self._root,
            form=self._form,
            amount_label=say("amount"),
            amount=filled.get("amount", ""),
            unit_label=say("unit"),
            unit=filled.get("unit", ""),
            day_label=say("day"),
            day=filled.get("day", ""),
            widget=piece("select", name="widget", label=say("field_widget"), options=join(options)),
            text_label=say("write_note"),
            text=filled.get("text", ""),
            limit=TEXT_LIMIT,
            keep=say("keep"),
            lines=piece("handedlist", lines=lines) if lines else self._pages.note("no_by_hand"),
        )

    def _line(self, each: Annotation) -> Html:
        say, piece, locale = self._pages.say, self._pages.piece, self._pages.locale
        manual = each.manual
        if manual is None:
            return Html()
        when = locale.date(manual.received_at, self._writer.zone)
        amount = locale.amount(manual.amount, manual.decimals, manual.unit)
        return piece(
            "handed",
            amount=amount,
            when=when,
            widget=escape(f" · {manual.widget}") if manual.widget else Html(),
            text=piece("said", text=each.text) if each.text else Html(),
            by=say("by", operator=each.by, when=locale.moment(each.at, self._writer.zone)),
            root=self._root,
            form=self._form,
            undoes=each.sequence,
            undo=say("undo"),
            what=amount,
        )
