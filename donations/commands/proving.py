"""What shows that it is true: prove, verify, doctor."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, WORLD_WRONG, command, config_option, json_option, show
from donations.config import load
from donations.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare doctor, prove and verify."""
    doctor = command(
        commands, "doctor", _doctor, "is everything in order, and what to do if not",
        "Looks at the database, makes the ledger anew and compares, and looks at versions, clock, "
        "permissions, room and limits. Writes nothing, asks nobody but the service, and may run "
        "beside it. Exit code 1 when something is in danger.",
    )  # fmt: skip
    config_option(doctor)
    json_option(doctor)

    prove = command(
        commands, "prove", _prove, "print the proof bundle of a gift, or of all of an address",
        "What it prints can be checked by anybody, without this service and without a network: "
        "donations verify. What can be proven is listed on /ledger.",
    )  # fmt: skip
    prove.add_argument("what", metavar="TXID|ADDRESS", help="the transaction, or the address")
    config_option(prove)

    verify = command(
        commands, "verify", _verify, "check a proof bundle, without a network",
        "Checks a bundle with nothing but itself and the blocks that come with this program, and "
        "says what it proves and what that rests on. Needs no configuration. Exit code 1 and the "
        "exact reason when it proves nothing.",
    )  # fmt: skip
    verify.add_argument("bundle", metavar="BUNDLE", help="the file, or - for standard input")
    verify.add_argument(
        "--test-network",
        action="store_true",
        help="take a bundle of a private test network too, whose blocks anybody can make",
    )
    json_option(verify)


def _doctor(options: argparse.Namespace) -> int:
    from donations.doctor import examine

    report = examine.examine(load(options.config))
    show(examine.as_json(report) if options.json else examine.lines(report))
    return DONE if report.ok else WORLD_WRONG


def _prove(options: argparse.Namespace) -> int:
    from donations.showing import print_bundle

    bundle = print_bundle(load(options.config), options.what)
    sys.stdout.write(bundle.decode())
    return DONE


def _verify(options: argparse.Namespace) -> int:
    from donations.bundle import tell
    from donations.bundle.form import MAX_BYTES
    from donations.bundle.verify import verify

    try:
        if options.bundle == "-":
            text = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(options.bundle).open("rb") as file:
                text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=options.bundle) from None
    found = verify(text, now=int(time.time()), test_networks=options.test_network)
    show(tell.as_json(found) if options.json else tell.lines(found))
    return DONE
