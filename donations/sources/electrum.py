"""Bitcoin and Bitcoin Cash through one Electrum server.

The server pushes the tip and the status of each address, so an address at rest costs nothing. An
amount cannot be altered: the txid is recomputed from the raw bytes, outputs are matched by script.
A whole transaction can still be invented, hence agreement.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from donations.errors import (
    DonationsError,
    UpstreamMalformed,
    UpstreamMoved,
    UpstreamUnavailable,
)
from donations.ledger import Observation
from donations.reasons import Reason
from donations.sources.base import PORTION, Ask, Failure, Probe
from donations.sources.electrum_answers import parse_balance, unhex
from donations.sources.electrum_blocks import Blocks
from donations.sources.electrum_connection import BROKEN, Connection, ServerError
from donations.sources.electrum_history import History, Row, parse_history, portion, scripthash
from donations.sources.electrum_proofs import named, read_headers, read_inclusion
from donations.sources.electrum_rivals import find_rivals
from donations.sources.shelf import Content
from donations.sources.utxo_told import ask_second_reader, check_network, check_settled, tell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from donations.chains.base import Network
    from donations.ledger import Block, Key
    from donations.proof.inclusion import Inclusion
    from donations.sources.certificates import Certificates
    from donations.sources.shelf import Shelf

_LOOKS = 3
_FULL_LOOK_SECONDS = 24 * 3600.0
# Reading so many transactions at once is worth waiting for another operator that reads the same.
_MANY = 50
_SHORT_LIVED_SECONDS = 60.0


@dataclass(slots=True)
class _Watched:
    """What the server told of one address. ``read`` is the status that ``history`` was read at."""

    scripthash: str
    status: str | None = None
    subscribed: bool = False
    notices: int = 0
    history: History | None = None
    balance: int | None = None
    read: tuple[str | None, int] | None = field(default=None)


class ElectrumSource:
    """One server; see `sources.base.Source`."""

    def __init__(
        self,
        url: str,
        operator: str,
        *,
        network: Network,
        confirmations: int,
        scripts: Mapping[str, bytes],
        shelf: Shelf,
        certificates: Certificates,
    ) -> None:
        self.url, self.operator = url, operator
        self._network, self._confirmations = network, confirmations
        self._addresses = {script: address for address, script in scripts.items()}
        self._watched = {a: _Watched(scripthash(script)) for a, script in scripts.items()}
        self._shelf, self._certificates = shelf, certificates
        self._connection: Connection | None = None
        self._connected_at = 0.0
        self._connecting = asyncio.Lock()  # polls and proofs share one connection
        self._blocks = Blocks()
        self._told_tip: Any = None
        self._moved = asyncio.Event()
        self._full_look_at = 0.0
        self._ahead: asyncio.Task[None] | None = None

    async def probe(self) -> Probe:
        try:
            connection = await self._connected()
            await self._blocks.refresh(connection)
        except ServerError as error:
            raise UpstreamUnavailable(str(error), why=Reason.RPC_ERROR) from None
        tip = self._blocks.tip
        return Probe(connection.software, connection.protocol, tip, self._final_height(), True)

    async def wait(self) -> None:
        await self._moved.wait()
        self._moved.clear()

    async def close(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)
            self._ahead = None
        if self._connection is not None:
            await self._connection.close()
        self._connection = None
        for watched in self._watched.values():
            watched.subscribed, watched.read = False, None

    async def headers(self, start: int, count: int) -> list[bytes]:
        """See `sources.base.Prover`."""
        if told := self._blocks.told(start, count):
            return told
        try:
            return await read_headers(await self._connected(), start, count)
        except ServerError as error:
            raise UpstreamUnavailable(str(error), why=Reason.RPC_ERROR) from None

    async def inclusion(self, txid: str, height: int) -> Inclusion:
        """See `sources.base.Prover`."""
        try:
            return await read_inclusion(await self._connected(), txid, height)
        except ServerError as error:
            raise UpstreamUnavailable(str(error), why=Reason.RPC_ERROR) from None

    async def observe(self, asks: Sequence[Ask]) -> AsyncIterator[Observation | Failure]:
        for ask in asks:
            try:
                yield await self._observe(ask)
            except DonationsError as error:
                yield Failure(ask.key, error)

    async def _observe(self, ask: Ask) -> Observation:
        for look in range(_LOOKS):
            try:
                return await self._look(ask, await self._connected())
            except UpstreamMoved:
                if look == _LOOKS - 1:
                    raise
            except ServerError as error:
                raise UpstreamUnavailable(str(error), why=Reason.RPC_ERROR) from None
        raise AssertionError("unreachable")

    # -- the connection

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.broken:
                await self.close()
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> Connection:
        connection = await Connection.open(self.url, self._certificates, self._take_notice)
        self._connected_at = time.monotonic()
        try:
            await self._check_network(connection)
        except ServerError as error:
            await connection.close()
            raise UpstreamUnavailable(str(error), why=Reason.RPC_ERROR) from None
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _check_network(self, connection: Connection) -> None:
        await self._blocks.refresh(connection)

        async def block_at(height: int) -> Block:
            return (await Blocks().at(connection, [height]))[height]

        await check_network(self._network, self._blocks.tip, block_at)

    def _take_notice(self, method: str, params: list[Any]) -> None:
        if method == "blockchain.headers.subscribe" and params:
            self._told_tip = params[0]
        elif method == "blockchain.scripthash.subscribe" and len(params) == 2:
            for watched in self._watched.values():
                if watched.scripthash == params[0]:
                    watched.status = params[1] if isinstance(params[1], str) else None
                    watched.notices += 1
        elif method == BROKEN and time.monotonic() - self._connected_at < _SHORT_LIVED_SECONDS:
            return  # who hangs up after each answer is called again at the next poll, not at once
        self._moved.set()

    # -- one look

    async def _look(self, ask: Ask, connection: Connection) -> Observation:
        watched = self._watched[ask.key.address]
        await self._follow_tip(connection)
        history = await self._history(watched, connection)
        tip, generation = self._blocks.tip, self._blocks.generation
        below = sum(1 for row in history.rows if row.height is not None and row.height < ask.since)
        check_settled(ask, self._blocks.recent, below)
        rows, until = portion(history.rows, ask.since, PORTION)
        contents = await self._contents(ask.key, rows, connection)
        self._read_ahead(ask.key, history, until, connection)
        heights = {row.height for row in rows if row.height is not None} | ask.compare
        blocks = await self._blocks.at(connection, {h for h in heights if h <= tip.height})
        transactions = await tell(ask, rows, contents, blocks, self._shelf)
        rivals = []
        if until is None:
            rivals = await find_rivals(
                connection, ask.unsettled, {row.txid for row in history.rows}, self._blocks
            )
        if self._told_tip is not None:
            await self._follow_tip(connection)
        if self._blocks.generation != generation:
            raise UpstreamMoved("a reorg happened while the history was read")
        return Observation(
            operator=self.operator,
            key=ask.key,
            tip=tip,
            final_height=tip.height - self._confirmations + 1,
            since=ask.since,
            until=until,
            transactions=(*transactions, *rivals),
            blocks={**blocks, **{h: b for h, b in self._blocks.recent.items() if h <= tip.height}},
            at=int(time.time()),
            balance=watched.balance,
            total=len(history.rows),
        )

    def _final_height(self) -> int:
        return self._blocks.tip.height - self._confirmations + 1

    async def _follow_tip(self, connection: Connection) -> None:
        told, self._told_tip = self._told_tip, None
        if told is not None:
            await self._blocks.follow(connection, told)
        elif not self._blocks.recent:
            await self._blocks.refresh(connection)

    async def _history(self, watched: _Watched, connection: Connection) -> History:
        """The history at the pushed status; read anew only when that, or the chain, changed."""
        await self._subscribe(watched, connection)
        now = (watched.status, self._blocks.generation)
        if watched.history is not None and watched.read == now:
            return watched.history
        notices = watched.notices
        listed, balance, tip = await connection.call_together(
            [
                ("blockchain.scripthash.get_history", [watched.scripthash]),
                ("blockchain.scripthash.get_balance", [watched.scripthash]),
                ("blockchain.headers.subscribe", []),
            ]
        )
        history = parse_history(listed)
        await self._blocks.follow(connection, tip)
        if watched.notices != notices or self._blocks.generation != now[1]:
            raise UpstreamMoved("the history changed while it was read")
        if history.status != watched.status and history.all_confirmed:
            watched.subscribed = False
            raise UpstreamMoved("the history does not have the status it was announced with")
        top = max((row.height for row in history.rows if row.height is not None), default=0)
        if top > self._blocks.tip.height:
            raise UpstreamMoved("the history is ahead of the headers")
        watched.history, watched.balance, watched.read = history, parse_balance(balance), now
        return history

    async def _subscribe(self, watched: _Watched, connection: Connection) -> None:
        if time.monotonic() - self._full_look_at > _FULL_LOOK_SECONDS:
            # Once a day ask for each status again: a notification can get lost.
            self._full_look_at = time.monotonic()
            for each in self._watched.values():
                each.subscribed = False
        if watched.subscribed:
            return
        status = await connection.call("blockchain.scripthash.subscribe", watched.scripthash)
        if status is not None and not isinstance(status, str):
            raise UpstreamMalformed("scripthash.subscribe: a status that is no text")
        watched.status, watched.subscribed = status, True

    def _read_ahead(
        self, key: Key, history: History, until: int | None, connection: Connection
    ) -> None:
        """Read the next portion of a long history while this one is applied and saved."""
        if until is None or not (self._ahead is None or self._ahead.done()):
            return
        rows, _ = portion(history.rows, until + 1, PORTION)
        self._ahead = asyncio.create_task(self._contents_quietly(key, rows, connection))

    async def _contents_quietly(
        self, key: Key, rows: Sequence[Row], connection: Connection
    ) -> None:
        # What goes wrong is met again, and told, when the portion itself is asked for.
        with suppress(DonationsError, ServerError):
            await self._contents(key, rows, connection)

    async def _contents(
        self, key: Key, rows: Sequence[Row], connection: Connection
    ) -> dict[str, Content]:
        txids = [row.txid for row in rows]
        contents = await self._shelf.contents(key, txids)
        missing = [txid for txid in txids if txid not in contents]
        if len(missing) > _MANY:
            async with self._shelf.turn:
                contents = await self._shelf.contents(key, txids)
                missing = [txid for txid in txids if txid not in contents]
                contents.update(await self._read(connection, missing))
        elif missing:
            contents.update(await self._read(connection, missing))
        return contents

    async def _read(self, connection: Connection, txids: Sequence[str]) -> dict[str, Content]:
        answers = await connection.call_many(
            "blockchain.transaction.get", [[txid, False] for txid in txids]
        )
        raws = [unhex(answer, "transaction.get") for answer in answers]
        transactions = [named(raw, txid) for raw, txid in zip(raws, txids, strict=True)]
        await asyncio.to_thread(ask_second_reader, raws, transactions)
        found = {}
        for transaction in transactions:
            content = Content.of(transaction, self._addresses)
            self._shelf.put(content)
            found[content.txid] = content
        return found
