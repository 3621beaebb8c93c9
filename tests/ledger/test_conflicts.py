"""Two different transactions that consume the same thing cannot both stand."""

from __future__ import annotations

import pytest

from donations.errors import BadObservation
from donations.ledger import Bucket, News, State
from tests.ledger.build import START, Book, block, gift, view

B = block(108)


def test_a_replacement_that_still_pays_us_counts_once() -> None:
    """A fee bump swaps one gift for another in the same breath."""
    book = Book()
    book.apply(view(gift("first", 100)))
    changes = book.apply(view(gift("bump", 90)))
    assert {c.news for c in changes} == {News.SEEN, News.REPLACED}
    assert book["first"].replaced_by == "bump"
    assert book.sums == {Bucket.PENDING: 90}


def test_a_replacement_that_pays_somebody_else_takes_the_gift() -> None:
    """A rival that touches nothing of ours replaces all the same."""
    book = Book()
    book.apply(view(gift("first", 100)))
    book.apply(view(gift("away", 0)))
    assert book["first"].state is State.REPLACED
    assert book.sums == {}


def test_one_shared_input_is_enough() -> None:
    """Rivals need not consume all the same things."""
    book = Book()
    book.apply(view(gift("first", 100, consumes=["coin:0", "coin:1"])))
    book.apply(view(gift("second", 90, consumes=["coin:1", "coin:2"])))
    assert book["first"].replaced_by == "second"


def test_replaced_needs_no_grace_and_no_missing() -> None:
    """A rival is a verdict at once, also over a transfer that was missing."""
    book = Book()
    book.apply(view(gift("first", 100)))
    book.apply(view())
    (change,) = book.apply(view(gift("away", 0)), START + 1)
    assert change.news is News.REPLACED
    assert book["first"].missing_since is None


def test_a_rival_decides_what_was_undecided() -> None:
    """Silence about a transfer does not protect it from a rival that enough operators have."""
    book = Book()
    book.apply(view(gift("first", 100)))
    book.apply(view(gift("bump", 90), undecided=["first"]))
    assert book.sums == {Bucket.PENDING: 90}


def test_replacement_and_return() -> None:
    """When the first one is mined after all it counts again, and the bump is replaced by it."""
    book = Book()
    book.apply(view(gift("first", 100)))
    book.apply(view(gift("bump", 90)))
    changes = book.apply(view(gift("first", 100, B)))
    assert {(c.after.id, c.news) for c in changes} == {
        ("first", News.CONFIRMED),
        ("bump", News.REPLACED),
    }
    assert book["first"].replaced_by is None
    assert book.sums == {Bucket.CONFIRMED: 100}


def test_a_chain_of_bumps_leaves_the_last() -> None:
    """However often a gift is bumped, one of them counts."""
    book = Book()
    for n in range(20):
        book.apply(view(gift(f"bump{n}", 100 + n)))
        assert book.sums == {Bucket.PENDING: 100 + n}
    assert sum(t.state is State.REPLACED for t in book.transfers.values()) == 19


def test_transfers_of_one_transaction_do_not_conflict() -> None:
    """Two token logs of one transaction consume the same nonce and both stand."""
    book = Book()
    book.apply(
        view(
            gift("0xaa:0", 5, B, consumes=["0xbb:7"]),
            gift("0xaa:1", 6, B, consumes=["0xbb:7"]),
        )
    )
    assert book.sums == {Bucket.CONFIRMED: 11}
    book.apply(view(gift("0xaa:0", 5, B, consumes=["0xbb:7"])))
    assert book["0xaa:1"].state is State.CONFIRMED
    assert book["0xaa:1"].missing_since == START


def test_another_transaction_with_the_nonce_replaces_all_logs() -> None:
    """A replaced nonce takes every transfer of the old transaction."""
    book = Book()
    old = [gift(f"0xaa:{n}", 5, None, consumes=["0xbb:7"]) for n in range(2)]
    book.apply(view(*old))
    book.apply(view(gift("0xcc", 0, B, consumes=["0xbb:7"])))
    assert {t.replaced_by for t in book.transfers.values()} == {"0xcc"}


def test_a_view_with_both_rivals_is_refused() -> None:
    """A view in which one thing is consumed twice is impossible, and changes nothing."""
    book = Book()
    with pytest.raises(BadObservation, match="consumed by both"):
        book.apply(view(gift("first"), gift("second")))
    assert book.transfers == {}


def test_a_spend_of_an_unconfirmed_gift_does_not_rival_it() -> None:
    """A transaction consumes its parent's output, not its parent."""
    book = Book()
    parent = gift("parent", 100)
    child = gift("child", 40, consumes=["parent:0"], spends=[("parent:0", 100)], own=True)
    book.apply(view(parent, child))
    assert book.sums == {Bucket.PENDING: 100, Bucket.OWN_PENDING: -60}


def test_a_child_falls_with_its_parent() -> None:
    """When the parent is replaced, the child that is gone with it counts no more."""
    book = Book()
    book.apply(view(gift("parent", 100), gift("child", 30, consumes=["parent:1"])))
    book.apply(view(gift("bump", 95)))
    assert book.sums == {Bucket.PENDING: 95}
