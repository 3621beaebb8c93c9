"""The chains: codecs of addresses, and the facts of each chain in one file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from donations.chains.bch import BCH
from donations.chains.btc import BTC
from donations.chains.eth import ETH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.chains.base import Chain

CHAINS: Final[Mapping[str, Chain]] = MappingProxyType(
    {chain.name: chain for chain in (BTC, BCH, ETH)}
)
