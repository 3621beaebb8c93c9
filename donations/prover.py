"""The prover of one chain: keeps its headers, and asks for the proofs that are still wanted.

It works beside the tracker, in a task of its own: nothing that is read waits for it. The newest
transactions come first, a few at a time; whoever cannot prove one is asked again later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from donations.errors import (
    BadObservation,
    DonationsError,
    ProvenLie,
    StoreError,
)
from donations.evidence import Proof
from donations.ledger import Block
from donations.proof.headers import parse_header
from donations.proof.inclusion import check_inclusion
from donations.sources.base import Prover

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from donations.header_keeper import HeaderKeeper
    from donations.ledger import Claim, Key, Transfer
    from donations.operators import Operator
    from donations.quarantine import Quarantine
    from donations.store import Store

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 4
_PAGE: Final = 64
_LONGEST_PAUSE = 3600.0

# A transaction and where it is said to stand; operators that are named are asked, and no other.
Wanted = tuple[str, Block, frozenset[str]]


class ChainProver:
    """The proofs of one chain.

    ``take`` is handed proofs, and ids that were proven before with their blocks; ``moved`` is
    called when another chain of headers is the best, ``convict`` when an operator is caught.
    """

    def __init__(
        self,
        chain: str,
        operators: Sequence[Operator],
        keeper: HeaderKeeper,
        store: Store,
        quarantine: Quarantine,
        *,
        poll_seconds: float,
        take: Callable[[Sequence[Proof], dict[str, Block]], Awaitable[None]],
        moved: Callable[[], Awaitable[None]],
        convict: Callable[[Operator, ProvenLie], Awaitable[None]],
    ) -> None:
        self._chain, self._operators, self._keeper, self._store = chain, operators, keeper, store
        self._quarantine, self._poll = quarantine, poll_seconds
        self._take, self._moved, self._convict = take, moved, convict
        self._tips: dict[str, Block] = {}
        self._claims: dict[Key, tuple[Wanted, ...]] = {}
        self._pauses: dict[str, tuple[float, float]] = {}
        self._wake = asyncio.Event()
        self._busy: set[Key] = set()

    def heard(self, operator: str, tip: Block) -> None:
        """An operator told its tip."""
        self._tips[operator] = tip
        if not self._keeper.holds(tip):
            self._wake.set()

    def settled(self, key: Key, claims: Iterable[Claim], *, placed: bool) -> None:
        """A whole history was applied; ``placed``: something new stands in a block."""
        before = self._claims.get(key)
        self._claims[key] = tuple(
            (claim.transaction.id, claim.transaction.block, claim.operators)
            for claim in claims
            if claim.transaction.block is not None and claim.transaction.ours
        )
        if placed or before != self._claims[key]:
            self._wake.set()

    async def run(self) -> None:
        """Prove until cancelled."""
        while True:
            await self._woken()
            start = time.monotonic()
            try:
                await self._follow_headers()
                for key in list(self._claims):
                    await self._prove_all(key)
                if not self._wake.is_set():  # what was due and not asked for is wanted no more
                    self._pauses = {t: p for t, p in self._pauses.items() if p[0] > start}
            except StoreError as error:
                logger.error("%s: %s", self._chain, error)
                await asyncio.sleep(self._poll)

    async def _woken(self) -> None:
        """Return when there is news, or when a pause is over."""
        now = time.monotonic()
        times = [at for at, _ in self._pauses.values()]
        rest = max(min(times) - now, 0.05) if times else None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), rest)
        self._wake.clear()

    # -- headers

    async def _follow_headers(self) -> None:
        moved = False
        for operator in self._able():
            tip = self._tips.get(operator.name)
            if tip is None or self._keeper.holds(tip):
                continue
            try:
                moved |= await self._keeper.follow(_prover(operator), tip)
            except StoreError:
                raise
            except ProvenLie as lie:
                await self._convict(operator, lie)
            except DonationsError as error:
                logger.info("%s, %s: headers: %s", self._chain, operator.name, error)
        if moved:
            await self._moved()

    def _able(self, first: frozenset[str] = frozenset()) -> list[Operator]:
        """Who can be asked for proofs at present; only those named, if any are."""
        able = [
            operator
            for operator in self._operators
            if isinstance(operator.source, Prover)
            and not (operator.paused or operator.open)
            and not self._quarantine.holds(operator.name)
        ]
        return [o for o in able if o.name in first] if first else able

    # -- proofs

    async def _prove_all(self, key: Key) -> None:
        await self._prove([w for w in self._claims.get(key, ()) if self._is_due(w[0])])
        before: tuple[int, str] | None = None
        while page := await self._store.run(self._store.unproven, key, before, _PAGE):
            wanted = list(_wanted(page))
            before = (wanted[-1][1].height, wanted[-1][0])
            if key not in self._busy:
                logger.info("%s: proofs of what stands in blocks are under way", key.address)
                self._busy.add(key)
            await self._prove([w for w in wanted if self._is_due(w[0])])
            if self._wake.is_set():
                return  # something newer may want its proof first
        self._busy.discard(key)

    def _is_due(self, txid: str) -> bool:
        at, _ = self._pauses.get(txid, (0.0, 0.0))
        return at <= time.monotonic()

    async def _prove(self, wanted: Sequence[Wanted]) -> None:
        if not wanted:
            return
        txids = [txid for txid, _, _ in wanted]
        places = await self._store.run(self._store.proven_places, self._chain, txids)
        known = {txid: block for txid, block in places.items() if self._keeper.holds(block)}
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(each: Wanted) -> Proof | None:
            async with turns:
                return await self._search(*each)

        missing = [w for w in wanted if known.get(w[0]) != w[1]]
        found = await asyncio.gather(*(one(each) for each in missing))
        proofs = [proof for proof in found if proof is not None]
        if proofs or known:
            await self._take(proofs, known | {proof.txid: proof.block for proof in proofs})
        for txid in known:
            self._postpone(txid)  # whoever tells another place of it is asked again in a while

    async def _search(self, txid: str, block: Block, tellers: frozenset[str]) -> Proof | None:
        """A proof of the transaction from whoever has one."""
        for operator in self._able(tellers):
            source = _prover(operator)
            try:
                raw = await self._keeper.header(source, block.height)
                if raw is None:
                    continue
                header = parse_header(raw)
                inclusion = await source.inclusion(txid, block.height)
                transaction = check_inclusion(inclusion, header, block.height)
                if transaction.txid != txid:
                    raise ProvenLie(
                        f"asked to prove {txid}, it proves {transaction.txid}",
                        f"block {header.hash} ({block.height}): {transaction.txid}",
                    )
            except StoreError:
                raise
            except ProvenLie as lie:
                await self._convict(operator, lie)
            except DonationsError as error:
                level = logging.INFO if isinstance(error, BadObservation) else logging.DEBUG
                logger.log(
                    level, "%s, %s: no proof of %s: %s", self._chain, operator.name, txid, error
                )
            else:
                self._pauses.pop(txid, None)
                place = Block(block.height, header.hash, header.time)
                return Proof(self._chain, txid, place, raw, inclusion)
        self._postpone(txid)
        return None

    def _postpone(self, txid: str) -> None:
        _, pause = self._pauses.get(txid, (0.0, self._poll / 4))
        pause = min(2 * pause, _LONGEST_PAUSE)
        self._pauses[txid] = (time.monotonic() + pause, pause)


def _prover(operator: Operator) -> Prover:
    source = operator.source
    if not isinstance(source, Prover):
        raise BadObservation(f"{operator.name} has no proofs")
    return source


def _wanted(transfers: Iterable[Transfer]) -> Iterator[Wanted]:
    for transfer in transfers:
        if transfer.block is not None:
            yield transfer.id, transfer.block, frozenset()
