"""How the claims of several operators become one view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.agreement import Agreement
from donations.errors import BadObservation
from donations.ledger import (
    Block,
    Bucket,
    Kind,
    News,
    Observation,
    State,
    Transaction,
    Transfer,
    View,
)
from tests.ledger.build import GRACE, START, TIP, Book, block, chain, gift, observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

B = block(108)


def agreed(
    *observations: Observation,
    required: int = 2,
    believed: Mapping[str, Transfer] | None = None,
    recorded: Mapping[int, Block] | None = None,
    oldest: int = 0,
) -> View | None:
    agreement = Agreement(required)
    for each in observations:
        agreement.hold(each)
    return agreement.view(believed or {}, recorded or {}, oldest=oldest)


def sure(view: View | None) -> View:
    assert view is not None
    return view


def names(transactions: Iterable[Transaction]) -> set[str]:
    return {t.id for t in transactions}


class Panel:
    """Operators that are heard one after another, and the ledger that follows them."""

    def __init__(self, required: int = 2) -> None:
        self.agreement = Agreement(required)
        self.book = Book()
        self.recorded: dict[int, Block] = {}
        self.now = START

    def hear(self, *observations: Observation, silent_before: int = 0) -> list[News]:
        """Hold all of them, applying the view after each; the news of it."""
        heard = len(self.book.changes)
        for each in observations:
            self.agreement.hold(each)
            view = self.agreement.view(self.book.transfers, self.recorded, oldest=silent_before)
            if view is not None:
                self.book.apply(view, self.now)
                self.recorded = {**self.recorded, **view.blocks}
                self.recorded = {h: b for h, b in self.recorded.items() if h <= view.tip.height}
        return [change.news for change in self.book.changes[heard:]]


# -- votes


def test_one_of_two_is_a_claim() -> None:
    """What one operator has, where two must agree, is claimed: told, but not in the view."""
    view = sure(agreed(observation("north", gift()), observation("south")))
    assert view.transactions == ()
    assert names(c.transaction for c in view.claimed) == {"t"}
    assert "t" in view.undecided


def test_two_of_two_agree() -> None:
    """What as many operators have as must agree, is in the view."""
    view = sure(agreed(observation("north", gift(at=B)), observation("south", gift(at=B))))
    assert view.transactions == (gift(at=B),)
    assert view.operators == {"north", "south"}
    assert view.claimed == ()


def test_one_alone_suffices_where_one_must() -> None:
    """With a single source its word is the view."""
    view = sure(agreed(observation("north", gift(at=B)), required=1))
    assert view.transactions == (gift(at=B),)


def test_no_view_before_enough_have_spoken() -> None:
    """One voice of two makes no view, not even an empty one."""
    assert agreed(observation("north", gift())) is None
    assert agreed() is None


@pytest.mark.parametrize("operators", range(1, 6))
@pytest.mark.parametrize("required", range(1, 6))
def test_k_of_n(operators: int, required: int) -> None:
    """For every k and n a gift is agreed exactly when k operators have it."""
    for at in (None, B):
        told = [observation(f"op{n}") for n in range(5)]
        for n in range(operators):
            told[n] = observation(f"op{n}", gift(at=at))
        view = sure(agreed(*told, required=required))
        assert bool(view.transactions) == (operators >= required)


def test_an_operator_has_one_vote() -> None:
    """A newer observation takes the place of the older one of the same operator."""
    view = agreed(observation("north", gift()), observation("north", gift()))
    assert view is None
    told = observation("north", gift()), observation("south"), observation("north", gift())
    assert sure(agreed(*told)).transactions == ()


def test_a_transaction_listed_twice_has_no_two_votes() -> None:
    """An operator that lists one transaction twice is refused, whatever the places."""
    for twin in (gift(), gift(at=B), gift(units=9)):
        agreement = Agreement(2)
        with pytest.raises(BadObservation, match="twice"):
            agreement.hold(observation("north", gift(), twin))
        assert agreement.latest("north") is None


def test_votes_are_for_the_amount_too() -> None:
    """Operators that tell different amounts of one transaction do not agree on it."""
    told = [observation("north", gift(units=5)), observation("south", gift(units=6))]
    assert sure(agreed(*told)).transactions == ()
    view = sure(agreed(*told, observation("west", gift(units=5))))
    assert view.transactions == (gift(units=5),)


@pytest.mark.parametrize(
    "lie",
    [
        gift(at=B),
        gift(at=B, kind=Kind.UNATTRIBUTED, coinbase=True, consumes=["coin:9"]),
        gift(at=B, kind=Kind.UNATTRIBUTED, consumes=["coin:9"]),
        gift(at=B, kind=Kind.UNATTRIBUTED, coinbase=True, units=2_000),
    ],
)
def test_nothing_about_a_transaction_is_one_operators_word(lie: Transaction) -> None:
    """Kind, maturity, what it consumes and brings are those that enough operators tell alike."""
    truth = gift(at=B, kind=Kind.UNATTRIBUTED, coinbase=True)
    view = sure(
        agreed(observation("liar", lie), observation("north", truth), observation("south", truth))
    )
    assert view.transactions == (truth,)


def test_own_is_believed_of_anybody() -> None:
    """Whoever knows that a watched address sent it keeps it out of the gifts."""
    told = observation("north", gift(own=True)), observation("south", gift())
    assert sure(agreed(*told)).transactions == (gift(own=True),)


# -- places


def test_a_block_needs_its_own_votes() -> None:
    """Two have it, one of them in a block: it is there, and unconfirmed."""
    view = sure(agreed(observation("north", gift(at=B)), observation("south", gift())))
    assert view.transactions == (gift(),)


def test_the_view_stands_at_the_highest_shared_block() -> None:
    """An operator that is ahead does not draw the view along."""
    ahead = observation("north", gift(at=block(112)), blocks=chain(112))
    view = sure(agreed(ahead, observation("south", gift())))
    assert view.tip == block(TIP)
    assert view.transactions == (gift(),)


def test_final_needs_as_many_as_everything_else() -> None:
    """The final height is one that enough operators at the tip reach."""
    told = [observation(n, final_height=h) for n, h in (("a", 109), ("b", 104), ("c", 90))]
    assert sure(agreed(*told)).final_height == 104
    assert sure(agreed(*told, required=3)).final_height == 90


def test_final_is_never_above_the_tip() -> None:
    """Operators that call their next blocks final do not make final what is not there."""
    ahead = [observation(n, blocks=chain(TIP), final_height=TIP + 9) for n in ("a", "b")]
    assert sure(agreed(*ahead)).final_height == TIP


def test_a_block_off_the_shared_chain_is_no_place() -> None:
    """Where operators stand on two chains, a transaction is confirmed on the chosen one only."""
    fork = chain(TIP, "x", above=105)
    told = [
        observation("n1", gift(at=B)),
        observation("n2", gift(at=B)),
        observation("s1", blocks=fork),
        observation("s2", blocks=fork),
        observation("s3", blocks=fork),
    ]
    view = sure(agreed(*told))
    assert view.tip == fork[TIP]
    assert view.transactions == (gift(),)
    assert all(view.blocks[h] == b for h, b in fork.items())


def test_a_block_keeps_what_it_holds() -> None:
    """As long as the shared chain holds the block, a mempool that still lists it makes no news."""
    panel = Panel()
    panel.hear(observation("north", gift(at=B)), observation("south", gift(at=B)))
    assert panel.hear(observation("south", gift())) == []
    assert panel.hear(observation("north", gift())) == []
    assert panel.book["t"].block == B


def test_a_higher_but_unshared_chain_does_not_win() -> None:
    """One operator on a longer chain of its own changes neither tip nor blocks."""
    alone = chain(TIP + 5, "x", above=100)
    view = sure(agreed(observation("n"), observation("s"), observation("liar", blocks=alone)))
    assert view.tip == block(TIP)
    assert view.blocks == chain(TIP)
    assert "liar" not in view.operators


# -- absence


def test_absent_needs_as_many_votes_as_present() -> None:
    """One operator that lacks a gift leaves it undecided; two make it missing."""
    panel = Panel()
    panel.hear(*(observation(n, gift()) for n in ("north", "south", "west")))
    next_tip = chain(TIP + 1)
    assert panel.hear(observation("north", blocks=next_tip)) == []
    # The west still has it, but stands at the older tip.
    assert panel.hear(observation("south", blocks=next_tip)) == [News.MISSING]
    two = Panel()
    two.hear(*(observation(n, gift()) for n in ("north", "south")))
    assert two.hear(observation("north", blocks=next_tip)) == []
    assert two.hear(observation("south", gift(), blocks=next_tip)) == []
    assert two.hear(observation("south", blocks=chain(TIP + 2))) == [News.MISSING]


def test_present_outvotes_absent() -> None:
    """Where enough have it, any number that lack it do not matter."""
    told = [observation(f"op{n}", blocks=chain(TIP + 1)) for n in range(5)]
    told += [observation(n, gift(), blocks=chain(TIP + 1)) for n in ("north", "south")]
    book = Book()
    book.apply(sure(agreed(*told)))
    assert book.sums == {Bucket.PENDING: 1_000}


def test_silence_is_not_absence() -> None:
    """An operator that stopped answering neither has a gift nor lacks it."""
    panel = Panel()
    panel.hear(*(observation(n, gift(), at=START) for n in ("north", "south", "west")))
    later = [observation(n, gift(), at=START + 900) for n in ("north", "south")]
    assert panel.hear(*later, silent_before=START + 1) == []
    assert panel.hear(observation("north", at=START + 901), silent_before=START + 1) == []


def test_an_old_observation_makes_no_view() -> None:
    """When all that is held is too old, there is no view; the ledger is left alone."""
    told = [observation(n, at=START) for n in ("north", "south")]
    assert agreed(*told, oldest=START + 1) is None
    assert agreed(*told, oldest=START) is not None


@pytest.mark.parametrize(
    "blind",
    [
        observation("x", blocks=chain(TIP + 1, "x", above=106), since=109),
        observation("x", blocks=chain(TIP + 1, "x", above=106), until=107),
    ],
    ids=["starts above", "ends below"],
)
def test_no_absence_outside_the_coverage(blind: Observation) -> None:
    """An operator that does not look where we believe a transfer to be is silent on it."""
    book = Book()
    book.apply(sure(agreed(observation("n", gift(at=B)), observation("s", gift(at=B)))))
    told = [replace(blind, operator=n) for n in ("north", "south")]
    view = sure(agreed(*told, believed=book.transfers))
    assert view.undecided == {"t"}
    assert book.apply(view, START + 9 * GRACE) == ()


def test_no_absence_from_the_mempool_by_a_portion() -> None:
    """An operator that tells only a part of a long history is silent on its mempool."""
    book = Book()
    book.apply(sure(agreed(observation("n", gift()), observation("s", gift()))))
    told = [observation(n, until=TIP, blocks=chain(TIP + 1)) for n in ("north", "south")]
    assert "t" in sure(agreed(*told, believed=book.transfers)).undecided


def test_who_holds_the_block_and_does_not_list_it_contradicts_himself() -> None:
    """Lists without a confirmed gift, on a chain with its very block, are no absence."""
    panel = Panel()
    panel.hear(observation("north", gift(at=B)), observation("south", gift(at=B)))
    longer = chain(TIP + 1)
    told = [observation(n, blocks=longer) for n in ("north", "south")]
    assert panel.hear(*told) == []
    assert panel.book.sums == {Bucket.CONFIRMED: 1_000}


def test_an_empty_answer_at_the_same_tip_is_forgetting() -> None:
    """Less than before without a new tip is silence, however many operators tell less."""
    panel = Panel()
    panel.hear(observation("north", gift()), observation("south", gift()))
    for _ in range(3):
        assert panel.hear(observation("north"), observation("south")) == []
    assert panel.book.sums == {Bucket.PENDING: 1_000}


def test_what_was_forgotten_is_absent_at_the_next_tip() -> None:
    """A new tip is a new statement: what both lack there is missing."""
    panel = Panel()
    panel.hear(observation("north", gift()), observation("south", gift()))
    panel.hear(observation("north"), observation("south"))
    longer = chain(TIP + 1)
    news = panel.hear(*(observation(n, blocks=longer) for n in ("north", "south")))
    assert news == [News.MISSING]


def test_forgetting_twice_is_still_forgetting() -> None:
    """A transaction that comes, goes, and is not there a third time was still forgotten."""
    panel = Panel()
    panel.hear(observation("north", gift()), observation("south", gift()))
    told = [observation("north"), observation("north"), observation("south"), observation("south")]
    assert panel.hear(*told) == []


def test_a_new_operator_that_never_had_it_votes_absent() -> None:
    """Only who had it can forget it."""
    panel = Panel()
    panel.hear(observation("north", gift()), observation("south", gift()))
    assert panel.hear(observation("west")) == []
    panel.agreement.hold(observation("east"))
    assert panel.hear(observation("north"), observation("south")) == [News.MISSING]


def test_a_replacement_at_the_same_tip_is_seen_at_once() -> None:
    """Forgetting does not hide a rival: it is there, and consumes the same."""
    panel = Panel()
    panel.hear(observation("north", gift("old", 5)), observation("south", gift("old", 5)))
    news = panel.hear(observation("north", gift("new", 4)), observation("south", gift("new", 4)))
    assert set(news) == {News.SEEN, News.REPLACED}
    assert panel.book.sums == {Bucket.PENDING: 4}


def test_fail_over_makes_nothing_flap() -> None:
    """An operator whose next host knows nothing, or lags, changes nothing while another stands."""
    panel = Panel()
    panel.hear(*(observation(n, gift(), gift("c", 9, B, consumes=["c:1"])) for n in "ns"))
    hosts = [
        observation("n", gift("c", 9, B, consumes=["c:1"])),
        observation("n", blocks=chain(TIP - 1)),
        observation("n", gift("c", 9, None, consumes=["c:1"]), blocks=chain(107)),
        observation("n", gift("c", 9, B, consumes=["c:1"]), blocks=chain(TIP)),
        observation("n", gift(), gift("c", 9, B, consumes=["c:1"])),
    ]
    assert panel.hear(*hosts) == []


# -- lagging and reorgs


def test_a_lower_tip_on_our_chain_is_ignored() -> None:
    """Operators that went back to blocks we stood on do not undo what is above."""
    panel = Panel()
    new = gift(at=block(TIP))
    panel.hear(observation("north", new), observation("south", new))
    late = chain(TIP - 1)
    assert panel.hear(observation("north", blocks=late), observation("south", blocks=late)) == []
    assert panel.book.sums == {Bucket.CONFIRMED: 1_000}


def test_a_lower_tip_of_another_chain_is_a_reorg() -> None:
    """Another hash at a recorded height counts, even below the recorded tip."""
    panel = Panel()
    new = gift(at=block(TIP))
    panel.hear(observation("north", new), observation("south", new))
    fork = chain(TIP - 1, "x", above=107)
    told = [observation(n, gift(), blocks=fork) for n in ("north", "south")]
    assert panel.hear(*told) == [News.SEEN]
    assert panel.book.changes[-1].reorged


def test_a_lower_tip_that_cannot_be_compared_is_ignored() -> None:
    """Without a recorded block to hold it against, a lower tip is taken for lagging."""
    low = {98: block(98, "x"), 99: block(99, "x")}
    told = [observation(n, blocks=low) for n in ("north", "south")]
    assert agreed(*told, recorded={TIP: block(TIP)}) is None
    assert agreed(*told, recorded={99: block(99), TIP: block(TIP)}) is not None


def test_the_same_height_with_another_hash_is_a_reorg() -> None:
    """A tip of equal height is never lagging."""
    panel = Panel()
    panel.hear(*(observation(n, gift(at=block(TIP))) for n in ("north", "south")))
    fork = chain(TIP, "x", above=109)
    again = gift(at=fork[TIP])
    news = panel.hear(*(observation(n, again, blocks=fork) for n in ("north", "south")))
    assert news == [News.SEEN, News.CONFIRMED]  # between the two only block 109 is shared
    assert panel.book["t"].block == fork[TIP]


def test_a_reorg_by_one_of_two_waits_for_the_other() -> None:
    """While operators stand on two chains of equal standing, nothing is undone."""
    panel = Panel()
    panel.hear(*(observation(n, gift(at=B)) for n in ("north", "south")))
    assert panel.hear(observation("north", blocks=chain(TIP + 1, "x", above=107))) == []
    assert panel.book.sums == {Bucket.CONFIRMED: 1_000}


# -- conflicts


def test_of_two_rivals_one_is_kept() -> None:
    """A view never holds two transactions that consume the same; the other is claimed."""
    told = [observation(n, gift("a")) for n in ("n1", "n2")]
    told += [observation(n, gift("b")) for n in ("s1", "s2")]
    view = sure(agreed(*told))
    assert len(view.transactions) == 1
    assert names(view.transactions) | names(c.transaction for c in view.claimed) == {"a", "b"}


def test_a_block_beats_a_mempool() -> None:
    """The rival that is mined is kept, even against more and older mempools."""
    book = Book()
    book.apply(sure(agreed(observation("n", gift("a")), observation("s", gift("a")))))
    told = [observation(n, gift("a")) for n in ("n1", "n2", "n3")]
    told += [observation(n, gift("b", at=B)) for n in ("s1", "s2")]
    view = sure(agreed(*told, believed=book.transfers))
    assert names(view.transactions) == {"b"}


def test_more_operators_beat_fewer() -> None:
    """Of two rivals in mempools the one that more operators have is kept."""
    told = [observation(n, gift("a")) for n in ("n1", "n2")]
    told += [observation(n, gift("b")) for n in ("s1", "s2", "s3")]
    assert names(sure(agreed(*told)).transactions) == {"b"}


def test_between_equals_the_believed_one_stays() -> None:
    """Two halves that disagree do not make the ledger swing."""
    for first, second in (("a", "b"), ("b", "a")):
        panel = Panel()
        told = [observation(n, gift(first)) for n in ("n1", "n2")]
        panel.hear(*told)
        told += [observation(n, gift(second)) for n in ("s1", "s2")]
        assert panel.hear(*told, *reversed(told)) == []
        assert panel.book[first].bucket is Bucket.PENDING


def test_logs_of_one_transaction_are_no_rivals() -> None:
    """Transfers of one transaction consume the same nonce and are all kept."""
    logs = [gift(f"0xaa:{n}", 5, B, consumes=["0xbb:1"]) for n in range(3)]
    told = [observation(n, *logs) for n in ("north", "south")]
    assert len(sure(agreed(*told)).transactions) == 3


# -- coverage of the view


def test_the_view_covers_what_enough_cover() -> None:
    """since and until of the view are those that k operators reach."""
    told = [
        observation("a", since=0, until=50),
        observation("b", since=20, until=90),
        observation("c", since=40),
    ]
    view = sure(agreed(*told))
    assert (view.since, view.until) == (20, 90)
    view = sure(agreed(*told, required=1))
    assert (view.since, view.until) == (0, None)
    view = sure(agreed(*told, required=3))
    assert (view.since, view.until) == (40, 50)


def test_a_history_in_portions_ends_as_one_in_a_piece() -> None:
    """Portions that two operators tell at their own pace add up to the whole."""
    heights = range(10, 100, 10)
    every = [gift(f"t{h}", h, block(h), consumes=[f"c:{h}"]) for h in heights]

    def portion(operator: str, since: int, until: int | None) -> Observation:
        told = [t for t in every if t.block is not None and since <= t.block.height]
        told = [t for t in told if until is None or (t.block and t.block.height <= until)]
        return observation(operator, *told, since=since, until=until)

    panel = Panel()
    news = panel.hear(
        portion("north", 0, 30),
        portion("south", 0, 50),
        portion("north", 31, 60),
        portion("south", 31, 80),
        portion("north", 51, None),
        portion("south", 51, None),
    )
    assert set(news) == {News.FINAL}
    assert panel.book.sums == {Bucket.FINAL: sum(heights)}


# -- balance


def test_a_balance_is_of_the_tip_and_agreed() -> None:
    """A balance counts when enough operators tell the same of the block the view stands at."""
    told = [observation("a", balance=5), observation("b", balance=5), observation("c", balance=7)]
    assert sure(agreed(*told)).balance == 5
    assert sure(agreed(*told, required=3)).balance is None
    ahead = observation("a", balance=5, blocks=chain(TIP + 1))
    assert sure(agreed(ahead, told[1], told[2])).balance is None


def test_latest_is_what_was_held_last() -> None:
    """The last observation of an operator is at hand for its next cursor."""
    agreement = Agreement(1)
    assert agreement.latest("north") is None
    first, second = observation("north", at=1), observation("north", at=2)
    agreement.hold(first)
    agreement.hold(second)
    assert agreement.latest("north") is second


def test_replaced_needs_agreement_on_the_rival() -> None:
    """A rival that one operator made up replaces nothing."""
    panel = Panel()
    panel.hear(*(observation(n, gift("real", 5)) for n in ("north", "south")))
    assert panel.hear(observation("liar", gift("rival", 0, at=B))) == []
    assert panel.book["real"].state is State.SEEN
