"""``donations annotate``: what the author knows of a gift, and the chain does not."""

from __future__ import annotations

import argparse
import getpass
import time
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, command, config_option, json_option, show
from donations.commands.selection import begin_of, period
from donations.config import load
from donations.errors import ConfigError

if TYPE_CHECKING:
    from donations.books import Annotation, ManualGift
    from donations.config import Config
    from donations.ledger import Transfer
    from donations.store import Store

_SHORTEST = 6


def add(commands: Any) -> None:
    """Declare it."""
    parser = command(
        commands, "annotate", _annotate, "note, thank, leave out what is no gift, add what came "
        "another way",
        "Each entry is kept under a number of its own and can be undone; none changes what the "
        "chain said. It works beside the running service and without it. A gift is named by its "
        "number in `donations gifts`, or the beginning of it.",
    )  # fmt: skip
    kinds = parser.add_subparsers(title="entries", metavar="ENTRY", required=True, dest="entry")

    def entry(name: str, words: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = kinds.add_parser(name, help=words, description=words)
        one.add_argument("--by", metavar="NAME", help="who writes it (default: who you are here)")
        config_option(one)
        json_option(one)
        return one

    def about(name: str, words: str) -> argparse.ArgumentParser:
        one = entry(name, words)
        one.add_argument("id", metavar="NUMBER", help="the gift's, or its beginning")
        one.add_argument("--address", metavar="ADDRESS", help="where one transaction paid several")
        one.add_argument("--asset", metavar="SYMBOL", help="where it brought several")
        one.add_argument("--expects", type=_number, metavar="ENTRY",
                         help="the last entry you saw (0: none); a later one is a conflict"
                         )  # fmt: skip
        return one

    about("note", "a note for yourself; an empty one takes the place of the last").add_argument(
        "text", metavar="TEXT"
    )
    about("thanks", "a thank-you that everybody sees beside the gift").add_argument(
        "text", metavar="TEXT"
    )
    about("not-a-gift", "leave it out of what was received: a refund, a test").add_argument(
        "text", metavar="REASON", nargs="?", default=""
    )
    about("show", "what was written about it, and what stands of that")
    manual = entry("manual", "a gift that no watched chain shows: cash, a bank transfer")
    manual.add_argument("amount", metavar="AMOUNT", help="such as 20.50")
    manual.add_argument("unit", metavar="UNIT", help="a currency (EUR) or an asset (BTC, XMR)")
    manual.add_argument("date", type=period, metavar="DATE", help="the day it came")
    manual.add_argument("text", metavar="TEXT", nargs="?", default="", help="a note")
    manual.add_argument("--widget", metavar="SLUG", default="", help="the widget it counts for")
    manual.add_argument("--decimals", type=_number, metavar="N",
                        help="how many the unit has (default: those of the currency or asset)"
                        )  # fmt: skip
    undo = entry("undo", "take an entry back; it stays in the list as undone")
    undo.add_argument("number", type=_number, metavar="ENTRY", help="the number of the entry")


def _annotate(options: argparse.Namespace) -> int:
    from donations.annotating import write
    from donations.books import Annotation, Writing
    from donations.exporting import reading

    config = load(options.config)
    now, by = int(time.time()), options.by or _login()
    expects = None
    if options.entry == "undo":
        annotation = Annotation(Writing.UNDO, by, now, undoes=options.number)
    elif options.entry == "manual":
        gift = _manual(options, config)
        annotation = Annotation(Writing.MANUAL_GIFT, by, now, text=options.text, manual=gift)
    else:
        with reading(config) as store:
            transfer = _find(store, config, options)
            before = store.annotations(transfer.key, transfer.id)
        if options.entry == "show":
            show(_shown(transfer, before, config, as_json=options.json))
            return DONE
        writing = {"note": Writing.NOTE, "thanks": Writing.THANKS}.get(
            options.entry, Writing.NOT_A_GIFT
        )
        annotation = Annotation(writing, by, now, transfer.key, transfer.id, options.text)
        last = max((each.sequence for each in before), default=0)
        expects = last if options.expects is None else options.expects
    sequence = write(config, annotation, expects)
    show({"entry": sequence} if options.json else [f"entry {sequence} is kept"])
    return DONE


def _find(store: Store, config: Config, options: argparse.Namespace) -> Transfer:
    """The one transfer that is meant. Raises ConfigError for none or several."""
    from donations.books import Filter
    from donations.exporting import keys_of

    if len(options.id) < _SHORTEST:
        raise ConfigError(f"at least {_SHORTEST} characters of its number", key="NUMBER")
    keys = frozenset(
        key
        for key in keys_of(config)
        if options.address in (None, key.address) and options.asset in (None, key.asset)
    )
    found = [
        entry.transfer
        for entry in store.entries(Filter(keys=keys, text=options.id), None, 50)
        if entry.transfer.id.startswith(options.id.lower())
    ]
    exact = [transfer for transfer in found if options.id.lower() in (transfer.id, transfer.hash)]
    meant = exact if exact else found
    if not meant:
        raise ConfigError("no transfer has this number", key=options.id)
    if len(meant) > 1:
        several = "; ".join(f"{t.id} {t.key.asset} at {t.key.address}" for t in meant[:5])
        raise ConfigError(
            f"there are several: {several}; write more of it, or --address or --asset",
            key=options.id,
        )
    return meant[0]


def _manual(options: argparse.Namespace, config: Config) -> ManualGift:
    from donations.books import parse_manual

    if options.widget:
        config.named(options.widget)
    decimals = options.decimals
    if decimals is None:
        decimals = _decimals(options.unit, config)
    try:
        return parse_manual(
            options.amount, options.unit, decimals, begin_of(options.date, config.timezone),
            options.widget,
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(str(error), key=f"{options.amount} {options.unit}") from None


def _decimals(unit: str, config: Config) -> int:
    from donations.summary import shown
    from donations.valuation import minor_digits

    assets = {asset: d for one in shown(config) for asset, d in one.decimals.items()}
    if unit in assets:
        return assets[unit]
    if len(unit) == 3 and unit.isalpha() and unit.isupper() and unit not in ("BTC", "BCH", "ETH"):
        return minor_digits(unit)
    raise ConfigError("is no currency and no asset of the configuration: add --decimals", key=unit)


def _shown(
    transfer: Transfer, entries: list[Annotation], config: Config, *, as_json: bool
) -> dict[str, Any] | list[str]:
    from donations.books import standing
    from donations.exports.line import visible

    remarks = standing(entries)
    undone = {entry.undoes for entry in entries}
    if as_json:
        return {
            "id": transfer.id,
            "chain": transfer.key.chain,
            "address": transfer.key.address,
            "asset": transfer.key.asset,
            "note": remarks.note or None,
            "thanks": remarks.thanks or None,
            "not_a_gift": remarks.excluded,
            "reason": remarks.reason or None,
            "last_entry": remarks.sequence,
            "entries": [
                {
                    "entry": entry.sequence,
                    "what": entry.writing.value,
                    "text": entry.text,
                    "by": entry.by,
                    "at": entry.at,
                    "undoes": entry.undoes,
                    "undone": entry.sequence in undone,
                }
                for entry in entries
            ],
        }
    from datetime import datetime

    lines = [f"{transfer.id}  {transfer.key.asset}  {transfer.key.address}"]
    for entry in entries:
        moment = datetime.fromtimestamp(entry.at, config.timezone)
        what = entry.writing.value if entry.undoes is None else f"undoes {entry.undoes}"
        gone = "  (undone)" if entry.sequence in undone else ""
        lines.append(
            f"{entry.sequence:>6}  {moment:%Y-%m-%d %H:%M}  {visible(entry.by)}  {what}  "
            f"{visible(entry.text)}{gone}".rstrip()
        )
    return lines if entries else [*lines, "nothing is written about it"]


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may know no user of this number
        return "terminal"


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise argparse.ArgumentTypeError("a number is written in digits")
    return int(text)
