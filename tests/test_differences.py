"""Who differs from the others, since when, and how long that is a matter of the coin."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from donations.agreement import Agreement
from donations.differences import Differences
from tests.ledger.build import GRACE, KEY, START, block, chain, gift, observation

if TYPE_CHECKING:
    from donations.ledger import Observation, View

B = block(108)


def shared(*told: Observation, required: int = 2) -> View:
    agreement = Agreement(required)
    for each in told:
        agreement.hold(each)
    view = agreement.view({}, {}, oldest=0)
    assert view is not None
    return view


def lone_claim() -> View:
    """One of three tells a gift in a block that all hold."""
    return shared(observation("north", gift(at=B)), observation("south"), observation("west"))


def after(moments: list[tuple[View, int]]) -> Differences:
    differences = Differences("btc", GRACE)
    for view, at in moments:
        differences.note(view, START + at)
    return differences


def test_a_claim_names_who_tells_it_and_who_contradicts() -> None:
    """A claim knows its operators; it is contradicted when enough hold its block without it."""
    (claim,) = lone_claim().claimed
    assert claim.operators == {"north"}
    assert claim.contradicted
    (claim,) = shared(observation("north", gift(at=B)), observation("south")).claimed
    assert not claim.contradicted
    (claim,) = shared(
        observation("north", gift(at=B)), observation("south"), observation("west", since=109)
    ).claimed
    assert not claim.contradicted, "who does not look there contradicts nothing"


def test_who_hides_a_gift_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """In the first view in which the others agree on a gift in a block, whoever holds the block
    without it is named, once, and until he tells it."""
    hidden = shared(
        observation("north", gift(at=B)), observation("south", gift(at=B)), observation("west")
    )
    assert hidden.omissions == {("west", "t")}
    with caplog.at_level(logging.WARNING):
        differences = after([(hidden, 0), (hidden, 60)])
    assert [r.getMessage() for r in caplog.records if "west" in r.getMessage()] == [
        f"{KEY.address}: west holds the block of t and does not tell it, others do"
    ]
    assert f"west\tt\t{START}" in dict(differences.facts())["omitted btc"]
    told = shared(*(observation(name, gift(at=B)) for name in ("north", "south", "west")))
    differences.note(told, START + 120)
    assert dict(differences.facts())["omitted btc"] == ""


_LOWER = {h: b for h, b in observation("west").blocks.items() if h < B.height}


@pytest.mark.parametrize(
    "told",
    [
        observation("west", blocks=_LOWER),
        observation("west", blocks=chain(110, "x", above=107)),
        observation("west", since=109),
        observation("west", until=107),
    ],
)
def test_nobody_hides_what_he_does_not_look_at(told: Observation) -> None:
    """An operator that tells another part of the history, or has not the block, omits nothing."""
    view = shared(observation("north", gift(at=B)), observation("south", gift(at=B)), told)
    assert view.omissions == frozenset()


def test_a_claim_in_a_block_is_a_difference_of_the_coin() -> None:
    """Two operators that differ about a block disagree from the first such view on, for as long."""
    view = shared(observation("north", gift(at=B)), observation("south"))
    assert after([(view, 5), (view, GRACE * 3)]).since == {KEY: START + 5}
    agreed = shared(observation("north", gift(at=B)), observation("south", gift(at=B)))
    assert after([(view, 5), (agreed, 10)]).since == {}


def test_mempools_differ_by_nature() -> None:
    """An unconfirmed claim is kept for the author, and no disagreement."""
    differences = after([(shared(observation("north", gift()), observation("south")), 0)])
    assert differences.since == {}
    (claim,) = differences.claims(KEY)
    assert (claim.operators, claim.units, claim.place) == (("north",), 1_000, None)


def test_one_of_three_cannot_keep_a_coin_in_doubt() -> None:
    """What enough others contradict for a whole grace is the claim of whoever tells it, alone."""
    view = lone_claim()
    assert after([(view, 0), (view, GRACE - 1)]).since == {KEY: START}
    late = after([(view, 0), (view, GRACE)])
    assert late.since == {}
    assert late.claims(KEY)[0].since == START


def test_nothing_is_forgotten_by_a_restart() -> None:
    """Since when they differ, and for how long something is claimed, outlive a restart."""
    view = lone_claim()
    before = after([(view, 0)])
    again = Differences("btc", GRACE)
    again.load(dict(before.facts()), before.claims(KEY))
    assert again.since == {KEY: START}
    again.note(view, START + GRACE)
    assert again.since == {}


def test_a_part_of_a_history_makes_no_claims() -> None:
    """While a history is read in portions, what one is ahead with is not kept as his claim."""
    view = shared(
        observation("north", gift(at=B), until=108), observation("south", until=90, since=0)
    )
    assert after([(view, 0)]).claims(KEY) == ()
