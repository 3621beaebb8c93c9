"""The author's books: values that freeze, entries that can be undone, and sums that follow both."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from donations.books import (
    TEXT_LIMIT,
    Annotation,
    Entry,
    Figure,
    Figures,
    Filter,
    ManualGift,
    Writing,
    check_text,
    parse_manual,
    place_of,
)
from donations.errors import Conflict, NotFound
from donations.ledger import Block, Bucket, Change, Key, Kind, Level, News, State, Transfer
from donations.records import Batch, Standing
from donations.store import Store
from donations.valuation import Valuation, minor_digits, worth
from tests.secret_material import wif

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PARIS = ZoneInfo("Europe/Paris")
BTC = Key("btc", "1Author", "BTC")
ETH = Key("eth", "0xAuthor", "ETH")
USDC = Key("eth", "0xAuthor", "USDC")
START = 1_767_222_000  # 2026-01-01 00:00 in Paris
SECRET = wif(random.Random(1))


def transfer(
    name: str,
    amount: int = 100_000,
    *,
    key: Key = BTC,
    at: int = START,
    state: State = State.FINAL,
    kind: Kind = Kind.GIFT,
    level: Level = Level.AGREED,
) -> Transfer:
    block = None if state is State.SEEN else Block(100 + at % 1000, f"b{at}", at)
    return Transfer(
        key, name, kind, state, amount, block, frozenset({f"c{name}"}), ((f"{name}:0", amount),),
        (), False, at + 5, level=level,
    )  # fmt: skip


def save(store: Store, *transfers: Transfer, before: Sequence[Transfer | None] = ()) -> None:
    olds = [*before, *(None for _ in transfers[len(before) :])]
    for old, new in zip(olds, transfers, strict=True):
        change = Change(old, new, News(new.state.value), new.first_seen)
        standing = Standing(new.key, Block(9999, "tip", START), 9990, START, 2, complete=True)
        store.save(Batch((change,), (), standing, {}))


def euros(minor: int, price: str = "58000.5") -> Valuation:
    return Valuation("EUR", minor, price, START, "kraken + coinbase", START + 60)


def note(of: Transfer, text: str = "hello", **kwargs: object) -> Annotation:
    entry = Annotation(Writing.NOTE, "anna", START, of.key, of.id, text)
    return replace(entry, **kwargs)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "d.sqlite", PARIS)
    opened.open({"btc": "mainnet", "eth": "mainnet"})
    yield opened
    opened.close()


def sums(store: Store) -> Figures:
    return {where: figure for where, figure in store.months().items() if figure != Figure()}


# -- worth


@given(
    st.integers(-(2**256), 2**256),
    st.integers(0, 18),
    st.integers(1, 10**12),
    st.integers(0, 10),
    st.integers(0, 3),
)
def test_a_worth_is_the_exact_product_rounded_half_to_even(
    units: int, decimals: int, price: int, fraction: int, digits: int
) -> None:
    """No float comes near it: exact rational arithmetic gives the same, to the minor unit."""
    text = str(price).rjust(fraction + 1, "0")
    text = f"{text[:-fraction]}.{text[-fraction:]}" if fraction else text
    exact = Fraction(units, 10**decimals) * Fraction(price, 10**fraction) * 10**digits
    assert worth(units, decimals, text, digits) == round(exact)


@pytest.mark.parametrize("price", ["0", "0.00", "-1", "1e5", "NaN", "", "1.", ".5", "1,5", "٣"])
def test_a_price_is_positive_decimal_text(price: str) -> None:
    """What is no price values nothing."""
    with pytest.raises(ValueError, match="a price"):
        worth(1, 8, price, 2)


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("USD", 2)])
def test_a_currency_has_its_own_minor_unit(currency: str, digits: int) -> None:
    """ISO 4217: a yen has no hundredths, a dinar has thousandths."""
    assert minor_digits(currency) == digits


def test_a_value_is_frozen_once(store: Store) -> None:
    """A later price changes neither the value nor a sum; another currency is another value."""
    gift = transfer("a")
    save(store, gift)
    store.save_valuations([(BTC, "a", euros(5800))])
    store.save_valuations([(BTC, "a", euros(9999, "99999"))])
    store.save_valuations([(BTC, "a", replace(euros(6300), currency="USD"))])
    assert store.valuations(BTC, ["a"]) == {"a": euros(5800)}
    assert sums(store) == {(BTC, "2026-01", Bucket.FINAL): Figure(100_000, 1, 5800, 1)}


def test_what_has_no_value_is_counted_as_unknown(store: Store) -> None:
    """A transfer without a value is in the sum of units, and said to be unvalued; never worth 0."""
    save(store, transfer("a"), transfer("b"))
    store.save_valuations([(BTC, "a", euros(5800))])
    (figure,) = sums(store).values()
    assert (figure.transfers, figure.valued, figure.unvalued, figure.minor) == (2, 1, 1, 5800)
    assert [t.id for t in store.unvalued(None, 10)] == ["b"]


def test_a_value_follows_its_transfer_from_sum_to_sum(store: Store) -> None:
    """Seen, confirmed, dropped and back: the value is where the transfer is, or nowhere."""
    seen = transfer("a", state=State.SEEN)
    save(store, seen)
    store.save_valuations([(BTC, "a", euros(5800))])
    states = []
    before = seen
    for state in (State.CONFIRMED, State.DROPPED, State.FINAL):
        after = replace(before, state=state, block=Block(101, "x", START))
        save(store, after, before=[before])
        states.append({bucket: figure.minor for (_, _, bucket), figure in sums(store).items()})
        before = after
    assert states == [{Bucket.CONFIRMED: 5800}, {}, {Bucket.FINAL: 5800}]


def test_another_currency_has_other_sums(tmp_path: Path) -> None:
    """Values in a currency that is configured again are still there; sums are made anew."""
    minors: list[int] = []
    for currency in ("EUR", "USD", "EUR"):
        store = Store(tmp_path / "d.sqlite", UTC, currency)
        store.open({"btc": "mainnet"})
        if not minors:
            save(store, transfer("a"))
            store.save_valuations([(BTC, "a", euros(5800))])
        minors += [figure.minor for figure in sums(store).values()]
        store.close()
    assert minors == [5800, 0, 5800]


# -- what the author writes


def test_not_a_gift_leaves_every_sum_and_comes_back(store: Store) -> None:
    """The author's word moves a transfer out of what was received, and undoing it moves it back."""
    gift = transfer("a")
    save(store, gift, transfer("b", 7))
    store.save_valuations([(BTC, "a", euros(5800))])
    before = sums(store)
    judged = store.annotate(note(gift, "my own", writing=Writing.NOT_A_GIFT))
    assert sums(store) == {
        (BTC, "2026-01", Bucket.FINAL): Figure(7, 1, 0, 0),
        (BTC, "2026-01", Bucket.EXCLUDED): Figure(100_000, 1, 5800, 1),
    }
    entry = store.entry(BTC, "a")
    assert entry is not None
    assert (entry.remarks.excluded, entry.remarks.reason) == (True, "my own")
    assert replace(entry.transfer, excluded=False) == gift
    undo = Annotation(Writing.UNDO, "anna", START, undoes=judged.sequence)
    assert store.annotate(undo).change is not None
    assert sums(store) == before


