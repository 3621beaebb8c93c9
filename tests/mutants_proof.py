"""Seeded bugs of the proofs: (what is broken, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_CHAIN = "tests/proof/test_header_chain.py"
_INCLUSION = "tests/proof/test_inclusion.py"
_WORK = "tests/proof/test_work.py"
_ELECTRUM = "tests/sources/test_electrum_proofs.py"

PROOF: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/proof/header_rules.py",
        (
            (
                "a hash need not meet its target",
                "if number > target(bits):",
                "if number < 0:",
                f"{_CHAIN}::test_a_header_that_was_not_paid_for_is_a_lie",
            ),
            (
                "a header chooses its difficulty",
                "if bits != expected:",
                "if bits == 0:",
                f"{_CHAIN}::test_blocks_that_were_mined_cheaply_are_no_blocks_of_bitcoin",
            ),
            (
                "a new rule of the network convicts all its servers",
                "if number <= easiest:",
                "if number < 0:",
                f"{_CHAIN}::test_a_paid_for_block_of_another_rule_convicts_nobody",
            ),
            (
                "a long pause makes blocks free",
                "if target(bits) > easiest:",
                "if target(bits) > 1 << 256:",
                f"{_CHAIN}::test_a_clock_that_jumps_makes_no_block_cheap",
            ),
            (
                "time may stand still",
                "time <= (median :=",
                "time < (median :=",
                f"{_CHAIN}::test_time_goes_on",
            ),
            (
                "blocks of the future are taken",
                "if time > now + AHEAD_SECONDS:",
                "if time > now + 99 * AHEAD_SECONDS:",
                f"{_CHAIN}::test_time_goes_on",
            ),
            (
                "headers need not link",
                "if read.previous(child) != read.block_hash(parent):",
                "if read.previous(child) == '':",
                f"{_CHAIN}::test_headers_must_link",
            ),
        ),
    ),
    (
        "donations/proof/header_chain.py",
        (
            (
                "height decides, and not work",
                "if branch.work <= lost.work:",
                "if len(branch.headers) <= len(lost.headers):",
                f"{_CHAIN}::test_work_decides_and_not_height",
            ),
            (
                "the last one of equal work wins",
                "if branch.work <= lost.work:",
                "if branch.work < lost.work:",
                f"{_CHAIN}::test_equal_work_changes_nothing",
            ),
            (
                "the shipped block is not looked at",
                "!= ground.hash:",
                "== '':",
                f"{_CHAIN}::test_another_chain_than_the_shipped_one_is_a_lie",
            ),
            (
                "right above the start an unknown median is guessed",
                "before = [read.time(at(h)) for h in range(oldest, height)] if known else []",
                "before = [read.time(at(h)) for h in "
                "range(max(oldest, self.ground.height), height)]",
                f"{_CHAIN}::test_right_above_the_start_the_median_is_not_known",
            ),
            (
                "kept rows are taken in one piece or not at all",
                "for at in range(len(below), len(headers), MAX_HEADERS):",
                "for at in range(len(below), len(headers), 1 << 30):",
                f"{_CHAIN}::test_kept_rows_are_believed_no_more_than_any",
            ),
        ),
    ),
    (
        "donations/proof/branches.py",
        (
            (
                "branches of what was lost are left hanging",
                "if branch.fork > lost.fork:",
                "if branch.fork < 0:",
                f"{_CHAIN}::test_random_trees_end_at_the_most_work",
            ),
            (
                "what was lost is forgotten",
                "        if lost.headers:\n            self.remember(lost)\n",
                "",
                f"{_CHAIN}::test_a_branch_may_come_in_pieces",
            ),
        ),
    ),
    (
        "donations/proof/older_headers.py",
        (
            (
                "older headers lead anywhere",
                "!= expected:",
                "== '':",
                f"{_CHAIN}::test_older_headers_that_lead_elsewhere_are_a_lie",
            ),
        ),
    ),
    (
        "donations/proof/work.py",
        (
            (
                "a window is counted with 2,016 intervals",
                "header_at(height - WINDOW))",
                "header_at(height - WINDOW - 1))",
                f"{_WORK}::test_bitcoin_retargets_as_the_chain_did",
            ),
            (
                "a target moves by any factor",
                "taken = min(max(seconds, _WINDOW_SECONDS // 4), _WINDOW_SECONDS * 4)",
                "taken = seconds",
                f"{_WORK}::test_bitcoin_retargets_as_bitcoin_core",
            ),
            (
                "the schedule of Bitcoin Cash begins a block later",
                "BLOCK_SECONDS * (blocks + 1)",
                "BLOCK_SECONDS * blocks",
                f"{_WORK}::test_bitcoin_cash_follows_aserti3",
            ),
            (
                "division goes down and not towards zero",
                "exponent = late // _HALF_LIFE_SECONDS if late >= 0 else "
                "-(-late // _HALF_LIFE_SECONDS)",
                "exponent = late // _HALF_LIFE_SECONDS",
                f"{_WORK}::test_bitcoin_cash_follows_aserti3",
            ),
        ),
    ),
    (
        "donations/proof/merkle.py",
        (
            (
                "a copy of the last transaction is one more",
                "if sibling == node:",
                "if sibling == b'':",
                f"{_INCLUSION}::test_a_right_copy_of_the_left_sibling_is_refused",
            ),
            (
                "bits beyond the depth say nothing",
                "if position < 0 or position >> len(branch):",
                "if position < 0:",
                f"{_INCLUSION}::test_the_position_lies_in_the_tree",
            ),
            (
                "an inner node may be a transaction",
                "        _refuse_transaction(pair, txid)\n",
                "",
                f"{_INCLUSION}::test_a_payment_beneath_a_leaf_is_refused",
            ),
            (
                "items of any length are hashed",
                "or any(len(sibling) != NODE_BYTES for sibling in branch)",
                "",
                f"{_INCLUSION}::test_a_branch_has_hashes_and_an_end",
            ),
        ),
    ),
    (
        "donations/proof/inclusion.py",
        (
            (
                "the depth is not that of the coinbase",
                "if len(inclusion.branch) != len(inclusion.coinbase_branch):",
                "if len(inclusion.branch) < 0:",
                f"{_INCLUSION}::test_a_payment_beneath_a_leaf_is_refused",
            ),
            (
                "64 bytes may be a transaction",
                "if each.size == INNER_BYTES:",
                "if each.size == 0:",
                f"{_INCLUSION}::test_an_inner_node_is_no_transaction",
            ),
            (
                "the coinbase may lead to another block",
                "    if root != first:\n",
                "    if root == b'':\n",
                f"{_INCLUSION}::test_a_forged_transaction_leads_elsewhere",
            ),
            (
                "any block will do",
                "    if root != header.merkle_root:\n",
                "    if root == '':\n",
                f"{_INCLUSION}::test_another_block_is_not_proven",
            ),
            (
                "the height of the coinbase is not read",
                "if height >= BIP34_HEIGHT and",
                "if height < 0 and",
                f"{_INCLUSION}::test_the_coinbase_tells_the_height",
            ),
            (
                "a witness is part of a proof",
                "if each.size != len(raw):",
                "if each.size == 0:",
                f"{_INCLUSION}::test_a_witness_is_no_part_of_a_proof",
            ),
        ),
    ),
    (
        "donations/sources/electrum_proofs.py",
        (
            (
                "a proof of another block than the server's own is passed on",
                "    if root != own.merkle_root:\n",
                "    if root == '':\n",
                f"{_ELECTRUM}::test_a_lie_about_a_place_convicts_the_server",
            ),
            (
                "other bytes than those asked for are passed on",
                "    if transaction.txid != txid:\n",
                "    if transaction.txid == '':\n",
                f"{_ELECTRUM}::test_other_bytes_than_those_asked_for_are_a_lie",
            ),
            (
                "a reorg between two answers convicts the server",
                '        if await connection.call("blockchain.block.header", height) == before:\n',
                "        if True:\n",
                f"{_ELECTRUM}::test_a_reorg_while_a_proof_is_read_is_no_lie",
            ),
        ),
    ),
)
