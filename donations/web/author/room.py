"""What every page of the author has at hand: who asks, in which language, and where things are."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from donations.web.author.gate import SESSION
from donations.web.author.login import root_of
from donations.web.author.rows import RowWriter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from aiohttp import web

    from donations.author_facts import Asset, ChannelLine, Doubts, Full, Notice, UpstreamLine
    from donations.books import Annotation, Entry, Figures, Filter, Place
    from donations.ledger import Key
    from donations.overview import Overview, Price
    from donations.web.author.attempts import Attempts
    from donations.web.author.sessions import Session
    from donations.web.author.words import Writer, Writers
    from donations.web.markup import Html


class Reads(Protocol):
    """Who reads the books; every method raises StoreError."""

    @property
    def currency(self) -> str: ...

    @property
    def digits(self) -> int: ...

    @property
    def assets(self) -> Mapping[Key, Asset]: ...

    @property
    def widgets(self) -> Sequence[tuple[str, str, Collection[Key]]]: ...

    async def months(self) -> tuple[Figures, int]:
        """Sums by month, and of how many addresses the history is not read to its end."""

    async def overview(self, now: int, prices: Mapping[str, Price]) -> Overview: ...

    async def entries(self, wanted: Filter, before: Place | None, limit: int) -> list[Entry]: ...

    async def full(self, key: Key, identity: str) -> Full | None: ...

    async def notices(self, before: int | None, limit: int) -> list[Notice]:
        """What was announced, the newest first, and how it fared; before a sequence number."""

    async def channels(self) -> list[ChannelLine]:
        """How each configured channel fares."""

    async def by_hand(self) -> list[Annotation]: ...

    async def doubts(self) -> Doubts: ...


class Kept(Protocol):
    """An entry that was kept."""

    @property
    def sequence(self) -> int: ...


@dataclass(frozen=True)
class Sources:
    """Where the pages have everything from, and who keeps what is written.

    ``keep`` raises Conflict, NotFound, StoreError: it takes an entry, and the last one that its
    author had seen. ``doubt`` tells why a transfer has no value, "" where that is not known.
    """

    desk: Reads
    upstreams: Callable[[], Sequence[UpstreamLine]]
    prices: Callable[[], Mapping[str, Price]]
    keep: Callable[[Annotation, int | None], Awaitable[Kept]]
    now: Callable[[], float] = time.time
    doubt: Callable[[Key, str], str] = lambda _key, _identity: ""


@dataclass(frozen=True)
class Room:
    """One request of somebody who is logged in."""

    request: web.Request
    session: Session
    writer: Writer
    root: str
    sources: Sources
    attempts: Attempts

    @property
    def rows(self) -> RowWriter:
        desk = self.sources.desk
        return RowWriter(self.writer, self.root, desk.assets, desk.currency, desk.digits)

    async def full(self, key: Key, identity: str) -> Full | None:
        """One transfer with all that is known of it. Raises StoreError."""
        full = await self.sources.desk.full(key, identity)
        if full is None or full.entry.value is not None:
            return full
        return replace(full, doubt=self.sources.doubt(key, identity))

    def show(self, word: str, body: Html, here: str = "", *, status: int = 200) -> web.Response:
        """A page whose title is the sentence ``word``; ``here`` is that of its tab."""
        asked = {name: text for name, text in self.request.query.items() if name != "lang"}
        page = self.writer.page(
            self.writer.pages.say(word),
            body,
            root=self.root,
            query=asked,
            session=self.session,
            here=here,
        )
        return self.writer.answer(page, status=status)


def enter(request: web.Request, writers: Writers, sources: Sources, attempts: Attempts) -> Room:
    """The room, in the language that was wished for last in this session."""
    session = request[SESSION]
    session.language = request.query.get("lang", session.language)
    writer = writers.speaking(session.language)
    return Room(request, session, writer, root_of(request), sources, attempts)
