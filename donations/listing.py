"""PURE: every transfer that readers may know of, in numbered pages.

A page holds a hundred transfers in the order they came, as compressed JSON: two hundred thousand
take some twenty megabytes. The oldest are on page 1, so a page that is full changes only when one
of its transfers does, and only such pages are made again.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount
from donations.arrivals import read_number, whereabouts_of
from donations.ledger import Bucket, Key, Kind, Level, State, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from donations.snapshot import Shown

PAGE = 100
_BEGINNING = 4  # bytes of a number; 200,000 of them take a megabyte

# Where a transfer stands in the order: the moment it was received at, then its name.
Place = tuple[int, str, str, str, str]
Sums = dict[tuple[Key, Level], tuple[int, int]]  # base units, and of how many gifts

_GIFTS = (Bucket.PENDING, Bucket.CONFIRMED, Bucket.FINAL)
_BEFORE_ALL: Place = (0, "", "", "", "")


def place_of(transfer: Transfer) -> Place:
    """Where a transfer stands in the order of the pages."""
    key = transfer.key
    return transfer.received_at, key.chain, key.address, key.asset, transfer.id


def place_in(entry: Mapping[str, Any]) -> Place:
    """The place of an entry as readers get it."""
    return entry["time"], entry["chain"], entry["address"], entry["asset"], entry["id"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some transfers in their order, from the place ``first`` to the first place of the next page.

    ``sums`` are of its gifts that stand in blocks, very small ones included. ``packed`` holds the
    JSON object that readers get: "entries", and "small" for gifts that are counted and not listed.
    ``numbers`` are the beginnings of the numbers of its transactions, one after the other.
    """

    first: Place
    entries: int
    sums: Sums
    packed: bytes
    numbers: bytes = b""

    @property
    def facts(self) -> bytes:
        """The JSON object."""
        return zlib.decompress(self.packed)


def _numbers(entry: Mapping[str, Any]) -> list[bytes]:
    """The numbers that an entry may be asked for by."""
    names = (entry["id"], *entry["transactions"])
    return [number for number in map(read_number, names) if number is not None]


def _first(page: Page) -> Place:
    return page.first


@dataclass(frozen=True)
class Listing:
    """The pages of ``keys``. `renew` makes another one: what is published does not change."""

    shown: Sequence[Shown]
    keys: frozenset[Key] = frozenset()
    pages: tuple[Page, ...] = ()

    @property
    def entries(self) -> int:
        """How many transfers are listed."""
        return sum(page.entries for page in self.pages)

    @property
    def sums(self) -> Sums:
        """The gifts that stand in blocks, by key and level."""
        total: Sums = {}
        for page in self.pages:
            for place, (units, gifts) in page.sums.items():
                before = total.get(place, (0, 0))
                total[place] = (before[0] + units, before[1] + gifts)
        return total

    def find(self, number: bytes) -> list[dict[str, Any]]:
        """The entries of the transaction with this number (32 bytes).

        What is read of each page is enough to leave out nearly all others.
        """
        return [
            entry
            for page in self.pages
            if number[:_BEGINNING] in page.numbers
            for entry in json.loads(page.facts)["entries"]
            if number in _numbers(entry)
        ]

    def before(self, place: Place | None) -> Iterator[dict[str, Any]]:
        """The entries before a place, the newest first; of all without one."""
        pages = self.pages
        end = len(pages) if place is None else bisect_left(pages, place, key=_first)
        for page in reversed(pages[:end]):
            for entry in reversed(json.loads(page.facts)["entries"]):
                if place is None or place_in(entry) < place:
                    yield entry

    def renew(
        self,
        keys: Iterable[Key],
        moved: Iterable[Place],
        read: Callable[[Sequence[Key], int], Iterator[Transfer]],
        inside: Callable[[Transfer], Sequence[str]] = lambda _: (),
        thanks: Callable[[Transfer], str] = lambda _: "",
    ) -> Listing:
        """The pages as they are now.

        ``keys`` are those whose history is known. ``moved`` are places at which a transfer came,
        went or changed: pages without one are kept. ``read`` gives the transfers of keys from a
        moment (Unix seconds) on, in the order of their places; ``inside`` the transactions that
        one came with, where it has a name of its own and they are known; ``thanks`` what the author
        says of one to everybody, "" for nothing.
        """
        wanted = frozenset(keys)
        same = wanted == self.keys
        old = self.pages if same else ()
        touched = sorted(moved) if same else [_BEFORE_ALL]
        firsts = [page.first for page in old]
        # Where what was made anew meets what is kept; a page whose first place moved is not kept.
        boundaries = set(firsts) - set(touched)
        pages: list[Page] = []
        kept = 0
        while touched:
            # What happens at the first place of a page may move what lies before it, too.
            at = max(0, bisect_left(firsts, touched[0]) - 1)
            pages += old[kept:at]
            start = min([touched[0], *firsts[at : at + 1]])
            for page, following in self._make(sorted(wanted), start, read, inside, thanks):
                pages.append(page)
                if following in boundaries:
                    break
            else:
                return Listing(self.shown, wanted, tuple(pages))
            kept = firsts.index(following)
            touched = [place for place in touched if place > following]
        return Listing(self.shown, wanted, (*pages, *old[kept:]))

    def _make(
        self,
        keys: Sequence[Key],
        start: Place,
        read: Callable[[Sequence[Key], int], Iterator[Transfer]],
        inside: Callable[[Transfer], Sequence[str]],
        thanks: Callable[[Transfer], str],
    ) -> Iterator[tuple[Page, Place | None]]:
        """Pages from a place on, each with the first place of the next; None at the end."""
        facts = {
            Key(one.chain.name, one.address, symbol): (one, decimals)
            for one in self.shown
            for symbol, decimals in one.decimals.items()
        }
        draft = _Draft(start)
        for transfer in read(keys, start[0]):
            place = place_of(transfer)
            if place < start or _is_unseen(transfer):
                continue
            one, decimals = facts[transfer.key]
            small = _is_small(one, transfer)
            if not small and len(draft.entries) == PAGE:
                yield draft.page(), place
                draft = _Draft(place)
            entry = _entry(transfer, one, decimals, inside(transfer), thanks(transfer))
            draft.take(transfer, entry, small=small)
        if draft.entries or draft.small:
            yield draft.page(), None


