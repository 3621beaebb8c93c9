"""Seeded bugs of the sources: (what is broken, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_CONTRACT = "tests/sources/test_contract.py"
_EXPLORERS = "tests/sources/test_explorers.py"
_ETHERSCAN = "tests/sources/test_etherscan.py"
_ELECTRUM = f"{_CONTRACT}::test_a_random_life_is_told_as_it_was[0-ElectrumX 1.6]"
_ETHEREUM = f"{_CONTRACT}::test_a_random_life_is_told_as_it_was[0-Ethereum]"

SOURCES: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/sources/utxo_told.py",
        (
            (
                "what we spend is not known to be ours",
                "own=bool(spent),",
                "own=False,",
                _ELECTRUM,
            ),
            (
                "change is told gross",
                "spends=tuple((o, units) for o, (to, units) in spent.items() if to == address),",
                "spends=(),",
                _ELECTRUM,
            ),
        ),
    ),
    (
        "donations/sources/electrum.py",
        (
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
        ),
    ),
    (
        "donations/sources/utxo_told.py",
        (
            (
                "a server of another network is believed",
                "        if (await block_at(height)).hash != expected:\n",
                "        if (await block_at(height)).hash == '':\n",
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
    (
        "donations/sources/utxo_json.py",
        (
            (
                "what an explorer alters of a transaction is believed",
                '    if transaction.txid != txid:\n        raise UpstreamMalformed(f"what is told',
                '    if not transaction.txid:\n        raise UpstreamMalformed(f"what is told',
                f"{_EXPLORERS}::test_what_is_told_of_a_transaction_cannot_be_altered[Esplora]",
            ),
            (
                "a header is told under any hash",
                "    if block_hash(header) != told:",
                "    if block_hash(header) == '':",
                f"{_EXPLORERS}::test_a_header_has_to_have_its_hash[Haskoin]",
            ),
        ),
    ),
    (
        "donations/sources/explorer.py",
        (
            (
                "a page that is missing is absence",
                "    if below < 0 or (since == 0 and below) or",
                "    if below < 0 or",
                f"{_EXPLORERS}::test_a_history_shorter_than_its_count_is_refused[Esplora]",
            ),
            (
                "pages may go round",
                "            if told.txid in self._seen:",
                "            if told.txid == '':",
                f"{_EXPLORERS}::test_pages_that_go_round_are_refused[Haskoin]",
            ),
        ),
    ),
    (
        "donations/sources/explorer_source.py",
        (
            (
                "what moved while it was read is told half",
                "        if history != held or summary != watched.summary:\n",
                "        if history == held and summary != watched.summary:\n",
                f"{_EXPLORERS}::test_a_block_that_is_replaced_in_the_middle_is_seen[Haskoin]",
            ),
            (
                "what was held is told after a reorg",
                "        if watched.generation != self._blocks.generation or held is None or",
                "        if held is None or",
                f"{_EXPLORERS}::test_a_reorg_at_the_same_height_is_seen[Esplora]",
            ),
        ),
    ),
    (
        "donations/sources/esplora.py",
        (
            (
                "fifty of sixty unconfirmed gifts are all there are",
                "            if len(pending) >= MAX_PENDING:",
                "            if len(pending) > MAX_PENDING:",
                f"{_EXPLORERS}::test_fifty_unconfirmed_are_too_many_to_see",
            ),
        ),
    ),
    (
        "donations/sources/esplora_answers.py",
        (
            (
                "an Electrum server passes for Esplora",
                'answer.get("electrum") is True',
                'answer.get("electrum") == 0',
                f"{_EXPLORERS}::test_an_electrum_server_in_the_dress_of_esplora_is_refused",
            ),
        ),
    ),
    (
        "donations/sources/haskoin_answers.py",
        (
            (
                "a deleted transaction is still there",
                'if truth(item, "deleted"):',
                'if not isinstance(truth(item, "deleted"), bool):',
                f"{_EXPLORERS}::test_deleted_transactions_are_not_there",
            ),
        ),
    ),
    (
        "donations/sources/explorer_proofs.py",
        (
            (
                "a branch that leads elsewhere proves",
                "    if root != own.merkle_root:",
                "    if root == own.hash:",
                "tests/sources/test_explorer_proofs.py"
                "::test_a_proof_of_a_block_that_lost_is_not_one_of_its_successor",
            ),
        ),
    ),
    (
        "donations/sources/rest.py",
        (
            (
                "a public explorer is asked without a pause",
                "self._pause = 0.0 if is_near(url) else pause",
                "self._pause = 0.0",
                f"{_EXPLORERS}::test_public_hosts_are_asked_one_at_a_time_with_pauses[Esplora]",
            ),
        ),
    ),
    (
        "donations/sources/etherscan_answers.py",
        (
            (
                "a delegated call pays a second time",
                "kind not in _MOVING",
                "not kind",
                f"{_ETHERSCAN}::test_payments_out_of_contracts_are_named[etherscan]",
            ),
            (
                "a refusal is an empty list",
                '    said = f"{message}',
                '    if result == []:\n        return []\n    said = f"{message}',
                f"{_ETHERSCAN}::test_a_refusal_is_no_empty_list",
            ),
        ),
    ),
    (
        "donations/sources/ethereum_past.py",
        (
            (
                "a past need not add up",
                "        if (sum(t.net for t in found), own) != (point.balance, point.nonce):",
                "        if own != point.nonce:",
                f"{_ETHERSCAN}::test_a_past_that_does_not_add_up_is_not_taken[etherscan]",
            ),
        ),
    ),
    (
        "donations/attribution.py",
        (
            (
                "names need not add up",
                "    adds_up = sum(units for _, units in parts) == transfer.amount",
                "    adds_up = True",
                "tests/test_attribution.py::test_parts_that_do_not_add_up_are_none",
            ),
        ),
    ),
)
