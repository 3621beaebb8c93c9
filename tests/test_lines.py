"""What can be wrong with a line before a word is said on it: TLS in all its forms, and names."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from donations.app import make_operators
from donations.chains.base import Upstream
from donations.demo.electrum import ElectrumServer
from donations.demo.esplora import EsploraServer
from donations.demo.ethereum import EthereumServer
from donations.demo.show import ADDRESSES
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.event_loop import Loop, run
from donations.reasons import Reason
from donations.sources import electrum_connection, transport
from donations.sources.certificates import Certificates
from donations.store import Store
from donations.tracker import Tracker
from tests.fronts import Authority, Front, Manner
from tests.running import config_on, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.measured import Table

POLL_SECONDS = 2.0
CALL_SECONDS = 1.5
Shown = ssl.SSLContext | Manner


@dataclass
class Case:
    """One line: what is met on it, the reasons that may be told of that, and its tracker."""

    kind: str
    name: str
    bad: Shown
    reasons: set[Reason]
    front: Front
    tracker: Tracker

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def told(self) -> Reason | None:
        error = self.tracker.operators[0].error
        return None if error is None else error.why


@asynccontextmanager
async def following(world: World, kind: str, url: str, folder: Path) -> AsyncIterator[Tracker]:
    """A tracker of one upstream."""
    folder.mkdir()  # noqa: ASYNC240
    name = "eth" if kind == "ethereum" else "btc"
    settings = config_on(world, folder, agree=1, proofs=False).chains[name]
    settings = replace(settings, upstreams=(Upstream(url, "someone"),))
    store = Store(folder / "d.sqlite3", UTC)
    await store.run(store.open, {name: "mainnet"})
    operators = make_operators(settings, store, Certificates(folder / "pins.json"))
    tracker = Tracker(
        settings, operators, store, poll_seconds=int(POLL_SECONDS), grace_seconds=1,
        changed=lambda _: None, moved=lambda: None,
    )  # fmt: skip
    await tracker.load()
    task = asyncio.create_task(tracker.run())
    try:
        yield tracker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for operator in operators:
            await operator.close()
        store.close()


def is_right(tracker: Tracker, world: World) -> bool:
    """Whether it stands at the present tip, and nothing is wrong."""
    over = world.eth if tracker.chain == "eth" else world.btc
    standing = next(iter(tracker.standings.values()), None)
    return (
        standing is not None
        and standing.tip.hash == over.tip.hash
        and tracker.operators[0].error is None
    )


def mine(world: World) -> None:
    world.btc.mine()
    world.eth.mine()


async def polled(trackers: list[Tracker], condition: Callable[[], bool], seconds: float) -> bool:
    """Poll as a timer does, until the condition holds; whether it did in time."""
    deadline, at = time.monotonic() + seconds, 0.0
    while not condition():
        now = time.monotonic()
        if now > deadline:
            return False
        if now - at >= POLL_SECONDS:
            at = now
            for tracker in trackers:
                tracker.poll()
        await asyncio.sleep(0.02)
    return True


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that this process trusts, as it trusts those of the system."""
    folder = tmp_path / "authority"
    folder.mkdir()
    made = Authority(folder)
    monkeypatch.setattr(Certificates, "authorities", made.trusting)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", made.trusting)
    return made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electrum_connection, "CALL_SECONDS", CALL_SECONDS)
    monkeypatch.setattr(electrum_connection, "CONNECT_SECONDS", CALL_SECONDS)
    monkeypatch.setattr(transport, "_TIMEOUT", aiohttp.ClientTimeout(total=CALL_SECONDS))


