"""A small database that tests read and do not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.author.client import made

if TYPE_CHECKING:
    from donations.config import Config


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """With three hundred gifts."""
    return made(tmp_path_factory.mktemp("few"), 300)
