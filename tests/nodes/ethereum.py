"""An Ethereum node of one's own: anvil, driven over JSON-RPC."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from . import contracts, install
from .jsonrpc import Json, JsonRpc, RpcError
from .process import Process, free_ports, wait_until
from .traces import Flow, flow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHAIN_ID = 31337
# The most blocks anvil makes in one request.
MINE_AT_ONCE = 1_000
# A replacement must pay at least a tenth more than what it replaces; double is always enough.
OUTBID = 2


class Ethereum:
    """A running node with ten funded accounts. Every transaction is mined at once until
    ``automine(False)``. ``finalized`` lags the head by twice ``slots_in_an_epoch`` blocks.

    ``keep_states`` is how many past states the node keeps: older ones cannot be asked for, as on a
    public full node. Methods raise RpcError when the node refuses. Addresses are lower case.
    """

    def __init__(
        self,
        folder: Path,
        *,
        slots_in_an_epoch: int = 2,
        keep_states: int | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self._rpc = JsonRpc(self.port)
        # Where states go that no longer fit in memory.
        kept = ("--cache-path", str(folder / "states"))
        if keep_states is not None:
            kept = ("--prune-history", str(keep_states))
        self._command = [
            *(str(install.anvil()), "--host", "127.0.0.1", "--port", str(self.port)),
            *("--chain-id", str(CHAIN_ID), "--slots-in-an-epoch", str(slots_in_an_epoch)),
            *kept,
            *arguments,
        ]
        self.process = self._run()
        self.accounts: list[str] = self.rpc("eth_accounts")
        self._splitter: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rpc(self, method: str, *params: object) -> Json:
        return self._rpc.call(method, *params)

    def stop(self) -> None:
        """Ends the node. Its chain is gone: ``start`` begins a new one on the same port."""
        self.process.stop()

    def start(self) -> None:
        """Starts a stopped node on its port with a new chain."""
        self.process = self._run()
        self._splitter = None

    # -- looking --

    def height(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def block(self, which: int | str, *, transactions: bool = False) -> Json:
        """A block by height or tag, or None."""
        name = hex(which) if isinstance(which, int) else which
        return self.rpc("eth_getBlockByNumber", name, transactions)

    def finalized(self) -> int:
        """The height of the ``finalized`` block."""
        return int(self.block("finalized")["number"], 16)

    def balance(self, address: str, at: int | str = "latest") -> int:
        name = hex(at) if isinstance(at, int) else at
        return int(self.rpc("eth_getBalance", address, name), 16)

    def nonce(self, address: str, at: int | str = "latest") -> int:
        name = hex(at) if isinstance(at, int) else at
        return int(self.rpc("eth_getTransactionCount", address, name), 16)

    def receipt(self, txid: str) -> Json:
        """The receipt of a mined transaction, or None."""
        return self.rpc("eth_getTransactionReceipt", txid)

    @staticmethod
    def new_address() -> str:
        """An address that nobody has a key of."""
        return "0x" + secrets.token_hex(20)

    # -- the clock --

    def mine(self, count: int = 1) -> None:
        """Mines blocks; the first takes what waits."""
        while count > 0:
            step = min(count, MINE_AT_ONCE)
            self.rpc("anvil_mine", hex(step))
            count -= step

    def automine(self, on: bool) -> None:
        """Whether each transaction gets a block at once, or waits for ``mine``."""
        self.rpc("evm_setAutomine", on)

    def reorg(self, depth: int, include: Sequence[tuple[Json, int]] = ()) -> None:
        """Replaces the last ``depth`` blocks by as many others; what they held is forgotten.

        ``include`` are (transaction, index of the new block that holds it): a transaction is a
        call object as for ``send``, or the hex of a signed one.
        """
        self.rpc("anvil_reorg", depth, [[one, place] for one, place in include])

    # -- paying --

    def transact(self, transaction: dict[str, str], sender: str | None = None) -> str:
        """Sends a transaction from an account (the first one by default) and returns its hash.

        When blocks are made automatically it has been mined on return; RuntimeError if it failed.
        """
        txid = self._submit({"from": sender or self.accounts[0], **transaction})
        receipt = self.receipt(txid)
        if receipt is not None and receipt["status"] != "0x1":
            raise RuntimeError(f"{txid} failed")
        return txid

    def send(self, to: str, wei: int, sender: str | None = None, **more: str) -> str:
        """Pays an address; ``more`` are further JSON-RPC fields such as ``nonce``."""
        return self.transact({"to": to, "value": hex(wei), **more}, sender)

    def send_internal(self, payments: list[tuple[str, int]], sender: str | None = None) -> str:
        """Pays addresses from inside ONE contract call, as exchanges and multi-senders do."""
        total = sum(amount for _, amount in payments)
        data = "0x" + contracts.pairs(payments)
        return self.transact({"to": self.splitter(), "value": hex(total), "data": data}, sender)

    def fail_internal(self, payments: list[tuple[str, int]], sender: str | None = None) -> str:
        """A contract call that pays the addresses and then fails: mined, and nothing has moved."""
        total = sum(amount for _, amount in payments)
        broken = [*payments, (self.new_address(), total + 1)]
        data = "0x" + contracts.pairs(broken)
        # The limit is given because an estimate would fail like the call itself.
        call = {"to": self.splitter(), "value": hex(total), "data": data, "gas": hex(1_000_000)}
        call["from"] = sender or self.accounts[0]
        return self._submit(call)

    def send_by_selfdestruct(self, to: str, wei: int, sender: str | None = None) -> str:
        """Pays an address without calling it: a contract destroys itself in its favour."""
        code = contracts.assemble(f"{to} SELFDESTRUCT")
        return self.transact({"data": "0x" + code.hex(), "value": hex(wei)}, sender)

    def replace(self, txid: str, to: str, wei: int) -> str:
        """Replaces a waiting transaction by another of the same sender and nonce; its hash."""
        old = self.rpc("eth_getTransactionByHash", txid)
        price = int(old.get("maxFeePerGas") or old["gasPrice"], 16) * OUTBID
        fees = {"maxFeePerGas": hex(price), "maxPriorityFeePerGas": hex(price)}
        return self.send(to, wei, old["from"], nonce=old["nonce"], **fees)

    def impersonate(self, address: str) -> None:
        """From now on the node signs for the address, which needs no key."""
        self.rpc("anvil_impersonateAccount", address)

    def credit(self, address: str, wei: int) -> None:
        """Mines a block that adds to a balance without any transaction, as a withdrawal does.

        The node adds it to a block that exists already: who asks in between sees that block before
        and after.
        """
        self.mine()
        self.rpc("anvil_setBalance", address, hex(self.balance(address) + wei))

    def set_proposer(self, address: str) -> None:
        """From the next block on the address earns the priority fees."""
        self.rpc("anvil_setCoinbase", address)

    def splitter(self) -> str:
        """The address of the contract that pays from inside a call, deployed when first used."""
        if self._splitter is None or self.rpc("eth_getCode", self._splitter, "latest") == "0x":
            self._splitter = self.deploy(contracts.assemble(contracts.SPLITTER))
        return self._splitter

    def token(self) -> Token:
        """A new ERC-20 token with 6 decimals; the first account holds all of it."""
        code = contracts.assemble(contracts.TOKEN)
        return Token(self, self.deploy(code, contracts.TOKEN_SETUP))

    def deploy(self, runtime: bytes, setup: str = "") -> str:
        """Deploys a contract and mines it; its address."""
        txid = self.transact({"data": contracts.creation(runtime, setup)})
        if self.receipt(txid) is None:
            self.mine()
        return str(self.receipt(txid)["contractAddress"])

    # -- the truth --

    def balances(self, address: str, since: int = 0) -> list[int]:
        """The balance after each block from ``since`` to the head."""
        return [self.balance(address, height) for height in range(since, self.height() + 1)]

    def flows(self, address: str, since: int = 1) -> list[Flow]:
        """What every transaction from block ``since`` on did to the address, from its trace.

        The node must have kept the states since then. Fees earned as proposer are no transaction's
        and therefore missing.
        """
        found: list[Flow] = []
        for height in range(since, self.height() + 1):
            block = self.block(height)
            if not block["transactions"]:
                continue
            traces = self.rpc("debug_traceBlockByNumber", hex(height), {"tracer": "callTracer"})
            for txid, trace in zip(block["transactions"], traces, strict=True):
                if "result" not in trace:
                    raise RpcError("debug_traceBlockByNumber", 0, str(trace.get("error")))
                done = flow(address.lower(), trace["result"], self.receipt(txid))
                if done is not None:
                    found.append(done)
        return found

    def _submit(self, call: dict[str, str]) -> str:
        txid = str(self.rpc("eth_sendTransaction", call))
        if self.rpc("anvil_getAutomine"):
            wait_until(lambda: self.receipt(txid), f"{txid} mined")
        return txid

    def _run(self) -> Process:
        process = Process("anvil", self._command, self.folder / "anvil.log")
        process.wait_ready(lambda: self._rpc.answers("eth_chainId"))
        return process


class Token:
    """A deployed ERC-20 token."""

    def __init__(self, node: Ethereum, contract: str) -> None:
        self.node = node
        self.contract = contract

    def transfer(self, payments: list[tuple[str, int]], sender: str | None = None) -> str:
        """Moves tokens in one transaction, with one Transfer event for each pair; its hash."""
        data = "0x" + contracts.TRANSFER + contracts.pairs(payments)
        return self.node.transact({"to": self.contract, "data": data}, sender)

    def balance(self, address: str, at: str = "latest") -> int:
        data = "0x" + contracts.BALANCE_OF + contracts.word(address)
        return int(self.node.rpc("eth_call", {"to": self.contract, "data": data}, at), 16)
