"""What the ledger of Ethereum must hold, computed from the traces and balances of a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..nodes.contracts import TRANSFER_TOPIC
from ..nodes.traces import Flow, flow
from .expected import Expected, Name, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..nodes.ethereum import Ethereum, Token
    from ..nodes.jsonrpc import Json


@dataclass(frozen=True, slots=True)
class _Block:
    """What one block did: flows by address, logs of tokens, and the growth of each balance."""

    hash: str
    flows: dict[str, list[Flow]]
    logs: list[tuple[Json, int, str]]  # (log, its place in its receipt, sender)
    grown: dict[str, int]
    proposer: str


class EthereumTruth:
    """The truth about addresses that nothing happened to before the block ``since``."""

    def __init__(
        self,
        node: Ethereum,
        spelling: Mapping[str, str],
        since: int,
        tokens: Mapping[str, Token],
    ) -> None:
        self._node, self._spelling, self._since = node, dict(spelling), max(1, since)
        self._tokens = dict(tokens)
        self._read: dict[str, _Block] = {}

    def now(self) -> Truth:
        """Everything at the present head. The node must hold all states since ``since``."""
        head = self._node.block("latest")
        height, final = int(head["number"], 16), self._node.finalized()
        transfers: dict[Name, Expected] = {}
        for number in range(self._since, height + 1):
            block = self._block(number)
            state = frozenset({"final" if number <= final else "confirmed"})
            for address in self._spelling:
                for identity, kind, amount in self._native(block, address):
                    name = (self._spelling[address], "ETH", identity)
                    transfers[name] = Expected(kind, amount, block.hash, state)
            for name, kind, amount in self._moved_tokens(block):
                transfers[name] = Expected(kind, amount, block.hash, state)
        balances = {
            (ours, "ETH"): self._node.balance(address) for address, ours in self._spelling.items()
        }
        for symbol, token in self._tokens.items():
            for address, ours in self._spelling.items():
                balances[ours, symbol] = token.balance(address)
        return Truth("eth", head["hash"], transfers, balances)

    def _block(self, number: int) -> _Block:
        told = self._node.block(number)
        if told["hash"] not in self._read:
            self._read[told["hash"]] = self._look(number, told)
        return self._read[told["hash"]]

    def _look(self, number: int, told: Json) -> _Block:
        flows: dict[str, list[Flow]] = {address: [] for address in self._spelling}
        logs: list[tuple[Json, int, str]] = []
        traces: list[Json] = []
        if told["transactions"]:
            method = "debug_traceBlockByNumber"
            traces = self._node.rpc(method, hex(number), {"tracer": "callTracer"})
        for txid, trace in zip(told["transactions"], traces, strict=True):
            receipt = self._node.receipt(txid)
            for address, found in flows.items():
                done = flow(address, trace["result"], receipt)
                if done is not None:
                    found.append(done)
            logs += [(log, place, receipt["from"]) for place, log in enumerate(receipt["logs"])]
        grown = {
            address: self._node.balance(address, number) - self._node.balance(address, number - 1)
            for address in self._spelling
        }
        return _Block(told["hash"], flows, logs, grown, told["miner"])

    def _native(self, block: _Block, address: str) -> Iterable[tuple[str, str, int]]:
        """(id, kind, wei) of what the block did to an address."""
        rest = block.grown[address]
        internal = 0
        for done in block.flows[address]:
            internal += done.internal
            amount = done.direct - done.sent - done.fee
            if not done.own and not done.direct:
                continue
            own = done.own or done.sender in self._spelling
            rest -= amount
            yield done.txid, "own" if own else "gift", amount
        ours = any(done.own for found in block.flows.values() for done in found)
        earned = rest - internal
        if earned and block.proposer == address:
            yield f"{block.hash}:fees", "unattributed", earned
            rest = internal
        if rest and internal == rest and not ours:
            yield f"{block.hash}:internal", "gift", rest
        elif rest:
            yield f"{block.hash}:rest", "unattributed", rest

    def _moved_tokens(self, block: _Block) -> Iterable[tuple[Name, str, int]]:
        contracts = {token.contract: symbol for symbol, token in self._tokens.items()}
        for log, place, sender in block.logs:
            symbol = contracts.get(log["address"])
            amount = int(log["data"], 16)
            if symbol is None or log["topics"][0] != "0x" + TRANSFER_TOPIC or not amount:
                continue
            source, target = ("0x" + topic[-40:] for topic in log["topics"][1:])
            own = source in self._spelling or sender in self._spelling
            net = {source: -amount, target: amount} if source != target else {source: 0}
            for address, units in net.items():
                if address in self._spelling:
                    name = (self._spelling[address], symbol, f"{log['transactionHash']}:{place}")
                    yield name, "own" if own else "gift", units
