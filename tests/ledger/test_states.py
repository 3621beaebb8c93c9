"""The table of the five states, cell by cell."""

from __future__ import annotations

from enum import StrEnum

import pytest

from donations.ledger import News, State, View
from tests.ledger.build import GRACE, START, TIP, Book, block, chain, gift, view

B = block(108)
OTHER_HEIGHT = block(109)
OTHER_HASH = block(108, "x")
LATER = START + 10 * GRACE


class Next(StrEnum):
    """What the next view holds of a transfer that we believed in."""

    MEMPOOL = "in mempool"
    BLOCK = "in block B"
    HIGHER = "in another block, higher"
    REORGED = "in another block, same height"
    FINAL = "in B, final"
    ABSENT = "absent"
    GONE = "absent for a grace"
    RIVAL = "a rival consumes the same"


def next_view(column: Next) -> View:
    match column:
        case Next.MEMPOOL:
            return view(gift())
        case Next.BLOCK:
            return view(gift(at=B))
        case Next.HIGHER:
            return view(gift(at=OTHER_HEIGHT))
        case Next.REORGED:
            return view(gift(at=OTHER_HASH), blocks=chain(TIP, "x", above=107))
        case Next.FINAL:
            return view(gift(at=B), tip=B.height + 5)
        case Next.ABSENT | Next.GONE:
            return view()
        case Next.RIVAL:
            return view(gift("rival", 0))


def book_in(state: State | None) -> Book:
    """A ledger led to ``state`` by views, as it comes about."""
    book = Book()
    if state is None:
        return book
    if state is State.CONFIRMED:
        book.apply(view(gift(at=B)))
    elif state is State.FINAL:
        book.apply(view(gift(at=B), tip=B.height + 5))
    else:
        book.apply(view(gift()))
    if state is State.DROPPED:
        book.apply(view(), START)
        book.apply(view(), START + GRACE)
    elif state is State.REPLACED:
        book.apply(view(gift("rival", 0)))
    assert book["t"].state is state
    return book


# (what we believe, what the view holds) -> (the news, the new state, whether reorged), None for "."
Cell = tuple[News, State, bool] | None
SEEN: Cell = (News.SEEN, State.SEEN, False)
CONFIRMED: Cell = (News.CONFIRMED, State.CONFIRMED, False)
FINAL: Cell = (News.FINAL, State.FINAL, False)
DROPPED: Cell = (News.DROPPED, State.DROPPED, False)
REPLACED: Cell = (News.REPLACED, State.REPLACED, False)

COLUMNS = list(Next)
TABLE: dict[State | None, list[Cell]] = {
    None: [SEEN, CONFIRMED, CONFIRMED, CONFIRMED, FINAL, None, None, None],
    State.SEEN: [
        None,
        CONFIRMED,
        CONFIRMED,
        CONFIRMED,
        FINAL,
        (News.MISSING, State.SEEN, False),
        DROPPED,
        REPLACED,
    ],
    State.CONFIRMED: [
        (News.SEEN, State.SEEN, True),
        None,
        (News.CONFIRMED, State.CONFIRMED, True),
        (News.CONFIRMED, State.CONFIRMED, True),
        FINAL,
        (News.MISSING, State.CONFIRMED, False),
        (News.DROPPED, State.DROPPED, True),
        (News.REPLACED, State.REPLACED, True),
    ],
    # The agreed chain still holds the block, except in the column of the same height; for what
    # comes of that see test_finality.
    State.FINAL: [
        None,
        None,
        None,
        (News.DOUBTED, State.FINAL, False),
        None,
        None,
        None,
        None,
    ],
    State.DROPPED: [SEEN, CONFIRMED, CONFIRMED, CONFIRMED, FINAL, None, None, None],
    State.REPLACED: [SEEN, CONFIRMED, CONFIRMED, CONFIRMED, FINAL, None, None, None],
}
CELLS = [
    pytest.param(believed, column, cell, id=f"{believed or 'nothing'}, {column}")
    for believed, row in TABLE.items()
    for column, cell in zip(COLUMNS, row, strict=True)
]


