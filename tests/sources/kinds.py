"""Every kind of source there is, each over a simulated chain, behind one face for the contract."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.agreement import Agreement
from donations.chains.base import Network, Protocol, Token
from donations.demo.electrum import ElectrumServer
from donations.demo.esplora import EsploraServer
from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.demo.haskoin import HaskoinServer
from donations.demo.oracle import Kind as Origin
from donations.demo.oracle import eth_facts, utxo_facts
from donations.demo.utxo import UtxoChain
from donations.ledger import Key, Kind, Observation, Transaction, Transfer, apply
from donations.sources.base import Ask, Failure, Source
from donations.sources.certificates import Certificates
from donations.sources.electrum import ElectrumSource
from donations.sources.ethereum import EthereumSource
from donations.sources.explorer_source import ExplorerSource
from donations.sources.shelf import Shelf
from tests.sources.lives import EthereumLife, UtxoLife

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path


START = 1_700_000_000
FINAL_LAG = 8
SCRIPTS = {
    "ours": bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac"),
    "also ours": bytes.fromhex("00143296fe5c6e3d87aa5781fc951484de4660f1e24f"),
}
ADDRESSES = (
    "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8",
    "0x1111111111111111111111111111111111111111",
)
TOKEN = Token("USDX", "0x2222222222222222222222222222222222222222", 6)

# A block by height and hash.
Place = tuple[int, str]
# What a fact says, whoever tells it: (identity, block hash, net, own or no gift).
Told = tuple[str, str | None, int, bool]


class Recorded:
    """What a store would hold of the observations so far."""

    def __init__(self) -> None:
        self._outputs: dict[str, tuple[str, int]] = {}

    def record(self, observation: Observation) -> None:
        for transaction in observation.transactions:
            for outpoint, units in transaction.brings:
                self._outputs[outpoint] = observation.key.address, units

    async def outputs(self, outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        return {o: self._outputs[o] for o in outpoints if o in self._outputs}

    async def transfers(self, key: Key, ids: Iterable[str]) -> list[Transfer]:
        return []


@dataclass(frozen=True)
class Flavour:
    """One way a server of an Electrum chain talks."""

    chain: str
    protocol: tuple[str, str]
    fulcrum: bool


FLAVOURS: dict[str, Flavour | None] = {
    "ElectrumX 1.6": Flavour("btc", ("1.4", "1.6"), False),
    "Fulcrum": Flavour("btc", ("1.4", "1.6"), True),
    "ElectrumX 1.4.2": Flavour("btc", ("1.4", "1.4.2"), False),
    "BCH Fulcrum": Flavour("bch", ("1.4", "1.6"), True),
    "Esplora": None,
    "Haskoin": None,
    "Ethereum": None,
}


class UtxoKind:
    """A BTC or BCH chain on which two scripts are watched."""

    def __init__(self, chain: str, seed: int) -> None:
        self.name = chain
        self.chain = UtxoChain(chain, seed, start=START)
        self.keys = [Key(self.name, address, self.name.upper()) for address in SCRIPTS]
        self.life = UtxoLife(self.chain, list(SCRIPTS.values()), random.Random(seed))
        self.made: list[Source] = []
        self.memory = Recorded()

    def network(self) -> Network:
        return Network("mainnet", genesis=self.chain.genesis_hash)

    def truth(self, key: Key) -> dict[Told, int | None]:
        """What touches ``key`` and at which height, as the oracle reads the blocks."""
        return {
            (fact.key, fact.block, fact.net, fact.own): fact.height
            for fact in utxo_facts(self.chain, SCRIPTS.values())
            if fact.where == SCRIPTS[key.address].hex()
        }

    def pay(self, key: Key, units: int) -> str:
        return self.chain.pay(SCRIPTS[key.address], units)

    def confirm(self) -> None:
        self.chain.mine()

    def double_spend(self, identity: str) -> None:
        """The giver takes an unconfirmed or confirmed gift back."""
        if identity in self.chain.mempool:
            self.chain.replace(identity)
        else:
            height, _ = self.chain.location[identity]
            self.chain.reorg(self.chain.height - height + 1, conflict=[identity])

    @property
    def tip(self) -> Place:
        return self.chain.height, self.chain.tip.hash


class ElectrumKind(UtxoKind):
    """An Electrum server over it."""

    def __init__(self, flavour: Flavour, seed: int, folder: Path) -> None:
        super().__init__(flavour.chain, seed)
        self.server = ElectrumServer(self.chain, protocol=flavour.protocol, fulcrum=flavour.fulcrum)
        self._certificates = Certificates(folder / "certificates.json")

    def source(self, network: Network | None = None) -> Source:
        """A source that knows nothing yet."""
        source = ElectrumSource(
            self.server.url,
            "someone",
            network=network or self.network(),
            confirmations=FINAL_LAG + 1,
            scripts=SCRIPTS,
            shelf=Shelf(self.memory),
            certificates=self._certificates,
        )
        self.made.append(source)
        return source


class ExplorerKind(UtxoKind):
    """An explorer over it: Esplora over BTC, Haskoin Store over BCH."""

    def __init__(self, chain: str, seed: int) -> None:
        super().__init__(chain, seed)
        self.server: EsploraServer | HaskoinServer = (
            EsploraServer(self.chain, SCRIPTS)
            if chain == "btc"
            else HaskoinServer(self.chain, SCRIPTS)
        )

    def source(self, network: Network | None = None) -> Source:
        """A source that knows nothing yet."""
        source = ExplorerSource(
            self.server.url,
            "someone",
            network=network or self.network(),
            confirmations=FINAL_LAG + 1,
            scripts=SCRIPTS,
            shelf=Shelf(self.memory),
            kind={"btc": Protocol.ESPLORA, "bch": Protocol.HASKOIN}[self.name],
        )
        self.made.append(source)
        return source


class EthereumKind:
    """An endpoint over an Ethereum chain that watches two addresses and a token."""

    name = "eth"

    def __init__(self, seed: int) -> None:
        self.chain = EthereumChain(seed, start=START, final_lag=FINAL_LAG)
        self.server = EthereumServer(self.chain)
        self.keys = [
            Key("eth", address, asset) for address in ADDRESSES for asset in ("ETH", TOKEN.symbol)
        ]
        self.made: list[Source] = []
        self.memory = Recorded()
        self.life = EthereumLife(self.chain, ADDRESSES, TOKEN.contract, random.Random(seed))

    def source(self, network: Network | None = None) -> Source:
        """A source that knows nothing yet."""
        source = EthereumSource(
            self.server.url,
            "someone",
            network=network or Network("mainnet", chain_id=1),
            addresses=ADDRESSES,
            tokens=(TOKEN,),
        )
        self.made.append(source)
        return source

    def truth(self, key: Key) -> dict[Told, int | None]:
        """What touches ``key`` and at which height, as the oracle reads the blocks.

        Ether that came from inside counts as no gift when a watched address called in its block:
        it may be a refund.
        """
        watched = {address.lower() for address in ADDRESSES}
        callers = {
            block.hash
            for block in self.chain.best
            if any(done.payment.sender in watched for done in block.executed)
        }
        token = key.asset == TOKEN.symbol
        sums: dict[tuple[str, str | None, int | None], tuple[int, bool]] = {}
        for fact in eth_facts(self.chain, ADDRESSES, [TOKEN.contract]):
            if fact.where != key.address.lower() or (fact.kind is Origin.TOKEN) != token:
                continue
            name, own = fact.key, fact.own
            if fact.kind is Origin.INTERNAL:
                name, own = f"{fact.block}:inside", fact.block in callers or fact.net < 0
            elif fact.kind in (Origin.WITHDRAWAL, Origin.FEES):
                name, own = f"{fact.block}:reward", True
            elif fact.kind is Origin.TOKEN:
                sender = self.chain.transactions[fact.key.partition(":")[0]].sender
                own = own or sender in watched
            place = (name, fact.block, fact.height)
            net, _ = sums.get(place, (0, False))
            sums[place] = net + fact.net, own
        return {
            (name, block, net, own): height for (name, block, height), (net, own) in sums.items()
        }

    def pay(self, key: Key, units: int) -> str:
        if key.asset == TOKEN.symbol:
            return self.chain.token(TOKEN.contract, key.address, units) + ":0"
        return self.chain.pay(key.address, units)

    def confirm(self) -> None:
        self.chain.mine()

    def double_spend(self, identity: str) -> None:
        """The giver takes a confirmed gift back."""
        payment = identity.partition(":")[0]
        height, _ = self.chain.location[payment]
        self.chain.reorg(self.chain.height - height + 1, conflict=[payment])

    @property
    def tip(self) -> Place:
        return self.chain.height, self.chain.tip.hash


AnyKind = ElectrumKind | ExplorerKind | EthereumKind


def make(name: str, seed: int, folder: Path) -> AnyKind:
    """A kind by its name in FLAVOURS."""
    if name in ("Esplora", "Haskoin"):
        return ExplorerKind({"Esplora": "btc", "Haskoin": "bch"}[name], seed)
    flavour = FLAVOURS[name]
    return EthereumKind(seed) if flavour is None else ElectrumKind(flavour, seed, folder)


@asynccontextmanager
async def open_kind(
    name: str, folder: Path, seed: int = 0
) -> AsyncIterator[tuple[AnyKind, Source]]:
    """A kind with its server listening, and a source for it; all its sources are closed."""
    kind = make(name, seed, folder)
    async with kind.server:
        try:
            yield kind, kind.source()
        finally:
            for source in kind.made:
                await source.close()


def told(observation: Observation, *, below: bool = False) -> set[Told]:
    """What an observation says (or, ``below``, what it adds from before its ``since``).

    Rivals are left out, rewards and internal income of a block come under one name.
    """
    found: dict[tuple[str, str | None], tuple[int, bool]] = {}
    for transaction in observation.transactions:
        if not transaction.ours or below != _is_below(transaction, observation.since):
            continue
        own = transaction.own or transaction.kind is not Kind.GIFT
        block = None if transaction.block is None else transaction.block.hash
        name = _plain_name(transaction)
        net, _ = found.get((name, block), (0, False))
        found[name, block] = net + transaction.net, own
    return {(name, block, net, own) for (name, block), (net, own) in found.items()}


def _is_below(transaction: Transaction, since: int) -> bool:
    return transaction.block is not None and transaction.block.height < since


def _plain_name(transaction: Transaction) -> str:
    block = transaction.block
    if block is not None and transaction.id in (f"{block.hash}:internal", f"{block.hash}:rest"):
        return f"{block.hash}:inside"
    if block is not None and (
        transaction.id.startswith("withdrawal ") or transaction.id == f"{block.hash}:fees"
    ):
        return f"{block.hash}:reward"
    return transaction.id


class Past:
    """What was true of a kind at each moment so far: an observation has to be one of these."""

    def __init__(self, kind: AnyKind) -> None:
        self._kind = kind
        self._moments: list[tuple[Place, dict[Key, dict[Told, int | None]]]] = []
        self._branches: dict[str, list[str]] = {}

    def note(self, *_: object) -> None:
        """Remember what is true now."""
        truths = {key: self._kind.truth(key) for key in self._kind.keys}
        self._moments.append((self._kind.tip, truths))
        self._branches[self._kind.tip[1]] = [block.hash for block in self._kind.chain.best]

    def check(self, observation: Observation) -> bool:
        """Fail unless the observation was wholly true once; tells whether it still is.

        A server may tell its tip before what came with it: the tip may be a later one.
        """
        tip = (observation.tip.height, observation.tip.hash)
        said, extra = told(observation), told(observation, below=True)
        assert observation.blocks[observation.tip.height] == observation.tip
        assert observation.until is None
        branch = self._branches[observation.tip.hash]
        for height, block in observation.blocks.items():
            assert branch[height] == block.hash, f"block {height} is of another branch"
        for transaction in observation.transactions:
            if transaction.block is not None:
                assert observation.blocks[transaction.block.height] == transaction.block
        later = False
        for place, truths in reversed(self._moments):
            later |= place == tip
            truth = truths[observation.key]
            wanted = _without_own(_since(truth, observation.since))
            if later and _without_own(said) == wanted and extra <= truth.keys():
                break
        else:
            _, truths = self._moments[-1]
            covered = _since(truths[observation.key], observation.since)
            raise AssertionError(f"never true: {said - covered}, missing: {covered - said}")
        last_tip, last = self._moments[-1]
        return tip == last_tip and said == _since(last[observation.key], observation.since)


def _since(truth: dict[Told, int | None], height: int) -> set[Told]:
    return {fact for fact, its in truth.items() if its is None or its >= height}


def _without_own(facts: set[Told]) -> set[tuple[str, str | None, int]]:
    """That another watched address spent is known once its history was read too."""
    return {(name, block, net) for name, block, net, _ in facts}


async def look(source: Source, *asks: Ask) -> list[Observation]:
    """The observations of all asks; a failure is raised."""
    found: dict[Key, Observation] = {}
    async for answer in source.observe(asks):
        if isinstance(answer, Failure):
            raise answer.error
        assert answer.key not in found, "a key was told twice"
        found[answer.key] = answer
    return [found[ask.key] for ask in asks]


def transfers(observation: Observation) -> tuple[Transfer, ...]:
    """What a ledger makes of a first observation."""
    agreement = Agreement(1)
    agreement.hold(observation)
    view = agreement.view({}, {}, oldest=0)
    assert view is not None
    return tuple(change.after for change in apply({}, view, now=observation.at, grace=0))
