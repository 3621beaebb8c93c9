"""What a test can do with a Bitcoin-like node, of whichever of the two coins."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from . import wire
from .truth import Block, Touch, address_of, satoshis, touches
from .wire import Outpoint, RawTransaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .jsonrpc import Json

# The least fee of what is spent by hand, and how much more than its victim a rival pays. The
# margin outbids a few descendants too (BIP 125 rule 3).
FEE = 2_000
RIVAL_MARGIN = 100_000
# A coinbase can be spent from its 100th confirmation on.
MATURITY = 100
# The donor starts with this many coins of equal size, so that payments need not wait for each
# other's change, below this many blocks, so that reorgs do not take them away.
COINS = 100
COIN = 49_000_000
BURIED = 40

Payments = list[tuple[str, int]]


class UtxoNode(ABC):
    """A regtest node with two wallets: the donor's, which mines and pays, and the author's, which
    holds the keys of the watched addresses. Amounts are satoshis.

    Methods of the node raise RpcError when it refuses.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = {}

    @abstractmethod
    def rpc(self, method: str, *params: object) -> Json:
        """One call to the node."""

    @abstractmethod
    def new_address(self) -> str:
        """A fresh address whose key the author holds."""

    @abstractmethod
    def donor_address(self) -> str:
        """A fresh address of the donor."""

    @abstractmethod
    def script(self, address: str) -> bytes:
        """The locking script that pays the address."""

    @abstractmethod
    def mine(self, count: int = 1, address: str | None = None) -> list[str]:
        """Mines blocks with what the mempool holds; the coinbase pays the address, or the donor."""

    @abstractmethod
    def send(self, address: str, amount: int) -> str:
        """The donor pays one address; the txid. His unconfirmed change is not spent."""

    @abstractmethod
    def send_many(self, payments: Payments) -> str:
        """The donor pays several outputs in one transaction, the same address twice if told so."""

    @abstractmethod
    def double_spend(self, txid: str) -> str:
        """The donor takes an unconfirmed payment back in the way his coin allows; the rival's
        txid."""

    @abstractmethod
    def coins(self, address: str) -> list[Outpoint]:
        """The unspent outputs of an address of the author, the mempool's included."""

    @abstractmethod
    def balance(self, address: str) -> int:
        """What the confirmed unspent outputs of the address hold, by the node's own index."""

    @abstractmethod
    def _sign(self, unsigned: str, spent: Sequence[Json]) -> str:
        """The raw transaction with the signatures of both wallets."""

    @abstractmethod
    def _read_block(self, block_hash: str) -> Block: ...

    @abstractmethod
    def _mempool(self) -> list[Json]:
        """The decoded transactions of the mempool."""

    @abstractmethod
    def _block_order(self, transactions: Sequence[RawTransaction]) -> list[RawTransaction]:
        """The transactions in the order in which a block of this chain must hold them."""

    def height(self) -> int:
        return int(self.rpc("getblockcount"))

    def tip(self) -> str:
        """The hash of the best block."""
        return str(self.rpc("getbestblockhash"))

    def block_hash(self, height: int) -> str:
        return str(self.rpc("getblockhash", height))

    def transaction(self, txid: str) -> Json:
        """The node's decoded JSON of a transaction, in the mempool or in a block."""
        return self.rpc("getrawtransaction", txid, True)

    def raw(self, txid: str) -> str:
        """The hex of a transaction, in the mempool or in a block."""
        return str(self.rpc("getrawtransaction", txid, False))

    def mempool(self) -> set[str]:
        """The txids that wait to be mined."""
        return set(self.rpc("getrawmempool"))

    def broadcast(self, raw: str) -> str:
        """Hands a signed transaction to the node; the txid."""
        return str(self.rpc("sendrawtransaction", raw))

    def outpoints(self, txid: str, address: str) -> list[Outpoint]:
        """The outputs of a transaction that pay the address."""
        outputs = self.transaction(txid)["vout"]
        return [Outpoint(txid, one["n"]) for one in outputs if address_of(one) == address]

    def value(self, outpoint: Outpoint) -> int:
        """What an output holds or held, in satoshis."""
        return satoshis(self._output(outpoint)["value"])

    def signed_spend(
        self,
        inputs: Sequence[Outpoint],
        payments: Payments,
        change: str | None = None,
        fee: int = FEE,
        sequence: int = wire.SEQUENCE,
    ) -> str:
        """A raw transaction of exactly these inputs and outputs, not yet sent.

        What is left over the fee goes to ``change``; without it the rest is the fee. The inputs
        may belong to the donor, to the author or to both, and may be unconfirmed or spent.
        """
        paid = list(payments)
        if change is not None:
            rest = sum(map(self.value, inputs)) - sum(amount for _, amount in paid) - fee
            paid.append((change, rest))
        unsigned = wire.unsigned_transaction(
            inputs, [(self.script(address), amount) for address, amount in paid], sequence
        )
        return self._sign(unsigned, [self._spent(outpoint) for outpoint in inputs])

    def spend(
        self,
        inputs: Sequence[Outpoint],
        payments: Payments,
        change: str | None = None,
        fee: int = FEE,
    ) -> str:
        """Like ``signed_spend``, and sent; the txid."""
        return self.broadcast(self.signed_spend(inputs, payments, change, fee))

    def pay(self, address: str, payments: Payments, change: str | None, fee: int = FEE) -> str:
        """The author spends ALL coins of one of his addresses; the rest goes to ``change``."""
        return self.spend(self.coins(address), payments, change, fee)

    def rival(self, txid: str) -> str:
        """A raw transaction that spends the same coins back to the donor, not yet sent."""
        victim = self.transaction(txid)
        inputs = [Outpoint(source["txid"], source["vout"]) for source in victim["vin"]]
        coins = sum(map(self.value, inputs))
        rest = sum(satoshis(one["value"]) for one in victim["vout"])
        # Small coins leave room for a smaller margin only.
        fee = coins - rest + min(RIVAL_MARGIN, rest // 2)
        return self.signed_spend(inputs, [], self.donor_address(), fee)

    def reorg(self, depth: int, length: int, include: Sequence[str] = ()) -> list[str]:
        """A competing miner replaces the last ``depth`` blocks by ``length`` others, in one step.

        The first new block holds the raw transactions of ``include``, the others are empty. The
        node changes over when the competing chain becomes the longer one, as it does on the real
        network; what it held and is not in conflict returns to the node's mempool.
        """
        if length <= depth:
            raise ValueError("a competing chain wins only when it is longer")
        return self.branch(self.block_hash(self.height() - depth), length, include)

    def branch(self, parent: str, length: int, include: Sequence[str] = ()) -> list[str]:
        """A competing miner builds so many blocks on a known block, and the node follows.

        As ``reorg``, for any parent: that of a branch that was left lets the node return to it.
        RuntimeError when the node does not follow.
        """
        height = int(self.rpc("getblockheader", parent)["height"])
        earliest = int(self.rpc("getblockheader", parent)["mediantime"]) + 1
        clock = max(earliest, int(time.time()))
        script = self.script(self.donor_address())
        transactions = self._block_order([self._decoded(raw) for raw in include])
        made: list[str] = []
        for step in range(length):
            first = transactions if step == 0 else ()
            raw = wire.block(parent, height + 1 + step, clock + step, script, first)
            refused = self.rpc("submitblock", raw)
            # "inconclusive": valid so far, on a chain that is not the best one yet.
            if refused not in (None, "inconclusive"):
                raise RuntimeError(f"the competing block {step + 1} was refused: {refused}")
            parent = wire.double_sha256(bytes.fromhex(raw[:160]))[::-1].hex()
            made.append(parent)
        if self.tip() != parent:
            raise RuntimeError("the node did not change over to the longer chain")
        return made

    def invalidate(self, block_hash: str) -> None:
        """The node rejects a block and all on it: its tip is lower until something is mined."""
        self.rpc("invalidateblock", block_hash)

    def reconsider(self, block_hash: str) -> None:
        """Takes ``invalidate`` back."""
        self.rpc("reconsiderblock", block_hash)

    def chain(self) -> list[Block]:
        """The best chain from genesis to the tip."""
        blocks: list[Block] = []
        hash_ = self.tip()
        while not blocks or blocks[-1].height > 0:
            if hash_ not in self._blocks:
                self._blocks[hash_] = self._read_block(hash_)
            blocks.append(self._blocks[hash_])
            hash_ = blocks[-1].parent
        return blocks[::-1]

    def touches(self, addresses: Collection[str], *, mempool: bool = True) -> list[Touch]:
        """The truth: every transaction that touches the addresses (see ``truth``)."""
        return touches(self.chain(), self._mempool() if mempool else (), addresses)

    def _output(self, outpoint: Outpoint) -> Json:
        return self.transaction(outpoint.txid)["vout"][outpoint.index]

    def _spent(self, outpoint: Outpoint) -> Json:
        output = self._output(outpoint)
        return {
            "txid": outpoint.txid,
            "vout": outpoint.index,
            "scriptPubKey": output["scriptPubKey"]["hex"],
            "amount": str(output["value"]),
        }

    def _decoded(self, raw: str) -> RawTransaction:
        decoded = self.rpc("decoderawtransaction", raw)
        return RawTransaction(decoded["txid"], decoded["hash"], raw)
