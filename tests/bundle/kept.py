"""A database with proven gifts of a simulated chain, and the file that configures it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from donations.config import load
from donations.evidence import Proof
from donations.ledger import Block, Change, Key, Kind, Level, News, State, Transfer
from donations.proof.inclusion import Inclusion
from donations.records import Batch, Standing
from donations.store import Store
from tests.bundle.made import ADDRESSES, lived

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from donations.bundle.form import Proven
    from donations.config import Config
    from donations.demo.utxo import UtxoChain


def gift(over: UtxoChain, proven: Proven, level: Level = Level.PROVEN) -> Transfer:
    """What the ledger has of a proven gift."""
    block = over.best[proven.height]
    return Transfer(
        key=Key(over.name, ADDRESSES[over.name], over.name.upper()),
        id=proven.id,
        kind=Kind.GIFT,
        state=State.FINAL,
        amount=proven.units,
        block=Block(block.height, block.hash, block.time),
        consumes=frozenset({f"{proven.id}:in"}),
        brings=((f"{proven.id}:0", proven.units),),
        spends=(),
        coinbase=False,
        first_seen=block.time,
        level=level,
    )


def keep(folder: Path, name: str = "btc", gifts: int = 3) -> tuple[Config, UtxoChain, list[Proven]]:
    """A database in ``folder``, with its config.toml; the last gift of all is agreed on only."""
    over, proven = lived(name, gifts + 1)
    file = folder / "config.toml"
    file.write_text(
        f'[addresses]\n{name} = "{ADDRESSES[name]}"\n[chains.{name}]\n'
        f'network = {{ name = "mainnet", genesis = "{over.genesis_hash}" }}\n'
        'upstreams = ["tcp://127.0.0.1:1"]\n',
        encoding="utf-8",
    )
    config = load(file)
    store = Store(config.database, UTC)
    store.open({name: "mainnet"})
    save(store, over, [gift(over, p) for p in proven[:-1]], proven[:-1])
    save(store, over, [gift(over, proven[-1], Level.AGREED)], ())
    store.save_headers(name, [(b.height, b.header) for b in over.best], None)
    store.close()
    return config, over, proven


def save(
    store: Store, over: UtxoChain, gifts: Iterable[Transfer], proven: Iterable[Proven]
) -> None:
    """Save gifts as a view would, and what proves them."""
    changes = tuple(Change(None, each, News.FINAL, each.first_seen) for each in gifts)
    tip = Block(over.height, over.tip.hash, over.tip.time)
    key = Key(over.name, ADDRESSES[over.name], over.name.upper())
    standing = Standing(key, tip, over.height - 5, tip.time, 2, complete=True)
    store.save(Batch(changes, (), standing, {}))
    kept = [
        Proof(
            over.name,
            each.id,
            Block(each.height, each.block, over.best[each.height].time),
            over.best[each.height].header,
            each.evidence,
        )
        for each in proven
        if isinstance(each.evidence, Inclusion)
    ]
    store.save_proofs(kept, ())
