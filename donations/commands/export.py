"""``donations export``: the books as a file for others."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.books import Filter
from donations.commands.base import DONE, command, config_option
from donations.commands.selection import (
    add_options,
    begin_of,
    end_of,
    filter_of,
    includes_manual,
    year_of,
)
from donations.config import load
from donations.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from donations.config import Config

_FORMS = ("csv", "json", "beancount", "hledger", "summary")


def add(commands: Any) -> None:
    """Declare it."""
    parser = command(
        commands, "export", _export, "the books as a file, for a program or an accountant",
        "csv and json hold every transfer with all that is known of it; beancount and hledger "
        "(which Ledger reads too) are journals with the cost at receipt; summary is one year for "
        "an accountant, in English or French. Without --output it is printed.",
    )  # fmt: skip
    parser.add_argument("form", choices=_FORMS, metavar="FORM", help=" | ".join(_FORMS))
    parser.add_argument("--output", type=Path, metavar="FILE",
                        help="write this file (mode 0600) instead of printing")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    summary = parser.add_argument_group("for summary")
    summary.add_argument("--year", type=year_of, metavar="YEAR", help="default: the last full year")
    summary.add_argument("--language", choices=("en", "fr"),
                         help="default: that of the configuration, else English")  # fmt: skip
    summary.add_argument("--as", choices=("text", "csv", "html"), dest="shape", default="text",
                         help="default: text; html is for printing")  # fmt: skip
    add_options(parser)
    config_option(parser)


def _export(options: argparse.Namespace) -> int:
    config = load(options.config)
    pieces = _summary if options.form == "summary" else _books
    with _target(options.output, force=options.force) as write:
        for piece in pieces(config, options):
            write(piece.encode())
    return DONE


def _books(config: Config, options: argparse.Namespace) -> Iterator[str]:
    from donations.exporting import export, frame_of, keys_of, reading

    if options.year is not None:
        raise ConfigError("is for summary; here it is --since and --until", key="--year")
    keys = keys_of(config)
    wanted = filter_of(options, keys_of(config, options.widget), config.timezone)
    manual = includes_manual(wanted, keys)
    with reading(config) as store:
        frame = frame_of(config, int(time.time()))
        yield from export(options.form, store, frame, wanted, keys, manual=manual)


def _summary(config: Config, options: argparse.Namespace) -> Iterator[str]:
    from donations.exporting import frame_of, keys_of, lines_of, reading
    from donations.exports.document import document
    from donations.exports.render import FORMS
    from donations.exports.summary import summarise_year
    from donations.exports.words import words_of

    keys = keys_of(config)
    chosen = filter_of(options, keys_of(config, options.widget), config.timezone)
    if chosen != Filter(keys=frozenset(keys)):
        raise ConfigError("is of all that a year brought: choose with --year alone", key="summary")
    frame = frame_of(config, int(time.time()))
    year = frame.moment(frame.made_at).year - 1 if options.year is None else options.year
    since, until = begin_of((year,), frame.zone), end_of((year,), frame.zone)
    wanted = Filter(keys=frozenset(keys), since=since, until=until)
    words = words_of(options.language or config.language)
    with reading(config) as store:
        summary = summarise_year(lines_of(store, frame, wanted, manual=True), frame, year)
    yield from FORMS[options.shape](document(summary, words), words)


@contextmanager
def _target(path: Path | None, *, force: bool) -> Iterator[Callable[[bytes], object]]:
    """Where to write: what is named is complete or not there. Raises ConfigError."""
    if path is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    if os.path.lexists(path) and not force:
        raise ConfigError("is there already; --force replaces it", file=path)
    try:
        number, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write here: {error.strerror}", file=path) from None
    part = Path(name)
    try:
        try:
            with os.fdopen(number, "wb") as file:
                yield file.write
            part.replace(path)
        except OSError as error:
            raise ConfigError(f"cannot write here: {error.strerror}", file=path) from None
    finally:
        part.unlink(missing_ok=True)