@dataclass
class _Draft:
    """A page that is being filled."""

    first: Place
    entries: list[dict[str, Any]] = field(default_factory=list)
    small: dict[tuple[str, int], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    sums: Sums = field(default_factory=dict)

    def take(self, transfer: Transfer, entry: dict[str, Any], *, small: bool) -> None:
        """Add one transfer, as it is listed."""
        if not self.entries and not self.small:
            self.first = max(self.first, place_of(transfer))
        if transfer.bucket in (Bucket.CONFIRMED, Bucket.FINAL):
            place = transfer.key, transfer.level
            units, gifts = self.sums.get(place, (0, 0))
            self.sums[place] = (units + transfer.amount, gifts + 1)
        if not small:
            self.entries.append(entry)
        elif transfer.bucket is not None:
            small_gifts = self.small[transfer.key.asset, entry["decimals"]]
            small_gifts[0] += transfer.amount
            small_gifts[1] += 1

    def page(self) -> Page:
        small = [
            {
                "asset": asset,
                "units": str(units),
                "amount": format_amount(units, decimals),
                "decimals": decimals,
                "gifts": gifts,
            }
            for (asset, decimals), (units, gifts) in sorted(self.small.items())
        ]
        facts = json.dumps(
            {"entries": self.entries, "small": small}, ensure_ascii=False, separators=(",", ":")
        )
        packed = zlib.compress(facts.encode(), 6)
        beginnings = b"".join(
            number[:_BEGINNING] for entry in self.entries for number in _numbers(entry)
        )
        return Page(self.first, len(self.entries), self.sums, packed, beginnings)


def _is_unseen(transfer: Transfer) -> bool:
    """What one server claims is no news for readers, nor an opening whose history is known."""
    superseded = transfer.kind is Kind.OPENING and transfer.state is State.REPLACED
    return transfer.level is Level.CLAIMED or superseded


def _is_small(one: Shown, transfer: Transfer) -> bool:
    """Dust is how strangers write on other people's pages: it is counted and not listed."""
    own = transfer.kind is not Kind.GIFT or transfer.key.asset != one.chain.symbol
    return not own and transfer.amount < one.chain.dust


def _entry(
    transfer: Transfer, one: Shown, decimals: int, inside: Sequence[str], thanks: str
) -> dict[str, Any]:
    block = transfer.block
    return {
        "chain": transfer.key.chain,
        "address": transfer.key.address,
        "asset": transfer.key.asset,
        "id": transfer.id,
        "transactions": list(inside),
        "kind": transfer.kind.value,
        "stands": whereabouts_of(transfer).value,
        "counts": transfer.bucket in _GIFTS,
        "excluded": transfer.excluded,
        "level": transfer.level.value,
        "operators": one.required,
        "units": str(transfer.amount),
        "amount": format_amount(transfer.amount, decimals),
        "decimals": decimals,
        "time": transfer.received_at,
        "block": block and {"height": block.height, "hash": block.hash, "time": block.time},
        "replaced_by": transfer.replaced_by,
        "thanks": thanks,
    }
