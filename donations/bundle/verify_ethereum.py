"""A bundle of Ethereum: all is proven down to the hash of a block, and that is somebody's word."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from donations.bundle.verified import MINED_BY_ANYBODY, Checked, Verified
from donations.errors import BundleRefused, DonationsError, InvalidAddress
from donations.proof.ethereum_evidence import (
    Claim,
    EthereumEvidence,
    check_evidence,
    check_together,
)

if TYPE_CHECKING:
    from donations.bundle.form import Bundle, Proven
    from donations.chains.base import Chain

_SHOWN = 3
_NAME = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")


def verify_ethereum(bundle: Bundle, chain: Chain, *, test_networks: bool) -> Verified:
    """Check it. Raises BundleRefused."""
    network = chain.networks.get(bundle.network)
    if network is None or bundle.headers:
        raise BundleRefused(f"not of {chain.title}: network {bundle.network}")
    real = bundle.network == "mainnet" and bundle.genesis == network.genesis
    if not real and not test_networks:
        raise BundleRefused(f"{MINED_BY_ANYBODY} (--test-network takes it nevertheless)")
    try:
        if chain.parse(bundle.address, network) != bundle.address:
            raise BundleRefused("address: not in the form that this program writes")
    except InvalidAddress as error:
        raise BundleRefused(f"address: {error.reason}") from None
    decimals = _decimals(bundle, chain)
    checked, claims = [], []
    for number, proven in enumerate(bundle.transfers):
        try:
            evidence, claim = _claim(proven, bundle)
            header = check_evidence(evidence, claim)
            if header.number != proven.height:
                raise BundleRefused(f"its block is number {header.number}")
            if any(_NAME.fullmatch(name) is None for name in evidence.operators):
                raise BundleRefused("an operator has a name that none has")
        except DonationsError as error:
            raise BundleRefused(f"transfers[{number}]: {error}") from None
        claims.append((evidence, claim))
        checked.append(
            Checked(proven.id, proven.units, proven.height, proven.block, header.time, None)
        )
    try:
        check_together(claims)
    except DonationsError as error:
        raise BundleRefused(str(error)) from None
    rests_on = ([] if real else [MINED_BY_ANYBODY]) + _words_of(claims)
    return Verified(bundle, decimals, tuple(checked), tuple(rests_on))


def _claim(proven: Proven, bundle: Bundle) -> tuple[EthereumEvidence, Claim]:
    if not isinstance(proven.evidence, EthereumEvidence):
        raise BundleRefused("this is no evidence of Ethereum")
    claim = Claim(proven.id, bundle.address, proven.units, proven.block, bundle.contract)
    return proven.evidence, claim


def _decimals(bundle: Bundle, chain: Chain) -> int | None:
    """The contract says what the asset is, and the symbol is only shown."""
    if bundle.contract is None:
        if bundle.asset != chain.symbol:
            raise BundleRefused(f"{bundle.asset} without a contract is no asset of {chain.title}")
        return chain.decimals
    for token in chain.tokens:
        if token.contract.lower() == bundle.contract.lower():
            if token.symbol != bundle.asset:
                raise BundleRefused(f"the contract is that of {token.symbol}")
            return token.decimals
        if token.symbol == bundle.asset:
            raise BundleRefused(f"{bundle.asset} has another contract: {token.contract}")
    return None


def _words_of(claims: list[tuple[EthereumEvidence, Claim]]) -> list[str]:
    """Whose word it is that the blocks are those of Ethereum."""
    blocks: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for evidence, claim in claims:
        names = tuple(sorted(evidence.operators))
        if claim.block_hash not in blocks[names]:
            blocks[names].append(claim.block_hash)
    said = []
    for names, hashes in sorted(blocks.items()):
        more = f" and {len(hashes) - _SHOWN} more" if len(hashes) > _SHOWN else ""
        who = ", ".join(names) or "nobody"
        said.append(
            f"the word of {who}, noted by whoever made this bundle, that these blocks are final: "
            f"{', '.join(hashes[:_SHOWN])}{more}. Ask an operator that you trust for them"
        )
    return said
