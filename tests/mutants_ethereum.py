"""Seeded bugs of Ethereum's proofs: (what is broken, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_TRIE = "tests/proof/test_ethereum_trie.py"
_BLOCKS = "tests/proof/test_ethereum_blocks.py"
_EVIDENCE = "tests/proof/test_ethereum_evidence.py"
_PROVER = "tests/sources/test_ethereum_proofs.py"
_LEVELS = "tests/test_ethereum_levels.py"
_FORMS = f"{_TRIE}::test_nodes_that_no_trie_has_are_refused"
_OTHER_CLAIMS = f"{_EVIDENCE}::test_no_other_claim_is_proven"

ETHEREUM: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/proof/rlp.py",
        (
            (
                "one item has two forms",
                "if end - start == 1 and raw[start] < 0x80:",
                "if end - start == 1 and raw[start] < 0:",
                f"{_TRIE}::test_one_item_has_one_form",
            ),
            (
                "a length need not be the shortest",
                "or length <= _SHORT:",
                "or length < 0:",
                f"{_TRIE}::test_other_forms_are_refused",
            ),
        ),
    ),
    (
        "donations/proof/trie.py",
        (
            (
                "nodes need not have their hash",
                "if keccak(raw) != digest:",
                "if keccak(raw) == b'':",
                f"{_TRIE}::test_another_root_is_not_proven",
            ),
            (
                "nodes that lead nowhere are taken",
                "    if rest:\n        raise",
                "    if rest is None:\n        raise",
                _FORMS,
            ),
            (
                "a short node may stand outside",
                "if len(raw) < HASH_BYTES:",
                "if len(raw) < 0:",
                f"{_TRIE}::test_a_short_node_stands_inside_its_parent",
            ),
            (
                "an extension leads on whatever the key is",
                "            if path[at:end] != part:\n",
                "            if end > len(path):\n",
                f"{_TRIE}::test_tries_are_those_of_another_maker",
            ),
        ),
    ),
    (
        "donations/proof/ethereum_header.py",
        (
            (
                "the hash that is told is believed",
                'if header.hash != "0x" + told.hex():',
                "if header.hash == told:",
                f"{_BLOCKS}::test_a_header_with_any_field_bent_is_not_recomputed",
            ),
        ),
    ),
    (
        "donations/proof/ethereum_inclusion.py",
        (
            (
                "a block that hides a transaction is whole",
                "    if root != wanted:\n",
                "    if what == '':\n",
                f"{_BLOCKS}::test_a_block_that_denies_itself_is_a_lie",
            ),
            (
                "a growth is of any two blocks",
                "if header.parent != parent.hash:",
                "if header.parent == '':",
                f"{_EVIDENCE}::test_a_growth_is_of_two_neighbours",
            ),
            (
                "a refund of our own call is income",
                "if after.nonce != before.nonce or header.proposer == address.lower():",
                "if header.proposer == address.lower():",
                f"{_EVIDENCE}::test_a_block_with_our_own_call_proves_no_income",
            ),
            (
                "a withdrawal is income from inside",
                "    return sum(gwei * _GWEI for to, gwei in paid if to == address.lower())\n",
                "    return 0 * len(paid)\n",
                f"{_EVIDENCE}::test_gifts_of_each_kind_are_proven",
            ),
            (
                "one payment is taken off twice",
                "if places != sorted(set(places)):",
                "if places != sorted(places):",
                f"{_EVIDENCE}::test_withdrawals_and_payments_are_not_income_from_inside",
            ),
        ),
    ),
    (
        "donations/proof/ethereum_evidence.py",
        (
            (
                "a failed payment is proven",
                "    if not receipt.succeeded:\n        raise",
                "    if receipt is None:\n        raise",
                f"{_EVIDENCE}::test_a_failed_payment_is_none",
            ),
            (
                "any amount is proven",
                "if proven != claim.amount:",
                "if proven < 0:",
                _OTHER_CLAIMS,
            ),
            (
                "any contract's log is the token's",
                "or log.address != claim.contract.lower()",
                "or log.address == ''",
                _OTHER_CLAIMS,
            ),
            (
                "one payment is counted in two gifts",
                "if other.shown.index not in counted:",
                "if other.shown.index < 0:",
                f"{_EVIDENCE}::test_no_wei_is_proven_twice",
            ),
        ),
    ),
    (
        "donations/proof/ethereum_logs.py",
        (
            (
                "any contract tells of ether",
                "transfer_of(log) if log.address == SYSTEM_ADDRESS else None",
                "transfer_of(log)",
                f"{_EVIDENCE}::test_logs_of_ether_name_who_paid_from_inside",
            ),
        ),
    ),
    (
        "donations/ethereum_levels.py",
        (
            (
                "what an earlier run left open stays so",
                "        await self._load()\n",
                "",
                f"{_LEVELS}::test_what_was_left_open_is_proven_after_a_restart",
            ),
        ),
    ),
    (
        "donations/sources/ethereum_prover.py",
        (
            (
                "one operator proves a header",
                "least = max(_LEAST_OPERATORS, agree)",
                "least = agree",
                f"{_PROVER}::test_nothing_is_proven_by_one_operator",
            ),
            (
                "the word of a liar is agreement",
                "    if len(honest) < least:",
                "    if not honest:",
                f"{_PROVER}::test_a_lie_convicts_and_another_operator_proves",
            ),
            (
                "bad weather is taken for the last word",
                "proven.unprovable = set(left) - later",
                "proven.unprovable = set(left)",
                f"{_PROVER}::test_weather_is_told_and_tried_again",
            ),
        ),
    ),
    (
        "donations/sources/ethereum_proofs.py",
        (
            (
                "a block need not be final where it is agreed",
                ".height < block.height:\n            return False",
                ".height < 0:\n            return False",
                f"{_PROVER}::test_nothing_is_proven_by_one_operator",
            ),
            (
                "a balance beside its own proof is believed",
                "if (account.balance, account.nonce) != (balance, nonce):",
                "if account.nonce != nonce:",
                f"{_PROVER}::test_a_lie_convicts_and_another_operator_proves",
            ),
        ),
    ),
)
