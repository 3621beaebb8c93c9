"""The browser that all these tests share, and the table they print at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.bench import Bench, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

_TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    """An empty table for this run."""
    config.stash[_TABLE] = Table()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured."""
    table = terminalreporter.config.stash[_TABLE]
    if table.rows:
        terminalreporter.section("the widget, measured")
        for line in table.text():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """The browser."""
    made = Bench()
    yield made
    made.close()


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    """The table of this run."""
    return pytestconfig.stash[_TABLE]
