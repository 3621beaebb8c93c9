"""A Haskoin Store over a simulated Bitcoin Cash chain (haskoin-store, Haskoin.Store.Data)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from donations.demo.http import RestError, RestServer
from donations.demo.transaction import Outpoint, scripthash
from donations.demo.view import UtxoView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.demo.block import Block
    from donations.demo.blocktree import BlockTree
    from donations.demo.transaction import Input, Transaction

_DEFAULT = 100
_NOT_FOUND = '{"error":"not-found-or-invalid-arg","message":"Item not found"}'
_AT = 1_700_000_000


class HaskoinServer(RestServer):
    """One operator's server. ``view`` is what it believes, ``scripts`` what addresses stand for.

    ``loops``: it does not heed offsets. ``deleted`` are txids it still lists, as gone.
    """

    def __init__(self, chain: BlockTree, scripts: Mapping[str, bytes]) -> None:
        super().__init__(
            (
                ("/health", r"/health", self._health),
                ("/block/best", r"/block/best", self._best),
                ("/block/heights", r"/block/heights", self._heights),
                ("/block", r"/block/([0-9a-f]{64})", self._block),
                ("/address/balance", r"/address/([^/]+)/balance", self._balance),
                ("/address/transactions", r"/address/([^/]+)/transactions/full", self._full),
                ("/transaction", r"/transaction/([0-9a-f]{64})", self._one),
                ("/transaction/raw", r"/transaction/([0-9a-f]{64})/raw", self._raw),
            )
        )
        self.chain = chain
        self.view = UtxoView(chain)
        self.scripts = dict(scripts)
        self.loops = False
        self.deleted: list[str] = []

    async def __aenter__(self) -> HaskoinServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _health(self, _: Any) -> dict[str, Any]:
        height = self.view.height
        return {"blocks": {"blocks": height, "headers": height, "ok": True}, "net": "bch",
                "ok": True, "version": "1.5.14"}  # fmt: skip

    # -- blocks -------------------------------------------------------------------------------

    def _best(self, _: Any) -> dict[str, Any]:
        return _block(self.view.tip)

    def _heights(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = (self.view.block(int(height)) for height in query["heights"].split(","))
        return [_block(each) for each in found if each is not None]

    def _block(self, block_hash: str, _: Any) -> dict[str, Any]:
        block = self.chain.blocks.get(block_hash)
        if block is None:
            raise RestError(404, _NOT_FOUND)
        return _block(block) | {"tx": [each.txid for each in block.transactions]}

    # -- addresses ----------------------------------------------------------------------------

    def _name(self, address: str) -> str:
        if address not in self.scripts:
            raise RestError(404, _NOT_FOUND)
        return scripthash(self.scripts[address])

    def _balance(self, address: str, _: Any) -> dict[str, Any]:
        name = self._name(address)
        settled, moving = self.view.balance(name)
        rows = [*self.view.confirmed(name), *self.view.unconfirmed(name)]
        paid = [o.value for row in rows for o in self._known(row.txid).outputs
                if scripthash(o.script) == name]  # fmt: skip
        return {
            "address": address,
            "confirmed": settled,
            "unconfirmed": moving,
            "utxo": len(self.view.unspent(name)),
            "txs": len(rows),
            "received": sum(paid),
        }

    def _full(self, address: str, query: dict[str, str]) -> list[dict[str, Any]]:
        name = self._name(address)
        txids = [row.txid for row in reversed(self.view.unconfirmed(name))]
        txids += [row.txid for row in reversed(self.view.confirmed(name))]
        start = 0 if self.loops else int(query.get("offset", "0"))
        page = txids[start : start + int(query.get("limit", _DEFAULT))]
        gone = [] if start else [self._listed(txid, deleted=True) for txid in self.deleted]
        return [*gone, *(self._listed(txid) for txid in page)]

    # -- transactions -------------------------------------------------------------------------

    def _known(self, txid: str) -> Transaction:
        known = txid in self.chain.transactions or txid in self.view.invented
        transaction = self.view.transaction(txid) if known else None
        if transaction is None and txid in self.deleted:
            transaction = self.chain.transactions[txid]
        if transaction is None:
            raise RestError(404, _NOT_FOUND)
        return transaction

    def _one(self, txid: str, _: Any) -> dict[str, Any]:
        return self._listed(txid)

    def _raw(self, txid: str, _: Any) -> dict[str, str]:
        return {"result": self._known(txid).raw.hex()}

    def _listed(self, txid: str, *, deleted: bool = False) -> dict[str, Any]:
        transaction = self._known(txid)
        where = self.view.location(txid)
        return {
            "txid": txid,
            "size": len(transaction.raw),
            "version": transaction.version,
            "locktime": transaction.locktime,
            "fee": 0,
            "inputs": [self._input(each) for each in transaction.inputs],
            "outputs": [self._output(transaction, n) for n in range(len(transaction.outputs))],
            "block": {"mempool": _AT}
            if where is None
            else {"height": where[0], "position": where[1]},
            "deleted": deleted,
            "time": _AT,
            "rbf": where is None,
            "weight": 4 * len(transaction.raw),
        }

    def _input(self, each: Input) -> dict[str, Any]:
        txid, vout = ("00" * 32, 0xFFFFFFFF) if each.outpoint is None else each.outpoint
        output = None
        if each.outpoint is not None and each.outpoint.txid in self.chain.transactions:
            output = self.chain.output(each.outpoint)
        return {
            "coinbase": each.outpoint is None,
            "txid": txid,
            "output": vout,
            "sigscript": each.script_sig.hex(),
            "sequence": each.sequence,
            "pkscript": None if output is None else (output.token + output.script).hex(),
            "value": None if output is None else output.value,
            "address": None,
            "witness": [],
        }

    def _output(self, transaction: Transaction, n: int) -> dict[str, Any]:
        each = transaction.outputs[n]
        txid = self.chain.spender.get(Outpoint(transaction.txid, n))
        spent = txid is not None and self.view.transaction(txid) is not None
        spender = {"txid": txid, "input": 0} if spent else None
        return {
            "address": None,
            "pkscript": (each.token + each.script).hex(),
            "value": each.value,
            "spent": spent,
            "spender": spender,
        }


def _block(block: Block) -> dict[str, Any]:
    version, previous, merkle, time, bits, nonce = struct.unpack("<I32s32sIII", block.header)
    return {
        "hash": block.hash,
        "height": block.height,
        "mainchain": True,
        "previous": previous[::-1].hex(),
        "time": time,
        "version": version,
        "bits": bits,
        "nonce": nonce,
        "size": 80 + sum(len(each.raw) for each in block.transactions),
        "tx": [block.transactions[0].txid],
        "merkle": merkle[::-1].hex(),
        "subsidy": 0,
        "fees": 0,
        "outputs": 0,
        "work": block.height + 1,
    }
