"""Random lives of watched places: one step at a time, whatever can happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.demo.ethereum_payment import GWEI

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Mapping, Sequence

    from donations.demo.ethereum_chain import EthereumChain
    from donations.demo.utxo import UtxoChain

# A CashTokens prefix: a fungible amount of one category (CHIP-2022-02-CashTokens).
_CASH_TOKEN = b"\xef" + bytes(range(32)) + b"\x10\xfd\x01\x02"
_ETHER = 10**18


def _having(fated: Mapping[str, str], fate: str) -> list[str]:
    return [name for name, its in fated.items() if its == fate]


class UtxoLife:
    """What happens on BTC or BCH. ``branches`` are tips that lost and may win again."""

    def __init__(self, chain: UtxoChain, scripts: Sequence[bytes], dice: random.Random) -> None:
        self.chain, self.scripts, self.dice = chain, list(scripts), dice
        self.branches: list[str] = []

    def step(self, without: Collection[str] = ()) -> str:
        """Let one thing happen (none of those named); returns its name."""
        moves = [
            self._gift, self._gift, self._batch, self._child_of_unconfirmed, self._token,
            self._payjoin, self._spend, self._move, self._spend_unconfirmed, self._replace,
            self._take_back, self._evict, self._mine, self._mine, self._mine_some,
            self._coinbase, self._reorg, self._back_to_old_branch,
        ]  # fmt: skip
        happen = self.dice.choice([m for m in moves if m.__name__.strip("_") not in without])
        happen()
        return happen.__name__.strip("_")

    def _script(self) -> bytes:
        return self.dice.choice(self.scripts)

    def _units(self) -> int:
        return self.dice.randint(600, 90_000)

    def _pending(self) -> list[str]:
        return [
            txid
            for txid, transaction in self.chain.mempool.items()
            if any(output.script in self.scripts for output in transaction.outputs)
        ]

    def _gift(self) -> None:
        self.chain.pay(self._script(), self._units())

    def _batch(self) -> None:
        self.chain.pay(
            self._script(), self._units(), self._units(), others=[(self._script(), self._units())]
        )

    def _child_of_unconfirmed(self) -> None:
        self.chain.pay(self._script(), self._units(), from_mempool_parent=True)

    def _token(self) -> None:
        token = b"" if self.chain.segwit else _CASH_TOKEN
        self.chain.pay(self._script(), self._units(), token=token)

    def _payjoin(self) -> None:
        script = self._script()
        coins = self.chain.unspent(script)
        if coins:
            self.chain.pay(script, self._units(), join=self.dice.choice(coins))

    def _spend(self) -> None:
        self._send(self._script(), None, mempool=False)

    def _move(self) -> None:
        self._send(self.scripts[0], self.scripts[-1], mempool=self.dice.random() < 0.5)

    def _spend_unconfirmed(self) -> None:
        self._send(self._script(), None, mempool=True)

    def _send(self, source: bytes, to: bytes | None, *, mempool: bool) -> None:
        coins = self.chain.unspent(source, mempool=mempool)
        held = sum(self.chain.output(coin).value for coin in coins)
        if held > 10_000:
            self.chain.spend(source, self.dice.randint(1_000, held - 5_000), to, mempool=mempool)

    def _replace(self) -> None:
        if pending := self._pending():
            txid = self.dice.choice(pending)
            paid = next(
                output.script
                for output in self.chain.transactions[txid].outputs
                if output.script in self.scripts
            )
            self.chain.replace(txid, paid)

    def _take_back(self) -> None:
        if pending := self._pending():
            self.chain.replace(self.dice.choice(pending))

    def _evict(self) -> None:
        if pending := self._pending():
            txid = self.dice.choice(pending)
            self.chain.evict(txid)
            if self.dice.random() < 0.5:
                self.chain.restore(txid)

    def _mine(self) -> None:
        self.chain.mine(self.dice.randint(1, 2))

    def _mine_some(self) -> None:
        waiting = list(self.chain.mempool)
        self.chain.mine(only=self.dice.sample(waiting, len(waiting) // 2))

    def _coinbase(self) -> None:
        self.chain.mine(to=self._script())

    def _reorg(self) -> None:
        depth = self.dice.randint(1, 4)
        self.branches.append(self.chain.tip.hash)
        gone = [
            transaction.txid
            for block in self.chain.best[-depth:]
            for transaction in block.transactions[1:]
        ]
        fates = [self.dice.choice(self._fates(txid, depth)) for txid in gone]
        fated = dict(zip(gone, fates, strict=True))
        self.chain.reorg(
            depth,
            keep=_having(fated, "keep"),
            drop=_having(fated, "drop"),
            conflict=_having(fated, "conflict"),
        )

    def _fates(self, txid: str, depth: int) -> Sequence[str]:
        """A double spend has to find its inputs: they must lie below the fork."""
        fork = self.chain.height - depth
        parents = {outpoint.txid for outpoint in self.chain.transactions[txid].spends}
        held = all(self.chain.location.get(p, (fork + 1, 0))[0] <= fork for p in parents)
        return ("keep", "wait", "drop", "conflict") if held else ("keep", "wait", "drop")

    def _back_to_old_branch(self) -> None:
        if self.branches:
            self.chain.activate(self.branches.pop())


class EthereumLife:
    """What happens on Ethereum, in tokens too."""

    def __init__(
        self, chain: EthereumChain, addresses: Sequence[str], contract: str, dice: random.Random
    ) -> None:
        self.chain, self.addresses, self.contract = chain, list(addresses), contract
        self.dice = dice
        self.branches: list[str] = []
        self.delegated: set[str] = set()

    def step(self, without: Collection[str] = ()) -> str:
        """Let one thing happen (none of those named); returns its name."""
        moves = [
            self._gift, self._gift, self._failed_gift, self._inside, self._by_creation,
            self._two_inside, self._send, self._move, self._failed_send, self._send_with_refund,
            self._withdrawal, self._token, self._token_twice, self._token_away, self._zero_token,
            self._strange_token, self._delegate, self._drain, self._proposer, self._mine,
            self._mine, self._mine, self._reorg, self._back_to_old_branch,
        ]  # fmt: skip
        happen = self.dice.choice([m for m in moves if m.__name__.strip("_") not in without])
        happen()
        if self.dice.random() < 0.6:
            self.chain.mine()
        return happen.__name__.strip("_")

    def _address(self) -> str:
        return self.dice.choice(self.addresses)

    def _wei(self) -> int:
        return self.dice.randint(1, 5) * _ETHER // 100 + self.dice.randint(0, 999)

    def _rich(self) -> str | None:
        held = [a for a in self.addresses if self.chain.balance(a) > _ETHER // 20]
        return self.dice.choice(held) if held else None

    def _gift(self) -> None:
        self.chain.pay(self._address(), self._wei())

    def _failed_gift(self) -> None:
        self.chain.pay(self._address(), self._wei(), failed=True)

    def _inside(self) -> None:
        self.chain.pay_inside(self._address(), self._wei())

    def _by_creation(self) -> None:
        self.chain.pay_inside(self._address(), self._wei(), creation=True)

    def _two_inside(self) -> None:
        self.chain.pay_inside(self._address(), self._wei(), self._wei())

    def _send(self) -> None:
        if source := self._rich():
            self.chain.send(source, _ETHER // 200, blobs=self.dice.randint(0, 1))

    def _move(self) -> None:
        if source := self._rich():
            self.chain.send(source, _ETHER // 300, self._address())

    def _failed_send(self) -> None:
        if source := self._rich():
            self.chain.send(source, _ETHER // 200, failed=True)

    def _send_with_refund(self) -> None:
        if source := self._rich():
            self.chain.send(source, _ETHER // 200, back=_ETHER // 500)

    def _withdrawal(self) -> None:
        self.chain.withdraw(self._address(), self.dice.randint(1, 10) * GWEI // 1_000)

    def _token(self) -> None:
        self.chain.token(self.contract, self._address(), self.dice.randint(1, 10**9))

    def _token_twice(self) -> None:
        self.chain.token(self.contract, self._address(), 5, self.dice.randint(1, 10**9))

    def _token_away(self) -> None:
        source = self._address()
        held = self.chain.token_balance(self.contract, source)
        if held and not any(p.logs for p in self.chain.pending.values()):
            self.chain.token(
                self.contract,
                self.dice.choice(
                    [self.chain.stranger(), *(a for a in self.addresses if a != source)]
                ),
                self.dice.randint(1, held),
                source=source,
                sender=self.chain.donor(),
            )

    def _zero_token(self) -> None:
        self.chain.token(self.contract, self._address(), 0)

    def _strange_token(self) -> None:
        self.chain.token(self.chain.stranger(), self._address(), 10**6)

    def _delegate(self) -> None:
        address = self._address()
        to = None if address in self.delegated else self.chain.stranger()
        self.delegated ^= {address}
        self.chain.delegate(address, to, own=False)

    def _drain(self) -> None:
        """Delegated code sends something away at an equal nonce."""
        for address in sorted(self.delegated):
            if self.chain.account(address).code and self.chain.balance(address) > _ETHER // 50:
                self.chain.sweep_inside(address, _ETHER // 100)

    def _proposer(self) -> None:
        self.chain.pay(self._address(), self._wei())
        self.chain.mine(proposer=self._address())

    def _mine(self) -> None:
        self.chain.mine(self.dice.randint(1, 3))

    def _reorg(self) -> None:
        depth = self.dice.randint(1, 4)
        self.branches.append(self.chain.tip.hash)
        gone = [done.payment.hash for block in self.chain.best[-depth:] for done in block.executed]
        fates = [self.dice.choice(("keep", "wait", "drop", "conflict")) for _ in gone]
        fated = dict(zip(gone, fates, strict=True))
        self.chain.reorg(
            depth,
            keep=_having(fated, "keep"),
            drop=_having(fated, "drop"),
            conflict=_having(fated, "conflict"),
        )

    def _back_to_old_branch(self) -> None:
        if self.branches:
            self.chain.activate(self.branches.pop())
