"""What the store keeps, refuses and counts. For failures and kills see test_durability."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from donations.errors import StoreError
from donations.evidence import Conviction, KeptClaim, Proof
from donations.ledger import (
    Block,
    Bucket,
    Change,
    Checkpoint,
    Key,
    Kind,
    Level,
    News,
    State,
    Transaction,
    Transfer,
    disown,
    prove,
)
from donations.proof.inclusion import Inclusion
from donations.records import Batch, Cursor, Standing
from donations.schema import MIGRATIONS
from donations.store import Store
from tests.ledger.build import KEY, START, Book, block, chain, gift, view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo
    from pathlib import Path

    from donations.books import Figure

NETWORKS = {"btc": "mainnet"}
OTHER = replace(KEY, address="1Other")
TEXT = st.text("abcdefghijklmnop:0123456789 -", min_size=1, max_size=12).map(str.strip).filter(bool)
UNITS = st.integers(0, 2**256 - 1)
PAIRS = st.lists(st.tuples(TEXT, UNITS), max_size=3).map(tuple)
BLOCKS = st.builds(Block, st.integers(0, 10**8), TEXT, st.integers(1_230_000_000, 4_000_000_000))


def standing(key: Key = KEY) -> Standing:
    return Standing(key, block(110), 105, START, 2, complete=True)


def batch(changes: Iterable[Change] = (), key: Key = KEY) -> Batch:
    return Batch(tuple(changes), (), standing(key), chain(110))


def opened(path: Path, timezone: tzinfo = UTC) -> Store:
    store = Store(path / "d.sqlite", timezone)
    store.open(NETWORKS)
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = opened(tmp_path)
    yield store
    store.close()


def at(text: str, zone: str = "UTC") -> int:
    """Unix seconds of a local time such as "2026-01-01 00:30"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def seen_at(moment: int, identity: str = "t", units: int = 5) -> Change:
    """A final gift of a block of that time."""
    placed = Block(100, "a100", moment)
    (change,) = Book().apply(view(gift(identity, units, placed, consumes=[identity])), moment + 60)
    return change


def totals(store: Store) -> dict[tuple[Key, str, Bucket], Figure]:
    """The running totals, without those that became nothing again."""
    return {where: total for where, total in store.months().items() if total.transfers}