@pytest.mark.parametrize(("believed", "column", "cell"), CELLS)
def test_each_cell_of_the_table(believed: State | None, column: Next, cell: Cell) -> None:
    """Every belief meets every view as the table says, and tells it once."""
    book = book_in(believed)
    told = next_view(column)
    if column is Next.GONE:
        book.apply(told, LATER - GRACE)
    changes = [c for c in book.apply(told, LATER) if c.after.id == "t"]
    if cell is None:
        assert changes == []
    else:
        (change,) = changes
        assert (change.news, change.after.state, change.reorged) == cell
    assert book.apply(told, LATER) == ()


def test_every_belief_has_a_row() -> None:
    """The table of this file leaves out no state."""
    assert set(TABLE) == {None, *State}


def test_missing_stops_counting_at_once() -> None:
    """A transfer leaves its sum with the first view that lacks it, long before the verdict."""
    for at in (None, B):
        book = Book()
        book.apply(view(gift(at=at)))
        book.apply(view(), START + 7)
        assert book.sums == {}
        assert book["t"].missing_since == START + 7


def test_missing_is_judged_after_the_whole_grace() -> None:
    """One second before the end of the grace nothing is dropped."""
    book = Book()
    book.apply(view(gift()))
    book.apply(view(), START)
    assert book.apply(view(), START + GRACE - 1) == ()
    (change,) = book.apply(view(), START + GRACE)
    assert change.news is News.DROPPED


def test_found_again_counts_again() -> None:
    """A transfer that comes back where it was within the grace is found, and as before."""
    for at in (None, B):
        book = Book()
        book.apply(view(gift(at=at)))
        before = book["t"]
        book.apply(view(), START + 30)
        (change,) = book.apply(view(gift(at=at)), START + 60)
        assert change.news is News.FOUND
        assert book["t"] == before


def test_each_absence_has_a_grace_of_its_own() -> None:
    """After being found, a second absence starts a new grace."""
    book = Book()
    book.apply(view(gift()))
    book.apply(view(), START)
    book.apply(view(gift()), START + GRACE - 1)
    (change,) = book.apply(view(), START + 2 * GRACE)
    assert change.news is News.MISSING


def test_no_verdict_where_the_view_does_not_look() -> None:
    """A view that starts above a block, or ends below the mempool, says nothing of it."""
    for at, told in (
        (B, view(since=B.height + 1)),
        (B, view(until=B.height - 1)),
        (None, view(until=TIP)),
    ):
        book = Book()
        book.apply(view(gift(at=at)))
        assert book.apply(told, LATER) == ()


def test_undecided_is_not_absent() -> None:
    """A transfer on which the operators reached no verdict keeps its place and its sum."""
    book = Book()
    book.apply(view(gift(at=B)))
    assert book.apply(view(undecided=["t"]), LATER) == ()
    assert book.apply(view(undecided=["t"]), LATER + 2 * GRACE) == ()


def test_an_empty_view_deletes_nothing() -> None:
    """No view removes a transfer from the ledger; it only changes what is believed of it."""
    book = Book()
    book.apply(view(*(gift(f"t{n}", consumes=[f"coin:{n}"]) for n in range(9))))
    for later in range(3):
        book.apply(view(), START + later * GRACE)
    assert len(book.transfers) == 9
    assert {t.state for t in book.transfers.values()} == {State.DROPPED}


def test_a_dropped_gift_that_was_mined_after_all_counts() -> None:
    """DROPPED is a verdict, not a grave: a block that holds the transaction revives it."""
    book = book_in(State.DROPPED)
    book.apply(view(gift(at=B)), LATER)
    assert book["t"].bucket is not None
    assert book["t"].first_seen == START


@pytest.mark.parametrize("state", list(State))
def test_settled_is_what_no_view_is_expected_to_change(state: State) -> None:
    """Only FINAL, DROPPED and REPLACED leave memory."""
    settled = book_in(state)["t"].settled
    assert settled == (state in (State.FINAL, State.DROPPED, State.REPLACED))
