"""A service that is killed again and again in a world that lives on, and what is left of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from donations.demo.oracle import MATURITY, Kind, eth_facts, utxo_facts
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS
from donations.ledger import Bucket
from donations.schema import MIGRATIONS
from donations.store import Store
from tests.program import ENVIRONMENT
from tests.running import agrees, books_close, config_file, free_port, service_on, until
from tests.service_lives import PHASES, Order
from tests.sources.lives import EthereumLife, UtxoLife

if TYPE_CHECKING:
    import random
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Iterator

    from donations.books import Figures
    from donations.demo.world import World

ROOT = Path(__file__).parent.parent
# Of so many kills one is at a moment, all others at a step of SQLite on the disk.
MOMENTS = 3
LIFE_SECONDS, MOMENT_SECONDS = 10.0, 1.0
# In each life the world takes so many quick steps, then slow ones: on a busy machine, too, it must
# not outgrow whoever reads all of it.
QUICK_STEPS, QUICK_SECONDS, SLOW_SECONDS = 12, 0.03, 0.5
# The last step of a phase at which a life may end.
STEPS = {"migration": 40, "begin": 4, "write": 50, "commit": 8, "checkpoint": 30}
ZONE = ZoneInfo("Europe/Paris")
_GIFTS = (Bucket.PENDING, Bucket.CONFIRMED, Bucket.FINAL)
NETWORKS = dict.fromkeys(("btc", "bch", "eth"), "mainnet")
COLUMNS = (
    "chain", "address", "asset", "id", "news", "before", "after", "amount", "block_hash",
    "reorged", "final_reversed", "evidence", "at",
)  # fmt: skip

Row = tuple[Any, ...]


@dataclass
class Series:
    """The lives of one service in one world.

    ``hit`` counts the kills by where they fell. ``lost`` and ``double`` count changes that were
    told as saved and are not there, or that nobody saved.
    """

    world: World
    folder: Path
    dice: random.Random
    hit: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    double: int = 0
    moves: int = 0
    _known: list[Row] = field(default_factory=list)
    _read: int = 0
    _steps: int = 0

    async def run(self, kills: int) -> None:
        """Kill it so often. Raises AssertionError when a life ends by itself."""
        orders = [
            "" if number % MOMENTS == 0 else PHASES[number % len(PHASES)] for number in range(kills)
        ]
        self.dice.shuffle(orders)
        config = config_file(self.world, self.folder)
        living = asyncio.create_task(self._live())
        try:
            async with _lives(config) as lives:
                for phase in orders:
                    self._steps = 0
                    killed = await _ask(lives, self._order(phase))
                    assert killed, (self.folder / "serve.log").read_text()[-3_000:]
                    self._look(phase)
        finally:
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living

    async def _live(self) -> None:
        world, dice = self.world, self.dice
        lives: list[UtxoLife | EthereumLife] = [
            UtxoLife(world.btc, [BTC_SCRIPT], dice),
            UtxoLife(world.bch, [BCH_SCRIPT], dice),
            EthereumLife(world.eth, [ETH_ADDRESS], "0x" + "22" * 20, dice),
        ]
        while True:
            dice.choice(lives).step({"back_to_old_branch", "delegate", "drain"})
            self._steps += 1
            quick = self._steps < QUICK_STEPS
            await asyncio.sleep(QUICK_SECONDS if quick else SLOW_SECONDS)

    def _order(self, phase: str) -> Order:
        if phase == "migration" and self.hit:  # the first one makes the database
            self.moves += 1
        step = self.dice.randint(1, STEPS.get(phase, 1))
        seconds = LIFE_SECONDS if phase else self.dice.uniform(0.0, MOMENT_SECONDS)
        opened = bool(phase) or self.dice.random() < 0.8
        return Order(phase, step, seconds, opened, self.moves, free_port())

    # -- what is left

    def _look(self, phase: str) -> None:
        """Count what the last life hit, and compare what it told with what is there."""
        told, under_way = list(self._known), list[Row]()
        words = self._words()
        for number, (word, rows) in enumerate(words):
            if word == "saving":
                under_way = [tuple(row[name] for name in COLUMNS) for row in rows]
                if words[number + 1 : number + 2] == [("saved", None)]:
                    told += under_way
                    under_way = []
        if words and words[-1][0] == "dying":
            self.hit[phase] += 1
        else:
            inside = bool(words) and words[-1][0] == "saving"
            self.hit["a moment in a save" if inside else "any other moment"] += 1
        self._known = self._rows()
        there = Counter(self._known)
        self.lost += (Counter(told) - there).total()
        self.double += (there - Counter(told + under_way)).total()
        if self._known not in (told, told + under_way):
            assert self.lost + self.double, "the changes are not in the order of the saves"

    def _words(self) -> list[tuple[str, Any]]:
        log = self.folder / "lives.log"
        text = log.read_text(encoding="utf-8") if log.exists() else ""
        lines = text[self._read :].splitlines()
        self._read = len(text)
        pairs = (line.partition(" ") for line in lines)
        return [(word, json.loads(rest)) for word, _, rest in pairs]

    def _rows(self) -> list[Row]:
        """All changes in a copy of the database, which is sound and whose totals are right."""
        database, copy = self.folder / "donations.sqlite3", self.folder / "copy.sqlite3"
        if not database.exists():
            return []
        for end in ("", "-wal"):
            source, target = (path.with_name(path.name + end) for path in (database, copy))
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copy(source, target)
        with closing(sqlite3.connect(copy)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            _to_present(raw)
        with closing(Store(copy, ZONE)) as store:
            store.open(NETWORKS)
            kept = _standing(store)
            store.rebuild_totals()
            assert _standing(store) == kept, "the running totals are not those of the transfers"
        with closing(sqlite3.connect(copy)) as raw:
            return raw.execute(
                f"SELECT {', '.join(COLUMNS)} FROM changes ORDER BY sequence"
            ).fetchall()

    async def tells_the_truth(self) -> None:
        """Let the service live, until readers are told what the world says; then count the gifts.

        A gift that is not there is lost, one that is there and not in the world is double.
        """
        with closing(sqlite3.connect(self.folder / "donations.sqlite3")) as raw:
            _to_present(raw)
        async with service_on(self.world, self.folder) as service:
            await until(lambda: agrees(service, self.world), seconds=120)
            await until(lambda: books_close(service, self.world), seconds=120)
            there = await service.store.run(_gifts, service.store)
        world = Counter(_facts(self.world))
        self.lost += (world - there).total()
        self.double += (there - world).total()


@asynccontextmanager
async def _lives(config: Path) -> AsyncIterator[Process]:
    """The process that lives are forks of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.service_lives", str(config),
        cwd=ROOT, env=ENVIRONMENT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _ask(lives: Process, order: Order) -> bool:
    """Whether the life that was ordered was killed."""
    assert lives.stdin is not None
    assert lives.stdout is not None
    lives.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
    await lives.stdin.drain()
    return bool(json.loads(await lives.stdout.readline()))


