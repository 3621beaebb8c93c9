"""What the ledger of a Bitcoin-like chain must hold, computed from the blocks of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .expected import Expected, Truth

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..nodes import truth
    from ..nodes.utxo import UtxoNode

MATURITY = 100
CONFIRMATIONS = {"btc": 6, "bch": 10}
SYMBOLS = {"btc": "BTC", "bch": "BCH"}


def utxo_truth(
    node: UtxoNode, chain: str, spelling: Mapping[str, str], *, highest: int = 0
) -> Truth:
    """``spelling`` leads from the addresses as the node writes them to ours.

    ``highest`` is the highest tip there was: a transfer that was final under it may still be.
    """
    symbol = SYMBOLS[chain]
    found = node.touches(spelling)
    height, tip = node.height(), node.tip()
    transfers = {}
    balances = {(ours, symbol): 0 for ours in spelling.values()}
    for touch in found:
        for address, net in touch.net.items():
            own = touch.own or net <= 0
            if touch.height is None:
                states = {"seen"}
            else:
                balances[spelling[address], symbol] += net
                states = _states(chain, touch, height) | _states(chain, touch, max(height, highest))
            transfers[spelling[address], symbol, touch.txid] = Expected(
                kind="own" if own else "gift",
                amount=net,
                block=touch.block,
                states=frozenset(states),
                coinbase=touch.coinbase,
            )
    return Truth(chain, tip, transfers, balances)


def _states(chain: str, touch: truth.Touch, tip: int) -> set[str]:
    assert touch.height is not None
    needed = MATURITY if touch.coinbase else CONFIRMATIONS[chain]
    return {"final" if tip - touch.height + 1 >= needed else "confirmed"}


def node_balances_hold(node: UtxoNode, found: Truth, addresses: Collection[str]) -> bool:
    """Whether our reading of the blocks is what the node's own coin index says."""
    told = sorted(node.balance(address) for address in addresses)
    return told == sorted(found.balances.values())