def test_a_judgement_survives_what_the_chain_says_next(store: Store) -> None:
    """A transfer that is not a gift stays so when it is reorged, dropped and found again."""
    gift = transfer("a", state=State.CONFIRMED)
    save(store, gift)
    change = store.annotate(note(gift, writing=Writing.NOT_A_GIFT)).change
    assert change is not None
    final = replace(change.after, state=State.FINAL)
    save(store, final, before=[change.after])
    assert [bucket for _, _, bucket in sums(store)] == [Bucket.EXCLUDED]
    store.rebuild_totals()
    assert [bucket for _, _, bucket in sums(store)] == [Bucket.EXCLUDED]


def test_nothing_told_by_a_chain_changes_when_the_author_judges(store: Store) -> None:
    """His word is an entry of its own: no change of the transfer is told."""
    gift = transfer("a")
    save(store, gift)
    told = store.changes(BTC, "a")
    store.annotate(note(gift, writing=Writing.NOT_A_GIFT))
    assert store.changes(BTC, "a") == told
    assert len(told) == 1


def test_the_last_note_stands_and_undoing_it_brings_back_the_one_before(store: Store) -> None:
    """Entries are added and never changed; each can be undone, once."""
    gift = transfer("a")
    save(store, gift)
    store.annotate(note(gift, "first"))
    second = store.annotate(note(gift, "second")).sequence
    texts = []
    for _ in range(2):
        entry = store.entry(BTC, "a")
        assert entry is not None
        texts.append(entry.remarks.note)
        if len(texts) == 1:
            store.annotate(Annotation(Writing.UNDO, "ben", START, undoes=second))
    assert texts == ["second", "first"]
    with pytest.raises(Conflict, match="ben"):
        store.annotate(Annotation(Writing.UNDO, "anna", START, undoes=second))
    assert [each.writing for each in store.annotations(BTC, "a")] == [
        Writing.NOTE,
        Writing.NOTE,
        Writing.UNDO,
    ]


