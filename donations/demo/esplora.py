"""An Esplora server over a simulated Bitcoin chain (Blockstream/esplora API.md).

``mempool`` in the dress of mempool.space; ``electrum`` is the look-alike over an Electrum server.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from donations.demo.http import RestError, RestServer
from donations.demo.transaction import Outpoint, merkle_branch, scripthash, sha256d
from donations.demo.view import UtxoView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.demo.block import Block
    from donations.demo.blocktree import BlockTree
    from donations.demo.transaction import Transaction

_PAGE = 25
_PENDING = 50
_BLOCKS = 10


class EsploraServer(RestServer):
    """One operator's server. ``view`` is what it believes, ``scripts`` what addresses stand for.

    ``loops``: its second page is its first again. ``electrum``: it is the look-alike.
    """

    def __init__(self, chain: BlockTree, scripts: Mapping[str, bytes]) -> None:
        super().__init__(
            (
                ("/blocks", r"/blocks", self._blocks),
                ("/blocks", r"/blocks/(\d+)", self._blocks),
                ("/block-height", r"/block-height/(\d+)", self._block_hash),
                ("/address", r"/address/([^/]+)", self._address),
                ("/address/txs/mempool", r"/address/([^/]+)/txs/mempool", self._pending),
                ("/address/txs/chain", r"/address/([^/]+)/txs/chain", self._confirmed),
                ("/address/txs/chain", r"/address/([^/]+)/txs/chain/([0-9a-f]{64})",
                 self._confirmed),
                ("/tx", r"/tx/([0-9a-f]{64})", self._tx),
                ("/tx/hex", r"/tx/([0-9a-f]{64})/hex", self._hex),
                ("/tx/outspend", r"/tx/([0-9a-f]{64})/outspend/(\d+)", self._outspend),
                ("/tx/merkle-proof", r"/tx/([0-9a-f]{64})/merkle-proof", self._merkle_proof),
                ("/block/txid", r"/block/([0-9a-f]{64})/txid/(\d+)", self._txid),
            )
        )  # fmt: skip
        self.chain = chain
        self.view = UtxoView(chain)
        self.scripts = dict(scripts)
        self.loops = False
        self.electrum = False

    async def __aenter__(self) -> EsploraServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- blocks -------------------------------------------------------------------------------

    def _blocks(self, *parts: Any) -> list[dict[str, Any]]:
        top = int(parts[0]) if len(parts) > 1 else self.view.height
        top = min(top, self.view.height)
        found = [self.view.block(height) for height in range(top, top - _BLOCKS, -1)]
        return [_block(each) for each in found if each is not None]

    def _block_hash(self, height: str, _: Any) -> str:
        block = self.view.block(int(height))
        if block is None:
            raise RestError(404, "Block not found")
        return block.hash

    def _txid(self, block_hash: str, position: str, _: Any) -> str:
        block = self.chain.blocks.get(block_hash)
        if block is None or int(position) >= len(block.transactions):
            raise RestError(404, "tx not found")
        return block.transactions[int(position)].txid

    # -- addresses ----------------------------------------------------------------------------

    def _name(self, address: str) -> str:
        if address not in self.scripts:
            raise RestError(400, "Invalid Bitcoin address")
        return scripthash(self.scripts[address])

    def _address(self, address: str, _: Any) -> dict[str, Any]:
        name = self._name(address)
        rows = [self.view.confirmed(name), self.view.unconfirmed(name)]
        if self.electrum:
            balance, pending = self.view.balance(name)
            return {
                "address": address,
                "chain_stats": _counts(len(rows[0]), (0, balance), (0, 0)),
                "mempool_stats": _counts(len(rows[1]), (0, pending), (0, 0)),
                "electrum": True,
            }
        chain, mempool = (self._stats(name, [row.txid for row in each]) for each in rows)
        return {"address": address, "chain_stats": chain, "mempool_stats": mempool}

    def _stats(self, name: str, txids: list[str]) -> dict[str, int]:
        funded: list[int] = []
        spent: list[int] = []
        for txid in txids:
            transaction = self._known(txid)
            funded += [o.value for o in transaction.outputs if scripthash(o.script) == name]
            for outpoint in transaction.spends:
                if outpoint.txid in self.chain.transactions:
                    output = self.chain.output(outpoint)
                    spent += [output.value] if scripthash(output.script) == name else []
        return _counts(len(txids), (len(funded), sum(funded)), (len(spent), sum(spent)))

    def _pending(self, address: str, _: Any) -> list[dict[str, Any]]:
        rows = self.view.unconfirmed(self._name(address))
        return [self._listed(row.txid) for row in reversed(rows)][:_PENDING]

    def _confirmed(self, address: str, *parts: Any) -> list[dict[str, Any]]:
        txids = [row.txid for row in reversed(self.view.confirmed(self._name(address)))]
        start = 0
        if len(parts) > 1 and not self.loops:
            if parts[0] not in txids:
                return []
            start = txids.index(parts[0]) + 1
        return [self._listed(txid) for txid in txids[start : start + _PAGE]]

    # -- transactions -------------------------------------------------------------------------

    def _known(self, txid: str) -> Transaction:
        transaction = self.view.transaction(txid) if self._heard_of(txid) else None
        if transaction is None:
            raise RestError(404, "Transaction not found")
        return transaction

    def _heard_of(self, txid: str) -> bool:
        return txid in self.chain.transactions or txid in self.view.invented

    def _tx(self, txid: str, _: Any) -> dict[str, Any]:
        return self._listed(txid)

    def _hex(self, txid: str, _: Any) -> str:
        return self._known(txid).raw.hex()

    def _status(self, txid: str) -> dict[str, Any]:
        where = self.view.location(txid)
        block = None if where is None else self.view.block(where[0])
        if block is None:
            return {"confirmed": False}
        return {
            "confirmed": True,
            "block_height": block.height,
            "block_hash": block.hash,
            "block_time": block.time,
        }

    def _listed(self, txid: str) -> dict[str, Any]:
        transaction = self._known(txid)
        return {
            "txid": txid,
            "version": transaction.version,
            "locktime": transaction.locktime,
            "vin": [self._input(transaction, n) for n in range(len(transaction.inputs))],
            "vout": [
                {
                    "scriptpubkey": (each.token + each.script).hex(),
                    "scriptpubkey_asm": "OP_SOMETHING",
                    "scriptpubkey_type": "unknown",
                    "value": each.value,
                }
                for each in transaction.outputs
            ],
            "size": len(transaction.raw),
            "weight": 3 * len(transaction.stripped) + len(transaction.raw),
            "fee": 0 if txid in self.view.invented else max(0, self._fee(transaction)),
            "status": self._status(txid),
        }

    def _fee(self, transaction: Transaction) -> int:
        return 0 if transaction.coinbase else self.chain.fee(transaction)

    def _input(self, transaction: Transaction, n: int) -> dict[str, Any]:
        each = transaction.inputs[n]
        txid, vout = ("00" * 32, 0xFFFFFFFF) if each.outpoint is None else each.outpoint
        known = each.outpoint is not None and each.outpoint.txid in self.chain.transactions
        output = self.chain.output(each.outpoint) if each.outpoint and known else None
        told: dict[str, Any] = {
            "txid": txid,
            "vout": vout,
            "prevout": None
            if output is None
            else {"scriptpubkey": output.script.hex(), "value": output.value},
            "scriptsig": each.script_sig.hex(),
            "scriptsig_asm": "",
            "is_coinbase": each.outpoint is None,
            "sequence": each.sequence,
        }
        return told | ({"witness": [w.hex() for w in each.witness]} if each.witness else {})

    def _outspend(self, txid: str, vout: str, _: Any) -> dict[str, Any]:
        if not self._heard_of(txid):
            raise RestError(404, "Transaction not found")
        spender = self.chain.spender.get(Outpoint(txid, int(vout)))
        if spender is None or self.view.transaction(spender) is None:
            return {"spent": False}
        spends = self._known(spender).spends
        vin = spends.index(Outpoint(txid, int(vout)))
        return {"spent": True, "txid": spender, "vin": vin, "status": self._status(spender)}

    def _merkle_proof(self, txid: str, _: Any) -> dict[str, Any]:
        where = self.view.location(txid) if self._heard_of(txid) else None
        block = None if where is None else self.view.block(where[0])
        if where is None or block is None:
            raise RestError(404, "Transaction not found or is unconfirmed")
        branch, _root = merkle_branch(block.leaves, where[1])
        merkle = [each[::-1].hex() for each in branch]
        return {"block_height": where[0], "merkle": merkle, "pos": where[1]}


def _counts(count: int, funded: tuple[int, int], spent: tuple[int, int]) -> dict[str, int]:
    return {
        "funded_txo_count": funded[0],
        "funded_txo_sum": funded[1],
        "spent_txo_count": spent[0],
        "spent_txo_sum": spent[1],
        "tx_count": count,
    }


def _block(block: Block) -> dict[str, Any]:
    version, previous, merkle, time, bits, nonce = struct.unpack("<i32s32sIII", block.header)
    return {
        "id": sha256d(block.header)[::-1].hex(),
        "height": block.height,
        "version": version,
        "timestamp": time,
        "tx_count": len(block.transactions),
        "size": 80 + sum(len(each.raw) for each in block.transactions),
        "weight": 320 + sum(4 * len(each.raw) for each in block.transactions),
        "merkle_root": merkle[::-1].hex(),
        "previousblockhash": previous[::-1].hex() if block.height else None,
        "mediantime": time,
        "nonce": nonce,
        "bits": bits,
        "difficulty": 1,
    }
