"""What is announced of a change, in which bytes, and who is to be told of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.announcements import Asset, Baseline, Type, event_id, is_wanted, of_change
from donations.ledger import Block, Change, Key, Kind, News, State, Transfer

KEY = Key("btc", "1Watched", "BTC")
BITCOIN = Asset(8, 1_000)
BEGIN = Baseline(tip=100, final_height=95)
OLD, NEW, OTHER = Block(100, "a100", 50), Block(101, "a101", 60), Block(101, "b101", 61)
SEEN = Transfer(
    key=KEY, id="t1", kind=Kind.GIFT, state=State.SEEN, amount=5_000, block=None,
    consumes=frozenset({"c1"}), brings=(("t1:0", 5_000),), spends=(), coinbase=False, first_seen=40,
)  # fmt: skip
CONFIRMED = replace(SEEN, state=State.CONFIRMED, block=NEW)
FINAL = replace(CONFIRMED, state=State.FINAL)
DROPPED = replace(SEEN, state=State.DROPPED)
GOOD = (Type.SEEN, Type.CONFIRMED, Type.FINAL)


def types(
    before: Transfer | None, after: Transfer, news: News, *, reorged: bool = False
) -> list[str]:
    """The types of what is announced of a change."""
    told = of_change(Change(before, after, news, 70, reorged=reorged), BITCOIN, BEGIN)
    return [each.type.value.removeprefix("gift.") for each in told]


def test_each_step_of_a_gift_has_its_event() -> None:
    """The table of states, told: one event a step, and before good news of a new block the bad."""
    again = replace(CONFIRMED, block=OTHER)
    waits = replace(SEEN, block=NEW)
    assert types(None, SEEN, News.SEEN) == ["seen"]
    assert types(SEEN, CONFIRMED, News.CONFIRMED) == ["confirmed"]
    assert types(None, CONFIRMED, News.CONFIRMED) == ["confirmed"]
    assert types(CONFIRMED, FINAL, News.FINAL) == ["final"]
    assert types(SEEN, waits, News.PLACED) == []
    assert types(CONFIRMED, SEEN, News.SEEN, reorged=True) == ["reorged"]
    assert types(CONFIRMED, waits, News.PLACED, reorged=True) == ["reorged"]
    assert types(CONFIRMED, again, News.CONFIRMED, reorged=True) == ["reorged", "confirmed"]
    assert types(SEEN, DROPPED, News.DROPPED) == ["dropped"]
    assert types(CONFIRMED, DROPPED, News.DROPPED, reorged=True) == ["dropped"]
    assert types(DROPPED, SEEN, News.SEEN) == ["seen"]
    assert types(DROPPED, waits, News.PLACED) == ["seen"]
    assert types(SEEN, replace(SEEN, kind=Kind.OWN), News.OWN) == ["own"]
    for news in (News.MISSING, News.FOUND, News.DOUBTED, News.PROVEN):
        assert types(CONFIRMED, CONFIRMED, news) == []


def test_what_is_no_gift_is_not_announced() -> None:
    """Own transfers, dust, what the author took out, and what nobody can name."""
    for changed in (
        replace(SEEN, kind=Kind.OWN),
        replace(SEEN, kind=Kind.UNATTRIBUTED),
        replace(SEEN, kind=Kind.OPENING),
        replace(SEEN, amount=999),
        replace(SEEN, excluded=True),
    ):
        assert types(None, changed, News.SEEN) == []


def test_what_may_change_its_sum_is_announced_when_it_is_final() -> None:
    """A miner's pay, and what came from inside contract calls."""
    for gift in (replace(CONFIRMED, coinbase=True), replace(CONFIRMED, id="0xb10c:internal")):
        final = replace(gift, state=State.FINAL)
        assert types(None, gift, News.CONFIRMED) == []
        assert types(gift, replace(gift, state=State.DROPPED), News.DROPPED) == []
        assert types(gift, final, News.FINAL) == ["final"]
        assert types(final, gift, News.CONFIRMED, reorged=True) == ["reorged", "confirmed"]


