"""The books as a file that is fetched: read piece by piece, by one thread, one file at a time."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from donations.exporting import export, frame_of, keys_of, reading

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from donations.books import Filter
    from donations.config import Config

_PIECE = 64 * 1024  # bytes, about


class Downloads:
    """Used from one event loop. What is fetched slowly is read slowly, and nobody else waits."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._turn = asyncio.Lock()

    async def pieces(self, form: str, wanted: Filter, manual: bool) -> AsyncGenerator[bytes]:
        """The file in one of `exporting.FORMS`. Raises StoreError, at first if at all it can be."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(1, thread_name_prefix="download") as thread:
                books = self._books(form, wanted, manual)
                try:
                    while piece := await loop.run_in_executor(thread, _next, books):
                        yield piece
                finally:
                    # In its own thread, as a connection of SQLite has to be.
                    thread.submit(books.close)

    def _books(self, form: str, wanted: Filter, manual: bool) -> Generator[str]:
        keys = keys_of(self._config)
        with reading(self._config) as store:
            frame = frame_of(self._config, int(time.time()))
            yield from export(form, store, frame, wanted, keys, manual=manual)


def _next(books: Generator[str]) -> bytes:
    """The next piece; nothing at the end."""
    piece = bytearray()
    for text in books:
        piece += text.encode("utf-8")
        if len(piece) >= _PIECE:
            break
    return bytes(piece)
