"""What tests need to let the whole service run on a simulated world.

@scene
async def test_a_gift_shows(tmp_path: Path) -> None:
    async with World(1) as world, service_on(world, tmp_path) as service:
        world.btc.pay(BTC_SCRIPT, 5_000)
        await until(lambda: received(service, "btc") == 5_000)
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from donations.app import running
from donations.demo import oracle
from donations.demo.show import ADDRESSES, demo_config
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS
from donations.snapshot import Freshness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
    from pathlib import Path

    from donations.app import Service
    from donations.chains.base import Token
    from donations.config import Config
    from donations.demo.world import World
    from donations.snapshot import Coin, Sum

SCENE_SECONDS = 120.0
SCRIPTS = {"btc": BTC_SCRIPT, "bch": BCH_SCRIPT}


def scene(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a coroutine a test: it runs on a loop of its own, with a deadline."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(SCENE_SECONDS):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    return run


async def until(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]],
    *,
    seconds: float = 10.0,
    what: str = "",
) -> Any:
    """Wait for the condition to give something true, and return that; fail at the deadline.

    The condition is a plain or an async function.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {seconds} s: {what or inspect.getsource(condition).strip()}"
            )
        await asyncio.sleep(0.02)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def config_on(
    world: World,
    folder: Path,
    *,
    agree: int | None = None,
    poll_seconds: int = 1,
    grace_seconds: int = 1,
    port: int = 0,
    only: Collection[str] = ("btc", "bch", "eth"),
    tokens: tuple[Token, ...] = (),
    proofs: bool = True,
) -> Config:
    """A quick configuration whose upstreams are the servers of ``world``.

    ``agree`` None: what a file without the key means. ``port`` 0: any free one. ``only`` are the
    chains watched. ``proofs`` False: none are asked for.
    """
    config = demo_config(world, folder, "127.0.0.1", 8000)
    chains = {
        name: replace(
            settings,
            agree=settings.agree if agree is None else agree,
            tokens=tokens if name == "eth" else settings.tokens,
            proofs=settings.proofs and proofs,
        )
        for name, settings in config.chains.items()
        if name in only
    }
    return replace(
        config,
        chains=chains,
        poll_seconds=poll_seconds,
        grace_seconds=grace_seconds,
        server=replace(config.server, port=port),
    )


@asynccontextmanager
async def service_on(world: World, folder: Path, **how: Any) -> AsyncIterator[Service]:
    """The whole service on a world, its database in ``folder``; ``how`` as for `config_on`.

    A second one in the same folder is a restart.
    """
    async with running(config_on(world, folder, **how)) as (service, _):
        yield service


def config_file(world: World, folder: Path, *, grace_seconds: int = 1) -> Path:
    """The file that says what `config_on` says, for a service in another process.

    Both use the same database.
    """
    genesis = {
        "btc": world.btc.genesis_hash,
        "bch": world.bch.genesis_hash,
        "eth": world.eth.genesis_hash,
    }
    lines = [f"poll_seconds = 15\ngrace_seconds = {grace_seconds}", 'timezone = "Europe/Paris"']
    lines += ["[prices]", "enabled = false"]
    lines += ["[addresses]", *(f'{chain} = "{its}"' for chain, its in ADDRESSES.items())]
    for chain in ADDRESSES:
        lines.append(f"[chains.{chain}]")
        lines.append(f'network = {{ name = "mainnet", genesis = "{genesis[chain]}" }}')
        upstreams = ", ".join(
            f'{{ url = "{url}", operator = "operator {number}" }}'
            for number, url in enumerate(world.urls(chain))
        )
        lines.append(f"upstreams = [{upstreams}]")
    path = folder / "demo.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def coin(service: Service, chain: str) -> Coin:
    """What readers are told of a chain's (first) address."""
    published = service.publisher.published
    assert published is not None
    return next(coin for coin in published.coins if coin.chain == chain)


def totals(service: Service, chain: str, symbol: str | None = None) -> Sum | None:
    """The public sums of a chain's own asset, or of a token; None while nothing is known."""
    shown = coin(service, chain)
    wanted = symbol or shown.symbol
    return next((each for each in shown.sums or () if each.symbol == wanted), None)


def received(service: Service, chain: str) -> int | None:
    """What came in, pending included, as readers are told; None while nothing is known."""
    told = totals(service, chain)
    return None if told is None else told.received + told.pending


def truth(world: World, chain: str) -> int:
    """What came in at the demo's address, pending included, read off the simulated blocks."""
    if chain == "eth":
        return oracle.received(oracle.eth_facts(world.eth, [ETH_ADDRESS]), ETH_ADDRESS, 0)
    over = world.btc if chain == "btc" else world.bch
    script = SCRIPTS[chain]
    return oracle.received(oracle.utxo_facts(over, [script]), script.hex(), over.height)


def agrees(service: Service, world: World, *chains: str) -> bool:
    """Whether readers are told the truth, fresh and of the present tip, on these chains (all)."""
    for chain in chains or [shown.chain for shown in _coins(service)]:
        shown = coin(service, chain)
        tips = {"btc": world.btc.tip.hash, "bch": world.bch.tip.hash, "eth": world.eth.tip.hash}
        if shown.freshness is not Freshness.FRESH or shown.as_of is None:
            return False
        if shown.as_of.hash != tips[chain] or received(service, chain) != truth(world, chain):
            return False
    return True


def books_close(service: Service, world: World) -> bool:
    """Whether the agreed balances are what lies at the addresses."""
    told = {
        key.chain: standing.balance
        for tracker in service.trackers
        for key, standing in tracker.standings.items()
    }
    lies = {
        name: sum(f.net for f in oracle.utxo_facts(chain, [script]) if f.height is not None)
        for name, chain, script in (
            ("btc", world.btc, BTC_SCRIPT),
            ("bch", world.bch, BCH_SCRIPT),
        )
    }
    return told == {**lies, "eth": world.eth.balance(ETH_ADDRESS)}


def _coins(service: Service) -> tuple[Coin, ...]:
    published = service.publisher.published
    return () if published is None else published.coins
