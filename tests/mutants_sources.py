"""Seeded bugs of the sources: (what is broken, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_CONTRACT = "tests/sources/test_contract.py"
_ELECTRUM = f"{_CONTRACT}::test_a_random_life_is_told_as_it_was[0-ElectrumX 1.6]"
_ETHEREUM = f"{_CONTRACT}::test_a_random_life_is_told_as_it_was[0-Ethereum]"

SOURCES: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/sources/electrum.py",
        (
            (
                "what we spend is not known to be ours",
                "                    own=bool(spent),\n",
                "                    own=False,\n",
                _ELECTRUM,
            ),
            (
                "change is told gross",
                "spends=tuple((o, units) for o, (to, units) in spent.items() if to == address),",
                "spends=(),",
                _ELECTRUM,
            ),
            (
                "a history is never read again",
                "if watched.history is not None and watched.read == now:",
                "if watched.history is not None:",
                _ELECTRUM,
            ),
            (
                "nobody looks for what took a gift's place",
                "        if until is None:\n            rivals = await",
                "        if until == 0:\n            rivals = await",
                f"{_CONTRACT}::test_what_took_a_gifts_place_is_reported[ElectrumX 1.6]",
            ),
            (
                "a server of another network is believed",
                "            if found.hash != expected:\n",
                "            if found.hash == '':\n",
                f"{_CONTRACT}::test_another_network_is_refused[ElectrumX 1.6]",
            ),
        ),
    ),
    (
        "donations/sources/ethereum_explain.py",
        (
            (
                "what we send is told without its gas",
                "spends=((_slot(sent), value + sent.gas_cost),)",
                "spends=((_slot(sent), value),)",
                _ETHEREUM,
            ),
            (
                "a failed payment is a gift",
                "brings = sent.value if sent.to == address and sent.succeeded else 0",
                "brings = sent.value if sent.to == address else 0",
                _ETHEREUM,
            ),
            (
                "a payment from our other address is a gift",
                "                    own=sent.sender in watched,\n",
                "",
                _ETHEREUM,
            ),
            (
                "a withdrawal of a validator is a gift",
                "amount, Kind.UNATTRIBUTED)\n        for index",
                "amount, Kind.GIFT)\n        for index",
                _ETHEREUM,
            ),
            (
                "a refund of our own call is a gift",
                "if rest > 0 and calls and not ours:",
                "if rest > 0 and calls:",
                _ETHEREUM,
            ),
        ),
    ),
    (
        "donations/sources/ethereum_account.py",
        (
            (
                "what a block that left the chain vouched for is kept",
                "if t.block is not None and t.block.height <= height]",
                "if t.block is not None]",
                _ETHEREUM,
            ),
        ),
    ),
    (
        "donations/sources/ethereum_search.py",
        (
            (
                "blocks between two equal balances are skipped although the nonce moved",
                "return (self.balance, self.nonce) != (other.balance, other.nonce)",
                "return self.nonce != other.nonce",
                _ETHEREUM,
            ),
        ),
    ),
)