def lines(authority: Authority) -> Iterator[tuple[str, str, Shown, Shown, set[Reason]]]:
    """(kind, name, what is met first, what then, the reasons that may be told of it)."""
    good = authority.certify("good")
    no_tls: dict[str, tuple[Shown, set[Reason]]] = {
        "plain text": (Manner.PLAIN, {Reason.TLS}),
        "a handshake that stalls": (Manner.STALLS, {Reason.TIMEOUT}),
        "a line cut in the handshake": (Manner.HANGS_UP, {Reason.UNREACHABLE}),
        "garbage": (Manner.GARBAGE, {Reason.TLS}),
    }
    vouched: dict[str, tuple[Shown, set[Reason]]] = {
        "expired": (authority.certify("expired", days=-1), {Reason.CERTIFICATE}),
        "another host": (authority.certify("other", names="DNS:a.example"), {Reason.CERTIFICATE}),
        "self-signed": (authority.self_signed("self"), {Reason.CERTIFICATE}),
        **no_tls,
    }
    for kind in ("electrum", "ethereum", "esplora"):
        for name, (bad, reasons) in vouched.items():
            yield kind, name, good, bad, reasons
    first, second = authority.self_signed("first"), authority.self_signed("second")
    yield "electrum", "another pin", first, second, {Reason.CERTIFICATE}
    for name, (bad, reasons) in no_tls.items():
        yield "electrum", f"pinned, then {name}", first, bad, reasons


def test_every_fault_of_tls(tmp_path: Path, authority: Authority, table: Table) -> None:
    """Each is told by its reason, nothing is said in the clear nor to whom it may not be said, the
    number stands, and two polls after it is over all is well."""
    run(_every_fault(tmp_path, authority, table))


async def _every_fault(tmp_path: Path, authority: Authority, table: Table) -> None:
    scripts = {ADDRESSES["btc"]: BTC_SCRIPT}
    async with World(81, operators=1) as world, AsyncExitStack() as stack:
        mine(world)
        rows: list[tuple[Case, Shown]] = []
        servers: list[ElectrumServer | EthereumServer | EsploraServer] = []
        for number, (kind, name, good, bad, reasons) in enumerate(lines(authority)):
            server: ElectrumServer | EthereumServer | EsploraServer
            match kind:
                case "electrum":
                    server, scheme = ElectrumServer(world.btc), "ssl"
                case "ethereum":
                    server, scheme = EthereumServer(world.eth), "https"
                case _:
                    server, scheme = EsploraServer(world.btc, scripts), "https"
            await server.start()
            stack.push_async_callback(server.stop)
            front = await stack.enter_async_context(Front(server.port, good))
            url = f"{scheme}://127.0.0.1:{front.port}"
            tracker = await stack.enter_async_context(
                following(world, kind, url, tmp_path / str(number))
            )
            rows.append((Case(kind, name, bad, reasons, front, tracker), good))
            servers.append(server)
        trackers = [case.tracker for case, _ in rows]
        assert await polled(trackers, lambda: all(is_right(t, world) for t in trackers), 30)
        for case, _ in rows:
            case.front.manner = case.bad
            case.front.drop()
        before = [{key: s.tip for key, s in case.tracker.standings.items()} for case, _ in rows]
        await asyncio.sleep(0)
        mine(world)
        asked = [sum(server.requests.values()) for server in servers]
        met: dict[str, Reason | None] = {}

        def all_met() -> bool:
            for case, _ in rows:
                if met.get(str(case)) not in case.reasons:
                    met[str(case)] = case.told
            return all(met[str(case)] in case.reasons for case, _ in rows)

        assert await polled(trackers, all_met, 20), {
            str(c): met[str(c)] for c, _ in rows if met[str(c)] not in c.reasons
        }
        for (case, good), tips, before_it, server in zip(rows, before, asked, servers, strict=True):
            now = {key: s.tip for key, s in case.tracker.standings.items()}
            assert now == tips, str(case)
            assert sum(server.requests.values()) == before_it, f"{case}: something was asked"
            case.front.manner = good
            case.front.drop()
        left = await polled(
            trackers, lambda: all(is_right(t, world) for t in trackers),
            2 * POLL_SECONDS + CALL_SECONDS,
        )  # fmt: skip
        late = [str(case) for case, _ in rows if not is_right(case.tracker, world)]
        assert left, late
        table.never("faults of TLS that were told wrongly, or not over in two polls", 0, len(rows))


# -- names


