"""One event loop and one browser for all browser tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.browser.blog import browser

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from playwright.async_api import Browser


class Bench:
    """Runs laws, one after the other, in one browser."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._browser = browser()
        self.chromium: Browser = self._runner.run(self._browser.__aenter__())

    def run(self, law: Coroutine[object, object, None], seconds: float = 60) -> None:
        """Run one law, which must end within ``seconds``."""

        async def bounded() -> None:
            async with asyncio.timeout(seconds):
                await law

        self._runner.run(bounded())

    def close(self) -> None:
        """End the browser, then the loop."""
        self._runner.run(self._browser.__aexit__(None, None, None))
        self._runner.close()
