"""A Bitcoin node of one's own: Bitcoin Knots on regtest, driven over JSON-RPC."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING

from . import install, wire
from .jsonrpc import Json, JsonRpc
from .process import Process, free_ports
from .truth import Block, satoshis
from .utxo import BURIED, COIN, COINS, MATURITY, Payments, UtxoNode
from .wire import Outpoint, RawTransaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class AddressKind(StrEnum):
    """The four kinds of address, by the node's names: 1..., 3..., bc1q... and bc1p..."""

    LEGACY = "legacy"
    P2SH = "p2sh-segwit"
    BECH32 = "bech32"
    TAPROOT = "bech32m"


class Bitcoin(UtxoNode):
    """A running regtest node, its donor ready to pay."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.rpc_port, self.p2p_port = free_ports(2)
        self.password = secrets.token_hex(16)
        self._rpc = JsonRpc(self.rpc_port, self.password)
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

    def wallet(self, name: str, method: str, *params: object) -> Json:
        """One call to the wallet "donor" or "author"."""
        return self._rpc.call(method, *params, path=f"/wallet/{name}")

    def new_address(self, kind: AddressKind = AddressKind.BECH32) -> str:
        return str(self.wallet("author", "getnewaddress", "", kind))

    def donor_address(self) -> str:
        return str(self.wallet("donor", "getnewaddress"))

    def script(self, address: str) -> bytes:
        return bytes.fromhex(self.rpc("validateaddress", address)["scriptPubKey"])

    def mine(self, count: int = 1, address: str | None = None) -> list[str]:
        made: list[str] = self.rpc("generatetoaddress", count, address or self.donor_address())
        return made

    def mine_only(self, raw: Sequence[str], address: str | None = None) -> str:
        """Mines one block that holds exactly these transactions (hex or txid), in this order."""
        made = self.rpc("generateblock", address or self.donor_address(), list(raw))
        return str(made["hash"])

    def send(self, address: str, amount: int) -> str:
        return self.send_many([(address, amount)])

    def send_many(self, payments: Payments) -> str:
        outputs = [(self.script(address), amount) for address, amount in payments]
        # The wallet chooses the coins and adds its change last; our outputs stay as they are.
        funded = self.wallet(
            "donor",
            "fundrawtransaction",
            wire.unsigned_transaction([], outputs),
            {"changePosition": len(outputs), "replaceable": True, "lockUnspents": True},
            False,
        )
        signed = self.wallet("donor", "signrawtransactionwithwallet", funded["hex"])
        return self.broadcast(signed["hex"])

    def bump_fee(self, txid: str) -> str:
        """The donor replaces his payment by one that pays the same with a higher fee (BIP 125)."""
        return str(self.wallet("donor", "bumpfee", txid)["txid"])

    def double_spend(self, txid: str) -> str:
        """The donor replaces his unconfirmed payment by one that pays only himself; its txid."""
        return self.broadcast(self.rival(txid))

    def coins(self, address: str) -> list[Outpoint]:
        listed = self.wallet("author", "listunspent", 0, 9_999_999, [address])
        return [Outpoint(one["txid"], one["vout"]) for one in listed]

    def balance(self, address: str) -> int:
        scan = self.rpc("scantxoutset", "start", [f"addr({address})"])
        return satoshis(scan["total_amount"])

    def stop(self) -> None:
        """Ends the node; its chain stays in the folder for ``start``."""
        self.process.stop()

    def start(self) -> None:
        """Starts a stopped node again on its ports and chain. The mempool is kept too."""
        self.process = self._run()
        for name in ("donor", "author"):
            self.rpc("loadwallet", name)

    def _run(self) -> Process:
        options = {
            "datadir": self.folder,
            "rpcuser": "test",
            "rpcpassword": self.password,
            "rpcport": self.rpc_port,
            "rpcbind": "127.0.0.1",
            "rpcallowip": "127.0.0.1",
            "bind": f"127.0.0.1:{self.p2p_port}",
            "connect": "0",
            "txindex": "1",
            "addresstype": AddressKind.BECH32,
            "changetype": AddressKind.BECH32,
            "fallbackfee": "0.0001",
            "spendzeroconfchange": "0",
            "dbcache": "16",
            "maxmempool": "50",
            "printtoconsole": "1",
            "debuglogfile": "0",
        }
        arguments = [f"-{name}={value}" for name, value in options.items()]
        command = [*install.bitcoind(), "-regtest", *arguments]
        process = Process("bitcoind", command, self.folder / "bitcoind.log")
        process.wait_ready(lambda: self._rpc.answers("getblockcount"))
        return process

    def _prepare(self) -> None:
        for name in ("donor", "author"):
            self.rpc("createwallet", name)
        self.mine(MATURITY + 1)
        self.send_many([(self.donor_address(), COIN) for _ in range(COINS)])
        self.mine(BURIED)

    def _sign(self, unsigned: str, spent: Sequence[Json]) -> str:
        once = self.wallet("donor", "signrawtransactionwithwallet", unsigned, list(spent))
        both = self.wallet("author", "signrawtransactionwithwallet", once["hex"], list(spent))
        if not both["complete"]:
            raise ValueError(f"neither wallet can sign: {both.get('errors')}")
        return str(both["hex"])

    def _read_block(self, block_hash: str) -> Block:
        block = self.rpc("getblock", block_hash, 2)
        return Block(
            block_hash,
            block.get("previousblockhash", ""),
            block["height"],
            tuple(block["tx"]),
        )

    def _mempool(self) -> list[Json]:
        return [self.transaction(txid) for txid in self.mempool()]

    def _block_order(self, transactions: Sequence[RawTransaction]) -> list[RawTransaction]:
        return list(transactions)
