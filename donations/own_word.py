"""The author's own word, for the command line: the signed statement, and the watched pages."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from donations.errors import ConfigError, StoreError
from donations.statement.files import read_statement
from donations.statement.text import site_of, statement_text
from donations.store import Store
from donations.tamper.lines import as_document, as_lines
from donations.tamper.setup import expectation_of
from donations.tamper.state import from_facts
from donations.tamper.watch import look, safe_ways
from donations.web.assets import load_assets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.config import Config
    from donations.tamper.state import PageState


@dataclass(frozen=True, slots=True)
class OwnWord:
    """``statement`` is one line about it, None where none is configured.

    ``trouble`` says why nothing is known of the pages, None where nothing is in the way.
    """

    urls: tuple[str, ...]
    pages: tuple[PageState, ...]
    statement: str | None
    statement_good: bool
    trouble: str | None = None

    @property
    def good(self) -> bool:
        """Whether there is no alarm, and no statement that is not good."""
        return self.statement_good and not any(page.alarms for page in self.pages)

    def lines(self) -> list[str]:
        """For people."""
        told = [] if self.statement is None else [f"statement: {self.statement}"]
        told += [] if self.trouble is None else [f"pages: {self.trouble}"]
        return told + as_lines(self.urls, self.pages, int(time.time()))

    def as_json(self) -> dict[str, object]:
        """For programs."""
        statement = {"good": self.statement_good, "text": self.statement}
        return {
            "statement": None if self.statement is None else statement,
            "pages": as_document(self.urls, self.pages),
        }


def own_word(config: Config, *, now: bool = False) -> OwnWord:
    """From what the service remembers, or with the pages read ``now``."""
    pages: Sequence[PageState] = ()
    trouble = None
    try:
        pages = asyncio.run(_read(config)) if now else _remembered(config)
    except StoreError as error:
        trouble = str(error)
    statement, good = _statement(config)
    return OwnWord(config.watch.pages, tuple(pages), statement, good, trouble)


def text_to_sign(config: Config) -> str:
    """The statement of today. Raises ConfigError without ``public_url``."""
    return statement_text(site_of(config), config.watched, datetime.now(UTC).date())


def _statement(config: Config) -> tuple[str | None, bool]:
    try:
        statement = read_statement(config, datetime.now(UTC).date())
    except ConfigError as error:
        return f"NOT SHOWN: {error}", False
    if statement is None:
        return None, True
    return f"of {statement.signed.day}, signed by {', '.join(statement.signed.by)}", True


def _remembered(config: Config) -> Sequence[PageState]:
    if not config.watch.pages or not config.database.exists():
        return ()
    store = Store(config.database, config.timezone, config.currency)
    store.open_readonly()
    try:
        return [*from_facts(store.facts(), config.watch.pages).values()]
    finally:
        store.close()


async def _read(config: Config) -> Sequence[PageState]:
    """Every page now, all at the same time. Nothing is remembered."""
    if not config.watch.pages:
        return ()
    expectation = expectation_of(config, load_assets())
    pages = [look(url, expectation, None, safe_ways(url)) for url in config.watch.pages]
    return list(await asyncio.gather(*pages))
