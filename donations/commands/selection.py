"""Options that choose transfers, shared by the commands that list them."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from donations.books import Filter
from donations.errors import ConfigError
from donations.ledger import Kind, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from donations.ledger import Key

_FORMS = ("%Y-%m-%d", "%Y-%m", "%Y")
_EXAMPLE = "a day, a month or a year is written 2026-11-24, 2026-11 or 2026"


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--since``, ``--until``, ``--chain`` and the other conditions."""
    chosen = parser.add_argument_group("which transfers (all conditions must hold)")
    chosen.add_argument("--since", type=period, metavar="DATE", help="from this day on")
    chosen.add_argument("--until", type=period, metavar="DATE",
                        help="up to the end of this day, month or year")  # fmt: skip
    chosen.add_argument("--chain", choices=("btc", "bch", "eth"))
    chosen.add_argument("--asset", metavar="SYMBOL", help="BTC, ETH, a token")
    chosen.add_argument("--address", metavar="ADDRESS", help="one of the configuration's")
    chosen.add_argument("--widget", metavar="SLUG", help="at the addresses of this widget")
    chosen.add_argument("--state", choices=[state.value for state in State])
    chosen.add_argument("--kind", choices=[kind.value for kind in Kind])
    chosen.add_argument("--search", metavar="TEXT", default="",
                        help="the beginning of a transaction's number, or a part of what you wrote"
                        )  # fmt: skip
    value = chosen.add_mutually_exclusive_group()
    value.add_argument("--valued", action="store_true", default=None, help="with a value")
    value.add_argument("--unvalued", action="store_false", dest="valued",
                       help="without a value")  # fmt: skip
    judged = chosen.add_mutually_exclusive_group()
    judged.add_argument("--not-gifts", action="store_true", default=None, dest="excluded",
                        help="only what you marked as no gift")  # fmt: skip
    judged.add_argument("--gifts", action="store_false", dest="excluded",
                        help="nothing of what you marked as no gift")  # fmt: skip


def period(text: str) -> tuple[int, ...]:
    """Read (year), (year, month) or (year, month, day)."""
    for length, form in enumerate(_FORMS):
        try:
            told = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the configuration's
        except ValueError:
            continue
        return (told.year, told.month, told.day)[: 3 - length]
    raise argparse.ArgumentTypeError(_EXAMPLE)


def begin_of(when: tuple[int, ...], zone: tzinfo) -> int:
    """The first second of a period on the author's clock, in Unix seconds. Raises ConfigError."""
    year, month, day = (*when, 1, 1)[:3]
    try:
        return int(datetime(year, month, day, tzinfo=zone).timestamp())
    except (ValueError, OverflowError):
        raise ConfigError("is no day of this calendar", key="--since or --until") from None


def end_of(when: tuple[int, ...], zone: tzinfo) -> int:
    """The first second after a period. Raises ConfigError."""
    match when:
        case (year,):
            return begin_of((year + 1,), zone)
        case (year, 12):
            return begin_of((year + 1,), zone)
        case (year, month):
            return begin_of((year, month + 1), zone)
    year, month, day = when
    try:
        following = datetime.fromordinal(datetime(year, month, day).toordinal() + 1)  # noqa: DTZ001
    except ValueError:
        raise ConfigError("is no day of this calendar", key="--until") from None
    return begin_of((following.year, following.month, following.day), zone)


def filter_of(options: argparse.Namespace, keys: Iterable[Key], zone: tzinfo) -> Filter:
    """The conditions of a command line. Raises ConfigError for what nothing can match."""
    every = list(keys)
    chosen = frozenset(
        key
        for key in every
        if options.chain in (None, key.chain)
        and options.asset in (None, key.asset)
        and options.address in (None, key.address)
    )
    if not chosen:
        known = ", ".join(sorted({f"{key.asset} at {key.address}" for key in every}))
        raise ConfigError(f"nothing of the configuration fits; there is {known}", key="--asset")
    return Filter(
        keys=chosen,
        states=None if options.state is None else frozenset({State(options.state)}),
        kinds=None if options.kind is None else frozenset({Kind(options.kind)}),
        since=None if options.since is None else begin_of(options.since, zone),
        until=None if options.until is None else end_of(options.until, zone),
        excluded=options.excluded,
        valued=options.valued,
        text=options.search,
    )


def includes_manual(wanted: Filter, keys: Iterable[Key]) -> bool:
    """Whether manual gifts belong to it: they have a time, and nothing else to be asked for."""
    every = frozenset(keys)
    return wanted == Filter(keys=every, since=wanted.since, until=wanted.until)


def year_of(text: str) -> int:
    """Read a year."""
    if not text.isdecimal() or not 1970 <= int(text) <= 9000:
        raise argparse.ArgumentTypeError("a year is written 2026")
    return int(text)
