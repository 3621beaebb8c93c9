"""One event loop and one browser for all browser tests, and the table of what they measured."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
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


@dataclass
class Table:
    """What was measured, beside what is allowed."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def gate(self, name: str, measured: float, allowed: float, unit: str = "") -> None:
        """Note a number and insist that it is no more than ``allowed``."""
        self.rows.append((name, f"{measured:,g}{unit}", f"<= {allowed:,g}{unit}"))
        assert measured <= allowed, f"{name}: {measured} is more than {allowed}"

    def text(self) -> list[str]:
        """The table in aligned lines."""
        widths = [max(len(row[i]) for row in self.rows) for i in range(3)]
        return [
            f"{name:<{widths[0]}}  {measured:>{widths[1]}}  {allowed:>{widths[2]}}"
            for name, measured, allowed in self.rows
        ]
