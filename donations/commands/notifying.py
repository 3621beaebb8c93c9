"""``donations notify``: whether news reach the author."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, WORLD_WRONG, command, config_option, json_option, show
from donations.config import load
from donations.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from donations.config import ChannelSettings, Config


def add(commands: Any) -> None:
    """Declare it."""
    notify = command(
        commands, "notify", _notify, "who is told what, and whether it reaches them",
        "Shows the channels of [[notify]] and how far each was told. With --test it sends a test "
        "through each of them, or through NAME, once, and says whether it was taken; exit code 1 "
        "if one was not.",
    )  # fmt: skip
    config_option(notify)
    json_option(notify)
    notify.add_argument("--test", metavar="NAME", nargs="?", const="",
                        help="send a test now, through all channels or this one")  # fmt: skip


def _notify(options: argparse.Namespace) -> int:
    from donations.notify import report

    config = load(options.config)
    if not config.notify:
        raise ConfigError(
            'nobody is told: [[notify]] kind = "webhook" begins a channel', file=config.path
        )
    if options.test is None:
        rows = report.read_states(config)
    else:
        rows = asyncio.run(report.send_tests(_chosen(config, options.test), config.title))
    show({"channels": rows} if options.json else report.lines(rows))
    return DONE if all(row["good"] for row in rows) else WORLD_WRONG


def _chosen(config: Config, name: str) -> list[ChannelSettings]:
    chosen = [each for each in config.notify if name in ("", each.name)]
    if not chosen:
        names = ", ".join(each.name for each in config.notify)
        raise ConfigError(f"there is no such channel; there are: {names}", key="--test")
    return chosen
