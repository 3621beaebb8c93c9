"""A service that knows its address, with all its pages, and a reader of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.ledger import State
from donations.web import create_web
from donations.web.live import Live
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.browser.blog import ASSETS, Seen, reading
from tests.nodes.process import free_ports
from tests.web.samples import snapshot
from tests.web.test_thanks import thanks, transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from donations.snapshot import Snapshot

# Transactions that the page for givers knows, by what it says of them.
GIVEN = {
    "seen": transfer(State.SEEN, named="5e" * 32),
    "confirmed": transfer(State.CONFIRMED, named="c0" * 32, deep=3),
    "final": transfer(State.FINAL, named="f1" * 32, deep=60),
    "replaced": transfer(State.REPLACED, named="4e" * 32, replaced_by="f1" * 32),
    "dropped": transfer(State.DROPPED, named="d4" * 32),
}


@dataclass(frozen=True)
class Open:
    """A page on a service that knows its address."""

    page: Page
    seen: Seen
    home: str
    publisher: Publisher

    def text(self, path: str, language: str = "fr") -> str:
        """A prepared text of the service."""
        found = self.publisher.find(path, language)
        assert found is not None
        return found.bodies["identity"].decode()


@asynccontextmanager
async def opened(
    chromium: Browser,
    shown: Snapshot | None = None,
    *,
    width: int = 900,
    script: bool = True,
    scheme: str = "light",
) -> AsyncIterator[Open]:
    """A service and a fresh page."""
    (port,) = free_ports(1)
    home = f"http://127.0.0.1:{port}/"
    publisher = Publisher(ASSETS, languages=list(ASSETS.locales), public_url=home)
    publisher.publish(shown or snapshot(title="Le carnet du mardi"))
    live = Live(())
    routes = [*live.routes(), *thanks(*GIVEN.values()).routes()]
    app = create_web(publisher, Readiness, more=routes)
    app.on_shutdown.append(live.close)
    async with (
        serve(app, "127.0.0.1", port),
        reading(chromium, width=width, script=script, scheme=scheme) as (page, seen),
    ):
        yield Open(page, seen, home, publisher)
