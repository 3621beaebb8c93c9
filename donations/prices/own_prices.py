"""The author's file of own prices, read again whenever it changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from donations.errors import ConfigError
from donations.prices.own_file import OwnPrices, read_own_file
from donations.prices.setup import Asset, assets_of

if TYPE_CHECKING:
    from donations.config import Config
    from donations.prices.consensus import Price

logger = logging.getLogger(__name__)


def own_prices(config: Config) -> OwnPrices | None:
    """What the file says; None where there is none. Raises ConfigError."""
    if config.prices.file is None:
        return None
    return read_own_file(
        config.prices.file,
        currency=config.currency,
        assets={asset.symbol for asset in assets_of(config).values() if asset.own},
        zone=config.timezone,
    )


class OwnFile:
    """A file with a mistake, once the service runs, leaves what was read before. ``error`` says so.

    Raises ConfigError when it is made: a service does not start on a file with a mistake.
    """

    def __init__(self, config: Config) -> None:
        self.error: ConfigError | None = None
        self._config = config
        self._stamp = self._stamped()
        self._prices = own_prices(config)

    def at(self, asset: Asset, moment: int) -> Price | None:
        """The price of an asset on the day of a moment."""
        if self._prices is None or not asset.own:
            return None
        return self._prices.at(asset.symbol, moment)

    def refresh(self) -> bool:
        """Read the file again if it is another one than before, and say whether it was."""
        stamp = self._stamped()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._prices, self.error = own_prices(self._config), None
        except ConfigError as error:
            self.error = error
            logger.error("own prices stay as they were: %s", error)
        return True

    def _stamped(self) -> tuple[int, int] | None:
        path = self._config.prices.file
        try:
            status = path.stat() if path is not None else None
        except OSError:
            return None
        return None if status is None else (status.st_mtime_ns, status.st_size)
