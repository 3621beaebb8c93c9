"""FINAL is left only on evidence, after a whole grace, and never silently."""

from __future__ import annotations

from donations.ledger import Bucket, News, State
from tests.ledger.build import GRACE, START, TIP, Book, block, chain, gift, view

B = block(100)
FORK = chain(TIP + 2, "x", above=98)


def final_book() -> Book:
    book = Book()
    book.apply(view(gift(at=B)))
    assert book["t"].state is State.FINAL
    return book


def test_absence_alone_never_reverses() -> None:
    """As long as the agreed chain holds the block, a list without the transfer changes nothing."""
    book = final_book()
    for later in range(1, 5):
        assert book.apply(view(), START + later * GRACE) == ()


def test_a_mempool_never_reverses() -> None:
    """Nor does the transaction in a mempool, while the agreed chain holds its block."""
    book = final_book()
    for later in range(1, 5):
        assert book.apply(view(gift()), START + later * GRACE) == ()


def test_a_chain_that_is_not_told_at_that_height_never_reverses() -> None:
    """No block at the height of ours is no evidence against ours."""
    book = final_book()
    blind = {h: b for h, b in FORK.items() if h != B.height}
    for later in range(1, 5):
        assert book.apply(view(blocks=blind), START + later * GRACE) == ()


def test_a_doubted_transfer_counts_until_the_verdict() -> None:
    """Another block in its place raises a doubt; the sum stays until the grace is over."""
    book = final_book()
    (change,) = book.apply(view(blocks=FORK), START)
    assert change.news is News.DOUBTED
    assert book.sums == {Bucket.FINAL: 1_000}
    assert not book["t"].settled
    assert book.apply(view(blocks=FORK), START + GRACE - 1) == ()


def test_a_reversal_is_told_with_its_evidence() -> None:
    """After the grace it is dropped: marked final reversed, both blocks and the tip named."""
    book = final_book()
    book.apply(view(blocks=FORK), START)
    (change,) = book.apply(view(blocks=FORK), START + GRACE)
    assert change.news is News.DROPPED
    assert change.final_reversed
    assert change.reorged
    for named in ("a100", "x100", f"x{TIP + 2}", "north", "south"):
        assert named in change.evidence
    assert book.sums == {}


def test_a_transfer_mined_again_goes_to_its_new_block() -> None:
    """A reversal that finds the transaction in the new chain moves it there."""
    book = final_book()
    again = block(TIP, "x")
    book.apply(view(gift(at=again), blocks=FORK), START)
    (change,) = book.apply(view(gift(at=again), blocks=FORK), START + GRACE)
    assert (change.news, change.after.block) == (News.CONFIRMED, again)
    assert change.final_reversed
    assert book.sums == {Bucket.CONFIRMED: 1_000}


def test_a_transfer_mined_again_may_be_final_there() -> None:
    """Where the new block is final already, the transfer stays final, with the reversal told."""
    book = final_book()
    again = block(99, "x")
    book.apply(view(gift(at=again), blocks=FORK), START)
    (change,) = book.apply(view(gift(at=again), blocks=FORK), START + GRACE)
    assert (change.news, change.final_reversed) == (News.FINAL, True)
    assert book["t"].block == again
    assert book.sums == {Bucket.FINAL: 1_000}


def test_a_transfer_back_in_the_mempool_is_seen() -> None:
    """A reversal that finds the transaction unconfirmed makes it pending."""
    book = final_book()
    book.apply(view(gift(), blocks=FORK), START)
    (change,) = book.apply(view(gift(), blocks=FORK), START + GRACE)
    assert (change.news, change.after.block, change.final_reversed) == (News.SEEN, None, True)
    assert book.sums == {Bucket.PENDING: 1_000}


def test_what_a_reversal_finds_is_what_counts() -> None:
    """The amount in the new block replaces the old one: the same call may pay another sum there."""
    book = final_book()
    again = gift("t", 400, block(TIP, "x"))
    book.apply(view(again, blocks=FORK), START)
    book.apply(view(again, blocks=FORK), START + GRACE)
    assert book.sums == {Bucket.CONFIRMED: 400}
    assert book["t"].brings == again.brings


