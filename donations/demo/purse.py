"""The coins that strangers give from."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.demo.blocktree import BlockTree
    from donations.demo.transaction import Outpoint

_MATURITY = 30  # blocks before a new coin is spent


class Purse:
    """Outpoints of strangers; those that are spent, lost or too young are passed over."""

    def __init__(self, chain: BlockTree) -> None:
        self._chain = chain
        self._coins: deque[Outpoint] = deque()

    def __len__(self) -> int:
        return len(self._coins)

    def put(self, coins: Iterable[Outpoint]) -> None:
        """Keep coins for later gifts."""
        self._coins.extend(coins)

    def take(self, sats: int) -> list[Outpoint]:
        """Confirmed unspent coins that hold at least ``sats``. Raises ValueError."""
        taken: list[Outpoint] = []
        held = 0
        for _ in range(len(self._coins)):
            if held >= sats:
                break
            coin = self._coins.popleft()
            if coin in self._chain.spender:
                continue
            if self._settled(coin.txid):
                taken.append(coin)
                held += self._chain.output(coin).value
            else:
                self._coins.append(coin)
        if held < sats:
            self._coins.extendleft(taken)
            raise ValueError("the donors' coins are not confirmed: mine a block first")
        return taken

    def _settled(self, txid: str) -> bool:
        """Confirmed; and new coins deep enough that no small reorg takes a gift's ground away."""
        height, position = self._chain.location.get(txid, (self._chain.height + 1, 0))
        return height <= self._chain.height - (_MATURITY if position == 0 else 0)