class Names:
    """Name servers of ours. ``table``: where a name leads, or what is raised; None: no answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table: dict[str, list[str] | OSError | None] = {}
        self.asked = 0
        self.over = threading.Event()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def look_up(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in self.table:
            return self._real(host, port, *args, **kwargs)
        self.asked += 1
        match self.table[host]:
            case None:
                self.over.wait(60)
                raise socket.gaierror(socket.EAI_AGAIN, "no answer")
            case list(addresses):
                return [
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port)))
                    for address in addresses
                ]
            case OSError() as error:
                raise error


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names(monkeypatch)
    yield made
    made.over.set()


KINDS = ("electrum", "ethereum")


def test_every_fault_of_names(tmp_path: Path, names: Names) -> None:
    """No such name, no answer, an address where nobody listens: each is told by its reason; when
    the name leads there again all is well, and when it leads elsewhere its new place is asked."""
    run(_every_fault_of_names(tmp_path, names))


async def _every_fault_of_names(tmp_path: Path, names: Names) -> None:
    faults: dict[str, tuple[list[str] | OSError | None, Reason]] = {
        "unknown": (socket.gaierror(socket.EAI_NONAME, "unknown"), Reason.NO_SUCH_HOST),
        "failing": (socket.gaierror(socket.EAI_AGAIN, "later"), Reason.NO_SUCH_HOST),
        "silent": (None, Reason.TIMEOUT),
        "wrong": (["127.0.0.3"], Reason.UNREACHABLE),
    }
    async with World(82, operators=1) as world, AsyncExitStack() as stack:
        mine(world)
        rows: list[tuple[str, Tracker, Reason]] = []
        for kind in KINDS:
            server = world.btc_servers[0] if kind == "electrum" else world.eth_servers[0]
            scheme = "tcp" if kind == "electrum" else "http"
            for name, (what, reason) in faults.items():
                host = f"{name}.{kind}.example"
                names.table[host] = what
                url = f"{scheme}://{host}:{server.port}"
                tracker = await stack.enter_async_context(
                    following(world, kind, url, tmp_path / host)
                )
                rows.append((host, tracker, reason))
        trackers = [tracker for _, tracker, _ in rows]
        met: dict[str, Reason | None] = {}

        def all_met() -> bool:
            for host, tracker, reason in rows:
                error = tracker.operators[0].error
                if met.get(host) is not reason:
                    met[host] = None if error is None else error.why
            return all(met[host] is reason for host, _, reason in rows)

        assert await polled(trackers, all_met, 15), met
        for host in names.table:
            names.table[host] = ["127.0.0.1"]
        names.over.set()
        assert await polled(
            trackers, lambda: all(is_right(t, world) for t in trackers),
            2 * POLL_SECONDS + 2 * CALL_SECONDS,
        ), [host for host, t, _ in rows if not is_right(t, world)]  # fmt: skip


def test_names_without_an_answer_hold_nothing_up(names: Names) -> None:
    """While a hundred look-ups hang, the threads that all else needs are free, more than 64 are not
    begun, and the loop ends at once."""
    names.table["silent.example"] = None
    started = time.monotonic()

    async def look() -> None:
        loop = asyncio.get_running_loop()
        waiting = [
            asyncio.create_task(loop.getaddrinfo("silent.example", 1)) for _ in range(100)
        ]  # fmt: skip
        await until(lambda: sum(task.done() for task in waiting) == 36)
        assert names.asked == 64
        assert await asyncio.to_thread(lambda: 5) == 5
        for task in waiting:
            task.cancel()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert sum(isinstance(each, socket.gaierror) for each in told) == 36

    run(look())
    assert time.monotonic() - started < 5
    names.over.set()


def test_an_address_that_leads_nowhere_is_not_waited_for(tmp_path: Path, names: Names) -> None:
    """Of a name with two addresses, the first of which swallows all that is sent (as where IPv6 is
    broken), the second is taken within moments."""

    async def look() -> None:
        async with World(83, operators=1) as world, AsyncExitStack() as stack:
            port = world.btc_servers[0].port
            hole = stack.enter_context(socket.socket())
            hole.bind(("127.0.0.2", port))
            hole.listen(0)
            for _ in range(3):  # a full queue takes no more, and refuses nothing
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.2", port))
            names.table["two.example"] = ["127.0.0.2", "127.0.0.1"]
            tracker = await stack.enter_async_context(
                following(world, "electrum", f"tcp://two.example:{port}", tmp_path / "two")
            )
            assert await polled([tracker], lambda: is_right(tracker, world), 3)

    run(look())


def test_the_loop_resolves_as_any_other() -> None:
    """What is known without asking anybody is known here too, and errors are the usual ones."""

    async def look() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        assert found[0][4] == ("127.0.0.1", 80)
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("127.0.0.1", 80, family=socket.AF_INET6)

    run(look())
