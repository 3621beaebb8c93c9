"""GET requests to one operator's explorer: one connection, one after the other, with pauses."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from donations.chains.base import is_near
from donations.errors import UpstreamMalformed
from donations.sources.transport import KINDS, decode, get_bytes, session

if TYPE_CHECKING:
    import aiohttp

# Public explorers refuse bursts: mempool.space bans, blockstream.info takes 700 requests an hour.
_PAUSE = 0.25
_LONGEST_WAIT = 10
_LONGEST_TEXT = 2 * 1024 * 1024


class Rest:
    """The answers below one base URL."""

    def __init__(self, url: str, pause: float = _PAUSE) -> None:
        self._base = url.rstrip("/")
        self._pause = 0.0 if is_near(url) else pause
        self._turn = asyncio.Lock()
        self._last = 0.0
        self._stale_until = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def json(self, path: str) -> Any:
        """The JSON of an answer. Raises UpstreamError."""
        return decode(await self._get(path))

    async def text(self, path: str) -> str:
        """The text of an answer. Raises UpstreamError."""
        body = await self._get(path)
        if len(body) > _LONGEST_TEXT or not body.isascii():
            raise UpstreamMalformed("an answer that is no plain text")
        return body.decode().strip()

    async def body(self, path: str, *kinds: str) -> bytes:
        """The bytes of an answer of one of these content types. Raises UpstreamError."""
        return await self._get(path, kinds)

    async def past_caches(self) -> None:
        """Wait until what was answered so far is no longer repeated by a cache (RFC 9111)."""
        await asyncio.sleep(max(0.0, self._stale_until - time.monotonic()))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._session = None

    async def _get(self, path: str, kinds: tuple[str, ...] = KINDS) -> bytes:
        async with self._turn:
            await asyncio.sleep(max(0.0, self._last + self._pause - time.monotonic()))
            if self._session is None:
                self._session = session()
            try:
                answer = await get_bytes(self._session, self._base + path, kinds)
            finally:
                self._last = time.monotonic()
        repeated_until = self._last + min(answer.max_age, _LONGEST_WAIT)
        self._stale_until = max(self._stale_until, repeated_until)
        return answer.body
