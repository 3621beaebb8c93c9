"""One blog for all tests of this folder; each test has a service of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A blog with the plugin active."""
    started = Site()
    try:
        code = (
            "require_once ABSPATH.'wp-admin/includes/plugin.php'; "
            "return activate_plugin('donations-widget.php');"
        )
        assert started.php(code) is None
        yield started
        assert started.complaints() == []
    finally:
        started.stop()
