"""Many reorgs in a row on each real node: after every one the ledger is what the node says."""

from __future__ import annotations

import random
from itertools import cycle
from typing import TYPE_CHECKING

from .test_ethereum import one_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.measured import Table

    from ..nodes.ethereum import Ethereum
    from ..nodes.utxo import UtxoNode
    from .node_watch import EthereumWatch, NodeWatch, UtxoWatch

DEEPEST = 25
REORGS, REORGS_LONG = 14, 140


def plan(rng: random.Random, count: int) -> Iterator[tuple[str, int]]:
    """(what happens, how deep) until there were so many; there and back are two."""
    depths = [1, 6, 10, DEEPEST]
    happens = cycle(("there and back", "same height", "longer"))
    while count > 0:
        kind = next(happens) if count > 1 else "longer"
        yield kind, depths.pop() if depths else rng.randint(1, DEEPEST)
        count -= 2 if kind == "there and back" else 1


class Count:
    """Reorgs, and after how many of them the ledger was not what the node said."""

    def __init__(self, watch: NodeWatch) -> None:
        self.watch = watch
        self.done: list[str] = []
        self.wrong: list[str] = []

    def check(self, what: str, depth: int) -> None:
        self.done.append(what)
        try:
            self.watch.settle()
        except AssertionError as error:
            self.wrong.append(f"{what}, {depth} deep: {error}")

    def tell(self, table: Table, node: str) -> None:
        kinds = ", ".join(f"{kind} {self.done.count(kind)}" for kind in sorted({*self.done}))
        row = f"reorgs of {node}, 1 to {DEEPEST} deep ({kinds}): ledger unlike node"
        print(*self.wrong, sep="\n")  # noqa: T201
        table.never(row, len(self.wrong), len(self.done))


def test_many_reorgs_of_coins(
    coin: str,
    node: UtxoNode,
    watch_on: Callable[..., UtxoWatch],
    table: Table,
    seed: int,
    long: bool,
) -> None:
    """Gifts are double spent, wait again, or are mined again at the same height; a branch that was
    left wins again."""
    address = node.new_address()
    watch = watch_on(address)
    count = Count(watch)
    for kind, depth in plan(random.Random(seed), REORGS_LONG if long else REORGS):
        gifts = [node.send(address, units) for units in (500_000, 600_000, 700_000)]
        node.mine()
        node.mine(depth - 1)
        watch.settle()
        left, height = node.tip(), node.height()
        same = [node.raw(gift) for gift in gifts]
        rivals = [*same[:1], node.rival(gifts[1])]
        node.reorg(depth, depth + 1, same if kind == "same height" else rivals)
        count.check("there" if kind == "there and back" else kind, depth)
        if kind == "there and back":
            node.branch(left, node.height() - height + 1)
            count.check("back", depth)
    count.tell(table, {"bitcoin": "bitcoind", "bitcoin_cash": "bcash"}[coin])


def test_many_reorgs_of_ethereum(
    ethereum: Ethereum,
    watch_eth: Callable[..., EthereumWatch],
    table: Table,
    seed: int,
    long: bool,
) -> None:
    """Blocks are replaced by others at the same heights, with the gifts, with rivals or empty."""
    address = ethereum.new_address()
    ethereum.mine(2)
    watch = watch_eth(address)
    count = Count(watch)
    dice = random.Random(seed)
    fields = ("from", "to", "value", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas")
    for number in range(REORGS_LONG if long else REORGS):
        depth = (1, 5, DEEPEST)[number] if number < 3 else dice.randint(1, DEEPEST)
        senders = dice.sample(ethereum.accounts[1:10], 2)
        with one_block(ethereum):
            again, _ = (ethereum.send(address, 50 + number, sender) for sender in senders)
        ethereum.mine(depth - 1)
        watch.settle()
        raw = ethereum.rpc("eth_getTransactionByHash", again)
        same = {name: raw[name] for name in fields}
        rival = {"from": senders[1], "to": ethereum.new_address(), "value": "0x1"}
        kind, include = (
            ("gift again", [(same, dice.randrange(depth))]),
            ("gift and rival", [(same, depth - 1), (rival, 0)]),
            ("empty", []),
        )[number % 3]
        ethereum.reorg(depth, include)
        count.check(kind, depth)
    count.tell(table, "anvil")
