"""A seeded random life of some addresses: everything that can happen to them, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..nodes.bitcoin import AddressKind, Bitcoin

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from ..nodes.ethereum import Ethereum, Token
    from ..nodes.utxo import UtxoNode
    from ..nodes.wire import Outpoint

GIFTS = (10_000, 1_000_000)
LEAST = 10_000
GWEI = 10**9
# Deep reorgs are rare, and reach below what is final on every chain.
DEPTHS = (1, 1, 1, 2, 2, 3, 4, 6, 8, 12)


class UtxoLife:
    """Three addresses of one node of Bitcoin or Bitcoin Cash."""

    def __init__(self, node: UtxoNode, rng: random.Random) -> None:
        self.node, self._rng = node, rng
        self.done: list[str] = []
        if isinstance(node, Bitcoin):
            self.addresses = [node.new_address(kind) for kind in rng.sample([*AddressKind], 3)]
        else:
            self.addresses = [node.new_address() for _ in range(3)]
        self._steps: list[Callable[[], object]] = [
            *(self._send, self._send, self._batch, self._pay, self._move, self._chain),
            *(self._mine, self._mine, self._mine_many, self._reorg, self._double_spend),
            self._coinbase,
        ]
        if isinstance(node, Bitcoin):
            self._steps.append(self._bump)

    def step(self) -> None:
        """One thing happens. What the node refuses (a spent coin, say) does not."""
        step = self._rng.choice(self._steps)
        try:
            step()
        except (RuntimeError, ValueError) as error:
            # A coinbase that is not mature, a fee too small for a rival: life goes on.
            self.done.append(f"{step.__name__}: {error}")
        else:
            self.done.append(f"{step.__name__} -> {self.node.height()}")

    def _any(self) -> str:
        return self._rng.choice(self.addresses)

    def _amount(self) -> int:
        return self._rng.randrange(*GIFTS)

    def _send(self) -> None:
        self.node.send(self._any(), self._amount())

    def _batch(self) -> None:
        count = self._rng.randrange(2, 6)
        self.node.send_many([(self._any(), self._amount()) for _ in range(count)])

    def _coins(self, address: str) -> list[Outpoint]:
        """What an address can spend.

        bcash must never see a child and its parent in one block with the child first (it undoes
        such a block wrongly), so there a coin is either waiting, or deeper than any reorg.
        """
        coins = self.node.coins(address)
        if isinstance(self.node, Bitcoin):
            return coins
        deep = self.node.height() - max(DEPTHS)
        safe = {t.txid for t in self.node.touches([address]) if t.height is None or t.height < deep}
        return [coin for coin in coins if coin.txid in safe]

    def _spend(self, source: str, target: str, change: str) -> None:
        coins = self._coins(source)
        if sum(map(self.node.value, coins)) > 3 * LEAST:
            self.node.spend(coins, [(target, LEAST)], change)

    def _pay(self) -> None:
        address = self._any()
        self._spend(address, self.node.donor_address(), address)

    def _move(self) -> None:
        source, target = self._rng.sample(self.addresses, 2)
        self._spend(source, target, self._rng.choice((source, target)))

    def _chain(self) -> None:
        """A stranger's unconfirmed payment is passed on to us at once."""
        stranger = self.node.new_address()
        parent = self.node.send(stranger, 200_000)
        coins = self.node.outpoints(parent, stranger)
        self.node.spend(coins, [(self._any(), 50_000)], stranger)

    def _mine(self) -> None:
        self.node.mine()

    def _mine_many(self) -> None:
        self.node.mine(self._rng.randrange(2, 12))

    def _coinbase(self) -> None:
        self.node.mine(1, self._any())

    def _reorg(self) -> None:
        """Some transactions of the lowest lost block stay; on bcash none do.

        A block that bcash cannot connect leaves it with a lower tip than before, which no Electrum
        server follows.
        """
        depth = self._rng.choice(DEPTHS)
        stays = isinstance(self.node, Bitcoin)
        lost = self.node.chain()[-depth].transactions[1:] if stays else []
        include = []
        for transaction in lost:
            fate = self._rng.random()
            if fate < 0.5:
                include.append(self.node.raw(transaction["txid"]))
        try:
            self.node.reorg(depth, depth + self._rng.randrange(1, 3), include)
        except RuntimeError:
            # A transaction that needs another one of the lost blocks cannot stand alone.
            self.node.reorg(depth, depth + 3)

    def _unconfirmed(self) -> str | None:
        """A gift in the mempool that only donors paid for and that nobody has spent yet."""
        spent = {
            source.get("txid")
            for txid in self.node.mempool()
            for source in self.node.transaction(txid)["vin"]
        }
        waiting = [
            touch.txid
            for touch in self.node.touches(self.addresses)
            if touch.height is None and not touch.own and touch.txid not in spent
        ]
        return self._rng.choice(waiting) if waiting else None

    def _double_spend(self) -> None:
        gift = self._unconfirmed()
        if gift is not None:
            self.node.double_spend(gift)

    def _bump(self) -> None:
        gift = self._unconfirmed()
        if gift is not None and isinstance(self.node, Bitcoin):
            self.node.bump_fee(gift)