def test_what_stood_in_a_block_before_is_the_past() -> None:
    """By the height of the block: also when it is proven, or told by a second operator, later."""
    old = replace(CONFIRMED, block=OLD)
    assert types(None, old, News.CONFIRMED) == []
    assert types(None, replace(SEEN, block=OLD), News.SEEN) == []
    assert types(replace(SEEN, block=OLD), old, News.CONFIRMED) == []
    assert types(old, replace(old, state=State.FINAL), News.FINAL) == ["final"]
    final = replace(old, state=State.FINAL, block=Block(95, "a95", 9))
    assert types(None, final, News.FINAL) == []
    assert types(old, DROPPED, News.DROPPED, reorged=True) == ["dropped"]


def test_the_bytes_hold_facts_alone() -> None:
    """Looked at at another time by a database that forgot, the same event has the same id."""
    one, *_ = of_change(Change(SEEN, CONFIRMED, News.CONFIRMED, 70), BITCOIN, BEGIN)
    later = replace(CONFIRMED, first_seen=999)
    other, *_ = of_change(Change(None, later, News.CONFIRMED, 1_000), BITCOIN, Baseline(7, 7))
    assert one.payload(2) == other.payload(2)
    assert event_id(one.payload(2)) != event_id(one.payload(3))
    assert json.loads(one.payload(2))["data"]["amount"] == "0.00005"


@pytest.mark.parametrize(
    ("kind", "events", "told", "wanted"),
    [
        (Type.SEEN, {Type.SEEN}, (), True),
        (Type.SEEN, {Type.CONFIRMED}, (), False),
        (Type.FINAL, {Type.CONFIRMED}, (), True),
        (Type.FINAL, {Type.CONFIRMED}, (Type.CONFIRMED,), False),
        (Type.FINAL, {Type.CONFIRMED}, (Type.CONFIRMED, Type.REORGED), True),
        (Type.CONFIRMED, {Type.SEEN, Type.FINAL}, (Type.SEEN,), False),
        (Type.REORGED, {Type.CONFIRMED}, (Type.CONFIRMED,), True),
        (Type.REORGED, {Type.SEEN}, (Type.SEEN,), False),
        (Type.DROPPED, {Type.SEEN}, (Type.SEEN,), True),
        (Type.DROPPED, {Type.SEEN}, (), False),
        (Type.OWN, {Type.FINAL}, (Type.FINAL,), True),
        (Type.SILENT, {Type.SEEN}, (), False),
    ],
)
def test_who_is_to_be_told(
    kind: Type, events: set[Type], told: tuple[Type, ...], wanted: bool
) -> None:
    """What it asked for, what it missed, and what contradicts what it was told."""
    assert is_wanted(kind, events, told) is wanted


_GONE = {Type.REORGED: GOOD[1:], Type.DROPPED: GOOD, Type.REPLACED: GOOD, Type.OWN: GOOD}
_STREAMS = st.lists(st.sampled_from((*GOOD, *_GONE)), max_size=12)


@given(_STREAMS, st.sets(st.sampled_from(GOOD), min_size=1))
def test_nobody_is_left_with_news_that_are_no_longer_true(
    stream: list[Type], events: set[Type]
) -> None:
    """Whatever happens to a gift, a channel believes nothing that is not so, and misses nothing."""
    told: list[Type] = []
    for kind in stream:
        if is_wanted(kind, events, told):
            told.append(kind)
    so, believed = _standing(stream), _standing(told)
    assert believed <= so
    best = max(map(GOOD.index, so), default=-1)
    asked = [GOOD.index(each) for each in events if GOOD.index(each) <= best]
    assert max(map(GOOD.index, believed), default=-1) >= max(asked, default=-1)


def _standing(stream: list[Type]) -> set[Type]:
    standing: set[Type] = set()
    for kind in stream:
        standing -= set(_GONE.get(kind, ()))
        standing |= {kind} & set(GOOD)
    return standing
