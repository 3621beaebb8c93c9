"""Bitcoin and Bitcoin Cash through an explorer with an HTTP interface.

An explorer does not push: each poll asks for its newest blocks and for what it counts at an
address, and reads more only when one of them moved. Amounts cannot be altered, as the txid is
recomputed from what is told of a transaction; a whole one can be invented, hence agreement.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from donations.chains.base import Protocol
from donations.errors import (
    DonationsError,
    UpstreamMalformed,
    UpstreamMoved,
    UpstreamUnavailable,
)
from donations.ledger import Block, Observation, Transaction
from donations.reasons import Reason
from donations.sources.base import PORTION, Ask, Failure, Probe
from donations.sources.electrum_history import Row, portion
from donations.sources.esplora import EsploraApi
from donations.sources.explorer import History, Summary, join
from donations.sources.explorer_blocks import ExplorerBlocks
from donations.sources.explorer_proofs import read_headers, read_inclusion
from donations.sources.haskoin import HaskoinApi
from donations.sources.rest import Rest
from donations.sources.shelf import Content
from donations.sources.transport import NotFound
from donations.sources.utxo_told import ask_second_reader, check_network, check_settled, tell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from donations.chains.base import Network
    from donations.ledger import Transfer
    from donations.proof.inclusion import Inclusion
    from donations.sources.explorer import Api
    from donations.sources.shelf import Shelf
    from donations.sources.utxo_json import Told

_LOOKS = 3
_INPUTS_TRIED = 8


@dataclass(slots=True)
class _Watched:
    """What was read of one address: ``top`` and ``generation`` are of the blocks at that time."""

    summary: Summary | None = None
    history: History | None = None
    contents: dict[str, Content] = field(default_factory=dict)
    top: int = -1
    generation: int = -1


class ExplorerSource:
    """One explorer; see `sources.base.Source`."""

    def __init__(
        self,
        url: str,
        operator: str,
        *,
        kind: Protocol,
        network: Network,
        confirmations: int,
        scripts: Mapping[str, bytes],
        shelf: Shelf,
    ) -> None:
        self.url, self.operator = url, operator
        self._rest = Rest(url)
        self._api: Api = (
            EsploraApi(self._rest) if kind is Protocol.ESPLORA else HaskoinApi(self._rest)
        )
        self._network, self._confirmations = network, confirmations
        self._addresses = {script: address for address, script in scripts.items()}
        self._watched = {address: _Watched() for address in scripts}
        self._shelf = shelf
        self._blocks = ExplorerBlocks()
        self._checked = False

    async def probe(self) -> Probe:
        await self._follow()
        tip = self._blocks.tip
        software = await self._api.software()
        return Probe(software, self._api.protocol, tip, self._final_height(tip), True)

    async def headers(self, start: int, count: int) -> list[bytes]:
        """See `sources.base.Prover`."""
        await self._follow()
        return await read_headers(self._api, self._blocks.tip.height, start, count)

    async def inclusion(self, txid: str, height: int) -> Inclusion:
        """See `sources.base.Prover`."""
        await self._follow()
        return await read_inclusion(self._api, self._rest, txid, height)

    async def wait(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._rest.close()

    async def observe(self, asks: Sequence[Ask]) -> AsyncIterator[Observation | Failure]:
        followed = False
        for ask in asks:
            try:
                if not followed:
                    await self._follow()
                    followed = True
                yield await self._observe(ask)
            except DonationsError as error:
                yield Failure(ask.key, error)

    async def _observe(self, ask: Ask) -> Observation:
        for look in range(_LOOKS):
            try:
                return await self._look(ask)
            except UpstreamMoved:
                if look == _LOOKS - 1:
                    raise
            await self._rest.past_caches()
            await self._follow()
        raise AssertionError("unreachable")

    def _final_height(self, tip: Block) -> int:
        return tip.height - self._confirmations + 1

    async def _follow(self) -> None:
        try:
            await self._blocks.follow(self._api)
        except NotFound as error:
            raise UpstreamUnavailable(
                f"{error}: is the URL the one below which {self._api.protocol} answers?",
                why=Reason.NOT_FOUND,
            ) from None
        if not self._checked:
            await check_network(self._network, self._blocks.tip, self._block_at)
            self._checked = True

    async def _block_at(self, height: int) -> Block:
        return (await self._blocks.at(self._api, [height]))[height]

    # -- one look

    async def _look(self, ask: Ask) -> Observation:
        watched = self._watched[ask.key.address]
        tip, generation = self._blocks.tip, self._blocks.generation
        history, summary = await self._history(ask, watched)
        listed = {told.txid for told in (*history.confirmed, *history.pending)}
        early = sum(1 for t in history.confirmed if t.height is not None and t.height < ask.since)
        check_settled(ask, self._blocks.recent, history.below + early)
        rows = [Row(told.txid, told.height) for told in (*history.confirmed, *history.pending)]
        rows, until = portion(tuple(rows), ask.since, PORTION)
        blocks = await self._places(ask, rows, history, tip)
        transactions = await tell(ask, rows, watched.contents, blocks, self._shelf)
        rivals = await self._rivals(ask.unsettled, listed, tip) if until is None else []
        if self._blocks.generation != generation:
            raise UpstreamMoved("a reorg happened while the history was read")
        recent = {h: block for h, block in self._blocks.recent.items() if h <= tip.height}
        placed = {t.block.height: t.block for t in rivals if t.block is not None}
        return Observation(
            operator=self.operator,
            key=ask.key,
            tip=tip,
            final_height=self._final_height(tip),
            since=ask.since,
            until=until,
            transactions=(*transactions, *rivals),
            blocks={**placed, **blocks, **recent},
            at=int(time.time()),
            balance=summary.balance,
            total=summary.total,
        )

    async def _history(self, ask: Ask, watched: _Watched) -> tuple[History, Summary]:
        """What is held, while nothing moved; else it is read, between two equal summaries."""
        address, tip = ask.key.address, self._blocks.tip
        summary = await self._api.summary(address)
        held = watched.history
        if watched.generation != self._blocks.generation or held is None or held.since > ask.since:
            held = None
        elif not held.pending and summary.pending == 0 and summary == watched.summary:
            watched.top = tip.height
            return held, summary
        floor = ask.since if held is None else watched.top + 1
        history = join(ask.since, await self._api.pages(address, floor, summary), summary, held)
        if any(t.height is not None and t.height > tip.height for t in history.confirmed):
            raise UpstreamMoved("its history is ahead of its blocks")
        if history != held or summary != watched.summary:
            await self._blocks.follow(self._api)
            if self._blocks.tip != tip or await self._api.summary(address) != summary:
                raise UpstreamMoved("something moved while the history was read")
        watched.contents = await self._contents(watched.contents, history)
        watched.history, watched.summary = history, summary
        watched.top, watched.generation = tip.height, self._blocks.generation
        return history, summary

    async def _contents(self, known: dict[str, Content], history: History) -> dict[str, Content]:
        all_told = (*history.confirmed, *history.pending)
        new = [told for told in all_told if told.txid not in known]
        await asyncio.to_thread(
            ask_second_reader, [t.raw for t in new], [t.transaction for t in new]
        )
        found = {}
        for told in all_told:
            content = known.get(told.txid) or Content.of(told.transaction, self._addresses)
            self._shelf.put(content)
            found[told.txid] = content
        return found

    async def _places(
        self, ask: Ask, rows: Sequence[Row], history: History, tip: Block
    ) -> dict[int, Block]:
        """The blocks of the listed transactions, and those that are to be compared."""
        told = {t.height: t.block for t in history.confirmed if t.block is not None}
        recent = self._blocks.recent
        for block in told.values():
            if recent.get(block.height, block) != block:
                raise UpstreamMoved("a transaction is told in a block of another branch")
        wanted = {row.height for row in rows if row.height is not None}
        found = {block.height: block for block in told.values() if block.height in wanted}
        missing = (wanted | {h for h in ask.compare if 0 <= h <= tip.height}) - found.keys()
        return found | await self._blocks.at(self._api, missing)

    async def _rivals(
        self, unsettled: Sequence[Transfer], listed: set[str], tip: Block
    ) -> list[Transaction]:
        """For each unsettled transfer that is no longer listed, what consumes the same."""
        rivals: dict[str, Transaction] = {}
        for transfer in unsettled:
            if transfer.id in listed:
                continue
            for outpoint in sorted(transfer.consumes)[:_INPUTS_TRIED]:
                rival = await self._api.spender(outpoint)
                if rival is None or rival.txid == transfer.id:
                    continue
                if outpoint not in rival.transaction.inputs:
                    raise UpstreamMalformed(f"{rival.txid} does not spend {outpoint}")
                if rival.txid not in listed:
                    rivals[rival.txid] = await self._rival(rival, tip)
                break
        return list(rivals.values())

    async def _rival(self, rival: Told, tip: Block) -> Transaction:
        block = None
        if rival.height is not None:
            if rival.height > tip.height:
                raise UpstreamMoved("what took a gift's place is ahead of the blocks")
            block = await self._block_at(rival.height)
            if rival.block is not None and rival.block != block:
                raise UpstreamMoved("what took a gift's place is in a block of another branch")
        return Transaction(rival.txid, block, frozenset(rival.transaction.inputs))