class EthereumLife:
    """Two addresses of one Ethereum node, and perhaps a token."""

    def __init__(self, node: Ethereum, rng: random.Random, token: Token | None = None) -> None:
        self.node, self._rng, self._token = node, rng, token
        self.done: list[str] = []
        self.addresses = [node.new_address() for _ in range(2)]
        # A reorg must not take the contracts away, nor the ether that accounts began with.
        self._floor = node.height()
        self._splitter = node.splitter()
        for address in self.addresses:
            node.impersonate(address)
        self._steps: list[Callable[[], object]] = [
            *(self._send, self._send, self._internal, self._destruct, self._fail, self._several),
            *(self._pay, self._own_call, self._mine, self._mine_many, self._reorg, self._reorg),
            self._propose,
        ]
        if token is not None:
            self._steps += [self._tokens, self._tokens, self._own_tokens]

    def step(self) -> None:
        """One thing happens. What the node refuses does not."""
        step = self._rng.choice(self._steps)
        try:
            step()
        except RuntimeError as error:
            self.done.append(f"{step.__name__}: {error}")
        else:
            self.done.append(f"{step.__name__} -> {self.node.height()}")

    def _any(self) -> str:
        return self._rng.choice(self.addresses)

    def _donor(self) -> str:
        return self._rng.choice(self.node.accounts[1:])

    def _wei(self) -> int:
        return self._rng.randrange(1, 10**18)

    def _send(self) -> None:
        self.node.send(self._any(), self._wei(), self._donor())

    def _internal(self) -> None:
        count = self._rng.randrange(1, 4)
        self.node.send_internal([(self._any(), self._wei()) for _ in range(count)], self._donor())

    def _destruct(self) -> None:
        self.node.send_by_selfdestruct(self._any(), self._wei(), self._donor())

    def _fail(self) -> None:
        self.node.fail_internal([(self._any(), self._wei())], self._donor())

    def _several(self) -> None:
        """Some of everything in one block."""
        self.node.automine(False)
        try:
            for step in self._rng.choices((self._send, self._internal, self._pay, self._fail), k=3):
                step()
            self.node.mine()
        finally:
            self.node.automine(True)

    def _rich(self, address: str) -> bool:
        return self.node.balance(address) > 10**16

    def _pay(self) -> None:
        source = self._any()
        if self._rich(source):
            target = self._rng.choice([*self.addresses, self._donor()])
            self.node.send(target, self._rng.randrange(1, 10**15), source)

    def _own_call(self) -> None:
        source = self._any()
        if self._rich(source):
            self.node.send_internal([(self._any(), 7), (self._donor(), 8)], source)

    def _mine(self) -> None:
        self.node.mine()

    def _mine_many(self) -> None:
        self.node.mine(self._rng.randrange(2, 30))

    def _propose(self) -> None:
        self.node.set_proposer(self._any())
        try:
            self.node.send(self._any(), self._wei(), self._donor())
        finally:
            self.node.set_proposer("0x" + "00" * 20)

    def _reorg(self) -> None:
        depth = self._rng.choice(DEPTHS)
        if self.node.height() - depth <= self._floor:
            return
        other = {"from": self._donor(), "to": self._any(), "value": hex(self._wei())}
        self.node.reorg(depth, [(other, self._rng.randrange(depth))])

    def _tokens(self) -> None:
        assert self._token is not None
        count = self._rng.randrange(1, 4)
        self._token.transfer([(self._any(), self._rng.randrange(0, 1_000)) for _ in range(count)])

    def _own_tokens(self) -> None:
        assert self._token is not None
        source = self._any()
        held = self._token.balance(source)
        if held and self._rich(source):
            target = self._rng.choice([*self.addresses, self._donor()])
            self._token.transfer([(target, self._rng.randrange(1, held + 1))], source)
