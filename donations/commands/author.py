"""``donations author``: the token for the author's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from donations.commands.base import DONE, command, show
from donations.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare it."""
    author = command(
        commands, "author", _author, "make a token for the author's pages",
        "The pages at /author show what came in, what it was worth, and what you write about it. "
        "There are none until [author] in the configuration names somebody who holds a token.",
    )  # fmt: skip
    author.add_argument("--new-token", action="store_true", required=True,
                        help="print a token, once, and the line for the configuration")  # fmt: skip
    author.add_argument("--name", default="me", help="whose token it is (default: me)")


def _author(options: argparse.Namespace) -> int:
    from donations.author_token import lines, new_token
    from donations.config_author import NAME, NAME_FORM

    if NAME.fullmatch(options.name) is None:
        raise ConfigError(NAME_FORM, key="--name")
    show(lines(new_token(), options.name))
    return DONE
