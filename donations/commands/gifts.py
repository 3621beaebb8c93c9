"""``donations gifts``: what came in, one by one."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, command, config_option, json_option, show
from donations.commands.selection import add_options, filter_of
from donations.config import load

if TYPE_CHECKING:
    from donations.books import Place
    from donations.exports.line import Frame, Line

_MOST = 1_000


def add(commands: Any) -> None:
    """Declare it."""
    parser = command(
        commands, "gifts", _gifts, "every gift, the newest first, with its value and your notes",
        "A gift's number, the last column, is what `donations annotate` wants. Values are those "
        "of the day it came. With --kind also what is no gift.",
    )  # fmt: skip
    parser.add_argument("--limit", type=_limit, default=50, metavar="N",
                        help=f"at most so many (default: 50, most: {_MOST})")  # fmt: skip
    parser.add_argument("--cursor", type=_place, metavar="NEXT",
                        help="go on where an earlier list ended: its `next`")  # fmt: skip
    add_options(parser)
    config_option(parser)
    json_option(parser)


def _gifts(options: argparse.Namespace) -> int:
    from donations.books import place_of
    from donations.exporting import frame_of, keys_of, reading
    from donations.exports.json_form import line_as_json
    from donations.exports.line import line_of

    config = load(options.config)
    options.kind = options.kind or "gift"
    wanted = filter_of(options, keys_of(config, options.widget), config.timezone)
    frame = frame_of(config, int(time.time()))
    with reading(config) as store:
        found = store.entries(wanted, options.cursor, options.limit + 1)
    more, entries = len(found) > options.limit, found[: options.limit]
    following = "~".join(map(str, place_of(entries[-1].transfer))) if more else None
    lines = [line_of(entry, frame) for entry in entries]
    if options.json:
        show({"gifts": [line_as_json(line, frame) for line in lines], "next": following})
    else:
        show([*_table(lines, frame), *([f"more: --cursor '{following}'"] if following else [])])
    return DONE


def _table(lines: list[Line], frame: Frame) -> list[str]:
    from donations.exports.line import fixed, visible
    from donations.exports.render import aligned

    if not lines:
        return ["none"]
    columns = ("received", "amount", "", frame.currency, "state", "note", "number")
    rows = [
        [
            f"{frame.moment(line.received_at):%Y-%m-%d %H:%M}",
            line.amount,
            line.asset,
            "unknown" if line.minor is None else fixed(line.minor, frame.digits),
            line.state if line.what.value in ("gift", "pending") else line.what.value,
            visible(line.note),
            visible(line.id),
        ]
        for line in lines
    ]
    return list(aligned(columns, rows, [False, True, False, True, False, False, False]))


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"a limit is a number from 1 to {_MOST}")
    return int(text)


def _place(text: str) -> Place:
    parts = text.split("~")
    if len(parts) != 5 or not parts[0].isdecimal() or len(parts[0]) > 11:
        raise argparse.ArgumentTypeError("give the `next` of an earlier list, as it is")
    moment, chain, address, asset, name = parts
    return int(moment), chain, address, asset, name
