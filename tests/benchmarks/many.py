"""A database with so many gifts, made in seconds: ``python -m tests.benchmarks.many FILE [GIFTS]``.

Five years of gifts to four addresses, up to now: most final, proven and valued, the last ones
pending or confirmed, and of every hundred one that was dropped, replaced, or is an own transfer,
and one that nobody knows the worth of. The same seed makes the same gifts. What is written is what
the service would have written, but for the proofs themselves and the journal of changes.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations import rows
from donations.config import parse
from donations.ledger import Block, Key, Kind, Level, State, Transfer
from donations.records import Standing
from donations.store import Store
from donations.valuation import worth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.config import Config

YEARS = 5
_SECONDS = YEARS * 365 * 86_400
_TEXT = """
title = "Many gifts"
language = "en"
timezone = "Europe/Paris"
currency = "EUR"
database = "{database}"
[addresses]
btc = ["1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"]
bch = "qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6"
eth = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"
[prices]
enabled = false
[chains.eth]
tokens = ["USDC"]
"""
# Of each asset: how often, the largest gift in base units, its price, seconds a block, and height.
_ASSETS = {
    "BTC": (45, 2_000_000, "54321.5", 600, 925_000),
    "BCH": (15, 50_000_000, "412.07", 600, 925_000),
    "ETH": (30, 10**17, "2987.113", 12, 24_000_000),
    "USDC": (10, 50_000_000, "0.9213", 12, 24_000_000),
}


def config_of(database: Path, more: str = "") -> Config:
    """The configuration of the addresses that these gifts came to; ``more`` is TOML before it."""
    return parse(more + _TEXT.format(database=database.name), database.parent / "config.toml", {})


def make(config: Config, gifts: int, *, now: int | None = None, seed: int = 0) -> None:
    """Make the database of ``config``, which must not exist, with so many transfers."""
    now = int(time.time()) if now is None else now
    store = Store(config.database, config.timezone, config.currency)
    try:
        store.open({name: settings.network.name for name, settings in config.chains.items()})
        keys = _keys(config)
        with sqlite3.connect(config.database) as connection:
            _insert(connection, "views", [_standing(key, now) for key in keys])
            some: list[Transfer] = []
            for transfer in _transfers(keys, gifts, now, random.Random(seed)):
                some.append(transfer)
                if len(some) == 10_000:
                    _keep(connection, some, keys, config.currency)
                    some = []
            _keep(connection, some, keys, config.currency)
        connection.close()
        store.rebuild_totals()
    finally:
        store.close()


def _keys(config: Config) -> dict[Key, int]:
    """The decimals of each key."""
    decimals = {}
    for name, settings in config.chains.items():
        for address in settings.addresses:
            decimals[Key(name, address, settings.chain.symbol)] = settings.chain.decimals
            for token in settings.tokens:
                decimals[Key(name, address, token.symbol)] = token.decimals
    return decimals


def _transfers(keys: Iterable[Key], gifts: int, now: int, lot: random.Random) -> Iterator[Transfer]:
    of_asset: dict[str, list[Key]] = {}
    for key in keys:
        of_asset.setdefault(key.asset, []).append(key)
    assets = [asset for asset in _ASSETS if asset in of_asset]
    often = [_ASSETS[asset][0] for asset in assets]
    for number in range(gifts):
        age = _SECONDS * (gifts - number) // gifts
        asset = lot.choices(assets, often)[0]
        key = lot.choice(of_asset[asset])
        yield _transfer(key, number, gifts - number, now - age, now, lot)


def _transfer(key: Key, number: int, left: int, at: int, now: int, lot: random.Random) -> Transfer:
    _, largest, _, spacing, height = _ASSETS[key.asset]
    name = sha256(f"{number}:{lot.random()}".encode()).hexdigest()
    identity = name if key.chain != "eth" else f"0x{name}"
    if key.asset == "USDC":
        identity += ":0"
    state, kind = State.FINAL, Kind.GIFT
    if left <= 5:
        state = State.SEEN
    elif left <= 10:
        state = State.CONFIRMED
    elif number % 100 == 1:
        state = lot.choice((State.DROPPED, State.REPLACED))
    elif number % 100 == 2:
        kind = Kind.OWN
    units = lot.randint(largest // 1000, largest) * (-1 if kind is Kind.OWN else 1)
    up = height - (now - at) // spacing
    block = (
        None
        if state is State.SEEN
        else Block(up, sha256(f"{key.chain}{up}".encode()).hexdigest(), at)
    )
    return Transfer(
        key=key,
        id=identity,
        kind=kind,
        state=state,
        amount=units,
        block=None if state is State.SEEN else block,
        consumes=frozenset({f"{name[:32]}:0"}),
        brings=((f"{name}:0", max(units, 0)),),
        spends=((f"{name[::-1]}:0", -units),) if units < 0 else (),
        coinbase=False,
        first_seen=at,
        replaced_by=name[::-1] if state is State.REPLACED else None,
        level=Level.PROVEN if state is State.FINAL else Level.AGREED,
    )


def _keep(
    connection: sqlite3.Connection, some: list[Transfer], keys: dict[Key, int], currency: str
) -> None:
    _insert(connection, "transfers", [rows.transfer_row(transfer) for transfer in some])
    valued = [t for t in some if t.state is not State.SEEN]
    _insert(connection, "valuations", [
        {
            **rows.key_row(t.key),
            "id": t.id,
            "currency": currency,
            "minor": str(worth(t.amount, keys[t.key], _ASSETS[t.key.asset][2], 2)),
            "price": _ASSETS[t.key.asset][2],
            "price_time": t.received_at,
            "source": "made up",
            "valued_at": t.received_at,
        }
        for number, t in enumerate(valued)
        if number % 100 != 3
    ])  # fmt: skip


def _standing(key: Key, now: int) -> dict[str, Any]:
    height = _ASSETS[key.asset][4]
    tip = Block(height, sha256(f"{key.chain}{height}".encode()).hexdigest(), now)
    return rows.standing_row(Standing(key, tip, height - 6, now, 2, complete=True, balance=None))


def _insert(connection: sqlite3.Connection, table: str, values: list[dict[str, Any]]) -> None:
    if values:
        names = ", ".join(values[0])
        blanks = ", ".join(f":{name}" for name in values[0])
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({blanks})", values)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    start = time.monotonic()
    make(config_of(file), int(sys.argv[2]) if len(sys.argv) > 2 else 200_000)
    print(f"{file}: made in {time.monotonic() - start:.1f} s")
