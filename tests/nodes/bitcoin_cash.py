"""A Bitcoin Cash node of one's own: bcash on regtest, driven over JSON-RPC.

What differs from Bitcoin Knots, as seen on bcash 1.1.1:

- It keeps its chain in memory: a restart is a new chain.
- The first seen payment stays; no replacement is accepted into the mempool. A double spend
  therefore succeeds by being mined.
- After a reorg its mempool often lacks what the lost blocks held, so we hand that in again, as
  any wallet on the real network does.
- Transactions in a block are sorted by txid (the order that BCH demands since November 2018), and
  undoing a block in which a child stands before its parent leaves a coin behind that does not
  exist. So we make children that sort behind their parents.
- ``invalidate`` empties its mempool, and ``reconsider`` does not bring the block back by itself.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from . import install, wire
from .jsonrpc import Json, JsonRpc, RpcError
from .process import Process, free_ports, wait_until
from .truth import Block, Coin, address_of, coins, satoshis
from .utxo import BURIED, COIN, COINS, FEE, MATURITY, Payments, UtxoNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .wire import Outpoint, RawTransaction

# More than any payment of a test needs at the node's one satoshi a byte.
SEND_FEE = 20_000
ENTRY = Path(__file__).with_name("bcash.cjs")


class BitcoinCash(UtxoNode):
    """A running regtest node, its donor ready to pay."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.rpc_port, self.wallet_port = free_ports(2)
        self.password = secrets.token_hex(16)
        self._rpc = JsonRpc(self.rpc_port, self.password)
        self._wallet = JsonRpc(self.wallet_port, self.password)
        # The keys of both parties. The node's wallet makes them and then is asked no more: it
        # loses count of its coins in deep reorgs.
        self._keys: dict[str, str] = {}
        self.process = self._run()
        try:
            self._prepare()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The JSON-RPC address with name and password, as ElectrumX takes it."""
        return f"http://test:{self.password}@127.0.0.1:{self.rpc_port}/"

    def rpc(self, method: str, *params: object) -> Json:
        return self._rpc.call(method, *params)

    def new_address(self) -> str:
        """A fresh address of the author, in CashAddr form with the prefix of regtest."""
        address = str(self._wallet.call("getnewaddress", "default"))
        self._keys[address] = str(self._wallet.call("dumpprivkey", address))
        return address

    def donor_address(self) -> str:
        """The donor's only address."""
        return self._donor

    def script(self, address: str) -> bytes:
        return bytes.fromhex(self.rpc("validateaddress", address)["scriptPubKey"])

    def broadcast(self, raw: str) -> str:
        self._offer(raw)
        txid = self._decoded(raw).txid
        if txid not in self.mempool():
            raise RpcError("broadcast", 0, f"{txid} refused; the node's log tells why")
        return txid

    def mine(self, count: int = 1, address: str | None = None) -> list[str]:
        made: list[str] = self.rpc("generatetoaddress", count, address or self._donor)
        self._wait_indexed()
        return made

    def send(self, address: str, amount: int) -> str:
        return self.send_many([(address, amount)])

    def send_many(self, payments: Payments) -> str:
        needed = sum(amount for _, amount in payments) + SEND_FEE
        inputs: list[Outpoint] = []
        held = 0
        for coin in self._donor_coins():
            inputs.append(coin.outpoint)
            held += coin.amount
            if held > needed:
                return self.spend(inputs, payments, self._donor, SEND_FEE)
        raise ValueError(f"the donor has no {needed} confirmed satoshis; mine first")

    def signed_spend(
        self,
        inputs: Sequence[Outpoint],
        payments: Payments,
        change: str | None = None,
        fee: int = FEE,
        sequence: int = wire.SEQUENCE,
    ) -> str:
        waiting = self.mempool()
        parents = [outpoint.txid for outpoint in inputs if outpoint.txid in waiting]
        while True:
            raw = super().signed_spend(inputs, payments, change, fee, sequence)
            if all(self._decoded(raw).txid > parent for parent in parents):
                return raw
            sequence -= 1

    def double_spend(self, txid: str) -> str:
        """A miner includes a rival that pays the same coins back to the donor; its txid."""
        raw = self.rival(txid)
        self.reorg(0, 1, [raw])
        return self._decoded(raw).txid

    def reorg(self, depth: int, length: int, include: Sequence[str] = ()) -> list[str]:
        blocks = self.chain()[self.height() - depth + 1 :]
        lost = [self.raw(one["txid"]) for block in blocks for one in block.transactions[1:]]
        made = super().reorg(depth, length, include)
        self._wait_indexed()
        for raw in lost:
            # Refused, rightly, where the new chain holds the transaction or a rival of it.
            self._offer(raw)
        return made

    def coins(self, address: str) -> list[Outpoint]:
        return [coin.outpoint for coin in coins(self.chain(), self._mempool(), address)]

    def balance(self, address: str) -> int:
        """What the confirmed outputs of the address hold that the node's coin database knows."""
        total = 0
        for block in self.chain():
            for transaction in block.transactions:
                for output in transaction["vout"]:
                    if address_of(output) == address:
                        held = self.rpc("gettxout", transaction["txid"], output["n"], False)
                        total += satoshis(held["value"]) if held else 0
        return total

    def stop(self) -> None:
        """Ends the node, and with it its chain."""
        self.process.stop()

    def _run(self) -> Process:
        options = {
            "network": "regtest",
            "memory": "true",
            "index-tx": "true",
            "listen": "false",
            # No peers: the seeds of regtest are ports of this machine, where others may listen.
            "only": "127.0.0.1:1",
            "http-host": "127.0.0.1",
            "http-port": str(self.rpc_port),
            "api-key": self.password,
            "wallet-http-host": "127.0.0.1",
            "wallet-http-port": str(self.wallet_port),
            "wallet-api-key": self.password,
            "prefix": str(self.folder / "data"),
            "workers": "false",
            "log-level": "warning",
            "log-file": "false",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        environment = {**os.environ, "NODE_BACKEND": "js", "BCASH_HOME": str(install.bcash())}
        command = [str(install.node()), str(ENTRY), *arguments]
        process = Process("bcash", command, self.folder / "bcash.log", environment)
        process.wait_ready(
            lambda: self._rpc.answers("getblockcount") and self._wallet.answers("getwalletinfo")
        )
        return process

    def _prepare(self) -> None:
        self._donor = self.new_address()
        self.mine(MATURITY + 1)
        self.send_many([(self._donor, COIN) for _ in range(COINS)])
        self.mine(BURIED)

    def _wait_indexed(self) -> None:
        """Returns when the node's index of transactions, which follows by itself, has the tip."""
        coinbase = self._read_block(self.tip()).transactions[0]["txid"]
        wait_until(
            lambda: self._rpc.answers("getrawtransaction", coinbase), "the tip indexed by the node"
        )

    def _offer(self, raw: str) -> None:
        # sendrawtransaction would answer before the node has judged; neither says the verdict.
        self._rpc.request("POST", "/broadcast", json.dumps({"tx": raw}))

    def _donor_coins(self) -> list[Coin]:
        """The donor's confirmed and mature coins that nothing in the mempool spends."""
        mature = self.height() - MATURITY
        return [
            coin
            for coin in coins(self.chain(), self._mempool(), self._donor)
            if coin.height is not None and (coin.height <= mature or not coin.coinbase)
        ]

    def _sign(self, unsigned: str, spent: Sequence[Json]) -> str:
        keys = list(self._keys.values())
        # bcash takes amounts as JSON numbers only; up to 21 million with 8 decimals they are exact.
        numbers = [{**one, "amount": float(one["amount"])} for one in spent]
        signed = self.rpc("signrawtransaction", unsigned, numbers, keys)
        if not signed["complete"]:
            raise ValueError("neither party can sign")
        return str(signed["hex"])

    def _read_block(self, block_hash: str) -> Block:
        block = self.rpc("getblock", block_hash, True, True)
        return Block(
            block_hash,
            block.get("previousblockhash") or "",
            block["height"],
            tuple(block["tx"]),
        )

    def _mempool(self) -> list[Json]:
        return [self.transaction(txid) for txid in self.mempool()]

    def _block_order(self, transactions: Sequence[RawTransaction]) -> list[RawTransaction]:
        return sorted(transactions, key=lambda transaction: transaction.txid)