def test_who_did_not_see_the_last_entry_is_told_of_it(store: Store) -> None:
    """Two who write about one transfer at once: the second is refused, and nothing is lost."""
    gift = transfer("a")
    save(store, gift, transfer("b"))
    seen = store.annotate(note(gift, "hers"), 0).sequence
    store.annotate(note(transfer("b")), 0)
    with pytest.raises(Conflict, match=f"anna wrote entry {seen}"):
        store.annotate(note(gift, "his", by="ben"), 0)
    store.annotate(note(gift, "his", by="ben"), seen)
    assert [each.text for each in store.annotations(BTC, "a")] == ["hers", "his"]


def test_what_is_not_there_is_not_written_about(store: Store) -> None:
    """An entry about no transfer, and the undoing of none, are refused."""
    with pytest.raises(NotFound, match="no transfer"):
        store.annotate(note(transfer("x")))
    with pytest.raises(NotFound, match="no entry 7"):
        store.annotate(Annotation(Writing.UNDO, "anna", START, undoes=7))


def test_manual_gifts_stand_until_they_are_undone(store: Store) -> None:
    """A gift that came another way is kept apart from every chain, and can be taken back."""
    cash = parse_manual("20", "EUR", 2, START, "")
    first = store.annotate(Annotation(Writing.MANUAL_GIFT, "anna", START, text="x", manual=cash))
    other = ManualGift(5, "XMR", 12, START, "blog")
    store.annotate(Annotation(Writing.MANUAL_GIFT, "anna", START, manual=other))
    assert [each.manual for each in store.manual_gifts()] == [cash, other]
    store.annotate(Annotation(Writing.UNDO, "anna", START, undoes=first.sequence))
    assert [each.manual for each in store.manual_gifts()] == [other]
    assert sums(store) == {}


@pytest.mark.parametrize(
    ("amount", "unit"), [("0", "EUR"), ("-1", "EUR"), ("1.001", "EUR"), ("1", "€")]
)
def test_a_manual_gift_is_an_amount_of_something(amount: str, unit: str) -> None:
    """No sign, no more decimals than there are, and a unit that files can hold."""
    with pytest.raises(ValueError, match=r"amount|decimals|unit"):
        parse_manual(amount, unit, 2, START, "")


@pytest.mark.parametrize(
    "text", ["a\nb", "a\x00", "a\u202eb", "a\u2066b", "x" * (TEXT_LIMIT + 1), f"see {SECRET}"]
)
def test_what_could_hide_something_is_not_kept(text: str) -> None:
    """Control and direction characters, novels, and keys: refused without being repeated."""
    with pytest.raises(ValueError, match=r"text|key") as caught:
        check_text(text)
    assert SECRET not in str(caught.value)


def test_words_of_every_script_are_kept() -> None:
    """Accents are composed; Persian and emoji need their joiners."""
    for text in ("Merci à l'école !", "می\u200cخواهم", "👩\u200d💻 =1+1 <b>"):
        assert check_text(f"  {text} ") == text
    assert check_text("e\u0301") == "é"


def test_thanks_are_listed_as_they_stand(store: Store) -> None:
    """What is said to everybody about a gift is the last thing that was not undone."""
    gift = transfer("a")
    save(store, gift, transfer("b"))
    store.annotate(note(gift, "Thank you", writing=Writing.THANKS))
    last = store.annotate(note(gift, "Merci", writing=Writing.THANKS)).sequence
    assert store.thanks() == {(BTC, "a"): "Merci"}
    store.annotate(Annotation(Writing.UNDO, "anna", START, undoes=last))
    assert store.thanks() == {(BTC, "a"): "Thank you"}


# -- sums and lists, against straight recomputation

