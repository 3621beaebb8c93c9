"""The list of all transfers on a real database: in order, small in memory, renewed in parts."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import threading
import time
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from donations.chains.btc import BTC
from donations.config import load
from donations.ledger import Block, Change, Key, Kind, Level, News, State, Transfer
from donations.lister import Lister
from donations.listing import Listing, place_of
from donations.records import Batch, Standing
from donations.snapshot import Shown
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from tests.measured import Table

ADDRESSES = ("1First", "1Second")
KEYS = [Key("btc", address, "BTC") for address in ADDRESSES]
SHOWN = tuple(Shown(BTC, "mainnet", address, {"BTC": 8}, 2, 2) for address in ADDRESSES)
BEGAN = 1_600_000_000


def gift(dice: random.Random, number: int) -> Transfer:
    txid = dice.randbytes(32).hex()
    block = Block(number // 3, dice.randbytes(32).hex(), BEGAN + number * 60)
    return Transfer(
        key=KEYS[number % 2], id=txid, kind=Kind.GIFT, state=State.FINAL, amount=5_000 + number,
        block=block, consumes=frozenset({f"{txid}:9"}), brings=((f"{txid}:0", 5_000 + number),),
        spends=(), coinbase=False, first_seen=block.time, level=Level.PROVEN,
    )  # fmt: skip


def filled(path: Path, count: int) -> list[Transfer]:
    """A database with so many gifts at two addresses; the last ones."""
    dice = random.Random(count)
    store = Store(path, UTC)
    store.open({"btc": "mainnet"})
    for start in range(0, count, 2_000):
        gifts = [gift(dice, n) for n in range(start, min(start + 2_000, count))]
        save(store, gifts, history=True)
    store.close()
    return gifts


def save(store: Store, gifts: list[Transfer], *, history: bool = False) -> None:
    changes = tuple(Change(None, each, News.FINAL, each.first_seen) for each in gifts)
    standing = Standing(gifts[-1].key, Block(9, "h", BEGAN), 1, BEGAN, 2, complete=True)
    store.save(Batch(changes, (), standing, {}, history=history))


def test_many_transfers_take_little_memory(tmp_path: Path, long: bool, table: Table) -> None:
    """What is held are packed pages; renewing one of them reads a few rows."""
    count = 200_000 if long else 3_000
    last = filled(tmp_path / "d.sqlite3", count)
    store = Store(tmp_path / "d.sqlite3", UTC)
    store.open_readonly()
    listing = Listing(SHOWN).renew(KEYS, (), store.in_order)
    assert listing.entries == count
    assert listing.sums[KEYS[0], Level.PROVEN][1] == count // 2
    packed = sum(len(page.packed) for page in listing.pages)
    table.gate("memory a listed transfer takes", packed / count, 130, " bytes")
    start = time.perf_counter()
    renewed = listing.renew(KEYS, [place_of(last[0])], store.in_order)
    table.gate("renewing a page of the list", time.perf_counter() - start, 1.0, " s")
    assert sum(a is not b for a, b in zip(listing.pages, renewed.pages, strict=True)) <= 2
    store.close()


def test_the_store_tells_them_in_order(tmp_path: Path) -> None:
    """From a moment on, of the keys that are asked for, in the order of time, key and id."""
    filled(tmp_path / "d.sqlite3", 500)
    store = Store(tmp_path / "d.sqlite3", UTC)
    store.open_readonly()
    everything = list(store.in_order(KEYS, 0))
    assert len(everything) == 500
    places = [place_of(each) for each in everything]
    assert places == sorted(places)
    since = BEGAN + 250 * 60
    assert list(store.in_order(KEYS, since)) == [t for t in everything if t.received_at >= since]
    assert {t.key for t in store.in_order(KEYS[:1], 0)} == {KEYS[0]}
    store.close()


def test_a_long_reading_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that is stopped while it reads a history without end stops at once, and without
    a word."""
    file = tmp_path / "config.toml"
    address = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"
    file.write_text(f'[addresses]\nbtc = "{address}"\n', encoding="utf-8")
    config = load(file)
    key = Key("btc", address, "BTC")
    store = Store(config.database, UTC)
    store.open({"btc": "mainnet"})
    save(store, [replace(gift(random.Random(1), 1), key=key)])
    store.close()
    reading = threading.Event()

    def endless(_: Store, keys: object, since: int) -> Iterator[Transfer]:
        dice = random.Random(1)
        for number in itertools.count():
            reading.set()
            yield replace(gift(dice, number), key=key)

    monkeypatch.setattr(Store, "in_order", endless)

    async def law() -> None:
        lister = Lister(config)
        following = asyncio.create_task(lister.follow(published.append))
        await asyncio.to_thread(reading.wait)
        following.cancel()
        await asyncio.wait([following])
        await asyncio.wait_for(asyncio.to_thread(lister.close), 20)

    published: list[Listing] = []
    asyncio.run(law())
    gc.collect()  # a forgotten error is told when it is forgotten
    assert published == []
    assert caplog.messages == []


def test_what_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same transfer noted once more, behind the back of a reading, is not forgotten."""
    file = tmp_path / "config.toml"
    file.write_text('[addresses]\nbtc = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"\n', encoding="utf-8")
    dice = random.Random(1)
    one = gift(dice, 0)

    async def law() -> None:
        lister = Lister(load(file))
        lister.listing = Listing(SHOWN, frozenset(KEYS))
        seen: list[frozenset[object]] = []

        async def run(_read: object, listing: Listing, moved: frozenset[object]) -> Listing:
            seen.append(moved)
            if len(seen) == 1:
                lister.note([one])
            return listing

        monkeypatch.setattr(lister._store, "run", run)
        lister.note([one])
        await lister.renew()
        await lister.renew()
        assert seen == [frozenset({place_of(one)})] * 2
        lister.close()

    asyncio.run(law())
