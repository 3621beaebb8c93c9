"""Ethereum: one kind of address, whose case is its checksum (EIP-55)."""

from __future__ import annotations

import re
from typing import Final

from eth_hash.auto import keccak

from donations.chains.base import Chain, Network, Protocol, Token, Upstream
from donations.chains.spelling import parse_with

NETWORKS: Final = {
    network.name: network
    for network in (
        Network(
            "mainnet",
            genesis="0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
            chain_id=1,
            longest_gap=180,  # fifteen slots of 12 seconds without a block
        ),
        Network(
            "sepolia",
            genesis="0x25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9",
            chain_id=11155111,
        ),
        Network(
            "hoodi",
            genesis="0xbbe312868b376a3001692a646dd2d7d1e4406380dfd86b98aa8a34d1557c971b",
            chain_id=560048,
        ),
        # What anvil and Hardhat start with; another number is one word of configuration.
        Network("private", chain_id=31337),
    )
}

TOKENS: Final = (
    Token("USDC", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6),
    Token("USDT", "0xdAC17F958D2ee523a2206206994597C13D831ec7", 6),
    Token("DAI", "0x6B175474E89094C44Da98b954EedeAC495271d0F", 18),
    Token("EURC", "0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c", 6),
)

_ADDRESS = re.compile(r"0x([0-9a-fA-F]{40})")
_BARE = re.compile(r"[0-9a-fA-F]{40}")
# 0 burns, the first ones are precompiled contracts, 0xdead is the customary shredder.
_NOBODYS = 1 << 16


def checksummed(address: str) -> str:
    """The spelling of EIP-55: a letter is upper case where the hash of the text says so."""
    digits = address[2:].lower()
    digest = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, digest, strict=False)
    )


def _spelled(address: str) -> str:
    """Raises ValueError naming the rule of spelling that is broken."""
    if _BARE.fullmatch(address):
        raise ValueError("it lacks the 0x in front")
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError("an address is 0x and 40 hexadecimal digits")
    canonical, digits = checksummed(address), match.group(1)
    if digits not in (digits.lower(), digits.upper(), canonical[2:]):
        raise ValueError("the checksum is wrong: upper and lower case break EIP-55")
    return canonical


def _payable(address: str) -> str:
    """Raises ValueError also for an address where a gift would be lost."""
    canonical = _spelled(address)
    if int(canonical, 16) < _NOBODYS:
        raise ValueError("nobody holds the key of this address, gifts to it are lost")
    for token in TOKENS:
        if canonical == token.contract:
            raise ValueError(
                f"it is the contract of the token {token.symbol}, gifts are lost there"
            )
    return canonical


def parse(text: str, network: Network) -> str:
    """The address as EIP-55 spells it; one case alone carries no checksum and is accepted.

    Raises InvalidAddress.
    """
    return parse_with(_payable, text, "Ethereum", network)


def parse_contract(text: str, network: Network) -> str:
    """The address of a contract as EIP-55 spells it. Raises InvalidAddress."""
    return parse_with(_spelled, text, "Ethereum", network)


ETH: Final = Chain(
    name="eth",
    title="Ethereum",
    symbol="ETH",
    decimals=18,
    confirmations=0,
    # A hundred thousandth: less than what a plain payment costs its sender on a quiet day.
    dust=10**13,
    protocol=Protocol.ETHEREUM,
    networks=NETWORKS,
    parse=parse,
    # Many wallets refuse the ethereum: scheme when they scan; all read the bare address.
    payment=lambda address: address,
    link=lambda address: f"ethereum:{address}@1",
    # Endpoints without a key that declare no tracking (DefiLlama/chainlist, extraRpcs.js).
    upstreams=(
        Upstream("https://ethereum-rpc.publicnode.com", "publicnode.com"),
        Upstream("https://eth.drpc.org", "drpc.org"),
        Upstream("https://public.1rpc.io/eth", "1rpc.io"),
        Upstream("https://eth.merkle.io", "merkle.io"),
        Upstream("https://ethereum-json-rpc.stakely.io", "stakely.io"),
    ),
    tokens=TOKENS,
)
