"""The truth about watched scripts and addresses, read off a simulated chain.

Every block is read from the first to the last, without the indexes that the servers use and without
anything of the product: what the tests compare must come from two places.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from donations.demo.blocktree import BlockTree
    from donations.demo.ethereum_block import EthBlock
    from donations.demo.ethereum_payment import Executed
    from donations.demo.ethereum_tree import EthereumTree
    from donations.demo.transaction import Transaction

MATURITY = 100  # confirmations of a coinbase before it counts


class Kind(StrEnum):
    """Where the money of a fact came from (or went)."""

    PAYMENT = "payment"
    COINBASE = "coinbase"
    INTERNAL = "internal"
    WITHDRAWAL = "withdrawal"
    FEES = "fees"
    TOKEN = "token"  # noqa: S105 (a kind of asset)


@dataclass(frozen=True, slots=True)
class Fact:
    """What one transaction (ETH: one source of money in one block) nets at one watched place.

    ``key`` is the txid or transaction hash; for internal money, withdrawals and fees "block
    hash:kind"; for a token "transaction hash:ordinal of the log in its receipt". ``where`` is the
    script in hex or the address in lower case. ``height`` is None in the mempool. ``own``: money of
    a watched place was spent, or the block holds a call by the address (kind internal). ``net`` is
    in base units, fees of own transactions included. ``asset`` is a token's contract.
    """

    key: str
    where: str
    height: int | None
    block: str | None
    net: int
    own: bool = False
    kind: Kind = Kind.PAYMENT
    asset: str = ""


def utxo_facts(chain: BlockTree, scripts: Collection[bytes]) -> list[Fact]:
    """All transactions that touch the scripts, in the order of the chain, then the mempool."""
    owned: dict[tuple[str, int], tuple[bytes, int]] = {}
    facts: list[Fact] = []
    for height, block, transaction in _walk(chain):
        net: dict[bytes, int] = defaultdict(int)
        own = False
        for outpoint in transaction.spends:
            coin = owned.get((outpoint.txid, outpoint.vout))
            if coin is not None:
                own = True
                net[coin[0]] -= coin[1]
        for index, output in enumerate(transaction.outputs):
            if output.script in scripts:
                owned[transaction.txid, index] = output.script, output.value
                net[output.script] += output.value
        kind = Kind.COINBASE if transaction.coinbase else Kind.PAYMENT
        facts += (
            Fact(transaction.txid, script.hex(), height, block, amount, own, kind)
            for script, amount in net.items()
        )
    return facts


def _walk(chain: BlockTree) -> Iterator[tuple[int | None, str | None, Transaction]]:
    for block in chain.best:
        # BCH orders a block by txid, so a child may stand before its parent.
        yield from ((block.height, block.hash, each) for each in _parents_first(block.transactions))
    yield from ((None, None, each) for each in _parents_first(chain.mempool.values()))


def _parents_first(transactions: Iterable[Transaction]) -> Iterator[Transaction]:
    waiting = {each.txid: each for each in transactions}
    while waiting:
        ready = [
            each
            for each in waiting.values()
            if not any(outpoint.txid in waiting for outpoint in each.spends)
        ]
        for each in ready:
            del waiting[each.txid]
        yield from ready


def eth_facts(
    chain: EthereumTree, addresses: Iterable[str], tokens: Iterable[str] = ()
) -> list[Fact]:
    """Everything that touched the addresses on the best branch: wei, and the listed contracts."""
    watched = {each.lower() for each in addresses}
    listed = {each.lower() for each in tokens}
    facts: list[Fact] = []
    for block in chain.best:
        facts += _block_facts(block, watched)
        facts += _token_facts(block, watched, listed)
    return facts


def _block_facts(block: EthBlock, watched: set[str]) -> Iterator[Fact]:
    inside: dict[str, int] = defaultdict(int)
    paid: dict[str, int] = defaultdict(int)
    fees = 0
    callers = {done.payment.sender for done in block.executed}
    for done in block.executed:
        payment = done.payment
        moved = 0 if payment.failed else payment.value
        receiver = payment.to or done.created
        net: dict[str, int] = defaultdict(int)
        if payment.sender in watched:
            net[payment.sender] -= done.gas_cost + moved
        if receiver in watched and moved:
            net[receiver] += moved
        own = payment.sender in watched
        for address, amount in net.items():
            yield Fact(payment.hash, address, block.number, block.hash, amount, own)
        fees += payment.priority_fee * payment.gas_used
        for source, to, wei in _moves(done):
            inside[source] -= wei
            inside[to] += wei
    for withdrawal in block.withdrawals:
        paid[withdrawal.address] += withdrawal.gwei * 10**9
    for kind, amounts in (
        (Kind.INTERNAL, inside),
        (Kind.WITHDRAWAL, paid),
        (Kind.FEES, {block.miner: fees}),
    ):
        for address, amount in amounts.items():
            if address in watched and amount:
                own = kind is Kind.INTERNAL and address in callers
                key = f"{block.hash}:{kind}"
                yield Fact(key, address, block.number, block.hash, amount, own, kind)


def _moves(done: Executed) -> Iterator[tuple[str, str, int]]:
    if not done.payment.failed:
        for source, to, wei in done.payment.moves:
            yield source or done.payment.to or done.created, to, wei


def _token_facts(block: EthBlock, watched: set[str], listed: set[str]) -> Iterator[Fact]:
    for done in block.executed:
        for ordinal, log in enumerate(done.logs):
            if log.address not in listed or len(log.topics) != 3:
                continue
            source, to = ("0x" + topic[-40:] for topic in log.topics[1:])
            amount = int.from_bytes(log.data, "big")
            key = f"{done.payment.hash}:{ordinal}"
            for address, net in ((source, -amount), (to, amount)):
                if address in watched and amount and source != to:
                    yield Fact(
                        key,
                        address,
                        block.number,
                        block.hash,
                        net,
                        source in watched,
                        Kind.TOKEN,
                        log.address,
                    )


def received(facts: Iterable[Fact], where: str, height: int) -> int:
    """The sum of the gifts at a script or address, in base units, as a tip at ``height`` sees it.

    Gifts are positive, not own, and payments, internal money or ripe coinbases. Tokens are left
    out: sum the facts of one ``asset``.
    """
    return sum(
        fact.net
        for fact in facts
        if fact.where == where.lower()
        and fact.net > 0
        and not fact.own
        and (
            fact.kind in {Kind.PAYMENT, Kind.INTERNAL}
            or (
                fact.kind is Kind.COINBASE
                and fact.height is not None
                and height - fact.height + 1 >= MATURITY
            )
        )
    )


def balance(facts: Iterable[Fact], where: str) -> int:
    """What lies at a script or address now, unconfirmed money included, in base units."""
    return sum(
        fact.net for fact in facts if fact.where == where.lower() and fact.kind is not Kind.TOKEN
    )
