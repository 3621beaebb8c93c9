"""The browser that all these tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """The browser."""
    made = Bench()
    yield made
    made.close()