KEYS = (BTC, ETH, USDC)
GONE = (State.DROPPED, State.REPLACED)
MOMENTS = st.integers(START - 86_400 * 40, START + 86_400 * 300)


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[Transfer, int | None, bool]]:
    """Transfers, each with what it was worth, and whether it is not a gift."""
    some = draw(
        st.lists(
            st.tuples(
                st.sampled_from(KEYS), MOMENTS, st.sampled_from(State), st.sampled_from(Kind),
                st.integers(1, 2**80), st.none() | st.integers(1, 10**9), st.booleans(),
                st.sampled_from([Level.AGREED, Level.PROVEN]),
            ),
            max_size=25,
        )
    )  # fmt: skip
    return [
        (
            transfer(f"{n:02}", units, key=key, at=at, state=state, kind=kind, level=level),
            minor,
            out,
        )
        for n, (key, at, state, kind, units, minor, out, level) in enumerate(some)
    ]


def fill(store: Store, life: Iterable[tuple[Transfer, int | None, bool]]) -> list[Entry]:
    """Save a life, and tell what must be listed, the newest first."""
    for each, minor, excluded in life:
        save(store, each)
        if minor is not None:
            store.save_valuations([(each.key, each.id, euros(minor))])
        if excluded:
            store.annotate(note(each, "no", writing=Writing.NOT_A_GIFT))
    entries = [store.entry(each.key, each.id) for each, _, _ in life]
    known = [entry for entry in entries if entry is not None]
    return sorted(known, key=lambda entry: place_of(entry.transfer), reverse=True)


def recomputed(entries: Iterable[Entry], form: str) -> Figures:
    made: Figures = defaultdict(Figure)
    for entry in entries:
        one = entry.transfer
        if one.bucket is not None:
            period = datetime.fromtimestamp(one.received_at, PARIS).strftime(form)
            minor = 0 if entry.value is None else entry.value.minor
            made[one.key, period, one.bucket] += Figure(
                one.amount, 1, minor, int(entry.value is not None)
            )
    return dict(made)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=lives())
def test_sums_are_those_of_the_transfers(
    tmp_path_factory: pytest.TempPathFactory, life: list[tuple[Transfer, int | None, bool]]
) -> None:
    """By day and by month, units and worth: as somebody adds them up who knows only the list."""
    store = Store(tmp_path_factory.mktemp("books") / "d.sqlite", PARIS)
    store.open({})
    entries = fill(store, life)
    for _ in range(2):
        assert sums(store) == recomputed(entries, "%Y-%m")
        days = {where: figure for where, figure in store.days().items() if figure != Figure()}
        assert days == recomputed(entries, "%Y-%m-%d")
        store.rebuild_totals()
    store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    life=lives(),
    keys=st.none() | st.frozensets(st.sampled_from(KEYS)),
    states=st.none() | st.frozensets(st.sampled_from(State)),
    kinds=st.none() | st.frozensets(st.sampled_from(Kind)),
    levels=st.none() | st.frozensets(st.sampled_from(Level)),
    since=st.none() | MOMENTS,
    until=st.none() | MOMENTS,
    excluded=st.none() | st.booleans(),
    valued=st.none() | st.booleans(),
    text=st.sampled_from(["", "0", "07", "NO", "nope"]),
    limit=st.integers(1, 9),
)
def test_a_list_holds_what_its_filter_lets_through(
    tmp_path_factory: pytest.TempPathFactory,
    life: list[tuple[Transfer, int | None, bool]],
    limit: int,
    **wanted: object,
) -> None:
    """Page after page, the newest first, nothing twice and nothing left out."""
    store = Store(tmp_path_factory.mktemp("books") / "d.sqlite", PARIS)
    store.open({})
    chosen = Filter(**wanted)  # type: ignore[arg-type]
    expected = [entry for entry in fill(store, life) if passes(entry, chosen)]
    listed: list[Entry] = []
    while page := store.entries(chosen, place_of(listed[-1].transfer) if listed else None, limit):
        listed += page
    assert listed == expected
    store.close()


def passes(entry: Entry, wanted: Filter) -> bool:
    one = entry.transfer
    told = f"{entry.remarks.note} {entry.remarks.reason}".casefold()
    return (
        (wanted.keys is None or one.key in wanted.keys)
        and (wanted.states is None or one.state in wanted.states)
        and (wanted.kinds is None or one.kind in wanted.kinds)
        and (wanted.levels is None or one.level in wanted.levels)
        and (wanted.since is None or one.received_at >= wanted.since)
        and (wanted.until is None or one.received_at < wanted.until)
        and (wanted.excluded is None or one.excluded is wanted.excluded)
        and (wanted.valued is not True or entry.value is not None)
        and (wanted.valued is not False or (entry.value is None and one.state not in GONE))
        and (not wanted.text or one.id.startswith(wanted.text) or wanted.text.casefold() in told)
    )
