"""Bitcoin: P2PKH, P2SH and witness addresses of every version (BIP-13, 141, 173, 350)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from donations.chains import base58, bech32, script
from donations.chains.base import Chain, Network, Protocol, Upstream
from donations.chains.milestones import BTC_BLOCKS
from donations.chains.spelling import parse_with
from donations.proof.work import Ground, Retarget, private_ground

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENESIS: Final = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
_REGTEST_GENESIS: Final = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
_TEST_CODES: Final[Mapping[str, str | int]] = {"p2pkh": 0x6F, "p2sh": 0xC4, "hrp": "tb"}

NETWORKS: Final = {
    network.name: network
    for network in (
        Network(
            "mainnet",
            genesis=_GENESIS,
            # The first block that Bitcoin Cash does not share.
            landmark=(478559, "00000000000000000019f112ec0a9982926f1258cdcc558dd7c3b7e5dc7fa148"),
            ground=Ground(
                *BTC_BLOCKS[-1],
                rule=Retarget(first=953_568, first_bits=0x170240C3),
                easiest=0x17240C30,  # 16 times as easy as that window
                older=BTC_BLOCKS[:-1],
            ),
            codes={"p2pkh": 0x00, "p2sh": 0x05, "hrp": "bc"},
            # A block takes ten minutes on average: e^-12, once in three years.
            longest_gap=7_200,
        ),
        Network(
            "testnet",
            genesis="000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
            codes=_TEST_CODES,
        ),
        Network(
            "testnet4",
            genesis="00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
            codes=_TEST_CODES,
        ),
        Network(
            "signet",
            genesis="00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
            codes=_TEST_CODES,
        ),
        Network(
            "regtest",
            genesis=_REGTEST_GENESIS,
            ground=private_ground(_REGTEST_GENESIS),
            codes={**_TEST_CODES, "hrp": "bcrt"},
        ),
    )
}


def locking_script(address: str, network: Network) -> bytes:
    """The script that pays the address. Raises ValueError naming the rule the address breaks."""
    if address.lower().startswith(f"{network.codes['hrp']}1"):
        _, version, program = bech32.decode_witness(address)
        return script.witness(version, program)
    return script.of_base58(base58.decode_check(address), network)


def parse(text: str, network: Network) -> str:
    """The address as given, bech32 in lower case. Raises InvalidAddress."""

    def canonical(address: str) -> str:
        locking_script(address, network)
        is_witness = address.lower().startswith(f"{network.codes['hrp']}1")
        return address.lower() if is_witness else address

    return parse_with(canonical, text, "Bitcoin", network)


BTC: Final = Chain(
    name="btc",
    title="Bitcoin",
    symbol="BTC",
    decimals=8,
    confirmations=6,
    dust=1_000,
    protocol=Protocol.ELECTRUM,
    explorer=Protocol.ESPLORA,
    networks=NETWORKS,
    parse=parse,
    payment=lambda address: f"bitcoin:{address}",
    link=lambda address: f"bitcoin:{address}",
    script=locking_script,
    # Servers of the Electrum wallet's list (spesmilo/electrum, chains/mainnet/servers.json).
    upstreams=(
        Upstream("ssl://electrum.blockstream.info:50002", "blockstream.info"),
        Upstream("ssl://electrum.emzy.de:50002", "emzy.de"),
        Upstream("ssl://fulcrum.sethforprivacy.com:50002", "sethforprivacy.com"),
        Upstream("ssl://electrum.bitaroo.net:50002", "bitaroo.net"),
        Upstream("ssl://bitcoin.lu.ke:50002", "lu.ke"),
    ),
)
