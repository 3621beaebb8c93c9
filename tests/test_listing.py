"""The pages of all transfers: complete, in order, and only those made again that changed."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from donations.chains.bch import BCH
from donations.chains.btc import BTC
from donations.chains.eth import ETH
from donations.ledger import Block, Key, Kind, Level, State, Transfer
from donations.listing import PAGE, Listing, Page, place_of
from donations.snapshot import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BEGAN = 1_700_000_000
SHOWN = (
    Shown(BTC, "mainnet", "1Watched", {"BTC": 8}, 2, 3),
    Shown(BCH, "mainnet", "qwatched", {"BCH": 8}, 2, 3),
    Shown(ETH, "mainnet", "0xwatched", {"ETH": 18, "USDC": 6}, 2, 3),
)
KEYS = [Key(s.chain.name, s.address, symbol) for s in SHOWN for symbol in s.decimals]


def transfer(number: int, *, key: Key = KEYS[0], amount: int = 5_000, **more: Any) -> Transfer:
    """The transfer of a number: later ones come later."""
    at = BEGAN + 60 * number
    made = Transfer(
        key=key, id=f"t{number}", kind=Kind.GIFT, state=State.FINAL, amount=amount,
        block=Block(number, f"b{number}", at), consumes=frozenset(), brings=(), spends=(),
        coinbase=False, first_seen=at,
    )  # fmt: skip
    return replace(made, **more)


class Shelf:
    """Transfers as the store has them; counts what is read."""

    def __init__(self, transfers: Iterable[Transfer] = ()) -> None:
        self.held = {place_of(t): t for t in transfers}
        self.read = 0

    def __call__(self, keys: Sequence[Key], since: int) -> Iterator[Transfer]:
        for place in sorted(self.held):
            if place[0] >= since and self.held[place].key in keys:
                self.read += 1
                yield self.held[place]


def entries(listing: Listing) -> list[dict[str, Any]]:
    return [entry for page in listing.pages for entry in json.loads(page.facts)["entries"]]


def made_again(before: Listing, after: Listing) -> int:
    kept = {id(page) for page in before.pages}
    return sum(id(page) not in kept for page in after.pages)


def test_every_page_but_the_last_is_full() -> None:
    """Of 250 transfers two pages hold a hundred, the last fifty, in the order they came."""
    listing = Listing(SHOWN).renew(KEYS, (), Shelf(transfer(n) for n in range(250)))
    assert [page.entries for page in listing.pages] == [100, 100, 50]
    assert [entry["id"] for entry in entries(listing)] == [f"t{n}" for n in range(250)]
    assert listing.entries == 250


def test_what_changed_is_made_again_and_nothing_else() -> None:
    """A change of one transfer makes one page again; a new one the last; and little is read."""
    shelf = Shelf(transfer(n) for n in range(1_050))
    before = Listing(SHOWN).renew(KEYS, (), shelf)
    shelf.read = 0
    raised = transfer(333, level=Level.PROVEN)
    shelf.held[place_of(raised)] = raised
    after = before.renew(KEYS, [place_of(raised)], shelf)
    assert made_again(before, after) == 1
    assert entries(after)[333]["level"] == "proven"
    assert shelf.read <= 2 * PAGE
    new = transfer(2_000)
    shelf.held[place_of(new)] = new
    last = after.renew(KEYS, [place_of(new)], shelf)
    assert made_again(after, last) == 1
    assert entries(last)[-1]["id"] == "t2000"
    assert last.renew(KEYS, (), shelf).pages == last.pages


def test_the_first_transfer_of_a_page_may_change_too() -> None:
    """What stands at the edge of a page changes, goes and comes back: nothing is lost or kept."""
    shelf = Shelf(transfer(n) for n in range(350))
    listing = Listing(SHOWN).renew(KEYS, (), shelf)
    places = sorted(shelf.held)
    for number in (0, 1, 99, 100, 101, 199, 200, 201, 299, 300, 301, 349):
        place = places[number]
        before = shelf.held[place]
        for after in (replace(before, level=Level.PROVEN), None, before):
            shelf.held.pop(place, None)
            if after is not None:
                shelf.held[place] = after
            listing = listing.renew(KEYS, [place], shelf)
            assert listing.pages == Listing(SHOWN).renew(KEYS, (), shelf).pages
        assert made_again(listing, listing.renew(KEYS, [place], shelf)) <= 2


def test_random_lives_leave_the_pages_of_a_fresh_reading(seed: int, long: bool) -> None:
    """Whatever comes, goes, moves and changes, the pages are those that a fresh reading makes."""
    dice = random.Random(seed)
    for _ in range(40 if long else 6):
        numbers = count(10_000)
        shelf = Shelf(random_transfer(dice, n) for n in range(dice.randrange(600)))
        listing = Listing(SHOWN).renew(KEYS, (), shelf)
        for _ in range(40):
            moved = [
                place for _ in range(dice.randrange(6)) for place in move(dice, shelf, numbers)
            ]
            listing = listing.renew(KEYS, moved, shelf)
            fresh = Listing(SHOWN).renew(KEYS, (), shelf)
            assert listing.pages == fresh.pages
            assert listing.sums == fresh.sums


def random_transfer(dice: random.Random, number: int) -> Transfer:
    state = dice.choice(list(State))
    return replace(
        transfer(dice.randrange(800), key=dice.choice(KEYS), amount=dice.choice([1, 900, 5_000])),
        id=f"r{number}",
        state=state,
        block=None if state in (State.SEEN, State.DROPPED) else Block(1, "b", BEGAN + 10**6),
        level=dice.choice(list(Level)),
        kind=dice.choice(list(Kind)),
    )


def move(dice: random.Random, shelf: Shelf, numbers: Iterator[int]) -> list[Any]:
    """Something happens to a transfer: the places at which pages may change."""
    places = list(shelf.held)
    what = dice.randrange(4) if places else 3
    if what == 3:
        new = random_transfer(dice, next(numbers))
        shelf.held[place_of(new)] = new
        return [place_of(new)]
    place = dice.choice(places)
    before = shelf.held.pop(place)
    if what == 0:
        return [place]
    after = replace(before, level=dice.choice(list(Level)), amount=dice.choice([1, 5_000]))
    if what == 2:
        after = replace(after, first_seen=before.first_seen - dice.randrange(50_000))
    shelf.held[place_of(after)] = after
    return [place, place_of(after)]


def test_a_claim_is_no_news_for_readers() -> None:
    """What fewer operators tell than must agree is neither listed nor counted."""
    listing = Listing(SHOWN).renew(KEYS, (), Shelf([transfer(1, level=Level.CLAIMED)]))
    assert (listing.pages, listing.sums) == ((), {})


def test_small_gifts_are_counted_and_not_listed() -> None:
    """Dust stands as one number under its page, and in the sums; other small things are listed."""
    shelf = Shelf(
        [
            transfer(1, amount=BTC.dust - 1),
            transfer(2, amount=BTC.dust - 1, level=Level.PROVEN),
            transfer(3, amount=BTC.dust - 1, state=State.DROPPED, block=None),
            transfer(4, amount=BTC.dust),
            transfer(5, amount=-1, kind=Kind.OWN),
            transfer(6, amount=1, key=Key("eth", "0xwatched", "USDC")),
        ]
    )
    listing = Listing(SHOWN).renew(KEYS, (), shelf)
    (page,) = listing.pages
    assert [entry["id"] for entry in entries(listing)] == ["t4", "t5", "t6"]
    (small,) = json.loads(page.facts)["small"]
    assert (small["asset"], small["units"], small["gifts"]) == ("BTC", "1998", 2)
    assert listing.sums[KEYS[0], Level.AGREED] == (1_999, 2)
    assert listing.sums[KEYS[0], Level.PROVEN] == (999, 1)


def test_a_flood_of_dust_makes_no_page() -> None:
    """Ten thousand very small gifts between two others leave one page."""
    dust = [transfer(n, amount=1) for n in range(1, 10_001)]
    listing = Listing(SHOWN).renew(KEYS, (), Shelf([transfer(0), *dust, transfer(10_001)]))
    assert [page.entries for page in listing.pages] == [2]


def test_money_is_text() -> None:
    """Amounts are decimal text and base units as text, however large."""
    wei = 2**256 - 1
    shelf = Shelf([transfer(1, key=Key("eth", "0xwatched", "ETH"), amount=wei)])
    (entry,) = entries(Listing(SHOWN).renew(KEYS, (), shelf))
    assert entry["units"] == str(wei)
    assert entry["amount"] == f"{wei // 10**18}.{wei % 10**18:018}"


def test_other_keys_make_all_pages_again() -> None:
    """A key whose history is known at last brings all its transfers, and is not awaited before."""
    shelf = Shelf([transfer(1), transfer(2, key=KEYS[1])])
    first = Listing(SHOWN).renew(KEYS[:1], (), shelf)
    assert [entry["id"] for entry in entries(first)] == ["t1"]
    second = first.renew(KEYS[:2], (), shelf)
    assert [entry["id"] for entry in entries(second)] == ["t1", "t2"]


@pytest.mark.parametrize("pages", [1, 3])
def test_a_page_is_small(pages: int) -> None:
    """A full page takes less than 25 kB packed, with real identifiers."""
    dice = random.Random(pages)
    shelf = Shelf(
        transfer(n, id=dice.randbytes(32).hex(), block=Block(n, dice.randbytes(32).hex(), BEGAN))
        for n in range(pages * PAGE)
    )
    listing = Listing(SHOWN).renew(KEYS, (), shelf)
    assert all(isinstance(page, Page) and len(page.packed) < 25_000 for page in listing.pages)
