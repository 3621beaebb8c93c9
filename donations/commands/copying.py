"""``donations backup`` and ``donations restore``."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, command, config_option, json_option, show
from donations.config import load

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare them."""
    backup = command(
        commands, "backup", _backup, "copy the database into one file, while the service runs",
        "The file holds everything that was recorded, at one moment, and a digest of it; it is "
        "read again and compared before this command ends. It overwrites nothing. Keep config.toml "
        "beside it: the configuration is not in the database.",
    )  # fmt: skip
    backup.add_argument("file", type=Path, metavar="FILE", help="the file to make")
    config_option(backup)
    json_option(backup)

    restore = command(
        commands, "restore", _restore, "put a backup in the place of the database",
        "Checks the file, brings it up to date, keeps the present database aside and takes its "
        "place. The service must be stopped. What came since is read from the chains again, and "
        "nothing of the past is announced a second time.",
    )  # fmt: skip
    restore.add_argument("file", type=Path, metavar="FILE", help="what `donations backup` made")
    config_option(restore)
    json_option(restore)


def _backup(options: argparse.Namespace) -> int:
    from donations.copies.backup import back_up

    made = back_up(load(options.config).database, options.file, int(time.time()))
    if options.json:
        show(
            {
                "file": str(made.file),
                "bytes": made.bytes,
                "sha256": made.sha256,
                "schema": made.schema,
                "transfers": made.transfers,
                "made_at": made.made_at,
            }
        )
    else:
        show(
            [
                f"{made.file}  {made.transfers} transfers, {made.bytes} bytes, checked",
                f"sha256  {made.sha256}",
            ]
        )
    return DONE


def _restore(options: argparse.Namespace) -> int:
    from donations.copies.restore import restore

    config = load(options.config)
    networks = {name: settings.network.name for name, settings in config.chains.items()}
    done = restore(
        options.file,
        config.database,
        networks,
        config.timezone,
        int(time.time()),
        config.currency,
    )
    aside = None if done.aside is None else str(done.aside)
    if options.json:
        show(
            {
                "database": str(done.database),
                "made_at": done.made_at,
                "schema": done.schema,
                "transfers": done.transfers,
                "aside": aside,
            }
        )
        return DONE
    if done.made_at is None:
        made = "by another program: its pages are in order, its content could not be compared"
    else:
        made = f"on {datetime.fromtimestamp(done.made_at, config.timezone):%Y-%m-%d %H:%M}, whole"
    lines = [f"{done.database}  {done.transfers} transfers, of a backup made {made}"]
    lines += [] if aside is None else [f"the former database is kept: {aside}"]
    show(
        [
            *lines,
            "`donations serve` reads what came since from the chains, and announces none of it",
        ]
    )
    return DONE
