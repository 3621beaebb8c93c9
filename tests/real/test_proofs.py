"""Real nodes and a real Electrum server: what they show passes every rule, reorgs included."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from donations.chains import CHAINS as FACTS
from donations.errors import UpstreamMoved
from donations.proof.header_chain import HeaderChain
from donations.proof.inclusion import check_inclusion
from donations.sources.base import Prover
from donations.sources.certificates import Certificates
from donations.sources.electrum import ElectrumSource
from donations.sources.shelf import Shelf

from ..sources.kinds import Recorded
from .conftest import CHAINS

if TYPE_CHECKING:
    from pathlib import Path

    from ..nodes.electrumx import ElectrumX
    from ..nodes.utxo import UtxoNode


async def follow(chain: HeaderChain, prover: Prover) -> list[int]:
    """Bring a chain of headers to the server's tip; where it forked, walking back by doubling."""
    forks, back = [], 1
    while True:
        known = chain.ground.height if chain.tip is None else chain.tip.height
        start = max(chain.ground.height, known - back + 1)
        told = await prover.headers(start, 50)
        try:
            fork = chain.extend(start, told, now=int(time.time()))
        except UpstreamMoved:
            back *= 2
            continue
        forks += [] if fork is None else [fork]
        if chain.tip is not None and start + len(told) > chain.tip.height and len(told) < 50:
            return forks
        back = 1


def test_real_headers_and_proofs(
    coin: str, node: UtxoNode, electrum: ElectrumX, tmp_path: Path
) -> None:
    """From block 0 all headers keep the rules of regtest, and each gift is proven in its block.

    After a reorg the chain has followed, and the gift is proven in its new block alone.
    """
    network = FACTS[CHAINS[coin]].networks["regtest"]
    assert network.ground is not None
    address = node.new_address()
    chain = HeaderChain(network.ground)

    async def play() -> None:
        source = ElectrumSource(
            electrum.tcp_url,
            "node",
            network=network,
            confirmations=6,
            scripts={address: node.script(address)},
            shelf=Shelf(Recorded()),
            certificates=Certificates(tmp_path / "certificates.json"),
        )
        assert isinstance(source, Prover)
        try:
            for depth in (0, 1, 3):
                gifts = [node.send(address, 10_000 + each) for each in range(5)]
                node.mine(max(depth, 1))
                height = node.height() - max(depth, 1) + 1
                electrum.wait_tip(node.tip())
                await follow(chain, source)
                await proven(source, gifts, height)
                if depth:
                    node.reorg(depth, depth + 1, [node.raw(gift) for gift in gifts])
                    electrum.wait_tip(node.tip())
                    assert await follow(chain, source) == [height - 1]
                    await proven(source, gifts, height)
                assert chain.tip is not None
                assert (chain.tip.height, chain.tip.hash) == (node.height(), node.tip())
        finally:
            await source.close()

    async def proven(source: ElectrumSource, gifts: list[str], height: int) -> None:
        header = chain.header_at(height)
        assert header is not None
        assert header.hash == node.block_hash(height)
        for gift in gifts:
            inclusion = await source.inclusion(gift, height)
            transaction = check_inclusion(inclusion, header, height)
            assert transaction.txid == gift
            assert node.script(address) in [script for script, _ in transaction.outputs]

    asyncio.run(play())
    again = HeaderChain(network.ground)
    again.load(chain.rows())
    assert again.tip == chain.tip
