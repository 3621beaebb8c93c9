"""The proofs that are kept -> a bundle for anybody. It reads, over a connection that cannot write.

A bundle is made when somebody wants it: it is some headers and a few rows by their keys, one bundle
at a time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from donations.bundle.assemble import assemble, spans
from donations.bundle.form import MAX_TRANSFERS, Bundle, Proven, write
from donations.chains.base import Protocol
from donations.errors import BundleRefused, ConfigError, InvalidAddress
from donations.ledger import Bucket, Key, Level
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.config import ChainSettings, Config
    from donations.ledger import Transfer

_STANDING = (Bucket.CONFIRMED, Bucket.FINAL)
# Of what the service hands out to anybody; the command line gives more.
_MOST_SERVED = 1_000


class Showcase:
    """Hands out bundles while the service runs. Used from one event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._store = Store(config.database, config.timezone, config.currency)
        self._opened = False

    async def bundle(self, chain: str, address: str, identity: str | None) -> bytes:
        """As `show`: of all gifts in the chain's own asset, or of one in any."""
        return await self._store.run(self._show, chain, address, identity)

    def _show(self, chain: str, address: str, identity: str | None) -> bytes:
        settings = self._config.chains.get(chain)
        if settings is None:
            raise BundleRefused(f"{chain} is not watched")
        if not self._opened:
            self._store.open_readonly()
            self._opened = True
        key = Key(chain, address, settings.chain.symbol)
        if identity is not None:
            named = [key, *(replace(key, asset=token.symbol) for token in settings.tokens)]
            key = next((each for each in named if self._store.transfers(each, [identity])), key)
        return show(self._config, self._store, key, identity, most=_MOST_SERVED)

    def close(self) -> None:
        """Give the connection back."""
        self._store.close()


def print_bundle(config: Config, text: str) -> bytes:
    """The bundle of a transfer, or of an address, as an author names it.

    Raises ConfigError, BundleRefused, StoreError.
    """
    store = Store(config.database, config.timezone, config.currency)
    try:
        store.open_readonly()
        return show(config, store, *find(config, store, text))
    finally:
        store.close()


def show(
    config: Config, store: Store, key: Key, identity: str | None, *, most: int = MAX_TRANSFERS
) -> bytes:
    """The bundle of one gift to ``key``, or of all that are proven; at most ``most``.

    Raises BundleRefused where there is nothing to show yet, or too much; StoreError.
    """
    settings = config.chains.get(key.chain)
    if settings is None or (
        settings.chain.protocol is not Protocol.ETHEREUM
        and (settings.network.ground is None or key.asset != settings.chain.symbol)
    ):
        raise BundleRefused(f"nothing is proven of {key.asset} on {key.chain}")
    if key.address not in settings.addresses:
        raise BundleRefused(f"{key.address} is not watched")
    found = store.in_order([key], 0) if identity is None else store.transfers(key, [identity])
    gifts = _gifts(found, most)
    if not gifts:
        raise BundleRefused("no gift that stands in a block is proven there, at least not yet")
    return write(assemble_from(store, settings, key, gifts))


def assemble_from(
    store: Store, settings: ChainSettings, key: Key, gifts: dict[str, Transfer]
) -> Bundle:
    """The bundle of these gifts, by transaction."""
    if settings.chain.protocol is Protocol.ETHEREUM:
        return _ethereum(store, settings, key, gifts)
    proofs = store.proofs(key.chain, gifts)
    proven = [
        Proven(txid, gifts[txid].amount, proof.block.height, proof.block.hash, proof.inclusion)
        for txid, proof in proofs.items()
        if proof.block == gifts[txid].block
    ]
    if len(proven) != len(gifts):
        raise BundleRefused("a proof is being made anew: try again in a minute")
    ground = settings.network.ground
    if ground is None:
        raise BundleRefused(f"nothing is proven on {settings.network.name}")
    heights = [each.height for each in proven]
    confirmations = settings.chain.confirmations
    tip = max(h for h, _ in store.headers(key.chain, max(heights), max(heights) + confirmations))
    headers = {
        height: raw
        for first, last in spans(heights, ground, tip, confirmations)
        for height, raw in store.headers(key.chain, first, last)
    }
    return assemble(settings.chain, settings.network, key.address, proven, headers.get, tip)


def _ethereum(
    store: Store, settings: ChainSettings, key: Key, gifts: dict[str, Transfer]
) -> Bundle:
    proofs = store.ethereum_proofs(key, gifts)
    held = [proof for proof in proofs.values() if proof.block == gifts[proof.id].block]
    if len(held) != len(gifts):
        raise BundleRefused("a proof is being made anew: try again in a minute")
    return Bundle(
        chain=key.chain,
        network=settings.network.name,
        genesis=settings.network.genesis,
        address=key.address,
        asset=key.asset,
        transfers=tuple(
            Proven(p.id, gifts[p.id].amount, p.block.height, p.block.hash, p.evidence)
            for p in sorted(held, key=lambda proof: (proof.block.height, proof.id))
        ),
        headers=(),
        contract={token.symbol: token.contract for token in settings.tokens}.get(key.asset),
    )


def _gifts(transfers: Iterable[Transfer], most: int) -> dict[str, Transfer]:
    gifts: dict[str, Transfer] = {}
    for transfer in transfers:
        if transfer.level is Level.PROVEN and transfer.bucket in _STANDING:
            gifts[transfer.id] = transfer
            if len(gifts) > most:
                raise BundleRefused(f"more than {most} gifts: ask for the proof of single ones")
    return gifts


def find(config: Config, store: Store, text: str) -> tuple[Key, str | None]:
    """What an author asks a bundle of: an address as it is spelled anywhere, or a transaction.

    Raises ConfigError for what is neither, without repeating it: 64 digits may be a key as well.
    """
    for settings in config.chains.values():
        chain = settings.chain
        try:
            address = chain.parse(text, settings.network)
        except InvalidAddress:
            address = ""
        assets = [chain.symbol, *(token.symbol for token in settings.tokens)]
        keys = [Key(chain.name, each, asset) for each in settings.addresses for asset in assets]
        for key in keys:
            if key.address == address and key.asset == chain.symbol:
                return key, None
            if store.transfers(key, [text]):
                return key, text
    raise ConfigError("this is neither an address that is watched nor a transfer of one")
