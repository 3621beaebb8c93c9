"""Ethereum's recorded facts, and gifts of the simulated chain with all that proves them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.demo.ethereum_payment import ETHER
from donations.proof.ethereum_evidence import Claim, EthereumEvidence
from donations.proof.ethereum_header import EthereumHeader, header_of
from donations.proof.ethereum_inclusion import Growth, WholeBlock

if TYPE_CHECKING:
    from donations.demo.ethereum_block import EthBlock

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "ethereum.json").read_text("utf-8")
)
OURS = "0x8e2827a89419dbdcc88286f64fed21c3b3deecd8"
USDX = "0x2222222222222222222222222222222222222222"


def octets(texts: list[str]) -> tuple[bytes, ...]:
    """0x texts as bytes."""
    return tuple(bytes.fromhex(text[2:]) for text in texts)


@dataclass(frozen=True)
class World:
    """A simulated chain in which gifts of all kinds lie in one block, with 21 other payments."""

    chain: EthereumChain
    server: EthereumServer
    block: EthBlock
    claims: dict[str, Claim]

    def header(self, block: EthBlock) -> EthereumHeader:
        return header_of(block.listed(full=True))

    def whole(self, block: EthBlock) -> WholeBlock:
        receipts = [block.receipt(n) for n in range(len(block.executed))]
        return WholeBlock(self.header(block), block.listed(full=True), receipts)

    def nodes(self, block: EthBlock, address: str = OURS) -> tuple[bytes, ...]:
        told = self.server.call("eth_getProof", [address, [], block.hash])
        return octets(told["accountProof"])

    def evidence(self, claim: Claim) -> EthereumEvidence:
        """What an honest endpoint shows."""
        header, whole = self.header(self.block), self.whole(self.block)
        if claim.id.endswith(":internal"):
            parent = self.chain.blocks[self.block.parent]
            growth = Growth(
                self.header(parent).raw,
                self.nodes(parent),
                self.nodes(self.block),
                whole.withdrawals,
                whole.payments(OURS),
            )
            return EthereumEvidence(header.raw, growth, frozenset({"one", "two"}))
        shown = whole.inclusion(whole.position(claim.id.partition(":")[0]))
        return EthereumEvidence(header.raw, shown, frozenset({"one", "two"}))


def world(seed: int = 0) -> World:
    """A chain whose last block holds a payment, income from inside, and a token for `OURS`."""
    chain = EthereumChain(seed, start=1_700_000_000, blocks=3)
    chain.pay(OURS, 3 * ETHER)
    for _ in range(20):
        chain.pay(chain.stranger(), 1)
    chain.mine()
    payment = chain.pay(OURS, 5 * ETHER, envelope=seed % 3)
    chain.pay(OURS, 3)
    failed = chain.pay(OURS, 7, failed=True)
    chain.pay_inside(OURS, 11, 13)
    token = chain.token(USDX, OURS, 17, 19)
    for _ in range(20):
        chain.pay(chain.stranger(), 1)
    chain.withdraw(OURS, 23)
    chain.withdraw(chain.stranger(), 29)
    (block,) = chain.mine()
    claims = {
        "payment": Claim(payment, OURS, 5 * ETHER, block.hash),
        "failed": Claim(failed, OURS, 7, block.hash),
        "internal": Claim(f"{block.hash}:internal", OURS, 24, block.hash),
        "token": Claim(f"{token}:1", OURS, 19, block.hash, USDX),
    }
    return World(chain, EthereumServer(chain), block, claims)
