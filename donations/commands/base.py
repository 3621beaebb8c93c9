"""What all commands share: exit codes, options, and the one place that prints.

Exit codes: 0 done, 1 something is wrong with the world, 2 something is wrong with the input.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DONE, WORLD_WRONG, INPUT_WRONG = 0, 1, 2


def command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    """A parser of one command, which ``run`` carries out; its exit code."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description
    )
    parser.set_defaults(run=run)
    return parser


def config_option(parser: argparse.ArgumentParser) -> None:
    """``--config FILE``."""
    where = "default: config.toml in this folder, else $DONATIONS_CONFIG"
    parser.add_argument("--config", type=Path, metavar="FILE", help=where)


def json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def port(text: str) -> int:
    """Read the number of a port; 0 for any free one."""
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def speed(text: str) -> float:
    """Read how many times faster than life the demo runs."""
    try:
        told = float(text)
    except ValueError:
        told = 0.0
    if not 0.01 <= told <= 1000:
        raise argparse.ArgumentTypeError("a speed is a number from 0.01 to 1000")
    return told


def show(text: dict[str, Any] | list[str]) -> None:
    """Print lines for people, or JSON for programs."""
    if isinstance(text, dict):
        print(json.dumps(text, indent=2, ensure_ascii=False))
    else:
        print("\n".join(text))
