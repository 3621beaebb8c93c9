"""Other people's pages about a transaction: they are asked only when the author clicks."""

from __future__ import annotations

from types import MappingProxyType
from urllib.parse import quote

# By chain, of the main networks: what the links are called, and where they lead.
_EXPLORERS = MappingProxyType(
    {
        "btc": (
            ("mempool.space", "https://mempool.space/tx/"),
            ("blockstream.info", "https://blockstream.info/tx/"),
        ),
        "bch": (
            ("blockchair.com", "https://blockchair.com/bitcoin-cash/transaction/"),
            ("bchexplorer.cash", "https://bchexplorer.cash/tx/"),
        ),
        "eth": (
            ("etherscan.io", "https://etherscan.io/tx/"),
            ("eth.blockscout.com", "https://eth.blockscout.com/tx/"),
        ),
    }
)


def explorers_of(chain: str, network: str, txid: str) -> tuple[tuple[str, str], ...]:
    """(name, URL) for a transaction; none on test networks, and none for a payment without hash."""
    if network != "mainnet" or not txid.isalnum():
        return ()
    return tuple((name, url + quote(txid, safe="")) for name, url in _EXPLORERS.get(chain, ()))
