"""Running the asynchronous half of a test with a deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run(law: Coroutine[object, object, T], seconds: float = 20) -> T:
    """Run ``law`` to its end, which must come within ``seconds``."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await law

    return asyncio.run(bounded())
