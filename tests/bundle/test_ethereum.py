"""Bundles of Ethereum: proven down to the hash of a block, and said whose word that hash is."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.bundle.form import Bundle, Proven, read, write
from donations.bundle.tell import as_json, lines
from donations.bundle.verify import verify
from donations.chains import CHAINS
from donations.errors import BundleRefused
from donations.proof.ethereum_evidence import EthereumEvidence
from tests.bundle.test_bundle import NOW, mutated, reason
from tests.proof.ethereum import USDX, world

if TYPE_CHECKING:
    from tests.measured import Table

ETH = CHAINS["eth"]
OURS = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"


def bundle_of(*names: str, asset: str = "ETH", contract: str | None = None) -> Bundle:
    """What is shown of gifts of the simulated world, as if it were mainnet."""
    there = world(1)
    return Bundle(
        chain="eth",
        network="mainnet",
        genesis=ETH.networks["mainnet"].genesis,
        address=OURS,
        asset=asset,
        contract=contract,
        transfers=tuple(
            Proven(
                claim.id, claim.amount, there.block.number, claim.block_hash, there.evidence(claim)
            )
            for claim in (there.claims[name] for name in names)
        ),
        headers=(),
    )


def test_payments_and_income_from_inside_are_proven() -> None:
    """Alone and together; whose word the block is, is said by name."""
    for names in (["payment"], ["internal"], ["payment", "internal"]):
        found = verify(write(bundle_of(*names)), now=NOW)
        assert len(found.transfers) == len(names)
        (said,) = found.rests_on
        assert said.startswith("the word of one, two")
        assert found.transfers[0].block in said
    assert "proven: 5 ETH in 1 transfer" in lines(verify(write(bundle_of("payment")), now=NOW))


def test_tokens_are_their_contract() -> None:
    """An unknown token is told in base units; a known symbol with another contract is refused."""
    unknown = verify(write(bundle_of("token", asset="USDX", contract=USDX)), now=NOW)
    assert "proven: 19 base units of USDX in 1 transfer" in lines(unknown)
    assert as_json(unknown)["proven"] is None
    posing = write(bundle_of("token", asset="USDC", contract=USDX))
    assert "has another contract" in reason(posing, test_networks=False)
    assert "without a contract" in reason(write(bundle_of("payment", asset="USDX")))


def test_what_is_claimed_must_follow() -> None:
    """Another amount, block, number, address or kind of evidence is refused."""
    good = bundle_of("payment")
    (gift,) = good.transfers
    for changed in (
        replace(gift, units=gift.units + 1),
        replace(gift, height=gift.height + 1),
        replace(gift, block="0x" + "ab" * 32),
        replace(gift, id="0x" + "ab" * 32),
    ):
        assert "transfers[0]: " in reason(write(replace(good, transfers=(changed,))))
    assert "claimed twice" in reason(write(replace(good, transfers=(gift, gift))))
    stranger = replace(good, address="0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045")
    assert "transfers[0]: " in reason(write(stranger))
    assert "in the form" in reason(write(replace(good, address=OURS.lower())))


def test_a_test_network_is_no_money() -> None:
    """Another genesis or network needs to be asked for, and is said."""
    for other in (
        replace(bundle_of("payment"), genesis="0x" + "12" * 32),
        replace(bundle_of("payment"), network="sepolia"),
    ):
        assert "says nothing about money" in reason(write(other), test_networks=False)
        found = verify(write(other), now=NOW, test_networks=True)
        assert "says nothing about money" in found.rests_on[0]


def test_names_of_operators_stay_names() -> None:
    """What a terminal would obey is no name, and nobody's word is said to be nobody's."""
    good = bundle_of("payment")
    (gift,) = good.transfers
    shown = gift.evidence
    assert isinstance(shown, EthereumEvidence)

    def named(*names: str) -> bytes:
        evidence = EthereumEvidence(shown.header, shown.shown, frozenset(names))
        return write(replace(good, transfers=(replace(gift, evidence=evidence),)))

    for name in ("\x1b7", "", " a", "a" * 200, "\u202e"):
        assert "name" in reason(named(name))
    assert "the word of nobody" in verify(named(), now=NOW).rests_on[0]


@pytest.mark.parametrize("name", ["payment", "internal", "token"])
def test_no_mutation_is_accepted(name: str, seed: int, long: bool, table: Table) -> None:
    """Whatever byte is bent, lost, doubled or swapped: refused. Names of operators are words."""
    contract = USDX if name == "token" else None
    text = write(bundle_of(name, asset="USDX" if contract else "ETH", contract=contract))
    before = read(text)
    dice = random.Random(seed)
    tried = accepted = 0
    while tried < (50_000 if long else 800):
        bent = mutated(dice, text)
        if bent == text:
            continue
        tried += 1
        try:
            found = verify(bent, now=NOW)
        except BundleRefused:
            continue
        accepted += not same_facts(found.bundle, before)
    table.never(f"mutated Ethereum bundles accepted, {name}", accepted, tried)


def same_facts(bent: Bundle, good: Bundle) -> bool:
    """Whether nothing but a name differs: of an operator, or of a token that nobody knows."""
    return bare(bent) == bare(good)


def bare(bundle: Bundle) -> Bundle:
    return replace(
        bundle,
        asset="",
        transfers=tuple(
            replace(each, evidence=replace(each.evidence, operators=frozenset()))
            for each in bundle.transfers
            if isinstance(each.evidence, EthereumEvidence)
        ),
    )
