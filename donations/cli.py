"""The ``donations`` command.

Exit codes: 0 done, 1 something is wrong with the world, 2 something is wrong with the input.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from typing import TYPE_CHECKING

from donations import __version__
from donations.commands import (
    annotate,
    author,
    copying,
    export,
    gifts,
    notifying,
    proving,
    running,
    setting_up,
    totals,
)
from donations.commands.base import DONE, INPUT_WRONG, WORLD_WRONG
from donations.errors import ConfigError, DonationsError, SecretPasted
from donations.secrets import ADVICE, find_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    setting_up.add,
    running.add_serve,
    totals.add,
    gifts.add,
    annotate.add,
    export.add,
    author.add,
    notifying.add,
    proving.add,
    copying.add,
    running.add_demo,
)

# What a full disk, a broken one or a limit of the shell makes of an output.
_UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT)

_DESCRIPTION = """\
Watch-only tracker and widget for the Bitcoin, Bitcoin Cash and Ethereum gifts to a blog.
It holds no key and cannot spend. Start like this:

  donations init https://blog.example/a-post   find the addresses, write config.toml
  donations check                              ask every upstream once
  donations serve                              run the service
  donations embed                              print the HTML to paste
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    _open_outputs()
    try:
        _refuse_keys(words)
        options = _parser().parse_args(words)
        code = int(options.run(options))
        sys.stdout.flush()  # here, where a reader who is gone is expected
        return code
    except ConfigError as error:
        print(f"donations: {error}", file=sys.stderr)
        return INPUT_WRONG
    except DonationsError as error:
        print(f"donations: {error}", file=sys.stderr)
        return WORLD_WRONG
    except BrokenPipeError:
        _let_go_of_output()
        return DONE
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        _let_go_of_output()
        print(f"donations: what was found cannot be written: {error.strerror}", file=sys.stderr)
        return WORLD_WRONG
    except KeyboardInterrupt:
        return DONE


def _open_outputs() -> None:
    """Outputs that were closed lead nowhere; what an old terminal has no letter for is written so
    that it can be read.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_output() -> None:
    """What is left in its buffer would be tried again, and fail, when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_keys(words: Sequence[str]) -> None:
    """Key material is refused before argparse, whose errors repeat what they do not know."""
    # These take the numbers of transactions, which look like keys.
    numbers = bool(words) and words[0] in ("prove", "annotate", "gifts", "export")
    for text in (*words, " ".join(words)):
        # A folder may be named by 64 digits: those of containers are.
        found = find_secret(text, bare_hex="/" not in text and not numbers)
        if found is not None:
            raise SecretPasted(f"{found.kind} stands here. {ADVICE}", file="the command line")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="donations",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"donations {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    return parser
