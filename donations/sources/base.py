"""What the tracker asks of a source, whatever protocol it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from donations.errors import DonationsError
    from donations.ledger import Block, Checkpoint, Key, Observation, Transaction, Transfer
    from donations.proof.inclusion import Inclusion
    from donations.sources.ethereum_proofs import EthereumProofs

# A long history is told in portions of about so many transactions, cut between blocks.
PORTION = 1_000


@dataclass(frozen=True, slots=True)
class Ask:
    """A question about one key: everything from height ``since`` up.

    ``checkpoint`` is the settled point before ``since``, where one is kept. ``opening``: what lay
    at the address at ``since`` is told as one opening transaction. ``unsettled`` are the transfers
    whose fate we want to know. ``settled`` is how many final ones lie below ``since``, to be held
    against an operator that still has the block ``anchor``. ``compare`` are heights of which we
    want the operator's block. ``recorded`` are the transfers that stand in blocks above the
    checkpoint: what the operator can no longer look at is held against them.
    """

    key: Key
    since: int
    checkpoint: Checkpoint | None = None
    opening: bool = False
    unsettled: tuple[Transfer, ...] = ()
    settled: int = 0
    anchor: Block | None = None
    compare: frozenset[int] = frozenset()
    recorded: tuple[Transfer, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """One key could not be told; the others of the same poll can."""

    key: Key
    error: DonationsError


@dataclass(frozen=True, slots=True)
class Probe:
    """What `check` shows of an upstream that answers."""

    software: str
    protocol: str
    tip: Block
    final_height: int
    reaches_genesis: bool


class Memory(Protocol):
    """What has been recorded, so that no upstream is asked for it again."""

    async def outputs(self, outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        """(address, units) of those outpoints that pay a watched address of the chain."""

    async def transfers(self, key: Key, ids: Iterable[str]) -> list[Transfer]:
        """Those of ``ids`` that the ledger of ``key`` holds."""


class Source(Protocol):
    """Our side of one upstream. Its methods raise UpstreamError or BadObservation.

    ``observe`` tells the whole truth about a key or fails: never an empty list for an error. A
    source does not retry; whoever polls does.
    """

    url: str
    operator: str

    async def probe(self) -> Probe:
        """Connect if needed, make sure of the network, and tell the tip."""

    def observe(self, asks: Sequence[Ask]) -> AsyncIterator[Observation | Failure]:
        """One observation, or one failure, for each ask."""

    async def wait(self) -> None:
        """Return when the upstream says that something moved; for ever where it never does."""

    async def close(self) -> None:
        """Drop the connection. The source can be used again."""


@runtime_checkable
class EthereumProver(Protocol):
    """A source of an Ethereum endpoint, which can show what proves a gift."""

    operator: str
    proofs: EthereumProofs


@runtime_checkable
class Historian(Protocol):
    """A source that can learn from an explorer what came before a watch began."""

    async def past(self, address: str, point: Checkpoint) -> tuple[Transaction, ...] | None:
        """All that made the state of ``point``; None where nobody explains it to the wei."""


@runtime_checkable
class Prover(Protocol):
    """A source that can also show block headers, and that a transaction stands in a block.

    Its methods raise as those of a `Source` do; ProvenLie when the answers convict the upstream.
    """

    operator: str

    async def headers(self, start: int, count: int) -> list[bytes]:
        """The raw headers from height ``start`` up: ``count`` of them, fewer where its chain ends.

        One answer of the upstream: it may hold fewer than were asked for, at most 2,016.
        """

    async def inclusion(self, txid: str, height: int) -> Inclusion:
        """What proves that the transaction stands in the block of this height.

        It is checked already against the header that the upstream itself has there, which need
        not be the one of our chain.
        """