# -- round trips


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    state = draw(st.sampled_from(State))
    return Transfer(
        key=Key("btc", draw(TEXT), draw(TEXT)),
        id=draw(TEXT),
        kind=draw(st.sampled_from(Kind)),
        state=state,
        amount=draw(st.integers(-(2**250), 2**250) | st.integers(2**70 + 1, 2**250)),
        block=draw(st.none() | BLOCKS),
        consumes=frozenset(draw(st.lists(TEXT, max_size=3))),
        brings=draw(PAIRS),
        spends=draw(PAIRS),
        coinbase=draw(st.booleans()),
        first_seen=draw(st.integers(1_230_000_000, 4_000_000_000)),
        missing_since=draw(st.none() | st.integers(0, 4_000_000_000)),
        replaced_by=draw(st.none() | TEXT),
        level=draw(st.sampled_from(Level)),
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(transfer=transfers())
def test_a_transfer_comes_back_as_it_was(store: Store, transfer: Transfer) -> None:
    """Every field of a transfer survives, amounts beyond 64 bits to the last digit."""
    change = Change(None, transfer, News.SEEN, START)
    store.save(batch([change], transfer.key))
    assert store.transfers(transfer.key, [transfer.id]) == [transfer]


def test_cursors_standings_blocks_and_facts_come_back(tmp_path: Path) -> None:
    """What a restart needs is there after it, field by field."""
    store = opened(tmp_path)
    point = Checkpoint(block(99), 2**200, 17)
    cursors = (Cursor("north", KEY, 105, point), Cursor("south", KEY, 3))
    told = replace(standing(), balance=2**100, complete=False)
    store.save(Batch((), cursors, told, chain(110)))
    store.remember("origin", "5 opening")
    store.remember("origin", "6 opening")
    store.close()
    again = opened(tmp_path)
    assert set(again.cursors("btc")) == set(cursors)
    assert again.standings() == {KEY: told}
    assert again.blocks("btc") == chain(110)
    assert again.blocks("bch") == {}
    assert again.facts()["origin"] == "6 opening"
    again.close()


def test_a_cursor_without_checkpoint_forgets_the_old_one(store: Store) -> None:
    """A saved cursor takes the place of the operator's last one for that key, whole."""
    point = Checkpoint(block(99), 5, 6)
    store.save(Batch((), (Cursor("north", KEY, 5, point),), standing(), {}))
    store.save(Batch((), (Cursor("north", KEY, 7),), standing(), {}))
    assert store.cursors("btc") == [Cursor("north", KEY, 7)]


def test_blocks_are_those_of_the_last_batch_that_names_any(store: Store) -> None:
    """Recorded blocks are replaced as a whole; a batch without blocks leaves them."""
    store.save(batch())
    fork = chain(108, "x", above=100)
    store.save(Batch((), (), standing(), fork))
    store.save(Batch((), (), standing(), {}))
    assert store.blocks("btc") == fork


def test_unsettled_are_those_that_views_change(store: Store) -> None:
    """Only transfers with an open fate are loaded at a start, those in doubt included."""
    book = Book()
    fates = [
        gift("seen", 1, None, consumes=["1"]),
        gift("confirmed", 1, block(109), consumes=["2"]),
    ]
    final = gift("final", 1, block(50), consumes=["3"])
    doubted = gift("doubted", 1, block(100), consumes=["4"])
    store.save(batch(book.apply(view(*fates, final, doubted))))
    store.save(batch(book.apply(view(*fates, final, blocks=chain(112, "x", above=99)))))
    assert {t.id for t in store.unsettled("btc")} == {"seen", "confirmed", "doubted"}
    assert store.unsettled("bch") == []


def test_questions_to_the_ledger(store: Store) -> None:
    """Finals above a height and what would be if it were proven, how many finals below one, and
    gifts of the same transaction elsewhere."""
    book = Book()
    told = [gift(f"t{h}", 1, block(h), consumes=[f"c{h}"]) for h in (10, 20, 30)]
    changes = book.apply(view(*told))
    store.save(batch(changes))
    twin = replace(changes[0].after, key=OTHER)
    store.save(batch([Change(None, twin, News.FINAL, START)], OTHER))
    assert {t.id for t in store.final_above(KEY, 10)} == {"t20", "t30"}
    waits = replace(changes[1].after, id="w25", state=State.SEEN, block=block(25))
    store.save(batch([Change(None, waits, News.PLACED, START)]))
    assert {t.id for t in store.final_above(KEY, 20)} == {"w25", "t30"}
    assert store.count_final(KEY, 20) == 1
    assert store.count_final(KEY, 31) == 3
    assert [t.key for t in store.gifts_elsewhere(KEY, ["t10", "t20"])] == [OTHER]
    own = disown([twin], START)
    store.save(batch(own, OTHER))
    assert store.gifts_elsewhere(KEY, ["t10"]) == []
    assert store.outputs("btc", ["t10:0", "t11:0"]) == {"t10:0": (OTHER.address, 1)}


def test_more_ids_than_a_statement_takes(store: Store) -> None:
    """A question about more ids than SQLite has parameters is answered in portions."""
    store.save(batch([seen_at(START)]))
    ids = [f"x{n}" for n in range(40_000)]
    assert [t.id for t in store.transfers(KEY, [*ids, "t"])] == ["t"]


def test_latest_gifts(store: Store) -> None:
    """The newest first, only gifts that stand, and no more than asked for."""
    for n in range(5):
        store.save(batch([seen_at(START + n, f"t{n}")]))
    (own,) = Book().apply(view(gift("own", 9, block(109), own=True, consumes=["x"])))
    store.save(batch([own]))
    assert [t.id for t in store.latest_gifts(KEY, 3)] == ["t4", "t3", "t2"]
    assert store.latest_gifts(OTHER, 3) == []


def test_history_is_no_news(tmp_path: Path) -> None:
    """What a first reading finds is kept without a change to tell; later steps of it are told."""
    store = opened(tmp_path)
    book = Book()
    first = book.apply(view(gift("t", 5, block(109))))
    store.save(replace(batch(first), history=True))
    second = book.apply(view(gift("t", 5, block(109)), tip=115))
    store.save(replace(batch(second), history=True))
    store.close()
    with sqlite3.connect(tmp_path / "d.sqlite") as raw:
        told = raw.execute("SELECT news, before, after FROM changes").fetchall()
    assert told == [("final", "confirmed", "final")]


def test_changes_are_kept_in_order(tmp_path: Path) -> None:
    """Each change is one row, in the order in which they came, with its evidence."""
    store = opened(tmp_path)
    book = Book()
    fork = chain(112, "x", above=98)
    for moment, told in (
        (0, view(gift(at=block(100)))),
        (1, view(blocks=fork)),
        (5_000, view(blocks=fork)),
    ):
        store.save(batch(book.apply(told, START + moment)))
    store.close()
    with sqlite3.connect(tmp_path / "d.sqlite") as raw:
        told_rows = raw.execute(
            "SELECT news, before, after, final_reversed, evidence != '' FROM changes"
            " ORDER BY sequence"
        ).fetchall()
    assert told_rows == [
        ("final", None, "final", 0, 0),
        ("doubted", "final", "final", 0, 0),
        ("dropped", "final", "dropped", 1, 1),
    ]


# -- totals


LIVES = st.lists(
    st.tuples(
        st.sampled_from(["mempool", "block", "higher", "final", "absent", "rival", "own"]),
        st.integers(0, 4),
        st.integers(0, 3_000_000),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(life=LIVES)
def test_totals_kept_are_totals_rebuilt(
    tmp_path_factory: pytest.TempPathFactory, life: list[tuple[str, int, int]]
) -> None:
    """Totals that follow every change equal those made anew from the transfers."""
    store = opened(tmp_path_factory.mktemp("totals"), ZoneInfo("Europe/Paris"))
    book, now = Book(), START
    listed: dict[int, Transaction] = {}
    for what, n, seconds in life:
        now += seconds
        places = {"block": block(108), "higher": block(109), "final": block(90)}
        if what in ("absent", "rival"):
            listed.pop(n, None)
        name = f"r{n}" if what == "rival" else f"t{n}"
        if what != "absent":
            own = what == "own"
            listed[n] = gift(name, 10**18 + n, places.get(what), consumes=[f"c{n}"], own=own)
        told = view(*listed.values())
        store.save(batch(book.apply(told, now)))
    kept = totals(store)
    store.rebuild_totals()
    assert totals(store) == kept
    for bucket, units in book.sums.items():
        assert sum(t.units for (_, _, b), t in kept.items() if b is bucket) == units
    store.close()


@pytest.mark.parametrize(
    ("moment", "zone", "month"),
    [
        ("2025-12-31 23:59", "UTC", "2025-12"),
        ("2026-01-01 00:00", "UTC", "2026-01"),
        ("2025-12-31 22:59", "Europe/Paris", "2025-12"),
        ("2025-12-31 23:00", "Europe/Paris", "2026-01"),
        ("2026-07-31 21:59", "Europe/Paris", "2026-07"),
        ("2026-07-31 22:00", "Europe/Paris", "2026-08"),
        ("2026-01-01 04:59", "America/New_York", "2025-12"),
        ("2025-12-31 18:14", "Asia/Kathmandu", "2025-12"),
        ("2025-12-31 18:15", "Asia/Kathmandu", "2026-01"),
        ("2025-12-31 10:00", "Pacific/Kiritimati", "2026-01"),
        ("2026-03-01 11:59", "Etc/GMT+12", "2026-02"),
    ],
)
def test_a_month_is_one_of_the_time_zone(
    tmp_path: Path, moment: str, zone: str, month: str
) -> None:
    """A gift at a moment (UTC) belongs to the month that the author's calendar shows."""
    store = opened(tmp_path, ZoneInfo(zone))
    store.save(batch([seen_at(at(moment))]))
    assert [where[1] for where in totals(store)] == [month]
    store.close()


def test_another_time_zone_has_other_months(tmp_path: Path) -> None:
    """When the configured time zone changes, totals are made anew; the same one leaves them."""
    midnight = at("2026-01-01 00:30", "Europe/Paris")
    months: list[str] = []
    for zone in ("Europe/Paris", "America/New_York", "Europe/Paris"):
        store = opened(tmp_path, ZoneInfo(zone))
        if not months:
            store.save(batch([seen_at(midnight)]))
        months += [where[1] for where in totals(store)]
        store.close()
    assert months == ["2026-01", "2025-12", "2026-01"]


def test_a_gift_moves_to_the_month_of_its_block(store: Store) -> None:
    """A month follows the earlier of first sight and block, also when that changes."""
    book = Book()
    january = at("2026-01-15 00:00")
    store.save(batch(book.apply(view(gift()), january)))
    assert [where[1] for where in totals(store)] == ["2026-01"]
    late = Block(108, "a108", at("2025-12-31 23:00"))
    store.save(batch(book.apply(view(gift(at=late)), january + 60)))
    assert {where[1:]: total.units for where, total in totals(store).items()} == {
        ("2025-12", Bucket.CONFIRMED): 1_000
    }


# -- opening


def test_a_newer_schema_is_refused_by_both_versions(tmp_path: Path) -> None:
    """A database of a later release is not touched; the error names its version and ours."""
    opened(tmp_path).close()
    newer = len(MIGRATIONS) + 3
    with sqlite3.connect(tmp_path / "d.sqlite") as raw:
        raw.execute(f"PRAGMA user_version = {newer}")
    before = (tmp_path / "d.sqlite").read_bytes()
    for readonly in (False, True):
        store = Store(tmp_path / "d.sqlite", UTC)
        with pytest.raises(StoreError, match=rf"schema {newer}, newer .* {len(MIGRATIONS)}:"):
            store.open_readonly() if readonly else store.open(NETWORKS)
        store.close()
    assert (tmp_path / "d.sqlite").read_bytes() == before


def test_a_reader_needs_the_schema_of_its_program(tmp_path: Path) -> None:
    """An older database is not read half: the command that migrates it is named."""
    with sqlite3.connect(tmp_path / "d.sqlite") as raw:
        raw.execute("PRAGMA user_version = 0")
    store = Store(tmp_path / "d.sqlite", UTC)
    with pytest.raises(
        StoreError, match=rf"schema 0, this program's is {len(MIGRATIONS)}: `donations serve`"
    ):
        store.open_readonly()
    store.close()


def test_a_database_without_levels_gets_them(tmp_path: Path) -> None:
    """What an older release recorded was agreed; nothing of it is lost, and proofs can follow."""
    store = opened(tmp_path)
    before = seen_at(START)
    store.save(batch([before]))
    store.close()
    with sqlite3.connect(tmp_path / "d.sqlite") as raw:
        raw.execute("DROP INDEX transfers_unproven")
        raw.execute("DROP INDEX transfers_in_order")
        raw.execute("ALTER TABLE transfers DROP COLUMN level")
        for table in ("claims", "headers", "proofs", "convictions"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("PRAGMA user_version = 1")
    store = opened(tmp_path)
    try:
        assert store.transfers(KEY, ["t"]) == [before.after]
        assert before.after.level is Level.AGREED
        assert (store.claims(), store.convictions(), store.headers("btc", 0, 9)) == ([], [], [])
    finally:
        store.close()


def proof(identity: str, at: Block) -> Proof:
    inclusion = Inclusion(b"raw", (b"\1" * 32, b"\2" * 32), 2, b"first", (b"\3" * 32, b"\4" * 32))
    return Proof(KEY.chain, identity, at, b"\5" * 80, inclusion)


def test_proofs_come_back_with_what_they_change(tmp_path: Path) -> None:
    """A proof and the level it gives commit together; what is proven waits for no proof."""
    store = opened(tmp_path)
    book = Book()
    store.save(
        batch(book.apply(view(gift("a", at=block(108)), gift("b", at=block(100), consumes=["c"]))))
    )
    assert [t.id for t in store.unproven(KEY, None, 9)] == ["a", "b"]
    assert [t.id for t in store.unproven(KEY, (108, "a"), 9)] == ["b"]
    kept = proof("a", block(108))
    changes = prove([book["a"]], {"a": block(108)}, final_height=105, tip=110, now=START)
    store.save_proofs([kept], changes)
    store.close()
    store = opened(tmp_path)
    try:
        assert store.proofs("btc", ["a", "b"]) == {"a": kept}
        assert store.proven_places("btc", ["a", "b"]) == {"a": block(108)}
        assert [t.level for t in store.transfers(KEY, ["a"])] == [Level.PROVEN]
        assert [t.id for t in store.unproven(KEY, None, 9)] == ["b"]
    finally:
        store.close()


def test_headers_above_a_fork_are_replaced(store: Store) -> None:
    """After a reorg no header of the old chain is left, however much longer it was."""
    store.save_headers("btc", [(h, bytes([h]) * 80) for h in range(5, 20)], None)
    store.save_headers("btc", [(8, b"x" * 80), (9, b"y" * 80)], 7)
    assert store.headers("btc", 6, 99) == [
        (6, b"\6" * 80), (7, b"\7" * 80), (8, b"x" * 80), (9, b"y" * 80)
    ]  # fmt: skip


def test_claims_are_those_of_the_last_settling(store: Store) -> None:
    """Claims of a key are replaced, and kept where a batch says nothing of them."""
    claim = KeptClaim(KEY, "c", ("north", "the south"), 7, (108, "a108"), START)
    other = replace(claim, key=OTHER, place=None)
    store.save(replace(batch(), claims=(claim,)))
    store.save(replace(batch(key=OTHER), claims=(other,)))
    store.save(batch())
    assert store.claims() == [claim, other]
    store.save(replace(batch(), claims=()))
    assert store.claims() == [other]


def test_a_conviction_comes_back(tmp_path: Path) -> None:
    """What an operator was convicted of outlives the process; the last one counts."""
    store = opened(tmp_path)
    first = Conviction("btc", "north", "it lied", "block 5: x, y", START, START + 60, "c")
    store.convict(first)
    store.convict(replace(first, evidence="block 6"))
    store.close()
    store = opened(tmp_path)
    try:
        assert store.convictions() == [replace(first, evidence="block 6")]
    finally:
        store.close()


def test_another_network_is_refused(tmp_path: Path) -> None:
    """A ledger of one network is never continued on another; a new chain may join."""
    opened(tmp_path).close()
    store = Store(tmp_path / "d.sqlite", UTC)
    with pytest.raises(StoreError, match="network mainnet, the configuration says regtest"):
        store.open({"btc": "regtest"})
    store.close()
    again = Store(tmp_path / "d.sqlite", UTC)
    again.open({"btc": "mainnet", "bch": "regtest"})
    again.close()


def test_a_second_writer_is_refused_in_one_line(tmp_path: Path) -> None:
    """While one process writes the database, another says so and does nothing."""
    first = opened(tmp_path)
    second = Store(tmp_path / "d.sqlite", UTC)
    with pytest.raises(StoreError, match="another donations process") as refused:
        second.open(NETWORKS)
    assert "\n" not in str(refused.value)
    second.close()
    first.save(batch([seen_at(START)]))
    first.close()
    opened(tmp_path).close()


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but a text" * 40, b"\x00" * 5_000]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever else stands at that path is left as it is."""
    path = tmp_path / "d.sqlite"
    path.write_bytes(content)
    store = Store(path, UTC)
    with pytest.raises(StoreError):
        store.open(NETWORKS)
    store.close()
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A path below a file is an error of one line."""
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "d.sqlite", UTC)
    with pytest.raises(StoreError, match="cannot write here"):
        store.open(NETWORKS)
    store.close()


def test_a_store_that_was_not_opened_says_so(tmp_path: Path) -> None:
    """Questions to a closed door are errors, not empty answers."""
    store = Store(tmp_path / "d.sqlite", UTC)
    with pytest.raises(StoreError, match="not open"):
        store.months()
    store.close()


@pytest.mark.parametrize("folder", ["plain", "with space", "per%20cent", "what?", "a#b"])
def test_reading_alone(tmp_path: Path, folder: str) -> None:
    """A reader sees what was committed, beside the writer, and can write nothing."""
    (tmp_path / folder).mkdir()
    writer = opened(tmp_path / folder)
    reader = Store(tmp_path / folder / "d.sqlite", UTC)
    reader.open_readonly()
    assert totals(reader) == {}
    writer.save(batch([seen_at(START)]))
    assert totals(reader) == totals(writer) != {}
    with pytest.raises(StoreError, match="readonly"):
        reader.save(batch())
    reader.close()
    writer.close()
    late = Store(tmp_path / folder / "d.sqlite", UTC)
    late.open_readonly()
    assert len(totals(late)) == 1
    late.close()


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    """A reader makes no database; it names the command that does."""
    store = Store(tmp_path / "d.sqlite", UTC)
    with pytest.raises(StoreError, match="donations serve"):
        store.open_readonly()
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_caller_stops_no_save(tmp_path: Path) -> None:
    """A save runs to its end in its thread although nobody waits for it any more."""

    async def scene() -> None:
        store = opened(tmp_path)
        saving = asyncio.ensure_future(store.run(store.save, batch([seen_at(START)])))
        await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        store.close()

    asyncio.run(scene())
    reader = opened(tmp_path)
    assert len(totals(reader)) == 1
    reader.close()
