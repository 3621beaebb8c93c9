"""Versions of what we stand on that are known to do harm, with what they do.

A list that is shipped, because a machine that must not ask anybody cannot look it up. Sources: the
advisories of each project, named in the table.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from dataclasses import dataclass
from importlib import metadata, util
from typing import TYPE_CHECKING, Final

from donations.doctor.finding import fault, fine, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from donations.doctor.finding import Finding

Version = tuple[int, ...]

_UPDATE = "run bin/setup again: the lock files name versions without this"
_PARSER = (
    "aiohttp reads requests with its parser in Python, which is slow and has been open to "
    "smuggled requests (CVE-2024-52304, CVE-2025-53643)"
)


@dataclass(frozen=True, slots=True)
class Known:
    """Versions from ``first`` up to, not including, ``fixed``; ``also`` were repaired earlier.

    ``also`` are versions of older lines from which on, within the line, it is fixed too.
    """

    package: str
    fixed: Version
    harm: str
    grave: bool
    cure: str = _UPDATE
    first: Version = (0,)
    also: tuple[Version, ...] = ()

    def hits(self, version: Version) -> bool:
        """Whether a version does this."""
        if not self.first <= version < self.fixed:
            return False
        return not any(version[:2] == line[:2] and version >= line for line in self.also)


TABLE: Final = (
    Known(
        "SQLite", (3, 51, 3), grave=False, first=(3, 7, 0), also=((3, 44, 6), (3, 50, 7)),
        harm="it can damage the file when two connections write or tidy the log at the same "
        "instant (the WAL-reset bug). The service has one connection that writes, so it is not met "
        "as long as no other program writes this database",
        cure="leave the database to the service, copy it only with .backup, and take the fixed "
        "library of your system (3.51.3, 3.50.7 or 3.44.6) when there is one",
    ),
    Known(
        "aiohttp", (3, 14, 3), grave=True,
        harm="strangers can make the server confuse requests or use up memory "
        "(CVE-2026-54277, CVE-2026-54273, CVE-2026-34525, CVE-2025-69229 among others)",
    ),
    Known(
        "brotli", (1, 2), grave=True,
        harm="an upstream can fill the memory with a small compressed answer (CVE-2025-6176)",
    ),
    Known(
        "APScheduler", (3, 11), grave=True,
        harm="the timer of older lines counts clock changes otherwise than this program expects",
    ),
    Known("web3", (8,), grave=True, harm="this program was written for 8 and tested with it alone"),
    Known("SQLAlchemy", (2, 1), grave=True, harm="this program was tested with 2.1 and later"),
    Known(
        "Python", (3, 11), grave=True, cure="install Python 3.11 or later",
        harm="this program needs 3.11",
    ),
)  # fmt: skip


def installed() -> dict[str, str]:
    """The versions of what is in the table, as they are on this machine; "" for what is missing."""
    found = {"SQLite": sqlite3.sqlite_version, "Python": ".".join(map(str, sys.version_info[:3]))}
    for package in {known.package for known in TABLE} - found.keys():
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found


def check_versions(versions: Mapping[str, str]) -> Iterator[Finding]:
    """Hold installed versions against the table."""
    bad = False
    for known in TABLE:
        text = versions[known.package]
        if not text:
            bad = True
            yield fault("versions", f"{known.package} is not installed", _UPDATE)
        elif known.hits(parse(text)):
            bad = True
            tell = fault if known.grave else warning
            yield tell("versions", f"{known.package} {text}: {known.harm}", known.cure)
    if util.find_spec("aiohttp._http_parser") is None:
        bad = True
        yield warning("versions", _PARSER, "install aiohttp from a wheel: bin/setup does")
    if not bad:
        yield fine("versions", ", ".join(f"{name} {versions[name]}" for name in sorted(versions)))


def parse(text: str) -> Version:
    """The numbers a version begins with: 3.11.0rc1 is (3, 11, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else (0,)
