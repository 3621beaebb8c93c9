"""A watch of a Bitcoin-like chain, compared with its node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from donations.snapshot import Freshness

from .utxo_truth import SYMBOLS, utxo_truth
from .watching import Watch, config_text, quick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..nodes.electrumx import ElectrumX
    from ..nodes.utxo import UtxoNode
    from .expected import Truth

SETTLE_SECONDS = 30.0


class UtxoWatch(Watch):
    """The service on some addresses of one node."""

    def __init__(
        self,
        folder: Path,
        chain: str,
        node: UtxoNode,
        servers: Sequence[ElectrumX],
        addresses: Sequence[str],
        *,
        urls: Sequence[str] = (),
        agree: int = 1,
    ) -> None:
        text = config_text(
            {chain: urls or [server.tcp_url for server in servers]},
            {chain: addresses},
            agree={chain: agree},
        )
        super().__init__(quick(text, folder))
        self.chain, self.node, self.servers = chain, node, servers
        self.addresses = tuple(addresses)
        self.spelling = dict(zip(addresses, self.config.chains[chain].addresses, strict=True))
        self.highest = 0

    def truth(self) -> Truth:
        """What the ledger must hold now."""
        self.highest = max(self.highest, self.node.height())
        return utxo_truth(self.node, self.chain, self.spelling, highest=self.highest)

    def settle(self, seconds: float = SETTLE_SECONDS) -> Truth:
        """Returns when ledger, totals and what readers get are what the node says."""
        truth = self.truth()
        deadline = time.monotonic() + seconds
        while wrong := [*truth.differences(self.book), *self._misshown()]:
            if time.monotonic() > deadline:
                shown = "\n".join([*wrong[:12], str(self.errors(self.chain))])
                raise AssertionError(f"after {seconds:.0f} s not what the node says:\n{shown}")
            time.sleep(0.03)
        return truth

    def _misshown(self) -> list[str]:
        """Where readers are told something else than what is recorded."""
        wrong = []
        sums = self.book.sums(self.chain)
        for address in self.spelling.values():
            coin = self.coin(address)
            recorded = sums.get((address, SYMBOLS[self.chain]), {})
            if coin.sums is None or coin.freshness is Freshness.DISAGREE:
                wrong.append(f"{address}: shown as {coin.freshness}")
                continue
            shown = coin.sums[0]
            expected = tuple(recorded.get(name, 0) for name in ("final", "confirmed", "pending"))
            if (shown.final, shown.confirmed, shown.pending) != expected:
                wrong.append(f"{address}: shown {shown}, recorded {expected}")
        return wrong
