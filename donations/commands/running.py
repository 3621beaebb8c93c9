"""What runs until it is stopped: serve, demo."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, WORLD_WRONG, command, config_option, port, speed
from donations.config import Config, load
from donations.event_loop import run
from donations.watchdog import Supervisor, Watchdog

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine


def add_serve(commands: Any) -> None:
    """Declare serve."""
    serve = command(
        commands, "serve", _serve, "run the service",
        "Serves the hosted page, the widget and its data, and watches the addresses until it is "
        "stopped. Needs no network to start: what is not known yet is said to be so.",
    )  # fmt: skip
    config_option(serve)
    serve.add_argument("--host", help="listen on this address instead of [server] host")
    serve.add_argument("--port", type=port, help="listen on this port instead of [server] port")


def add_demo(commands: Any) -> None:
    """Declare demo."""
    demo = command(
        commands, "demo", _demo, "see it work, without network",
        "A simulated world on loopback that speaks the real protocols: gifts arrive, confirm, get "
        "replaced and reorged while you watch. Nothing of it is real money.",
    )  # fmt: skip
    demo.add_argument("--host", default="127.0.0.1", help="listen here (default: 127.0.0.1)")
    demo.add_argument("--port", type=port, default=8080, help="the service (default: 8080)")
    demo.add_argument("--post-port", type=port, default=8081,
                      help="the sample post (default: 8081)")  # fmt: skip
    demo.add_argument("--speed", type=speed, default=1.0, help="of the story (default: 1)")
    demo.add_argument("--seed", type=int, default=0, help="the same seed, the same story")


def _serve(options: argparse.Namespace) -> int:
    config = load(options.config)
    server = replace(
        config.server,
        host=config.server.host if options.host is None else options.host,
        port=config.server.port if options.port is None else options.port,
    )
    _start_log()
    return _until_stopped(_served(replace(config, server=server)), server.host, server.port)


async def _served(config: Config) -> None:
    from donations.app import running

    watchdog = Watchdog(asyncio.get_running_loop(), Supervisor(os.environ))
    async with running(config) as (_, port):
        logging.getLogger("donations").info(
            "serving on http://%s:%s/, watching %s addresses",
            config.server.host, port, len(config.watched),
        )  # fmt: skip
        watchdog.start()
        try:
            await asyncio.Event().wait()
        finally:
            watchdog.stop()


def _demo(options: argparse.Namespace) -> int:
    from donations.demo.show import show

    _start_log(logging.WARNING)
    story = show(
        options.host, options.port, options.post_port, options.speed,
        lambda line: print(line, flush=True), options.seed,
    )  # fmt: skip
    return _until_stopped(story, options.host, options.port)


def _until_stopped(work: Coroutine[Any, Any, None], host: str, port: int) -> int:
    """Run until SIGINT or SIGTERM, which end the work in order; a second one ends it at once."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, task, number)
        with suppress(asyncio.CancelledError):
            await task

    try:
        run(guarded())
    except OSError as error:
        # asyncio puts a sentence of its own in the place of the system's word.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        print(f"donations: cannot listen on {host}:{port}: {reason}", file=sys.stderr)
        return WORLD_WRONG
    return DONE


def _stop(task: asyncio.Future[None], number: int) -> None:
    asyncio.get_running_loop().remove_signal_handler(number)
    task.cancel()


def _start_log(level: int = logging.INFO) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
