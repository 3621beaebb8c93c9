"""All that readers of one widget get: its forms, its list of transfers, its page for givers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from donations.web.below import routes_below
from donations.web.ledger import LedgerPages
from donations.web.public import widget_routes
from donations.web.publisher import Publisher
from donations.web.thanks import Thanks
from donations.web.well_known import well_known_routes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from aiohttp import web

    from donations.arrivals import Arrival
    from donations.listing import Listing
    from donations.signed import Signed
    from donations.snapshot import Established, Shown, Snapshot
    from donations.web.assets import Assets
    from donations.web.live import Live
    from donations.web.proofs import Proofs


class Stand:
    """One widget while the service runs; ``name`` is "" at the root, else its slug."""

    def __init__(
        self,
        name: str,
        assets: Assets,
        shown: Sequence[Shown],
        confirmations: Mapping[str, int],
        *,
        public_url: str | None,
        zone: tzinfo,
        accent: str | None,
        listed: bool,
        quickly: bool = False,
    ) -> None:
        """``confirmations`` are those of `Thanks`; ``listed``: whether every transfer is public.

        ``quickly`` is that of the `Publisher`.
        """
        self.name, self.shown = name, tuple(shown)
        self.publisher = Publisher(
            assets,
            languages=[*assets.locales],
            public_url=public_url,
            zone=zone,
            accent=accent,
            quickly=quickly,
        )
        self._thanks = Thanks(assets, shown, confirmations, zone=zone)
        self._ledger = LedgerPages(assets, zone=zone) if listed else None
        self._addresses = frozenset((one.chain.name, one.address) for one in shown)
        self._established: Established | None = None

    def publish(
        self,
        snapshot: Snapshot,
        signed: Signed | None,
        arrivals: Mapping[str, Mapping[bytes, tuple[Arrival, ...]]],
    ) -> bool:
        """Show this from now on; whether there is a new edition. Takes as long as the publisher."""
        snapshot = replace(snapshot, established=self._established, signed=signed)
        self._thanks.publish(snapshot, arrivals)
        return self.publisher.publish(snapshot)

    def show(self, listing: Listing, established: Established) -> bool:
        """List these transfers; whether the next edition will count others than the last."""
        if self._ledger is None:
            return False
        if self.publisher.published is not None:
            self._ledger.publish(self.publisher.published, listing)
        before, self._established = self._established, established
        return before != established

    def routes(
        self,
        live: Live,
        proofs: Proofs,
        signed: Mapping[str, bytes],
    ) -> list[web.AbstractRouteDef]:
        """What it answers besides its forms (`widget_routes`)."""
        listed: list[web.AbstractRouteDef] = []
        if self._ledger is not None:
            listed = [*self._ledger.routes(), *proofs.routes(self._addresses)]
        return [
            *live.routes(self.name),
            *self._thanks.routes(),
            *listed,
            *well_known_routes(signed),
        ]


def stand_routes(
    stands: Mapping[str, Stand], live: Live, proofs: Proofs, signed: Mapping[str, bytes]
) -> list[web.AbstractRouteDef]:
    """What the root answers besides its forms, and everything below the slugs.

    ``stands`` are by slug, that at the root first; it has the slug "" where it is there alone.
    """
    own = {slug: stand.routes(live, proofs, signed) for slug, stand in stands.items()}
    below = {
        slug: [*widget_routes(stand.publisher), *own[slug]]
        for slug, stand in stands.items()
        if slug
    }
    return [*next(iter(own.values())), *routes_below(below)]
