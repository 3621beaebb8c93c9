"""What one operator's endpoint knows of a simulated Ethereum chain."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from donations.demo.http import CallError

if TYPE_CHECKING:
    from donations.demo.ethereum_block import EthBlock
    from donations.demo.ethereum_chain import EthereumChain

SERVER_ERROR = -32000
INVALID_PARAMS = -32602


class EthereumView:
    """What one endpoint knows.

    ``lag``: blocks it is behind; ``lags``: a balancer's back ends, one after the other for each
    HTTP request. ``states`` is how many blocks back it keeps state (None: an archive),
    ``logs_range`` how many blocks one eth_getLogs may span. ``forgiving``: it takes an unknown
    block hash for the tip.
    """

    def __init__(self, chain: EthereumChain) -> None:
        self.chain = chain
        self.lag = 0
        self.lags: tuple[int, ...] = ()
        self.states: int | None = None
        self.logs_range: int | None = None
        self.forgiving = False
        self.hidden: set[str] = set()
        self._frozen: str | None = None
        self._turns = count()

    def freeze(self) -> None:
        """Hear nothing new from now on."""
        self._frozen = self.chain.tip.hash

    def thaw(self) -> None:
        """Catch up."""
        self._frozen = None

    def next_turn(self) -> None:
        """Let the next back end answer a request, batches as a whole."""
        if self.lags:
            self.lag = self.lags[next(self._turns) % len(self.lags)]

    @property
    def tip(self) -> EthBlock:
        """The endpoint's latest block."""
        tip = self.chain.tip if self._frozen is None else self.chain.blocks[self._frozen]
        return self.at(tip, tip.number - self.lag)

    def at(self, block: EthBlock, number: int) -> EthBlock:
        """The ancestor of a block at a number (0 below that)."""
        while block.number > max(0, number):
            if self.chain.on_best(block):
                return self.chain.best[max(0, number)]
            block = self.chain.blocks[block.parent]
        return block

    def find(self, tag: Any) -> EthBlock | None:
        """The block that a tag, number, hash or EIP-1898 object names; None if there is none."""
        tip = self.tip
        if isinstance(tag, dict):
            tag = tag.get("blockHash", tag.get("blockNumber"))
        if not isinstance(tag, str):
            raise CallError(INVALID_PARAMS, "invalid argument: block")
        match tag:
            case "latest" | "pending":
                return tip
            case "earliest":
                return self.chain.best[0]
            case "safe":
                return self.at(tip, tip.number - self.chain.safe_lag)
            case "finalized":
                return self.at(tip, tip.number - self.chain.final_lag)
        if len(tag) == 66:
            block = self.chain.blocks.get(tag.lower())
            if block is not None and block.number > tip.number:
                block = None
            return tip if block is None and self.forgiving else block
        number = quantity(tag)
        return self.at(tip, number) if number <= tip.number else None

    def state(self, tag: Any) -> EthBlock:
        """A block whose state is kept. Raises CallError."""
        block = self.find(tag)
        if block is None:
            raise CallError(SERVER_ERROR, "header not found")
        if self.states is not None and block.number <= self.tip.number - self.states:
            root = block.state_root.hex()
            raise CallError(
                SERVER_ERROR, f"missing trie node {root} (path ) state 0x{root} is not available"
            )
        return block

    def location(self, transaction_hash: str) -> tuple[EthBlock, int] | None:
        """The block and position of a transaction on the endpoint's branch."""
        block = self.tip
        if transaction_hash in self.hidden:
            return None
        while not self.chain.on_best(block):
            for position, done in enumerate(block.executed):
                if done.payment.hash == transaction_hash:
                    return block, position
            block = self.chain.blocks[block.parent]
        number, position = self.chain.location.get(transaction_hash, (block.number + 1, 0))
        return (self.chain.best[number], position) if number <= block.number else None


def quantity(tag: str) -> int:
    """A number as JSON-RPC writes it. Raises CallError."""
    try:
        return int(tag, 16)
    except ValueError as error:
        raise CallError(INVALID_PARAMS, f"invalid argument: {tag}") from error
