"""``donations totals``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, command, config_option, json_option, show
from donations.config import load

if TYPE_CHECKING:
    import argparse

_WAYS = ("month", "year", "coin", "widget", "site", "post", "address")


def add(commands: Any) -> None:
    """Declare it."""
    totals = command(
        commands, "totals", _totals, "what came in, per address and together",
        "Received is what gifts brought, and never falls when you spend. It is not the balance. "
        "With --by: what it was worth when it came, month by month or otherwise; a value that is "
        "not known is counted as such, and what it would be worth today stands apart.",
    )  # fmt: skip
    totals.add_argument("--by", choices=_WAYS, help="month by month, and so on, with values")
    config_option(totals)
    json_option(totals)


def _totals(options: argparse.Namespace) -> int:
    config = load(options.config)
    if options.by is None:
        from donations import totals

        numbers = totals.read_totals(config)
        show(numbers if options.json else totals.lines(config, numbers))
        return DONE
    from donations.totals_by import lines_by, read_by

    now = int(time.time())
    told = read_by(config, options.by, now)
    show(told if options.json else lines_by(config, told, now))
    return DONE
