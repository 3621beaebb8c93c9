"""The author's part over a database of made-up gifts, asked with his token."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.desk import Desk
from donations.downloads import Downloads
from donations.store import Store
from donations.web import create_web
from donations.web.api.author import AuthorApi
from donations.web.api.throttle import AUTHOR, Throttle
from donations.web.assets import load_assets
from donations.web.author.room import Sources
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.api.interface import Interface, interface
from tests.author.client import TOKENS, make_gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from donations.books import Annotation
    from donations.config import Config
    from donations.records import Annotated
    from donations.web.author.gate import Gate

TOKEN = {"Authorization": f"Bearer {TOKENS['Claire']}"}
BOB = {"Authorization": f"Bearer {TOKENS['Bob']}"}


@dataclass
class AuthorPart:
    """The interface as its holder sees it, its gate, and the store that it writes."""

    api: Interface
    gate: Gate
    store: Store
    port: int


@asynccontextmanager
async def author_part(
    config: Config, now: Callable[[], float] = time.time, throttle: Throttle | None = None
) -> AsyncIterator[AuthorPart]:
    """The author's part, with the token of Claire on each request."""
    store = Store(config.database, config.timezone, config.currency)
    desk = Desk(config)
    try:
        await store.run(
            store.open, {name: each.network.name for name, each in config.chains.items()}
        )

        async def keep(annotation: Annotation, expects: int | None) -> Annotated:
            return await store.run(store.annotate, annotation, expects)

        gate = make_gate(None)
        author = AuthorApi(
            Sources(desk, lambda: (), dict, keep, now),
            Downloads(config).pieces,
            throttle or Throttle(AUTHOR),
        )
        app = create_web(
            Publisher(load_assets(), languages=("fr",)), Readiness, more=author.routes(), gate=gate
        )
        async with serve(app, "127.0.0.1", 0) as port, interface(port, **TOKEN) as api:
            yield AuthorPart(api, gate, store, port)
    finally:
        desk.close()
        store.close()
