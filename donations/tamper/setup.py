"""The watch over the author's pages, made from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.summary import all_coins
from donations.tamper.expectation import Expectation, expect
from donations.tamper.watch import Watch
from donations.web.assets import integrity

if TYPE_CHECKING:
    from donations.config import Config
    from donations.store import Store
    from donations.web.assets import Assets


def expectation_of(config: Config, assets: Assets) -> Expectation:
    """What `donations embed` prints now, and the scripts that it printed in older releases."""
    released = {name: integrity(script, "sha384") for name, script in assets.released.items()}
    return expect(
        all_coins(config),
        {name: settings.network for name, settings in config.chains.items()},
        home=config.public_url,
        scripts={**released, assets.script_name: assets.integrity},
        widgets={
            path: [(each.chain, each.address) for each in widget.addresses]
            for widget in reversed(config.widgets)
            for path in (f"w/{widget.slug}/", *([""] if widget == config.widget else []))
        },
    )


def make_watch(config: Config, assets: Assets, store: Store) -> Watch | None:
    """None where no page is to be watched. Draws QR codes: a tenth of a second."""
    if not config.watch.pages:
        return None
    return Watch(config.watch, expectation_of(config, assets), store)
