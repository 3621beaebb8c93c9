"""What a transaction nets at one address, and which sum that belongs to."""

from __future__ import annotations

import pytest

from donations.errors import BadObservation
from donations.ledger import (
    COINBASE_MATURITY,
    Bucket,
    Key,
    Kind,
    News,
    State,
    Transaction,
    disown,
    next_since,
)
from tests.ledger.build import DEPTH, KEY, START, TIP, Book, block, gift, view

B = block(108)


def test_several_outputs_are_one_transfer() -> None:
    """A transaction that pays the address three times is one gift of the sum."""
    book = Book()
    paid = Transaction("t", B, frozenset({"coin:0"}), brings=(("t:0", 5), ("t:1", 7), ("t:9", 11)))
    book.apply(view(paid))
    assert book.sums == {Bucket.CONFIRMED: 23}
    assert len(book.transfers) == 1


def test_change_is_no_gift() -> None:
    """What comes back of our own coin is an own transfer of the negative net amount."""
    book = Book()
    book.apply(view(gift("in", 100, B)))
    spent = gift("out", 60, B, consumes=["in:0"], spends=[("in:0", 100)], own=True)
    book.apply(view(gift("in", 100, B), spent))
    assert book.sums == {Bucket.CONFIRMED: 100, Bucket.OWN: -40}


def test_spending_never_lowers_what_was_received() -> None:
    """An outgoing payment without change leaves the gift where it was."""
    book = Book()
    book.apply(view(gift("in", 100, B)))
    spent = gift("out", 0, None, consumes=["in:0"], spends=[("in:0", 100)], own=True)
    book.apply(view(gift("in", 100, B), spent))
    assert book.sums == {Bucket.CONFIRMED: 100, Bucket.OWN_PENDING: -100}


def test_a_spend_is_own_whatever_the_observation_says() -> None:
    """A net of zero or less is never a gift, even if nobody marked it as our own."""
    for back in (99, 100):
        book = Book()
        book.apply(view(gift("out", back, B, spends=[("in:0", 100)], own=False)))
        assert book["out"].kind is Kind.OWN


def test_a_payjoin_that_leaves_us_richer_is_still_own() -> None:
    """A transaction to which a watched address contributes is no gift, however much it brings."""
    book = Book()
    book.apply(view(gift("join", 150, B, spends=[("in:0", 100)], own=True)))
    assert book.sums == {Bucket.OWN: 50}


def test_a_move_between_two_watched_addresses_is_no_gift() -> None:
    """The receiving side of a move is own although nothing of that address is spent."""
    book = Book()
    book.apply(view(gift("move", 100, B, own=True)))
    assert book.sums == {Bucket.OWN: 100}


def test_a_gift_turns_own_when_the_sender_turns_out_to_be_watched() -> None:
    """News that a watched address sent it moves the amount out of the gifts; it never returns."""
    book = Book()
    book.apply(view(gift(at=B)))
    (change,) = book.apply(view(gift(at=B, own=True)))
    assert change.news is News.OWN
    assert book.sums == {Bucket.OWN: 1_000}
    assert book.apply(view(gift(at=B, own=False))) == ()


def test_disown_turns_gifts_only() -> None:
    """Gifts at other addresses become own; what is own already makes no news."""
    book = Book()
    own = gift("move", 9, own=True, consumes=["coin:1"])
    final = gift("old", 5, block(50), consumes=["coin:2"])
    book.apply(view(gift(at=B), own, final))
    changes = disown(book.transfers.values(), START + 3)
    assert {c.after.id for c in changes} == {"t", "old"}
    assert all(c.after.kind is Kind.OWN and c.news is News.OWN for c in changes)
    assert all(c.before is not None and c.before.state is c.after.state for c in changes)


def test_a_coinbase_counts_from_100_confirmations() -> None:
    """A mined gift is in no public sum until its hundredth confirmation, then final at once."""
    mined = Transaction("cb", B, frozenset(), brings=(("cb:0", 50),), coinbase=True)
    book = Book()
    for confirmations in (1, DEPTH, COINBASE_MATURITY - 1):
        book.apply(view(mined, tip=B.height + confirmations - 1))
        assert book.sums == {Bucket.IMMATURE: 50}
    book.apply(view(mined, tip=B.height + COINBASE_MATURITY - 1))
    assert book.sums == {Bucket.FINAL: 50}
    assert book["cb"].state is State.FINAL