def test_a_rival_in_the_new_chain_replaces_after_the_grace() -> None:
    """A reversal by a double spend is told as a replacement by it."""
    book = final_book()
    rival = gift("rival", 0, block(99, "x"))
    book.apply(view(rival, blocks=FORK), START)
    assert book["t"].state is State.FINAL
    (change,) = book.apply(view(rival, blocks=FORK), START + GRACE)
    assert (change.news, change.after.replaced_by) == (News.REPLACED, "rival")
    assert change.final_reversed


def test_a_rival_that_pays_us_waits_for_the_verdict() -> None:
    """While a final gift stands, the double spend that would replace it is not counted too."""
    book = final_book()
    rival = gift("rival", 700, block(99, "x"))
    book.apply(view(rival, blocks=FORK), START)
    assert book.sums == {Bucket.FINAL: 1_000}
    assert book.apply(view(rival, blocks=FORK), START + GRACE - 1) == ()
    book.apply(view(rival, blocks=FORK), START + GRACE)
    assert book.sums == {Bucket.FINAL: 700}


def test_a_replaced_rival_waits_for_the_verdict_too() -> None:
    """A replaced gift revives only when the final one that replaced it is reversed."""
    book = Book()
    book.apply(view(gift("rival", 700), tip=98))
    book.apply(view(gift(at=B)))
    assert book["rival"].state is State.REPLACED
    rival = gift("rival", 700, block(99, "x"))
    book.apply(view(rival, blocks=FORK), START)
    assert book.sums == {Bucket.FINAL: 1_000}
    book.apply(view(rival, blocks=FORK), START + GRACE)
    assert book.sums == {Bucket.FINAL: 700}


def test_a_doubt_clears_when_the_block_is_back() -> None:
    """A chain that returns within the grace leaves the transfer as it was, and says so."""
    book = final_book()
    before = book["t"]
    book.apply(view(blocks=FORK), START)
    (change,) = book.apply(view(gift(at=B)), START + GRACE)
    assert change.news is News.FOUND
    assert book["t"] == before
    assert book.apply(view(gift(at=B)), START + GRACE) == ()


def test_a_cleared_doubt_does_not_count_for_the_next() -> None:
    """The grace must be whole: two short doubts do not add up."""
    book = final_book()
    book.apply(view(blocks=FORK), START)
    book.apply(view(gift(at=B)), START + GRACE - 1)
    (change,) = book.apply(view(blocks=FORK), START + 2 * GRACE)
    assert change.news is News.DOUBTED


def test_no_drop_where_the_view_does_not_look() -> None:
    """Even a doubted transfer is dropped only by a view that covers its height."""
    book = final_book()
    book.apply(view(blocks=FORK), START)
    for told in (
        view(blocks=FORK, since=B.height + 1),
        view(blocks=FORK, until=B.height - 1),
        view(blocks=FORK, undecided=["t"]),
    ):
        assert book.apply(told, START + 2 * GRACE) == ()


def test_from_a_to_b_and_back_is_as_before() -> None:
    """A reorg and its reversal leave the same transfers and sums, but two changes each."""
    told = [
        gift("old", 1, block(100), consumes=["coin:1"]),
        gift("mid", 10, block(107), consumes=["coin:2"]),
        gift("new", 100, block(110), consumes=["coin:3"]),
        gift("wait", 1_000, None, consumes=["coin:4"]),
    ]
    other = [
        told[0],
        gift("mid", 10, block(108, "x"), consumes=["coin:2"]),
        gift("new", 100, None, consumes=["coin:3"]),
        gift("wait", 1_000, block(109, "x"), consumes=["coin:4"]),
    ]
    book = Book()
    book.apply(view(*told))
    before, sums = dict(book.transfers), book.sums
    told_before = len(book.changes)
    book.apply(view(*other, blocks=chain(TIP + 1, "x", above=106)), START + 60)
    book.apply(view(*told), START + 120)
    assert book.transfers == before
    assert book.sums == sums
    assert len(book.changes) == told_before + 6


def test_final_needs_no_memory_of_confirmed() -> None:
    """A view that is far ahead takes a transfer from seen to final in one step."""
    book = Book()
    book.apply(view(gift()))
    (change,) = book.apply(view(gift(at=B)))
    assert (change.news, change.reorged) == (News.FINAL, False)


def test_a_lower_final_height_takes_nothing_back() -> None:
    """Operators with a lower idea of what is final do not make a final transfer less."""
    book = final_book()
    assert book.apply(view(gift(at=B), final_height=50), START) == ()
