"""What `explorer_source` asks of one kind of explorer, and what the answers are joined into.

A kind is an `Api`: it knows paths and fields, and leaves judgement to the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from donations.errors import UpstreamMalformed, UpstreamMoved, UpstreamUnavailable
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.ledger import Block
    from donations.sources.explorer_proofs import Place
    from donations.sources.utxo_json import Linked, Told

# More is for an Electrum server, whose history is one answer.
MAX_PAGES = 400


@dataclass(frozen=True, slots=True)
class Summary:
    """What an explorer counts at an address, in one answer.

    ``total`` are its transactions, the mempool included; ``balance`` is in confirmed base units.
    ``mark`` holds every number of the answer: equal marks with nothing pending mean no news.
    """

    total: int
    pending: int | None  # None: it is not counted apart
    balance: int
    mark: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class History:
    """All transactions of an address from height ``since`` up: confirmed ones by height, pending.

    ``below`` is how many it has below ``since``.
    """

    since: int
    confirmed: tuple[Told, ...]
    pending: tuple[Told, ...]
    below: int


class Api(Protocol):
    """The paths of one kind of explorer. All methods raise UpstreamError."""

    protocol: str

    async def software(self) -> str:
        """What it calls itself."""

    async def newest(self) -> list[Linked]:
        """The blocks up to its tip, ascending."""

    async def page(self, height: int) -> list[Linked]:
        """Some blocks up to ``height``, ascending."""

    async def blocks(self, heights: Iterable[int]) -> dict[int, Block]:
        """The blocks at ``heights``."""

    async def summary(self, address: str) -> Summary:
        """What is counted at an address."""

    async def pages(self, address: str, floor: int, summary: Summary) -> Pages:
        """The pending transactions, and the confirmed ones from height ``floor`` up."""

    async def transaction(self, txid: str) -> Told:
        """One transaction."""

    async def spender(self, outpoint: str) -> Told | None:
        """The transaction that spends an outpoint."""

    async def header(self, height: int) -> Linked:
        """The block at ``height``."""

    async def headers(self, start: int, count: int) -> list[Linked]:
        """Some blocks from ``start`` up, ascending, at most ``count``."""

    async def place(self, txid: str, block: Block) -> Place:
        """Where a transaction stands in a block. Raises UpstreamMoved when it does not."""


class Pages:
    """Newest first, page by page, down to the height ``floor``. Refuses circles and disorder."""

    def __init__(self, floor: int) -> None:
        self.confirmed: list[Told] = []
        self.pending: list[Told] = []
        self._floor, self._read = floor, 0
        self._seen: set[str] = set()

    def add(self, page: Sequence[Told]) -> bool:
        """Take a page; tells whether another one is wanted. Raises UpstreamError."""
        self._read += 1
        if self._read > MAX_PAGES:
            raise UpstreamUnavailable(
                "too long a history for an explorer: use an Electrum server", why=Reason.TOO_LARGE
            )
        for told in page:
            if told.txid in self._seen:
                raise UpstreamMalformed("its pages go round in circles, or repeat a transaction")
            self._seen.add(told.txid)
            if told.height is None:
                self.pending.append(told)
                continue
            last = self.confirmed[-1].height if self.confirmed else None
            if last is not None and told.height > last:
                raise UpstreamMalformed("its history is not in the order of the blocks")
            if told.height < self._floor:
                return False
            self.confirmed.append(told)
        return bool(page)


def join(since: int, pages: Pages, summary: Summary, held: History | None) -> History:
    """The pages and what was read before them. Raises UpstreamMoved when one is missing."""
    confirmed = (*(held.confirmed if held is not None else ()), *reversed(pages.confirmed))
    below = summary.total - len(confirmed) - len(pages.pending)
    if below < 0 or (since == 0 and below) or (held is not None and below != held.below):
        raise UpstreamMoved(f"it counts {summary.total} transactions, and lists another number")
    return History(
        since=since if held is None else held.since,
        confirmed=confirmed,
        pending=tuple(pages.pending),
        below=below,
    )
