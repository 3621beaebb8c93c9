"""What a view may say once proofs are asked for, and what the ledger makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.gate import gate
from donations.ledger import Bucket, Claim, Level, News, State, prove
from tests.ledger.build import START, Book, block, chain, gift, view

if TYPE_CHECKING:
    from donations.ledger import Block, View

B, C, DEEP = block(108), block(108, "x"), block(90)
OWN_FINAL = 105


class Gated(Book):
    """A book that hears views through the gate; ``places`` is what is proven on our headers."""

    def __init__(self, **places: Block) -> None:
        super().__init__()
        self.places = places

    def hear(self, told: View, own_final: int = OWN_FINAL) -> list[News]:
        gated = gate(told, self.transfers, self.places, own_final)
        return [change.news for change in self.apply(gated)]


def test_a_place_counts_once_it_is_proven() -> None:
    """What operators place in a block pends until the proof, and is confirmed with it."""
    book = Gated()
    assert book.hear(view(gift(at=B))) == [News.SEEN]
    assert (book["t"].state, book["t"].block, book["t"].level) == (State.SEEN, B, Level.AGREED)
    assert book.sums == {Bucket.PENDING: 1_000}
    book.places["t"] = B
    assert book.hear(view(gift(at=B))) == [News.CONFIRMED]
    assert book.sums == {Bucket.CONFIRMED: 1_000}
    assert book["t"].level is Level.PROVEN


def test_a_seen_gift_that_is_mined_is_placed_first() -> None:
    """From the mempool into a block it moves without being seen anew."""
    book = Gated()
    assert book.hear(view(gift())) == [News.SEEN]
    assert book.hear(view(gift(at=B))) == [News.PLACED]
    assert book.hear(view(gift(at=B))) == []


@pytest.mark.parametrize(
    ("own_final", "state"), [(89, State.CONFIRMED), (90, State.FINAL), (-1, State.CONFIRMED)]
)
def test_final_is_what_our_own_headers_bury(own_final: int, state: State) -> None:
    """Operators alone make nothing final: the block is buried in our headers too."""
    book = Gated(t=DEEP)
    book.hear(view(gift(at=DEEP)), own_final)
    assert book["t"].state is state


def test_a_proof_outvotes_absence() -> None:
    """What is proven stays, whoever no longer tells it."""
    book = Gated(t=B)
    book.hear(view(gift(at=B)))
    assert book.hear(view()) == []
    assert book.hear(view(gift())) == [], "nor does a mempool move it"
    assert book.sums == {Bucket.CONFIRMED: 1_000}


def test_a_proof_outvotes_a_rival() -> None:
    """A rival of what is proven, in a mempool or in a block without proof, replaces nothing."""
    rival = gift("rival", 5)
    for at in (None, C, B):
        book = Gated(t=B)
        book.hear(view(gift(at=B)))
        assert book.hear(view(replace(rival, block=at))) == []
        assert book["t"].state is State.CONFIRMED


def test_one_valid_proof_makes_a_claim_count() -> None:
    """What one operator alone tells counts with its proof, against what the others hold."""
    claim = Claim(gift(at=B), frozenset({"north"}), contradicted=True)
    told = replace(view(gift("rival", 5)), claimed=(claim,), undecided=frozenset({"t"}))
    assert Gated().hear(told) == [News.SEEN]
    book = Gated(t=B)
    assert book.hear(told) == [News.CONFIRMED]
    assert book.sums == {Bucket.CONFIRMED: 1_000}


def test_the_proven_block_is_the_place() -> None:
    """Where operators tell another block than the one that was proven, the proven one counts."""
    book = Gated(t=B)
    book.hear(view(gift(at=C), blocks=chain(110, "x", above=107)))
    assert book["t"].block == B


def test_a_reorg_takes_the_proof_away() -> None:
    """What our headers no longer hold is unproven until its new place is."""
    book = Gated(t=B)
    book.hear(view(gift(at=B)))
    book.places.clear()
    assert book.hear(view(gift(at=B))) == [News.SEEN] or book["t"].state is State.SEEN
    assert (book["t"].level, book.changes[-1].reorged) == (Level.AGREED, True)
    book.places["t"] = C
    assert book.hear(view(gift(at=C))) == [News.CONFIRMED]
    assert (book["t"].level, book["t"].block) == (Level.PROVEN, C)


@pytest.mark.parametrize("at", [B, DEEP])
def test_what_counted_before_proofs_goes_on_to(at: Block) -> None:
    """An older ledger keeps what it had; a proof makes it better founded, and no news."""
    book = Gated()
    book.apply(view(gift(at=at)))
    before = book.sums
    assert book.hear(view(gift(at=at))) == []
    book.places["t"] = at
    (change,) = prove([book["t"]], {"t": at}, final_height=105, tip=110, now=START)
    assert (change.news, change.after.level) == (News.PROVEN, Level.PROVEN)
    assert book.sums == before


def test_a_proof_needs_no_view() -> None:
    """What waits in its block moves with the proof: to confirmed, or to final when buried."""
    for at, state in ((B, State.CONFIRMED), (DEEP, State.FINAL)):
        book = Gated()
        book.hear(view(gift(at=at)))
        (change,) = prove([book["t"]], {"t": at}, final_height=105, tip=110, now=START)
        assert (change.after.state, change.after.level) == (state, Level.PROVEN)
        assert not prove([book["t"]], {"t": C}, final_height=105, tip=110, now=START)
    (gone,) = book.apply(view())
    assert gone.news is News.MISSING
    assert prove([gone.after], {"t": DEEP}, final_height=105, tip=110, now=START) == ()


def test_a_coinbase_waits_for_its_hundred_blocks() -> None:
    """Also a proven one is not mature before."""
    book = Gated(t=DEEP)
    book.hear(view(gift(at=DEEP, coinbase=True, consumes=())))
    assert book.sums == {Bucket.IMMATURE: 1_000}
