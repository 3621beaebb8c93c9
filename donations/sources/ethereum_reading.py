"""Reading changed blocks, and certifying that they explain everything.

Steps 10 to 14 of the search: nothing is told before the head was found to stand still and the
differences of the single blocks add up to the difference of the ends, in balance and in nonce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamMoved
from donations.sources.ethereum_explain import FullBlock, explain, read_block
from donations.sources.ethereum_rpc import RpcError, block_of, field, good, hash32, quantity
from donations.sources.ethereum_search import state_items

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from donations.ledger import Block, Transaction
    from donations.sources.ethereum_rpc import Item, StrictProvider
    from donations.sources.ethereum_search import Window

# A full block with its receipts is up to about 2 MB of JSON.
_BLOCKS_A_REQUEST = 3
NO_SUCH_METHOD = -32601


class DoesNotAddUp(UpstreamMoved):
    """The chain moved under the search, or an end of it was told wrong before."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a window holds. ``complete``: its own transactions are as many as its nonce grew by."""

    transactions: tuple[Transaction, ...]
    complete: bool


async def read_windows(
    rpc: StrictProvider,
    tip: Block,
    windows: Iterable[Window],
    leaves: Sequence[Window],
    watched: Collection[str],
) -> dict[str, Reading]:
    """The transactions behind ``leaves``, by address, certified against ``windows``.

    Raises DoesNotAddUp when they do not add up.
    """
    blocks = await _read_blocks(rpc, sorted({leaf.high.number for leaf in leaves}))
    states = await _states(rpc, tip, leaves, blocks) if leaves else []
    readings: dict[str, Reading] = {}
    for window in windows:
        found: list[Transaction] = []
        grown = sent = own = 0
        for leaf, (before, after) in zip(leaves, states, strict=True):
            if leaf.address != window.address:
                continue
            explained = explain(
                blocks[leaf.high.number],
                leaf.address.lower(),
                watched,
                after[0] - before[0],
            )
            grown += after[0] - before[0]
            sent += after[1] - before[1]
            own += explained.own
            found += explained.transactions
        if (grown, sent) != (
            window.high.balance - window.low.balance,
            window.high.nonce - window.low.nonce,
        ):
            raise DoesNotAddUp("the changed blocks do not add up to the whole change")
        readings[window.address] = Reading(tuple(found), complete=own == sent)
    return readings


async def _read_blocks(rpc: StrictProvider, numbers: Sequence[int]) -> dict[int, FullBlock]:
    blocks: dict[int, FullBlock] = {}
    for start in range(0, len(numbers), _BLOCKS_A_REQUEST):
        part = numbers[start : start + _BLOCKS_A_REQUEST]
        items: list[Item] = [("eth_getBlockByNumber", [hex(n), True]) for n in part]
        items += [("eth_getBlockReceipts", [hex(n)]) for n in part]
        answers = await rpc.ask(items)
        for n, full, receipts in zip(part, answers[: len(part)], answers[len(part) :], strict=True):
            block = good(full, "eth_getBlockByNumber")
            if isinstance(receipts, RpcError) and receipts.code == NO_SUCH_METHOD:
                receipts = await single_receipts(rpc, block)  # noqa: PLW2901 - the same, dearer
            blocks[n] = read_block(block, good(receipts, "eth_getBlockReceipts"))
    return blocks


async def single_receipts(rpc: StrictProvider, block: Any) -> list[Any]:
    """For endpoints without eth_getBlockReceipts."""
    hashes = [hash32(field(sent, "hash")) for sent in field(block, "transactions")]
    answers = await rpc.ask([("eth_getTransactionReceipt", [h]) for h in hashes])
    return [good(answer, "eth_getTransactionReceipt") for answer in answers]


State = tuple[int, int]


async def _states(
    rpc: StrictProvider, tip: Block, leaves: Iterable[Window], blocks: dict[int, FullBlock]
) -> list[tuple[State, State]]:
    """Balance and nonce before and after each leaf, at hashes, with the tip asked once more."""
    items: list[Item] = [("eth_getBlockByNumber", [hex(tip.height), False])]
    for leaf in leaves:
        full = blocks[leaf.high.number]
        for block_hash in (full.parent_hash, full.block.hash):
            items += state_items(leaf.address, {"blockHash": block_hash})
    answers = await rpc.ask(items)
    if block_of(good(answers[0], "eth_getBlockByNumber")) != tip:
        raise UpstreamMoved("the tip changed during the search")
    values = [quantity(_or_moved(answer)) for answer in answers[1:]]
    return [
        ((values[n], values[n + 1]), (values[n + 2], values[n + 3]))
        for n in range(0, len(values), 4)
    ]


def _or_moved(answer: Any) -> Any:
    if isinstance(answer, RpcError):
        raise UpstreamMoved(f"the state at a block just read is gone: {answer.message[:80]}")
    return answer
