"""What every test has: the real nodes as fixtures, the seed and length of random ones, a table.

``DONATIONS_SEED=N`` repeats a run, ``DONATIONS_LONG=1`` makes random histories longer and turns
on what takes minutes.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.measured import Table

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["tests.nodes.fixtures"]

_SEED = pytest.StashKey[int]()
_TABLE = pytest.StashKey[Table]()
settings.register_profile("donations", print_blob=True, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of this run, and begin an empty table."""
    config.stash[_TABLE] = Table()
    config.stash[_SEED] = int(os.environ.get("DONATIONS_SEED") or secrets.randbits(32))
    settings.load_profile("donations")


def pytest_report_header(config: pytest.Config) -> str:
    """Say what decides a random run, so that it can be had again."""
    length = "long" if os.environ.get("DONATIONS_LONG") else "short (DONATIONS_LONG=1 for long)"
    return f"random runs: DONATIONS_SEED={config.stash[_SEED]}, {length}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured."""
    table = terminalreporter.config.stash[_TABLE]
    if table.rows:
        terminalreporter.section("measured")
        for line in table.text():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    """The table of this run, which is printed at its end."""
    return pytestconfig.stash[_TABLE]


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run, which its first lines show."""
    return pytestconfig.stash[_SEED]


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether this run may take its time."""
    return bool(os.environ.get("DONATIONS_LONG"))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of 200,000 gifts, which no test changes."""
    from tests.benchmarks.many import config_of, make

    file = tmp_path_factory.mktemp("many") / "many.sqlite3"
    make(config_of(file), 200_000)
    return file
