"""Events are written with what causes them, and an older database has no past to tell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from donations import outbox, schema
from donations.announcements import Baseline
from donations.errors import StoreError
from donations.store import Store
from donations.valuation import Valuation
from tests.notify.sender import ASSETS
from tests.saver import GIFTS, KEY, NETWORKS, save

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def opened(path: Path) -> Store:
    """A store that announces."""
    store = Store(path, UTC, assets=ASSETS)
    store.open(NETWORKS)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A database that has caught up with its first batch."""
    with closing(opened(path)) as made:
        save(made, 1)
        yield made


def counted(path: Path) -> tuple[int, int]:
    """How many changes there are, and how many events."""
    with closing(sqlite3.connect(path)) as raw:
        return (
            raw.execute("SELECT count(*) FROM changes").fetchone()[0],
            raw.execute("SELECT count(*) FROM events").fetchone()[0],
        )


def test_each_change_has_its_event_or_neither_is_there(store: Store, path: Path) -> None:
    """If one of the two cannot be written, the other is not."""
    assert counted(path) == (GIFTS, 0), "a first history is no news"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON events WHEN NEW.type = 'gift.final' "
            "BEGIN SELECT RAISE(ABORT, 'torn'); END"
        )
    with pytest.raises(StoreError, match="torn"):
        save(store, 2)
    assert counted(path) == (GIFTS, 0)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TRIGGER broken")
    save(store, 2)
    assert counted(path) == (3 * GIFTS, 2 * GIFTS)
    assert save(store, 2) == ()
    assert counted(path) == (3 * GIFTS, 2 * GIFTS)


def test_an_upgrade_tells_nothing_of_the_past(path: Path) -> None:
    """What an older version recorded is the past, and what comes after the upgrade is news."""
    with closing(opened(path)) as store:
        save(store, 1)
        save(store, 2)
    step = schema.MIGRATIONS.index(schema._events)
    with closing(sqlite3.connect(path)) as raw:
        for table in ("events", "baselines", "channels", "deliveries"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute(f"PRAGMA user_version = {step}")
        raw.commit()
    with closing(opened(path)) as store:
        assert store.transaction(outbox.read_baseline, KEY) == Baseline(20, 15)
        assert counted(path) == (3 * GIFTS, 0)
        save(store, 3)
    assert counted(path) == (5 * GIFTS, 2 * GIFTS)


def test_a_value_is_told_where_it_is_known(store: Store) -> None:
    """Of gifts that had one by then; of others nothing of the sort, and never a zero."""
    save(store, 2)
    worth = Valuation("EUR", 1_250, "50000", 5, "kraken", 6)
    store.save_valuations([(KEY, "t2.7", worth)])
    save(store, 3)
    payloads = [event.payload for event, _ in store.events(None, GIFTS)]
    valued = [payload for payload in payloads if '"value"' in payload]
    assert len(payloads) == GIFTS
    assert len(valued) == 1
    assert '"t2.7"' in valued[0]
    assert '"value":{"currency":"EUR","amount":"12.5' in valued[0]


def test_who_may_not_announce_does_not(path: Path) -> None:
    """A store without assets, as of commands that write, tells nobody of what it saves."""
    with closing(Store(path, UTC)) as store:
        store.open(NETWORKS)
        save(store, 1)
        save(store, 2)
    assert counted(path) == (3 * GIFTS, 0)
