"""Three simulated chains and the servers of a few operators, on loopback."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from donations.demo.electrum import ElectrumServer
from donations.demo.esplora import EsploraServer
from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.demo.haskoin import HaskoinServer
from donations.demo.markets import Markets
from donations.demo.utxo import UtxoChain

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from donations.demo.http import RestServer

# Software as it is met in the field: (lowest and highest protocol version, Fulcrum or ElectrumX).
_FLAVOURS = ((("1.4", "1.6"), False), (("1.4", "1.6"), True), (("1.4", "1.4.2"), False))


class World:
    """All chains of one seed, and ``operators`` servers on each.

    ``async with`` opens and closes the servers; the chains can be used without. ``start`` fixes all
    times (see the chains), ``past`` is how many seconds before now the first blocks end.
    ``explorers`` adds one more operator to "btc" (an Esplora) or "bch" (a Haskoin Store), which
    knows these addresses and their scripts. ``markets`` adds exchanges that tell prices.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        operators: int = 2,
        start: int | None = None,
        past: int = 600,
        final_lag: int = 64,
        tls: ssl.SSLContext | None = None,
        explorers: Mapping[str, Mapping[str, bytes]] | None = None,
        markets: bool = False,
    ) -> None:
        self.seed = seed
        self.btc = UtxoChain("btc", seed, start=start, past=past)
        self.bch = UtxoChain("bch", seed, start=start, past=past)
        self.eth = EthereumChain(
            seed, start=start, past=past, final_lag=final_lag, safe_lag=(final_lag + 1) // 2
        )
        self.btc_servers = [self._electrum(self.btc, each, tls) for each in range(operators)]
        self.bch_servers = [self._electrum(self.bch, each, tls) for each in range(operators)]
        self.eth_servers = [EthereumServer(self.eth) for _ in range(operators)]
        self.explorers: dict[str, EsploraServer | HaskoinServer] = {
            chain: EsploraServer(self.btc, scripts)
            if chain == "btc"
            else HaskoinServer(self.bch, scripts)
            for chain, scripts in (explorers or {}).items()
        }
        self.markets = Markets() if markets else None
        self._open = AsyncExitStack()

    @property
    def servers(self) -> dict[str, list[ElectrumServer] | list[EthereumServer]]:
        """The servers of each chain."""
        return {"btc": self.btc_servers, "bch": self.bch_servers, "eth": self.eth_servers}

    def urls(self, chain: str) -> list[str]:
        """Where the servers of "btc", "bch" or "eth" listen, one for each operator."""
        servers = [*self.servers[chain], *(s for c, s in self.explorers.items() if c == chain)]
        return [each.url for each in servers]

    async def __aenter__(self) -> World:
        async with AsyncExitStack() as opened:
            servers: list[ElectrumServer | EthereumServer | RestServer] = [
                *self.btc_servers,
                *self.bch_servers,
                *self.eth_servers,
                *self.explorers.values(),
            ]
            for server in servers:
                await server.start()
                opened.push_async_callback(server.stop)
            if self.markets is not None:
                await opened.enter_async_context(self.markets)
            self._open = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @staticmethod
    def _electrum(chain: UtxoChain, operator: int, tls: ssl.SSLContext | None) -> ElectrumServer:
        protocol, fulcrum = _FLAVOURS[operator % len(_FLAVOURS)]
        return ElectrumServer(chain, protocol=protocol, fulcrum=fulcrum, tls=tls)
