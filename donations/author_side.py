"""What stands behind /author: put together where somebody may open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.config_author import exposure
from donations.desk import Desk
from donations.downloads import Downloads
from donations.errors import ConfigError
from donations.faring import price_lines, upstream_lines
from donations.web.api.author import AuthorApi
from donations.web.author.gate import Gate
from donations.web.author.pages import AuthorPages
from donations.web.author.room import Sources
from donations.web.author.words import Writers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from donations.books import Annotation
    from donations.config import Config
    from donations.prices.pricing import Pricing
    from donations.tracker import Tracker
    from donations.web.author.room import Kept


def make_gate(config: Config) -> Gate | None:
    """What stands before the author's pages, where there are any.

    Raises ConfigError when a network could reach them without TLS: `serve --host` too may do that.
    """
    if not config.author:
        return None
    exposed = exposure(config.server.host, config.public_url, config.server.trusted_proxies)
    if exposed is not None:
        raise ConfigError(exposed, file=config.path, key="author")
    return Gate(
        {operator.name: operator.digest for operator in config.author},
        public_url=config.public_url,
        trusted=config.server.trusted_proxies,
    )


class AuthorSide:
    """The desk, the pages and the programs' interface of a running service."""

    def __init__(
        self,
        config: Config,
        gate: Gate,
        *,
        trackers: Sequence[Tracker],
        pricing: Pricing | None,
        keep: Callable[[Annotation, int | None], Awaitable[Kept]],
    ) -> None:
        """``trackers`` may grow, ``keep`` is `Service.annotate`."""
        self._desk = Desk(config)
        sources = Sources(
            desk=self._desk,
            upstreams=lambda: [*upstream_lines(trackers), *price_lines(pricing)],
            prices=lambda: {} if pricing is None else pricing.today.prices,
            keep=keep,
            doubt=lambda key, identity: "" if pricing is None else pricing.why(key, identity),
        )
        writers = Writers(config.title, config.language, config.timezone)
        self.pages = AuthorPages(gate, writers, sources)
        self.api = AuthorApi(sources, Downloads(config).pieces)

    def close(self) -> None:
        """Give the desk's connection back."""
        self._desk.close()
