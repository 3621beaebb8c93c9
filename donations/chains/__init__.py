"""The chains: codecs of addresses, and the facts of each chain in one file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from donations.chains.base import Chain
from donations.chains.bch import BCH
from donations.chains.btc import BTC
from donations.chains.eth import ETH

CHAINS: Final[Mapping[str, Chain]] = MappingProxyType(
    {chain.name: chain for chain in (BTC, BCH, ETH)}
)
