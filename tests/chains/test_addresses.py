"""The parsers of the three chains: every spelling, and the reason of every refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.chains import CHAINS, base58
from donations.chains.eth import TOKENS, checksummed
from donations.errors import InvalidAddress
from tests.chains.vectors import BCH, BCH_LEGACY, BCH_TOKEN_AWARE, BTC, ETH, VECTORS

if TYPE_CHECKING:
    from donations.chains.base import Chain


def parse(chain: str, text: str, network: str = "mainnet") -> str:
    return CHAINS[chain].parse(text, CHAINS[chain].networks[network])


def script(chain: str, text: str, network: str = "mainnet") -> str:
    locking_script = CHAINS[chain].script
    assert locking_script is not None
    return locking_script(text, CHAINS[chain].networks[network]).hex()


@pytest.mark.parametrize(("source", "network", "text", "expected"), VECTORS["btc"])
def test_bitcoin_vectors(source: str, network: str, text: str, expected: str) -> None:
    """Published Bitcoin addresses give the published locking scripts, canonical or as given."""
    assert source in VECTORS["sources"]
    assert script("btc", text, network) == expected
    assert script("btc", parse("btc", text, network), network) == expected


@pytest.mark.parametrize(("text", "why"), VECTORS["btc_invalid"])
def test_bitcoin_invalid_vectors(text: str, why: str) -> None:
    """Published malformed witness addresses are refused."""
    with pytest.raises(InvalidAddress, match="address"):
        parse("btc", text)


@pytest.mark.parametrize(("source", "text", "canonical"), VECTORS["bch"])
def test_bitcoin_cash_vectors(source: str, text: str, canonical: str) -> None:
    """Old and token-aware forms become the CashAddr of the same locking script."""
    assert source in VECTORS["sources"]
    assert parse("bch", text) == canonical
    assert script("bch", text) == script("bch", canonical)


def test_bitcoin_cash_32_byte_script_hash() -> None:
    """A 32 byte script hash in the old form has its own locking script."""
    text, expected = VECTORS["p2sh32"]
    assert script("bch", text) == expected
    assert script("bch", parse("bch", text)) == expected


@pytest.mark.parametrize(
    "spelling",
    [BCH, BCH.removeprefix("bitcoincash:"), BCH.upper(), BCH.removeprefix("bitcoincash:").upper(),
     BCH_LEGACY, BCH_TOKEN_AWARE, BCH_TOKEN_AWARE.upper()],
)  # fmt: skip
def test_bitcoin_cash_spellings(spelling: str) -> None:
    """All spellings of one address are one address."""
    assert parse("bch", spelling) == BCH
    assert script("bch", spelling) == "76a9143296fe5c6e3d87aa5781fc951484de4660f1e24f88ac"


@pytest.mark.parametrize("text", VECTORS["eth"])
def test_ethereum_vectors(text: str) -> None:
    """The checksummed spelling is canonical; one case alone is accepted as it is."""
    for spelling in (text, text.lower(), "0x" + text[2:].upper()):
        assert parse("eth", spelling) == text


@given(st.binary(min_size=20, max_size=20), st.integers(2, 41))
def test_ethereum_wrong_case_is_refused(digest: bytes, position: int) -> None:
    """A mixed-case address with the case of one letter changed is refused."""
    address = checksummed("0x" + digest.hex())
    damaged = address[:position] + address[position].swapcase() + address[position + 1 :]
    digits = damaged[2:]
    if damaged != address and digits not in (digits.lower(), digits.upper()):
        with pytest.raises(InvalidAddress, match="EIP-55"):
            parse("eth", damaged)


@pytest.mark.parametrize(
    ("chain", "text", "reason"),
    [
        ("btc", BCH, "this is a Bitcoin Cash address and not a Bitcoin address"),
        ("btc", BCH.removeprefix("bitcoincash:"), "this is a Bitcoin Cash address"),
        ("btc", ETH, "this is an Ethereum address"),
        ("bch", ETH, "this is an Ethereum address"),
        ("bch", "bc1qvyq0cc6rahyvsazfdje0twl7ez82ndmuac2lhv", "this is a Bitcoin address"),
        ("eth", BTC, "this is a Bitcoin address and not an Ethereum address"),
        ("btc", "tb1qcrh3yqn4nlleplcez2yndq2ry8h9ncg3qh7n54", "this is a Bitcoin testnet address"),
        ("btc", "bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9", "this is a Bitcoin regtest"),
        ("btc", "mzK2FFDEhxqHcmrJw1ysqFkVyhUULo45hZ", "Bitcoin Cash testnet address"),
        ("bch", "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t", "Cash testnet address"),
        ("btc", base58.encode_check(b"\x1e" + bytes(20)), "this is a Dogecoin address"),
        ("btc", BTC[:-1] + "g", "the checksum is wrong"),
        ("btc", BTC.replace("Y", "0"), "character 13 does not exist in base58"),
        ("btc", BTC + " ", "white space around it"),
        ("btc", BTC[:9] + "\u200b" + BTC[9:], "character 10 is U\\+200B"),
        ("btc", "bc1qvyq0cc6rahyvsazfdje0twl7ez82NDMUAC2LHV", "upper and lower case"),
        ("btc", "", "it is empty"),
        ("bch", BCH[:-1] + "7", "the checksum is wrong"),
        ("bch", "bitcoincash:" + BCH, "not a prefix"),
        ("eth", ETH[2:], "lacks the 0x"),
        ("eth", ETH[:-1], "40 hexadecimal digits"),
        ("eth", "0x" + "0" * 40, "nobody holds the key"),
        ("eth", "0x000000000000000000000000000000000000dEaD", "nobody holds the key"),
        ("eth", TOKENS[0].contract, "the contract of the token USDC"),
    ],
)
def test_refusals_say_why(chain: str, text: str, reason: str) -> None:
    """A refusal names the rule that is broken, or whose address it is, and not the text."""
    with pytest.raises(InvalidAddress, match=reason) as refused:
        parse(chain, text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=lambda chain: chain.name)
@given(text=st.text(max_size=120))
def test_any_text_is_parsed_or_refused(chain: Chain, text: str) -> None:
    """A parser answers an arbitrary text with an address or InvalidAddress, on every network."""
    for network in chain.networks.values():
        try:
            address = chain.parse(text, network)
        except InvalidAddress:
            continue
        assert chain.parse(address, network) == address


def test_payment_texts() -> None:
    """The QR text and the wallet link are those wallets read."""
    told = {name: (chain.payment, chain.link) for name, chain in CHAINS.items()}
    assert [(payment(text), link(text)) for (payment, link), text in
            zip(told.values(), (BTC, BCH, ETH), strict=True)] == [
        (f"bitcoin:{BTC}", f"bitcoin:{BTC}"),
        (BCH, BCH),
        (ETH, f"ethereum:{ETH}@1"),
    ]  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS.values(), ids=lambda chain: chain.name)
def test_facts_of_each_chain(chain: Chain) -> None:
    """A chain ships at least four operators, and mainnet is told from what shares its start."""
    assert len({upstream.operator for upstream in chain.upstreams}) >= 4
    assert next(iter(chain.networks)) == "mainnet"
    assert all(name == network.name for name, network in chain.networks.items())
    own = {"btc": BTC, "bch": BCH, "eth": ETH}[chain.name]
    assert chain.parse(own, chain.networks["mainnet"]) == own


def test_bitcoin_and_bitcoin_cash_differ_by_a_landmark() -> None:
    """The two share their genesis, so a block after the fork tells their servers apart."""
    btc, bch = (CHAINS[name].networks["mainnet"] for name in ("btc", "bch"))
    assert btc.genesis == bch.genesis
    assert btc.landmark is not None
    assert bch.landmark is not None
    assert btc.landmark[0] == bch.landmark[0]
    assert btc.landmark[1] != bch.landmark[1]
