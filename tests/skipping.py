"""A loop that does not wait: where nothing happens, its clock moves to the next deadline at once.

Days of back-off pass in moments, and every measured time is exact. What waits for a thread or a
socket would be skipped as well, so nothing that is measured here may use them.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


class _Selector(selectors.DefaultSelector):
    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("nothing will ever happen here any more")
        if not ready:
            self.passed += max(0.0, timeout or 0.0)
        return ready


class Skipping(asyncio.SelectorEventLoop):
    """`time` is in seconds since it was made."""

    def __init__(self) -> None:
        self._skips = _Selector()
        super().__init__(self._skips)

    def time(self) -> float:
        return self._skips.passed


def at_once(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` to its end on such a loop."""
    with asyncio.Runner(loop_factory=Skipping) as runner:
        runner.run(work)
