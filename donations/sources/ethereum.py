"""Ethereum through any plain JSON-RPC endpoint: nothing lists payments, so watch the state.

Balance and nonce of each address are read at the head. Where they differ from the last point, the
blocks between are searched (`ethereum_search`), read and certified (`ethereum_reading`), and each
changed block is explained to the wei (`ethereum_explain`). So payments from inside contract calls
are in the total by construction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from web3 import AsyncWeb3

from donations.errors import DonationsError, UpstreamMalformed, UpstreamMoved
from donations.ledger import Block, Checkpoint, Observation, Transaction
from donations.reasons import Reason
from donations.sources.base import Ask, Failure, Probe
from donations.sources.ethereum_account import Account
from donations.sources.ethereum_gaps import horizon_of, jump_gaps
from donations.sources.ethereum_proofs import EthereumProofs
from donations.sources.ethereum_reading import DoesNotAddUp, read_windows
from donations.sources.ethereum_rpc import (
    Item,
    RpcError,
    StrictProvider,
    block_of,
    field,
    good,
    hash32,
    quantity,
)
from donations.sources.ethereum_search import State, StateGone, Window, search, state_items
from donations.sources.ethereum_tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from donations.chains.base import Network, Token
    from donations.sources.ethereum_past import Past

logger = logging.getLogger(__name__)

_LOOKS = 3
_BLOCKS_KEPT = 256
# Headers below the tip that are read along: operators whose heads differ by less share a block.
_BELOW_TIP = 3
_UNKNOWN_HASH = "0x" + "00" * 31 + "01"


@dataclass(frozen=True, slots=True)
class _Head:
    tip: Block
    final: Block


class EthereumSource:
    """One endpoint; see `sources.base.Source`. Keys whose asset is not ``asset`` are tokens."""

    def __init__(
        self,
        url: str,
        operator: str,
        *,
        network: Network,
        addresses: Sequence[str],
        tokens: Sequence[Token] = (),
        asset: str = "ETH",
        past: Past | None = None,
    ) -> None:
        self.url, self.operator = url, operator
        self._network, self._asset = network, asset
        self._watched = frozenset(address.lower() for address in addresses)
        self._rpc = StrictProvider(url)
        self._web3 = AsyncWeb3(self._rpc)
        self.proofs = EthereumProofs(self._rpc, operator)
        self._accounts = {address: Account() for address in addresses}
        self._tokens = Tokens(self._rpc, tokens, addresses)
        self._past = past
        self._blocks: dict[int, Block] = {}
        self._checked = False

    async def wait(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._rpc.close()

    async def probe(self) -> Probe:
        await self._check_network()
        software = await self._web3.client_version
        head = await self._head(())
        oldest = ("eth_getBalance", [next(iter(self._accounts)), "0x0"])
        (answer,) = await self._rpc.ask([oldest])
        return Probe(
            software=str(software)[:60],
            protocol="JSON-RPC",
            tip=head.tip,
            final_height=head.final.height,
            reaches_genesis=not isinstance(answer, RpcError),
        )

    async def _check_network(self) -> None:
        """Refuse another chain, and a back end that answers for blocks it does not know."""
        if self._checked:
            return
        chain_id = quantity(await self._rpc.one("eth_chainId"))
        if self._network.chain_id is not None and chain_id != self._network.chain_id:
            raise UpstreamMalformed(
                f"it serves another network: chain id {chain_id}, "
                f"{self._network.name} has {self._network.chain_id}",
                why=Reason.WRONG_NETWORK,
            )
        unknown = ("eth_getBalance", [next(iter(self._accounts)), {"blockHash": _UNKNOWN_HASH}])
        (answer,) = await self._rpc.ask([unknown])
        if not isinstance(answer, RpcError):
            raise UpstreamMalformed("it tells a balance at a block that does not exist")
        self._checked = True

    async def past(self, address: str, point: Checkpoint) -> tuple[Transaction, ...] | None:
        """See `sources.base.Historian`."""
        if self._past is None:
            return None
        return await self._past.transactions(address, point, self._blocks_at)

    # -- observing

    async def observe(self, asks: Sequence[Ask]) -> AsyncIterator[Observation | Failure]:
        native = [ask for ask in asks if ask.key.asset == self._asset]
        listed = [ask for ask in asks if ask.key.asset != self._asset]
        for look in range(_LOOKS):
            try:
                head = await self._look(native, listed)
                break
            except UpstreamMoved as error:
                failure: DonationsError = error
                if isinstance(error, DoesNotAddUp) and look == _LOOKS - 2:
                    self._begin_anew(native)
                if look < _LOOKS - 1:
                    continue
            except DonationsError as error:
                failure = error
            for ask in asks:
                yield Failure(ask.key, failure)
            return
        for ask in native:
            try:
                yield await self._told(ask, head)
            except DonationsError as error:
                yield Failure(ask.key, error)
        for ask in listed:
            try:
                yield self._tokens.told(ask, self.operator, head.tip, head.final, self._blocks)
            except DonationsError as error:
                yield Failure(ask.key, error)

    def _begin_anew(self, asks: Sequence[Ask]) -> None:
        """Forget what was read, one number of which may have been wrong; it is read once more."""
        for ask in asks:
            self._accounts[ask.key.address].points.clear()

    async def _look(self, native: Sequence[Ask], listed: Sequence[Ask]) -> _Head:
        await self._check_network()
        points = (a.points[-1].block.height for a in self._accounts.values() if a.points)
        compare = {height for ask in (*native, *listed) for height in ask.compare}
        head = await self._head({*points, *compare, *self._tokens.heights()})
        for ask in native:
            await self._prepare(ask, head)
        await self._advance(native, head)
        if listed:
            await self._tokens.advance(listed, head.tip, self._blocks)
        return head

    async def _told(self, ask: Ask, head: _Head) -> Observation:
        account = self._accounts[ask.key.address]
        start = account.points[0].block.height
        # A point says nothing of its own block, an opening entry all of what came up to it.
        first = ask.checkpoint is None and (ask.opening or start == 0)
        return Observation(
            operator=self.operator,
            key=ask.key,
            tip=head.tip,
            final_height=head.final.height,
            since=start if first else start + 1,
            transactions=(
                *account.past,
                *account.found,
                *await self._rivals(ask, account, head.tip),
            ),
            blocks=self._known_blocks([*account.past, *account.found]),
            at=int(time.time()),
            balance=account.points[-1].balance,
            checkpoint=account.settled_point(head.final.height),
        )

    def _known_blocks(self, found: Iterable[Transaction]) -> dict[int, Block]:
        return {**self._blocks, **{t.block.height: t.block for t in found if t.block is not None}}

    async def _rivals(self, ask: Ask, account: Account, tip: Block) -> list[Transaction]:
        """A transfer that vanished was replaced if its sender's nonce has been used since."""
        found = {transaction.id for transaction in (*account.past, *account.found)}
        slots = [
            slot
            for transfer in ask.unsettled
            if transfer.id not in found
            for slot in sorted(transfer.consumes)
        ]
        items: list[Item] = [
            ("eth_getTransactionCount", [slot.partition(":")[0], {"blockHash": tip.hash}])
            for slot in slots
        ]
        answers = await self._rpc.ask(items)
        return [
            Transaction(f"another transaction with nonce {slot}", None, frozenset({slot}))
            for slot, answer in zip(slots, answers, strict=True)
            if quantity(good(answer, "eth_getTransactionCount")) > int(slot.partition(":")[2])
        ]

    # -- the chain

    async def _head(self, numbers: Iterable[int]) -> _Head:
        """Tip, final block, and the blocks at ``numbers``, in one batch.

        A batch is no snapshot: the tip is asked first and last.
        """
        heights = sorted(numbers)
        wanted = ["latest", "finalized", *map(hex, heights), "latest"]
        items: list[Item] = [("eth_getBlockByNumber", [number, False]) for number in wanted]
        answers = [good(answer, "eth_getBlockByNumber") for answer in await self._rpc.ask(items)]
        tip, final = block_of(answers[0]), block_of(answers[1])
        if block_of(answers[-1]) != tip:
            raise UpstreamMoved("the tip changed while blocks were read")
        if final.height > tip.height:
            raise UpstreamMoved("the final block is above the tip")
        told = {height: block_of(a) for height, a in zip(heights, answers[2:-1], strict=True) if a}
        self._learn({**told, final.height: final, tip.height: tip}, tip)
        return _Head(tip, final)

    def _learn(self, told: dict[int, Block], tip: Block) -> None:
        """Take new blocks. Where one differs from ours, all above the last one that does not goes:
        nobody said how deep the reorg is.
        """
        broken = min((h for h, b in told.items() if self._blocks.get(h, b) != b), default=None)
        sure = tip.height
        if broken is not None:
            sure = max((h for h in told if h < broken), default=-1)
        held = {h: block for h, block in self._blocks.items() if h <= sure}
        merged = {**held, **told}
        self._blocks = {height: merged[height] for height in sorted(merged)[-_BLOCKS_KEPT:]}

    async def _block_at(self, height: int) -> Block:
        return block_of(await self._rpc.one("eth_getBlockByNumber", hex(height), False))

    async def _blocks_at(self, heights: list[int]) -> dict[int, Block]:
        items: list[Item] = [("eth_getBlockByNumber", [hex(height), False]) for height in heights]
        answers = await self._rpc.ask(items)
        return {
            height: block_of(good(answer, "eth_getBlockByNumber"))
            for height, answer in zip(heights, answers, strict=True)
        }

    async def _point_at(self, address: str, height: int) -> Checkpoint:
        block = await self._block_at(height)
        answers = await self._rpc.ask(state_items(address, {"blockHash": block.hash}))
        if any(isinstance(answer, RpcError) and answer.pruned for answer in answers):
            raise StateGone(f"the state of block {height} is no longer kept")
        balance, nonce = (quantity(good(answer, "state")) for answer in answers)
        return Checkpoint(block, balance, nonce)

    # -- the accounts

    async def _prepare(self, ask: Ask, head: _Head) -> None:
        """Make sure of a point on the present chain below ``ask.since``."""
        account = self._accounts[ask.key.address]
        if account.points and self._blocks.get(account.points[-1].block.height) != (
            account.points[-1].block
        ):
            await self._walk_back(account)
        if account.covers(ask.since):
            account.forget_before(ask.since)
            return
        point = await self._start(ask, head)
        past = None
        if ask.opening:
            past = await self.past(ask.key.address, point)
        account.start(point, opening=ask.opening or ask.since == 0)
        if past is not None:
            account.begin_after(past)

    async def _walk_back(self, account: Account) -> None:
        """To the last point that the chain still holds: a reorg took the later ones."""
        heights = [point.block.height for point in account.points]
        answers = await self._rpc.ask([("eth_getBlockByNumber", [hex(h), False]) for h in heights])
        still = -1
        for point, answer in zip(account.points, answers, strict=True):
            if isinstance(answer, RpcError) or answer is None or block_of(answer) != point.block:
                break
            still = point.block.height
        account.forget_after(still)

    async def _start(self, ask: Ask, head: _Head) -> Checkpoint:
        """The recorded checkpoint where the chain holds it, else a point read just below."""
        kept = ask.checkpoint
        if kept is None:
            return await self._point_at(ask.key.address, min(ask.since, head.tip.height))
        height = min(ask.since - 1, head.tip.height)
        stands = (
            kept.block.height <= head.tip.height
            and await self._block_at(kept.block.height) == kept.block
        )
        if stands and kept.block.height < ask.since:
            return kept
        if not stands:
            logger.warning("%s: the final block %s left its chain", self.operator, kept.block.hash)
        try:
            return await self._point_at(ask.key.address, max(0, height))
        except StateGone:
            if not stands:
                raise
            return kept  # what lies below can no longer be told; it is not told to be empty

    async def _advance(self, asks: Sequence[Ask], head: _Head) -> None:
        """Bring every account to the head, or raise with none of them changed."""
        tip = head.tip
        recorded = {ask.key.address: ask.recorded for ask in asks}
        behind = [a for a in recorded if self._accounts[a].points[-1].block != tip]
        if not behind:
            return
        states = await self._states_at(behind, tip)
        windows, odd = [], set()
        for address in behind:
            account, last = self._accounts[address], self._accounts[address].points[-1]
            low = State(last.block.height, last.balance, last.nonce)
            windows.append(Window(address, low, states[address]))
            if account.has_code:
                odd.add(address)
        gaps: dict[str, list[Transaction]] = {}
        try:
            leaves = await search(self._rpc, windows, every_block=frozenset(odd))
        except StateGone:
            horizon = horizon_of(tip)
            points = {
                w.address: await self._point_at(w.address, horizon)
                for w in windows
                if w.low.number < horizon
            }
            windows, gaps = await jump_gaps(self._rpc, windows, points, recorded, odd)
            leaves = await search(self._rpc, windows, every_block=frozenset(odd))
        readings = await read_windows(self._rpc, tip, windows, leaves, self._watched)
        unclear = frozenset(w.address for w in windows if not readings[w.address].complete) - odd
        if unclear:
            # The nonce grew without a transaction of ours: the account was delegated meanwhile
            # (EIP-7702), so equal ends proved nothing.
            again = [window for window in windows if window.address in unclear]
            leaves = await search(self._rpc, again, every_block=unclear)
            readings |= await read_windows(self._rpc, tip, again, leaves, self._watched)
        for window in windows:
            found = [*gaps.get(window.address, ()), *readings[window.address].transactions]
            state = states[window.address]
            self._accounts[window.address].advance(
                Checkpoint(tip, state.balance, state.nonce), found
            )

    async def _states_at(self, addresses: Sequence[str], tip: Block) -> dict[str, State]:
        at = {"blockHash": tip.hash}
        items: list[Item] = []
        for address in addresses:
            items += [*state_items(address, at), ("eth_getCode", [address, at])]
        below = [h for h in range(tip.height - _BELOW_TIP, tip.height + 1) if h >= 0]
        items += [("eth_getBlockByNumber", [hex(height), False]) for height in below]
        answers = [good(answer, "state") for answer in await self._rpc.ask(items)]
        states = {}
        for n, address in enumerate(addresses):
            balance, nonce, code = answers[3 * n : 3 * n + 3]
            states[address] = State(tip.height, quantity(balance), quantity(nonce))
            self._note_code(address, code)
        self._learn(_linked(answers[3 * len(addresses) :], tip), tip)
        return states

    def _note_code(self, address: str, code: Any) -> None:
        account = self._accounts[address]
        if not isinstance(code, str) or not code.startswith("0x"):
            raise UpstreamMalformed("eth_getCode: no hexadecimal text")
        if code != "0x" and not account.has_code:
            logger.warning(
                "%s has code (a contract, or a delegation by EIP-7702): every block is read",
                address,
            )
        account.has_code = code != "0x"


def _linked(answers: Sequence[Any], tip: Block) -> dict[int, Block]:
    """Blocks by height that lead to ``tip``. Raises UpstreamMoved when they do not."""
    blocks = [block_of(answer) for answer in answers]
    parents = [hash32(field(answer, "parentHash")) for answer in answers]
    if blocks[-1] != tip or [block.hash for block in blocks[:-1]] != parents[1:]:
        raise UpstreamMoved("the tip changed while states were read")
    return {block.height: block for block in blocks}