def _to_present(raw: sqlite3.Connection) -> None:
    """Let a database of a later release be one of this release: only the number differs."""
    (version,) = raw.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raw.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _standing(store: Store) -> list[Figures]:
    """The running totals, by month and by day."""
    kinds = (store.months(), store.days())
    return [{place: figure for place, figure in kind.items() if figure.transfers} for kind in kinds]


def _gifts(store: Store) -> Counter[tuple[str, str, int]]:
    """(chain, id, base units) of every gift that stands."""
    keys = store.standings()
    gifts = (t for t in store.in_order(keys, 0) if t.bucket in _GIFTS)
    return Counter((t.key.chain, t.id, t.amount) for t in gifts)


def _facts(world: World) -> Iterator[tuple[str, str, int]]:
    """The same, read off the blocks of the world."""
    facts = {
        "btc": utxo_facts(world.btc, [BTC_SCRIPT]),
        "bch": utxo_facts(world.bch, [BCH_SCRIPT]),
        "eth": eth_facts(world.eth, [ETH_ADDRESS]),
    }
    heights = {"btc": world.btc.height, "bch": world.bch.height, "eth": world.eth.height}
    for chain, its in facts.items():
        for fact in its:
            ripe = fact.height is not None and heights[chain] - fact.height + 1 >= MATURITY
            paid = fact.kind in (Kind.PAYMENT, Kind.INTERNAL)
            if fact.net > 0 and not fact.own and (paid or (fact.kind is Kind.COINBASE and ripe)):
                yield chain, fact.key, fact.net
