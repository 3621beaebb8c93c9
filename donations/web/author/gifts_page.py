"""The list of transfers, with what it is narrowed down by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.books import place_of
from donations.ledger import Kind, State
from donations.web.author.search import BadSearch, write_place
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from donations.books import Entry
    from donations.ledger import Key
    from donations.web.author.rows import RowWriter
    from donations.web.author.search import Search
    from donations.web.author.words import Writer

PAGE = 50


class GiftsWriter:
    """Writes it in one language. ``widgets`` are (slug, title, keys)."""

    def __init__(
        self,
        writer: Writer,
        root: str,
        assets: Iterable[str],
        widgets: Sequence[tuple[str, str, Collection[Key]]],
    ) -> None:
        self._pages, self._root = writer.pages, root
        self._assets, self._widgets = tuple(dict.fromkeys(assets)), widgets

    def write(self, search: Search, entries: Sequence[Entry], rows: RowWriter) -> Html:
        """The body: at most a page of entries, and one more where there is a next page."""
        say, piece = self._pages.say, self._pages.piece
        shown = entries[:PAGE]
        links: list[Html] = []
        if search.before is not None:
            links.append(piece("on", query=search.query(), text=say("newest"), rel=Html()))
        if len(entries) > PAGE:
            query = search.query(before=write_place(place_of(shown[-1].transfer)))
            rel = Html(' rel="next"')
            links.append(piece("on", query=query, text=say("older"), rel=rel))
        body = rows.write(shown) if shown else piece("note", text=say("none_such"))
        return join([self.form(search.fields), body, piece("links", links=join(links))])

    def refuse(self, given: Mapping[str, str], error: BadSearch) -> Html:
        """What was asked for makes no sense, and where."""
        field = error.field if error.field != "before" else "older"
        alarm = self._pages.piece(
            "alarm", text=self._pages.say("bad_field", field=self._pages.say(f"field_{field}"))
        )
        return join([alarm, self.form(given)])

    def form(self, fields: Mapping[str, str]) -> Html:
        """The form, as it was filled in. It asks by GET: a search has an address."""
        say, piece = self._pages.say, self._pages.piece
        narrowed = any(name != "q" for name in fields)
        return piece(
            "search",
            q=fields.get("q", ""),
            q_label=say("field_q"),
            q_hint=say("q_hint"),
            search=say("search"),
            more=say("narrow"),
            open=Html(" open" if narrowed else ""),
            fields=join(
                [
                    self._select("asset", fields, [(name, escape(name)) for name in self._assets]),
                    self._select(
                        "widget",
                        fields,
                        [(slug, escape(title or slug)) for slug, title, _ in self._widgets],
                    ),
                    self._select("state", fields, self._states()),
                    self._select("kind", fields, self._kinds()),
                    self._date("from", fields),
                    self._date("to", fields),
                    self._select("valued", fields, self._choices()),
                    self._select("excluded", fields, self._choices()),
                ]
            ),
            all=piece("on", query="", text=say("clear"), rel=Html()) if fields else Html(),
        )

    def _states(self) -> Iterator[tuple[str, Html]]:
        say = self._pages.locale.say
        for state in State:
            word = "pending" if state is State.SEEN else state.value
            standing = state not in (State.DROPPED, State.REPLACED)
            yield state.value, say(f"stage_{word}" if standing else f"ledger_{word}")

    def _kinds(self) -> Iterator[tuple[str, Html]]:
        for kind in Kind:
            yield kind.value, self._pages.locale.say(f"ledger_{kind.value}")

    def _choices(self) -> list[tuple[str, Html]]:
        return [("yes", self._pages.say("yes")), ("no", self._pages.say("no"))]

    def _select(
        self, name: str, fields: Mapping[str, str], choices: Iterable[tuple[str, Html]]
    ) -> Html:
        piece = self._pages.piece
        options = [
            piece(
                "option",
                value=value,
                text=text,
                chosen=Html(" selected" if fields.get(name) == value else ""),
            )
            for value, text in [("", self._pages.say("any")), *choices]
        ]
        return piece(
            "select", name=name, label=self._pages.say(f"field_{name}"), options=join(options)
        )

    def _date(self, name: str, fields: Mapping[str, str]) -> Html:
        return self._pages.piece(
            "date", name=name, label=self._pages.say(f"field_{name}"), value=fields.get(name, "")
        )
