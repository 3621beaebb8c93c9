"""Every fault of a line, at every question that is asked over it: the number stands, the reason is
stated, and two polls after the fault is over all is well.

One simulated chain of each kind, and a server and a tracker of its own for each fault; all of them
live at the same time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import pytest

from donations.app import make_operators
from donations.chains.base import Upstream
from donations.demo import faults
from donations.demo.electrum import ElectrumServer
from donations.demo.esplora import EsploraServer
from donations.demo.ethereum import EthereumServer
from donations.demo.haskoin import HaskoinServer
from donations.demo.show import ADDRESSES
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from donations.ledger import Bucket
from donations.reasons import Reason
from donations.sources import electrum_connection, transport
from donations.sources.certificates import Certificates
from donations.store import Store
from donations.tracker import Tracker
from tests.running import config_on, scene, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from donations.demo.faults import Fault
    from tests.measured import Table

Server = ElectrumServer | EsploraServer | HaskoinServer | EthereumServer
Making = tuple["Callable[[str], Fault]", set[Reason]]
POLL_SECONDS = 4.0
# The time of one question: of a poll it is half in the service, and more than all here.
CALL_SECONDS = 6.0
# What the service takes at most is less here: so many servers send too much in one process.
LARGEST = 300_000
BEFORE, AFTER = 5_000, 12_000

_SHAPE = {Reason.MALFORMED, Reason.IMPOSSIBLE, Reason.MOVED, Reason.NOT_JSON, Reason.RPC_ERROR}
# What can be wrong with the answer to one question, and the reasons that may be given for it.
ANYWHERE: dict[str, Making] = {
    "hang": (faults.hang, {Reason.TIMEOUT}),
    "close": (faults.close, {Reason.CLOSED, Reason.CUT_SHORT}),
    "cut": (lambda m: faults.truncate(9, m), {Reason.CUT_SHORT, Reason.CLOSED, Reason.NOT_JSON}),
    "page": (faults.html, {Reason.NOT_JSON}),
    "garbage": (faults.garbage, {Reason.NOT_JSON}),
    "oversize": (lambda m: faults.oversize(2 * LARGEST, m), {Reason.TOO_LARGE}),
}
CALLS: dict[str, Making] = {
    "wrong id": (faults.wrong_id, {Reason.WRONG_ID}),
    "no result": (faults.missing, {Reason.MALFORMED}),
    "error": (lambda m: faults.rpc_error(-32603, "internal", m), {Reason.RPC_ERROR, Reason.MOVED}),
    "null": (faults.null, _SHAPE),
    "a text": (lambda m: faults.answer("x", m), _SHAPE),
    "a number": (lambda m: faults.answer(-5, m), _SHAPE),
}
HTTP: dict[str, Making] = {
    "429": (lambda m: faults.http_status(429, m, retry_after=2), {Reason.RATE_LIMITED}),
    "403": (lambda m: faults.http_status(403, m), {Reason.REFUSED}),
    "503": (lambda m: faults.http_status(503, m), {Reason.SERVER_ERROR}),
    "410": (lambda m: faults.http_status(410, m), {Reason.HTTP_STATUS}),
    "redirect": (lambda m: faults.redirect("http://127.0.0.1:1/", m), {Reason.REDIRECTED}),
    "bomb": (lambda m: faults.gzip_bomb(20_000_000, m), {Reason.COMPRESSED}),
}
ELECTRUM = (
    "server.version",
    "blockchain.headers.subscribe",
    "blockchain.scripthash.get_history",
    "blockchain.scripthash.get_balance",
    "blockchain.transaction.get",
)
ETHEREUM = ("eth_getBlockByNumber", "eth_getBalance", "eth_getTransactionCount")
ESPLORA = ("/blocks", "/address", "/address/txs/chain")
HASKOIN = ("/block/best", "/address/balance")


@dataclass
class Case:
    """One fault at one question, and the tracker that meets it."""

    kind: str
    method: str
    name: str
    fault: Fault
    reasons: set[Reason]
    server: Server
    tracker: Tracker | None = None
    met: Reason | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.method} {self.name}"

    @property
    def watch(self) -> Tracker:
        assert self.tracker is not None
        return self.tracker

    def stated(self) -> Reason | None:
        error = self.watch.operators[0].error
        return None if error is None else error.why


class Row(NamedTuple):
    """One fault at one question of one kind of upstream; ``place`` counts through the table."""

    kind: str
    make: Callable[[], Server]
    method: str
    name: str
    fault: Callable[[str], Fault]
    reasons: set[Reason]
    place: int


def every_row(world: World) -> Iterator[Row]:
    """Every fault at every question."""
    scripts = {
        "btc": {ADDRESSES["btc"]: BTC_SCRIPT},
        "bch": {f"bitcoincash:{ADDRESSES['bch']}": BCH_SCRIPT},
    }
    line, http = {**ANYWHERE, **CALLS}, {**ANYWHERE, **HTTP}
    kinds: list[tuple[str, Callable[[], Server], tuple[str, ...], dict[str, Making]]] = [
        ("btc electrum", lambda: ElectrumServer(world.btc), ELECTRUM, line),
        ("bch electrum", lambda: ElectrumServer(world.bch, fulcrum=True), ELECTRUM, line),
        ("esplora", lambda: EsploraServer(world.btc, scripts["btc"]), ESPLORA, http),
        ("haskoin", lambda: HaskoinServer(world.bch, scripts["bch"]), HASKOIN, http),
        ("ethereum", lambda: EthereumServer(world.eth), ETHEREUM, {**line, **HTTP}),
    ]
    for kind, make, methods, table in kinds:
        for at, method in enumerate(methods):
            for number, (name, (fault, reasons)) in enumerate(table.items()):
                yield Row(kind, make, method, name, fault, reasons, at + number)


def cases(world: World, *, long: bool) -> Iterator[Case]:
    """The table; the long one has every fault at every question."""
    for kind, make, method, name, fault, reasons, place in every_row(world):
        if long or kind != "bch electrum" or place % 3 == 0:
            yield Case(kind, method, name, fault(method), reasons, make())


def give(world: World, units: int) -> None:
    world.btc.pay(BTC_SCRIPT, units)
    world.bch.pay(BCH_SCRIPT, units)
    world.eth.pay(ETH_ADDRESS, units)
    for chain in (world.btc, world.bch, world.eth):
        chain.mine()


async def received(store: Store) -> int:
    months = await store.run(store.months)
    counted = (Bucket.PENDING, Bucket.CONFIRMED, Bucket.FINAL)
    return sum(total.units for (_, _, bucket), total in months.items() if bucket in counted)


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electrum_connection, "MAX_LINE", LARGEST)
    monkeypatch.setattr(transport, "MAX_BODY", LARGEST)
    monkeypatch.setattr(electrum_connection, "CALL_SECONDS", CALL_SECONDS)
    monkeypatch.setattr(transport, "_TIMEOUT", aiohttp.ClientTimeout(total=CALL_SECONDS))


@scene
async def test_every_fault_at_every_question(tmp_path: Path, table: Table, long: bool) -> None:
    """The number is the old or the new one and no other, one reason of the expected ones is given,
    and within two polls after the fault the number is the new one."""
    async with World(71, operators=1) as world, AsyncExitStack() as stack:
        rows = list(cases(world, long=long))
        for n in range(len(rows)):
            (tmp_path / str(n)).mkdir()
        stores = [await follow(row, world, tmp_path / str(n), stack) for n, row in enumerate(rows)]

        async def all_have(units: int) -> list[str]:
            have = await asyncio.gather(*(received(store) for store in stores))
            return [str(row) for row, has in zip(rows, have, strict=True) if has != units]

        await until(lambda: all(row.watch.standings for row in rows), seconds=40)
        give(world, BEFORE)
        await settle(rows, lambda: all_have(BEFORE), 40)
        for row in rows:
            row.server.fault = row.fault
            if isinstance(row.server, ElectrumServer):
                row.server.drop_connections()
        give(world, AFTER - BEFORE)
        await meet(rows)
        for row, store in zip(rows, stores, strict=True):
            assert await received(store) in (BEFORE, AFTER), str(row)
            row.server.fault = None
        wrong = [f"{row}: {row.met}" for row in rows if row.met not in row.reasons]
        # What hangs as the fault ends has its own time to end.
        late = await settle(rows, lambda: all_have(AFTER), 2 * POLL_SECONDS + CALL_SECONDS)
    assert (wrong, late) == ([], [])
    told = {row.met for row in rows}
    table.rows.append(("faults of upstreams met", f"{len(rows)}", ">= 100"))
    table.rows.append(("reasons told of them", f"{len(told)}", "closed list"))
    table.never("faults with another reason than stated", len(wrong), len(rows))
    table.never("faults not over after two polls", len(late), len(rows))
    assert len(rows) >= 100


async def follow(row: Case, world: World, folder: Path, stack: AsyncExitStack) -> Store:
    """A tracker of the server of ``row``, until the stack is closed."""
    row.tracker, store = await track([row], world, folder, stack)
    return store


async def track(
    rows: Sequence[Case], world: World, folder: Path, stack: AsyncExitStack
) -> tuple[Tracker, Store]:
    """A tracker of these servers, each of another operator; all of them have to agree."""
    for row in rows:
        await row.server.start()
        stack.push_async_callback(row.server.stop)
    kind = rows[0].kind
    name = {"btc electrum": "btc", "esplora": "btc", "ethereum": "eth"}.get(kind, "bch")
    settings = config_on(world, folder, agree=len(rows)).chains[name]
    upstreams = tuple(Upstream(row.server.url, f"number {n}") for n, row in enumerate(rows))
    settings = replace(settings, upstreams=upstreams)
    store = Store(folder / "d.sqlite3", UTC)
    stack.callback(store.close)
    await store.run(store.open, {name: "mainnet"})
    operators = make_operators(settings, store, Certificates(folder / "pins.json"))
    tracker = Tracker(
        settings, operators, store, poll_seconds=int(POLL_SECONDS), grace_seconds=1,
        changed=lambda _: None, moved=lambda: None,
    )  # fmt: skip
    await tracker.load()
    task = asyncio.create_task(tracker.run())

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for operator in operators:
            await operator.close()

    stack.push_async_callback(end)
    return tracker, store


async def meet(rows: list[Case]) -> None:
    """Poll until every fault was met and told, or for 40 s."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        for row in rows:
            # A busy machine can be late with any answer: only a fault that hangs must end so.
            if row.met not in row.reasons:
                row.met = row.stated()
        if all(row.met in row.reasons for row in rows):
            return
        for row in rows:
            if row.met in (None, Reason.TIMEOUT):
                row.watch.poll()
        await asyncio.sleep(0.5)


async def settle(rows: list[Case], left: Callable[[], object], seconds: float) -> list[str]:
    """Poll as a timer does until nothing is left; what is left after so many seconds."""
    deadline, polled = time.monotonic() + seconds, -POLL_SECONDS
    while True:
        if time.monotonic() - polled >= POLL_SECONDS:
            polled = time.monotonic()
            for row in rows:
                row.watch.poll()
        waiting = await left()  # type: ignore[misc]
        if not waiting or time.monotonic() > deadline:
            return list(waiting)
        await asyncio.sleep(0.2)
