"""Listed ERC-20 tokens: their Transfer logs, held against ``balanceOf``.

The contract decides what a token is, never its name. A load-balanced endpoint may answer
``eth_getLogs`` with a part: what the logs bring must be what the balance grew by, or nothing is
told. Source: EIP-20; amounts are the token's base units.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from web3 import Web3

from donations.errors import BadObservation, DonationsError, UpstreamMalformed, UpstreamMoved
from donations.ledger import Block, Checkpoint, Observation, Transaction
from donations.sources.ethereum_account import Account
from donations.sources.ethereum_rpc import (
    Item,
    RpcError,
    StrictProvider,
    address20,
    block_of,
    good,
    hash32,
    quantity,
)
from donations.sources.ethereum_rpc import field as field_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from donations.chains.base import Token
    from donations.sources.base import Ask

_TRANSFER = Web3.to_hex(Web3.keccak(text="Transfer(address,address,uint256)"))
_BALANCE_OF = Web3.to_hex(Web3.keccak(text="balanceOf(address)"))[:10]
# Endpoints cap the range of a query; the smallest cap met in the field is 1,000 blocks.
_RANGE = 1_000
_UINT256_HEX = 66


@dataclass(frozen=True, slots=True)
class _Log:
    """One Transfer log; ``index`` counts within the block."""

    contract: str
    block_number: int
    block_hash: str
    transaction: str
    index: int
    sender: str
    recipient: str
    amount: int


@dataclass(slots=True)
class _Watched:
    """One token at one address. ``error`` is why the last look at it failed."""

    account: Account = field(default_factory=Account)
    error: DonationsError | None = None


class Tokens:
    """The listed tokens at the watched addresses, as one endpoint tells them."""

    def __init__(
        self, rpc: StrictProvider, tokens: Sequence[Token], addresses: Sequence[str]
    ) -> None:
        self._rpc = rpc
        self._contracts = {token.symbol: token.contract.lower() for token in tokens}
        self._addresses = {address.lower(): address for address in addresses}
        self._watched: dict[tuple[str, str], _Watched] = {}

    def heights(self) -> set[int]:
        """The heights whose blocks tell whether what was found still stands."""
        return {
            w.account.points[-1].block.height for w in self._watched.values() if w.account.points
        }

    def told(
        self, ask: Ask, operator: str, tip: Block, final: Block, blocks: Mapping[int, Block]
    ) -> Observation:
        """The observation of one key. Raises what the last look at it met."""
        watched = self._watched[ask.key.asset, ask.key.address]
        if watched.error is not None:
            raise watched.error
        account = watched.account
        start = account.points[0].block.height
        found = account.found
        return Observation(
            operator=operator,
            key=ask.key,
            tip=tip,
            final_height=final.height,
            since=start if ask.checkpoint is None else start + 1,
            transactions=tuple(found),
            blocks={**blocks, **{t.block.height: t.block for t in found if t.block is not None}},
            at=int(time.time()),
            balance=account.points[-1].balance,
            checkpoint=account.settled_point(final.height),
        )

    async def advance(self, asks: Sequence[Ask], tip: Block, blocks: Mapping[int, Block]) -> None:
        """Look at each asked token up to ``tip``. The failure of one voids no other.

        Raises UpstreamMoved when the tip went away meanwhile.
        """
        for ask in asks:
            watched = self._watched.setdefault((ask.key.asset, ask.key.address), _Watched())
            watched.error = None
            try:
                await self._prepare(ask, watched.account, tip, blocks)
            except UpstreamMoved:
                raise
            except DonationsError as error:
                watched.error = error
        ready = [
            (ask, watched.account)
            for ask in asks
            if (watched := self._watched[ask.key.asset, ask.key.address]).error is None
            and watched.account.points[-1].block != tip
        ]
        if not ready:
            return
        try:
            logs, balances = await self._logs_and_balances(ready, tip)
            found = await self._transactions(logs)
        except UpstreamMoved:
            raise
        except DonationsError as error:
            for ask, _ in ready:
                self._watched[ask.key.asset, ask.key.address].error = error
            return
        for (ask, account), balance in zip(ready, balances, strict=True):
            try:
                self._take(ask, account, tip, found, balance)
            except DonationsError as error:
                self._watched[ask.key.asset, ask.key.address].error = error

    async def _prepare(
        self, ask: Ask, account: Account, tip: Block, blocks: Mapping[int, Block]
    ) -> None:
        if (
            account.points
            and blocks.get(account.points[-1].block.height) != account.points[-1].block
        ):
            held = [p for p in account.points if blocks.get(p.block.height) == p.block]
            account.forget_after(held[-1].block.height if held else -1)
        if account.covers(ask.since):
            account.forget_before(ask.since)
            return
        kept = ask.checkpoint
        if kept is not None and await self._stands(kept, ask.since, tip):
            account.start(kept, opening=False)
            return
        height = min(ask.since if kept is None else ask.since - 1, tip.height)
        block = block_of(await self._rpc.one("eth_getBlockByNumber", hex(max(0, height)), False))
        balance = _amount(await self._rpc.one(*self._balance_item(ask, block)))
        account.start(Checkpoint(block, balance, 0), opening=kept is None)

    async def _stands(self, kept: Checkpoint, since: int, tip: Block) -> bool:
        """Whether the chain still holds the block of a recorded checkpoint, and it is of use."""
        height = kept.block.height
        if not height < since or height > tip.height:
            return False
        answer = await self._rpc.one("eth_getBlockByNumber", hex(height), False)
        return block_of(answer) == kept.block

    def _balance_item(self, ask: Ask, block: Block) -> tuple[str, Any, Any]:
        data = _BALANCE_OF + ask.key.address[2:].lower().rjust(64, "0")
        call = {"to": self._contracts[ask.key.asset], "data": data}
        return ("eth_call", call, {"blockHash": block.hash})

    async def _logs_and_balances(
        self, ready: Sequence[tuple[Ask, Account]], tip: Block
    ) -> tuple[list[_Log], list[int]]:
        """What happened up to ``tip``; mostly one batch, with the tip asked after the logs."""
        low = min(account.points[-1].block.height for _, account in ready) + 1
        logs: list[_Log] = []
        while tip.height - low >= _RANGE:
            logs += await self._logs(low, low + _RANGE - 1)
            low += _RANGE
        items = self._log_items(low, tip.height)
        items.append(("eth_getBlockByNumber", [hex(tip.height), False]))
        for ask, _ in ready:
            method, *params = self._balance_item(ask, tip)
            items.append((method, params))
        first, second, best, *balances = await self._rpc.ask(items)
        if block_of(good(best, "eth_getBlockByNumber")) != tip:
            raise UpstreamMoved("the tip changed while logs were read")
        logs += await self._read_logs([first, second], low, tip.height)
        return logs, [_amount(good(answer, "balanceOf")) for answer in balances]

    def _log_items(self, low: int, high: int) -> list[Item]:
        """The two questions for all transfers to us, and from us, in these blocks."""
        ours = ["0x" + address[2:].rjust(64, "0") for address in self._addresses]
        asked = {
            "fromBlock": hex(low),
            "toBlock": hex(high),
            "address": sorted(set(self._contracts.values())),
        }
        return [
            ("eth_getLogs", [{**asked, "topics": topics}])
            for topics in ([_TRANSFER, None, ours], [_TRANSFER, ours])
        ]

    async def _logs(self, low: int, high: int) -> list[_Log]:
        return await self._read_logs(await self._rpc.ask(self._log_items(low, high)), low, high)

    async def _read_logs(self, answers: Sequence[Any], low: int, high: int) -> list[_Log]:
        """The logs told; an endpoint that refuses to is asked for half of the blocks at a time."""
        if any(isinstance(answer, RpcError) for answer in answers) and high > low:
            middle = (low + high) // 2
            return [*await self._logs(low, middle), *await self._logs(middle + 1, high)]
        found: dict[tuple[str, int], _Log] = {}
        for answer in answers:
            listed = good(answer, "eth_getLogs")
            if not isinstance(listed, list):
                raise UpstreamMalformed("eth_getLogs: not a list")
            for item in listed:
                log = parse_log(item)
                found[log.block_hash, log.index] = log
        return list(found.values())

    async def _transactions(self, logs: Iterable[_Log]) -> list[tuple[_Log, Transaction]]:
        """Each log as a transaction of its recipient or sender, named by its place in its receipt.

        The place in the block can change with a reorg, the place in the receipt cannot.
        """
        ordered = sorted(logs, key=lambda log: (log.block_number, log.index))
        hashes = sorted({log.transaction for log in ordered})
        items: list[Item] = [("eth_getTransactionReceipt", [h]) for h in hashes]
        items += [("eth_getTransactionByHash", [h]) for h in hashes]
        numbers = sorted({log.block_number for log in ordered})
        items += [("eth_getBlockByNumber", [hex(n), False]) for n in numbers]
        answers = [good(answer, "receipt of a log") for answer in await self._rpc.ask(items)]
        receipts = dict(zip(hashes, answers, strict=False))
        sent = dict(zip(hashes, answers[len(hashes) :], strict=False))
        blocks = {n: block_of(a) for n, a in zip(numbers, answers[2 * len(hashes) :], strict=True)}
        found = []
        for log in ordered:
            block = blocks[log.block_number]
            if block.hash != log.block_hash:
                raise UpstreamMoved("a log is of another block")
            ordinal = _ordinal(log, receipts[log.transaction])
            found.append((log, self._transaction(log, ordinal, sent[log.transaction], block)))
        return found

    def _transaction(self, log: _Log, ordinal: int, sent: Any, block: Block) -> Transaction:
        sender = address20(field_of(sent, "from"))
        identity = f"{log.transaction}:{ordinal}"
        moved = ((identity, log.amount),)
        return Transaction(
            id=identity,
            block=block,
            consumes=frozenset({f"{sender}:{quantity(field_of(sent, 'nonce'))}"}),
            brings=moved if log.recipient in self._addresses else (),
            spends=moved if log.sender in self._addresses else (),
            own=log.sender in self._addresses or sender in self._addresses,
        )

    def _take(
        self,
        ask: Ask,
        account: Account,
        tip: Block,
        found: Iterable[tuple[_Log, Transaction]],
        balance: int,
    ) -> None:
        last = account.points[-1]
        contract, address = self._contracts[ask.key.asset], ask.key.address.lower()
        fresh = []
        for log, transaction in found:
            if log.contract != contract or log.block_number <= last.block.height or not log.amount:
                continue
            brings = transaction.brings if log.recipient == address else ()
            spends = transaction.spends if log.sender == address else ()
            if brings or spends:
                fresh.append(
                    Transaction(
                        transaction.id,
                        transaction.block,
                        transaction.consumes,
                        brings=brings,
                        spends=spends,
                        own=transaction.own,
                    )
                )
        if balance - last.balance != sum(transaction.net for transaction in fresh):
            raise BadObservation(
                f"{ask.key.asset}: the balance changed by {balance - last.balance}, its logs by "
                f"{sum(transaction.net for transaction in fresh)}"
            )
        account.advance(Checkpoint(tip, balance, 0), fresh)


def parse_log(item: Any) -> _Log:
    """One log of ``eth_getLogs``. Raises UpstreamError."""
    topics = field_of(item, "topics")
    if not isinstance(topics, list) or len(topics) != 3 or hash32(topics[0]) != _TRANSFER:
        raise UpstreamMalformed("a log that is no ERC-20 Transfer")
    if item.get("removed"):
        raise UpstreamMoved("a log was removed by a reorg")
    return _Log(
        contract=address20(field_of(item, "address")),
        block_number=quantity(field_of(item, "blockNumber")),
        block_hash=hash32(field_of(item, "blockHash")),
        transaction=hash32(field_of(item, "transactionHash")),
        index=quantity(field_of(item, "logIndex")),
        sender=_topic_address(topics[1]),
        recipient=_topic_address(topics[2]),
        amount=_amount(field_of(item, "data")),
    )


def _topic_address(topic: Any) -> str:
    return "0x" + hash32(topic)[-40:]


def _amount(data: Any) -> int:
    """A uint256 as the ABI encodes it: 32 bytes, no more."""
    if not isinstance(data, str) or len(data) != _UINT256_HEX:
        raise UpstreamMalformed("an amount that is no uint256")
    return int(hash32(data), 16)


def _ordinal(log: _Log, receipt: Any) -> int:
    listed = field_of(receipt, "logs")
    if not isinstance(listed, list) or hash32(field_of(receipt, "blockHash")) != log.block_hash:
        raise UpstreamMoved("the receipt of a log is of another block")
    indexes = [quantity(field_of(item, "logIndex")) for item in listed]
    if log.index not in indexes:
        raise UpstreamMalformed("a log is not in its receipt")
    return sorted(indexes).index(log.index)