def test_a_coinbase_waits_for_finality_too() -> None:
    """Maturity never makes final what the chain does not call final."""
    mined = Transaction("cb", B, frozenset(), brings=(("cb:0", 50),), coinbase=True)
    book = Book()
    book.apply(view(mined, tip=B.height + COINBASE_MATURITY, final_height=B.height - 1))
    assert book.sums == {Bucket.IMMATURE: 50}


def test_an_unconfirmed_coinbase_is_not_pending() -> None:
    """A coinbase on which operators agree, but on no block of it, counts no sooner for that."""
    book = Book()
    book.apply(view(Transaction("cb", None, frozenset(), brings=(("cb:0", 50),), coinbase=True)))
    assert book.sums == {Bucket.IMMATURE: 50}


def test_two_mined_gifts_do_not_conflict() -> None:
    """Coinbases consume nothing, so any number of them stand together."""
    mined = [
        Transaction(f"cb{n}", B, frozenset(), brings=((f"cb{n}:0", 50),), coinbase=True)
        for n in range(2)
    ]
    book = Book()
    book.apply(view(*mined, tip=B.height + COINBASE_MATURITY))
    assert book.sums == {Bucket.FINAL: 100}


@pytest.mark.parametrize("kind", [Kind.UNATTRIBUTED, Kind.OPENING])
def test_what_is_no_gift_has_a_sum_of_its_own(kind: Kind) -> None:
    """Openings and unattributed amounts never enter the gifts, in whatever state."""
    for at in (B, block(50)):
        book = Book()
        book.apply(view(gift(at=at, kind=kind)))
        assert book.sums == {Bucket(kind.value): 1_000}


def test_an_unattributed_loss_is_negative() -> None:
    """What left for no known reason is neither a gift nor our own doing."""
    book = Book()
    book.apply(view(gift("rest", 0, B, spends=[("rest", 7)], kind=Kind.UNATTRIBUTED)))
    assert book.sums == {Bucket.UNATTRIBUTED: -7}


def test_each_state_has_one_sum() -> None:
    """Pending, confirmed and final are disjoint."""
    told = [
        gift("a", 1, None, consumes=["coin:1"]),
        gift("b", 10, B, consumes=["coin:2"]),
        gift("c", 100, block(50), consumes=["coin:3"]),
    ]
    book = Book()
    book.apply(view(*told))
    assert book.sums == {Bucket.PENDING: 1, Bucket.CONFIRMED: 10, Bucket.FINAL: 100}


def test_a_rival_that_touches_nothing_of_ours_is_no_transfer() -> None:
    """What neither pays us nor spends from us leaves no row."""
    book = Book()
    assert book.apply(view(gift("rival", 0))) == ()


def test_an_amount_beyond_64_bits_is_exact() -> None:
    """Sums are exact integers up to the largest token amount."""
    book = Book()
    most = 2**256 - 1
    book.apply(view(gift(units=most, at=B)))
    assert book.sums == {Bucket.CONFIRMED: most}


def test_the_moment_of_a_gift_is_the_earlier_of_sight_and_block() -> None:
    """A gift of a long history is dated by its block, a gift seen in the mempool by that."""
    book = Book()
    past, future = block(-10), block(108)
    book.apply(view(gift("old", 1, past, consumes=["coin:1"]), gift("new", 1)), START)
    book.apply(view(gift("old", 1, past, consumes=["coin:1"]), gift("new", 1, future)), START + 9)
    assert book["old"].received_at == past.time
    assert book["new"].received_at == START


def test_a_transaction_has_one_place() -> None:
    """A view that lists one transaction twice is refused whole."""
    book = Book()
    with pytest.raises(BadObservation, match="twice"):
        book.apply(view(gift(), gift(at=B)))
    assert book.transfers == {}


def test_the_next_look_starts_at_the_lowest_open_height() -> None:
    """The cursor is the lower of the first block that is not final and the lowest open transfer."""
    book = Book()
    book.apply(view(gift("low", 1, block(103)), final_height=100))
    assert next_since(book.transfers.values(), 105) == 103
    assert next_since(book.transfers.values(), 101) == 102
    assert next_since([], TIP) == TIP + 1


def test_a_transfer_belongs_to_the_key_of_its_view() -> None:
    """The key of the view is the key of its transfers."""
    book = Book()
    book.apply(view(gift()))
    assert book["t"].key == KEY == Key("btc", "1Watched", "BTC")
