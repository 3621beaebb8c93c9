"""The service on a thread of its own, so that a test can drive a node in plain steps beside it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from donations.app import Service, running
from donations.config import Config, parse

from ..nodes.process import wait_until
from .book import Book

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from donations.snapshot import Coin, Snapshot

START_SECONDS = 30.0


def config_text(
    upstreams: Mapping[str, Sequence[str]],
    addresses: Mapping[str, Sequence[str]],
    *,
    agree: Mapping[str, int] | None = None,
    tokens: Iterable[tuple[str, str, int]] = (),
    port: int = 0,
    quick: bool = True,
) -> str:
    """A configuration for nodes of one's own; each upstream is an operator by itself.

    ``upstreams`` and ``addresses`` are by chain, ``tokens`` are (symbol, contract, decimals).
    ``quick`` writes the shortest times a file may hold. ``port`` 0: the default one.
    """
    lines = ["poll_seconds = 15", "grace_seconds = 1"] if quick else []
    lines.append("[addresses]")
    lines += [f"{chain} = [{_quoted(listed)}]" for chain, listed in addresses.items()]
    if port:
        lines += ["[server]", f"port = {port}"]
    for chain in addresses:
        urls = ", ".join(
            f'{{ url = "{url}", operator = "operator {number}" }}'
            for number, url in enumerate(upstreams[chain], 1)
        )
        network = '{ name = "private", chain_id = 31337 }' if chain == "eth" else '"regtest"'
        lines += [f"[chains.{chain}]", f"network = {network}", f"upstreams = [{urls}]"]
        if agree and chain in agree:
            lines.append(f"agree = {agree[chain]}")
        if chain == "eth" and tokens:
            items = ", ".join(
                f'{{ symbol = "{symbol}", contract = "{contract}", decimals = {decimals} }}'
                for symbol, contract, decimals in tokens
            )
            lines.append(f"tokens = [{items}]")
    return "\n".join(lines) + "\n"


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f'"{text}"' for text in texts)


def quick(text: str, folder: Path) -> Config:
    """The configuration with a poll every second, as no file may have it, on any free port."""
    config = parse(text, folder / "config.toml", {})
    return replace(config, poll_seconds=1, grace_seconds=1, server=replace(config.server, port=0))


class Watch:
    """The service on one configuration; it can be stopped and started again on its database."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.book = Book(config.database)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._service: Service | None = None
        self._failed: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the service serves; raises what keeps it from starting."""
        ready = threading.Event()
        self._failed = None
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(START_SECONDS):
            raise TimeoutError("the service did not start")
        self._raise_failure()

    def stop(self) -> None:
        """Ends the service in order. Harmless when it does not run."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(START_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError("the service did not stop")
        self._thread = self._service = None
        self._raise_failure()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def service(self) -> Service:
        """The running service; only what needs no loop may be read from here."""
        if self._service is None:
            raise RuntimeError("the service does not run")
        return self._service

    @property
    def published(self) -> Snapshot:
        """What readers get now."""
        found = self.service.publisher.published
        assert found is not None
        return found

    def coin(self, address: str) -> Coin:
        """What readers get of one address, in the spelling of the configuration."""
        return next(coin for coin in self.published.coins if coin.address == address)

    def hurry(self) -> None:
        """Asks for a poll out of turn, as the timer would."""
        assert self._loop is not None
        for tracker in list(self.service.trackers):
            self._loop.call_soon_threadsafe(tracker.poll)

    def errors(self, chain: str) -> dict[str, str]:
        """What is wrong with each operator of a chain at the moment; empty when all is well."""
        return {
            operator.name: str(operator.error)
            for tracker in self.service.trackers
            if tracker.chain == chain
            for operator in tracker.operators
            if operator.error is not None
        }

    def wait_error(self, chain: str, words: str) -> None:
        """Returns when some operator of the chain fails with these words."""
        wait_until(
            lambda: any(words in error for error in self.errors(chain).values()),
            f"an error of {chain} with {words!r}",
        )

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise RuntimeError("the service ended by an error") from self._failed

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            self._failed = error
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with running(self.config) as (service, _):
            self._service = service
            ready.set()
            await self._stopping.wait()
