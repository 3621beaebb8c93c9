"""``donations totals``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, command, config_option, json_option, show
from donations.config import load

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare it."""
    totals = command(
        commands, "totals", _totals, "what came in, per address and together",
        "Received is what gifts brought, and never falls when you spend. It is not the balance.",
    )  # fmt: skip
    config_option(totals)
    json_option(totals)


def _totals(options: argparse.Namespace) -> int:
    from donations import totals

    config = load(options.config)
    numbers = totals.read_totals(config)
    show(numbers if options.json else totals.lines(config, numbers))
    return DONE
