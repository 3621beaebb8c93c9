"""Bitcoin Cash: CashAddr in every spelling, and the old form it shares with Bitcoin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from donations.chains import base58, cashaddr, script
from donations.chains.base import Chain, Network, Protocol, Upstream
from donations.chains.cashaddr import CashAddress
from donations.chains.milestones import BCH_BLOCKS
from donations.chains.spelling import parse_with
from donations.proof.work import Asert, Ground, private_ground

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEST_CODES: Final[Mapping[str, str | int]] = {"p2pkh": 0x6F, "p2sh": 0xC4, "prefix": "bchtest"}
_REGTEST_GENESIS: Final = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
_TESTNET4_GENESIS: Final = "000000001dd410c49a788668ce26751718cc797474d3152a5fc073dd44fd9f7b"

NETWORKS: Final = {
    network.name: network
    for network in (
        Network(
            "mainnet",
            genesis="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            # The first block that Bitcoin does not share (Electron Cash, networks.py).
            landmark=(478559, "000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec"),
            ground=Ground(
                *BCH_BLOCKS[-1],
                # The anchor of the specification: the last block of the rule before.
                rule=Asert(height=661_647, value=0x1804DAFE, parent_time=1_605_447_844),
                easiest=0x182522D0,  # 16 times as easy as block 854,724 of July 2024
                older=BCH_BLOCKS[:-1],
            ),
            codes={"p2pkh": 0x00, "p2sh": 0x05, "prefix": "bitcoincash"},
            longest_gap=7_200,  # as Bitcoin
        ),
        Network(
            "testnet",
            genesis="000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
            landmark=(1155876, "00000000000e38fef93ed9582a7df43815d5c2ba9fd37ef70c9a0ea4a285b8f5"),
            codes=_TEST_CODES,
        ),
        Network("testnet4", genesis=_TESTNET4_GENESIS, codes=_TEST_CODES),
        # Chipnet is a branch of testnet4, with its genesis.
        Network("chipnet", genesis=_TESTNET4_GENESIS, codes=_TEST_CODES),
        Network(
            "regtest",
            genesis=_REGTEST_GENESIS,
            ground=private_ground(_REGTEST_GENESIS),
            codes={**_TEST_CODES, "prefix": "bchreg"},
        ),
    )
}

# Version byte types; a token-aware address has the locking script of its plain one.
_KEY_HASH, _SCRIPT_HASH = (0, 2), (1, 3)


def _read(text: str, network: Network) -> CashAddress:
    """Any spelling -> the plain address. Raises ValueError naming the rule that is broken."""
    prefix = str(network.codes["prefix"])
    # Base58 mixes its cases, CashAddr may not.
    mixed = text not in (text.lower(), text.upper())
    address = _legacy(text, network) if mixed else cashaddr.decode(text, prefix)
    if address.prefix != prefix:
        raise ValueError(f"its prefix is {address.prefix}, of another network")
    if address.kind in _KEY_HASH and len(address.hash) == 20:
        return CashAddress(prefix, 0, address.hash)
    if address.kind in _SCRIPT_HASH and len(address.hash) in (20, 32):
        return CashAddress(prefix, 1, address.hash)
    raise ValueError("its type is not one that Bitcoin Cash pays")


def _legacy(text: str, network: Network) -> CashAddress:
    """The form of before 2018. Bitcoin Cash Node writes 32 byte script hashes in it too."""
    payload = base58.decode_check(text)
    version, digest = payload[0], payload[1:]
    for kind, code in enumerate(("p2pkh", "p2sh")):
        if version == network.codes[code]:
            return CashAddress(str(network.codes["prefix"]), kind, digest)
    raise ValueError(f"its version byte {version} is of another network")


def locking_script(address: str, network: Network) -> bytes:
    """The script that pays the address. Raises ValueError naming the rule the address breaks."""
    read = _read(address, network)
    if read.kind == 0:
        return script.pay_to_key_hash(read.hash)
    return script.pay_to_script_hash(read.hash)


def parse(text: str, network: Network) -> str:
    """Any spelling -> plain CashAddr in lower case with its prefix. Raises InvalidAddress."""

    def canonical(address: str) -> str:
        return cashaddr.encode(_read(address, network))

    return parse_with(canonical, text, "Bitcoin Cash", network)


BCH: Final = Chain(
    name="bch",
    title="Bitcoin Cash",
    symbol="BCH",
    decimals=8,
    confirmations=10,
    dust=1_000,
    protocol=Protocol.ELECTRUM,
    explorer=Protocol.HASKOIN,
    networks=NETWORKS,
    parse=parse,
    # The address is the payment link already: its prefix is the scheme.
    payment=lambda address: address,
    link=lambda address: address,
    script=locking_script,
    # Servers of the lists of Electron Cash and Fulcrum (servers.json).
    upstreams=(
        Upstream("ssl://bch.imaginary.cash:50002", "imaginary.cash"),
        Upstream("ssl://blackie.c3-soft.com:50002", "c3-soft.com"),
        Upstream("ssl://electroncash.dk:50002", "electroncash.dk"),
        Upstream("ssl://bch.loping.net:50002", "loping.net"),
        Upstream("ssl://electron.jochen-hoenicke.de:51002", "jochen-hoenicke.de"),
    ),
)
