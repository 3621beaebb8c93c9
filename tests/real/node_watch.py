"""A watch beside a node, and the wait until both say the same."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import TYPE_CHECKING

from donations.snapshot import Freshness

from .ethereum_truth import EthereumTruth
from .utxo_truth import utxo_truth
from .watching import Watch, config_text, quick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..nodes.electrumx import ElectrumX
    from ..nodes.ethereum import Ethereum, Token
    from ..nodes.utxo import UtxoNode
    from .expected import Truth

SETTLE_SECONDS = 30.0
# After so long a server is asked whether it knows what its node knows.
DOUBT_SECONDS = 8.0
# How often a poll is asked for out of turn: a test need not wait for the timer's second.
HURRY_SECONDS = 0.15


class NodeWatch(Watch):
    """The service on some addresses of one node. ``spelling`` leads from the addresses as the test
    writes them to ours."""

    def __init__(self, text: str, folder: Path, chain: str, addresses: Sequence[str]) -> None:
        super().__init__(quick(text, folder))
        self.text = text
        self.chain, self.addresses = chain, tuple(addresses)
        self.settings = self.config.chains[chain]
        self.symbol = self.settings.chain.symbol
        self.spelling = dict(zip(addresses, self.settings.addresses, strict=True))

    @abstractmethod
    def truth(self) -> Truth:
        """What the ledger must hold now."""

    def settle(self, seconds: float = SETTLE_SECONDS) -> Truth:
        """Returns when ledger, totals and what readers get are what the node says."""
        return self.settle_in(self, seconds)

    def settle_in(self, service: Watch, seconds: float = SETTLE_SECONDS) -> Truth:
        """The same for a service that watches other chains too, on the same database."""
        truth = self.truth()
        deadline = time.monotonic() + seconds
        hurried = time.monotonic()
        doubted = time.monotonic() + DOUBT_SECONDS
        while wrong := [*truth.differences(self.book), *self._misshown(service)]:
            if time.monotonic() > deadline:
                shown = "\n".join([*wrong[:12], str(service.errors(self.chain))])
                raise AssertionError(f"after {seconds:.0f} s not what the node says:\n{shown}")
            if time.monotonic() > doubted:
                self.mend_servers(truth)
                doubted = deadline
            time.sleep(0.03)
            if time.monotonic() - hurried > HURRY_SECONDS:
                service.hurry()
                hurried = time.monotonic()
        return truth

    def mend_servers(self, truth: Truth) -> None:
        """Restarts servers that do not say what their node says."""

    def sums(self, address: str, symbol: str | None = None) -> dict[str, int]:
        """The running totals of one address, as the test writes it, by bucket."""
        return self.book.sums(self.chain).get((self.spelling[address], symbol or self.symbol), {})

    def _misshown(self, service: Watch) -> list[str]:
        """Where readers are told something else than what is recorded."""
        wrong = []
        recorded = self.book.sums(self.chain)
        for address in self.spelling.values():
            coin = service.coin(address)
            if coin.sums is None or coin.freshness is Freshness.DISAGREE:
                wrong.append(f"{address}: shown as {coin.freshness}")
                continue
            for shown in coin.sums:
                sums = recorded.get((address, shown.symbol), {})
                expected = tuple(sums.get(name, 0) for name in ("final", "confirmed", "pending"))
                if (shown.final, shown.confirmed, shown.pending) != expected:
                    wrong.append(f"{address}: shown {shown}, recorded {expected}")
        return wrong


class UtxoWatch(NodeWatch):
    """The service on addresses of Bitcoin ("btc") or Bitcoin Cash ("bch")."""

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
        urls = urls or [server.tcp_url for server in servers]
        text = config_text({chain: urls}, {chain: addresses}, agree={chain: agree})
        super().__init__(text, folder, chain, addresses)
        self.node, self.servers = node, servers
        self.highest = 0

    def truth(self) -> Truth:
        self.highest = max(self.highest, self.node.height())
        return utxo_truth(self.node, self.chain, self.spelling, highest=self.highest)

    def mend_servers(self, truth: Truth) -> None:
        """ElectrumX can keep a history for good that it read while a block came in: it puts the
        old one into its cache just after it has emptied that. Then the service cannot know better,
        and only a restart of the server helps."""
        heights = {block.hash: block.height for block in self.node.chain()}
        for server in self.servers:
            for address, ours in self.spelling.items():
                listed = {
                    txid: max(0, height)
                    for txid, height in server.history(self.node.script(address)).items()
                }
                held = {
                    name[2]: heights[each.block] if each.block else 0
                    for name, each in truth.transfers.items()
                    if name[0] == ours
                }
                if listed != held:
                    print("an Electrum server lists an old history; it is restarted")  # noqa: T201
                    server.restart()
                    break


class EthereumWatch(NodeWatch):
    """The service on addresses of Ethereum that had no history before the block ``since``."""

    def __init__(
        self,
        folder: Path,
        node: Ethereum,
        addresses: Sequence[str],
        *,
        since: int,
        tokens: Sequence[tuple[str, Token, int]] = (),
        urls: Sequence[str] = (),
    ) -> None:
        text = config_text(
            {"eth": urls or [node.url]},
            {"eth": addresses},
            tokens=[(symbol, token.contract, decimals) for symbol, token, decimals in tokens],
        )
        super().__init__(text, folder, "eth", addresses)
        self.node = node
        listed = {symbol: token for symbol, token, _ in tokens}
        self._truth = EthereumTruth(node, self.spelling, since, listed)

    def truth(self) -> Truth:
        return self._truth.now()
