"""Transactions listed at an address -> what they do there, whatever protocol listed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.chains.second_opinion import check_transaction
from donations.errors import BadObservation, UpstreamMalformed
from donations.ledger import Block, Transaction
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from donations.chains.base import Network
    from donations.proof.transaction import RawTransaction
    from donations.sources.base import Ask
    from donations.sources.electrum_history import Row
    from donations.sources.shelf import Content, Shelf


async def tell(
    ask: Ask,
    rows: Sequence[Row],
    contents: Mapping[str, Content],
    blocks: Mapping[int, Block],
    shelf: Shelf,
) -> list[Transaction]:
    """What the transactions of ``rows`` bring to the address of ``ask``, and spend of it.

    Raises BadObservation for one that does neither.
    """
    address = ask.key.address
    owners = await shelf.owners(o for row in rows for o in contents[row.txid].consumes)
    transactions = []
    for row in rows:
        content = contents[row.txid]
        spent = {o: owners[o] for o in sorted(content.consumes) if o in owners}
        transactions.append(
            Transaction(
                id=row.txid,
                block=None if row.height is None else blocks[row.height],
                consumes=content.consumes,
                brings=tuple((o, units) for o, to, units in content.outputs if to == address),
                spends=tuple((o, units) for o, (to, units) in spent.items() if to == address),
                own=bool(spent),
                coinbase=content.coinbase,
            )
        )
        if not transactions[-1].ours:
            raise BadObservation(f"{row.txid} is listed, and touches nothing of {address}")
    return transactions


def check_settled(ask: Ask, recent: Mapping[int, Block], below: int) -> None:
    """A server that lost what was final (its index is cut, or never had it) tells nothing.

    ``below`` is how many transactions it has below the height asked from. Raises BadObservation.
    """
    if ask.anchor is None or recent.get(ask.anchor.height) != ask.anchor:
        return
    if below < ask.settled:
        raise BadObservation(
            f"it lists {below} transactions below block {ask.since}, "
            f"{ask.settled} final ones are recorded: its history is cut"
        )


def ask_second_reader(raws: Iterable[bytes], transactions: Iterable[RawTransaction]) -> None:
    """Let ``bit`` read the same bytes, which takes time. Raises BadObservation."""
    for raw, transaction in zip(raws, transactions, strict=True):
        outputs = [(units, script) for script, units in transaction.outputs]
        check_transaction(raw, transaction.txid, outputs)


async def check_network(
    network: Network, tip: Block, block_at: Callable[[int], Awaitable[Block]]
) -> None:
    """By blocks, not by what a server says of itself: BTC and BCH share their genesis.

    Raises UpstreamMalformed.
    """
    marks = [(0, network.genesis)] if network.genesis else []
    if network.landmark is not None:
        marks.append(network.landmark)
    for height, expected in marks:
        if height > tip.height:
            raise UpstreamMalformed(
                f"its chain ends before block {height}: not synchronized?",
                why=Reason.NOT_SYNCHRONIZED,
            )
        if (await block_at(height)).hash != expected:
            raise UpstreamMalformed(
                f"it serves another network than {network.name}: block {height} differs",
                why=Reason.WRONG_NETWORK,
            )
