"""Seeded bugs of what stands between agreement and ledger: (what is broken, old, new, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_GATE = "tests/test_gate.py"
_DIFFER = "tests/test_differences.py"
_WHOLE = "tests/test_proofs.py"
_STORE = "tests/test_store.py"

TRUST: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/gate.py",
        (
            (
                "what operators place in a block counts without proof",
                "unproven=frozenset(t.id for t in others if not _stood(t, believed.get(t.id))),",
                "unproven=frozenset(),",
                f"{_GATE}::test_a_place_counts_once_it_is_proven",
            ),
            (
                "absence outvotes a proof",
                "undecided=(view.undecided | kept) - proven.keys(),",
                "undecided=view.undecided - proven.keys(),",
                f"{_GATE}::test_a_proof_outvotes_absence",
            ),
            (
                "a rival outvotes a proof",
                "if t.id not in proven and not _rivals(t, taken)]",
                "if t.id not in proven]",
                f"{_GATE}::test_a_proof_outvotes_a_rival",
            ),
            (
                "one operator's proof does not count",
                "return (*view.transactions, *(claim.transaction for claim in view.claimed))",
                "return view.transactions",
                f"{_GATE}::test_one_valid_proof_makes_a_claim_count",
            ),
            (
                "what was proven goes on to count when our headers have left it",
                "and believed.level is Level.AGREED",
                "",
                f"{_GATE}::test_a_reorg_takes_the_proof_away",
            ),
            (
                "our own headers do not hold back what is final",
                "proven_final=final_height,",
                "proven_final=None,",
                f"{_GATE}::test_final_is_what_our_own_headers_bury",
            ),
        ),
    ),
    (
        "donations/differences.py",
        (
            (
                "one operator keeps a coin in doubt for ever",
                "return now - claim.since >= self._grace",
                "return False",
                f"{_DIFFER}::test_one_of_three_cannot_keep_a_coin_in_doubt",
            ),
            (
                "differing mempools are a disagreement",
                "claim.transaction.block is not None\n                and not",
                "not",
                f"{_DIFFER}::test_mempools_differ_by_nature",
            ),
            (
                "a claim begins anew with each view",
                "before[told.id].since if told.id in before else now,",
                "now,",
                f"{_DIFFER}::test_one_of_three_cannot_keep_a_coin_in_doubt",
            ),
        ),
    ),
    (
        "donations/agreement.py",
        (
            (
                "who has another block is said to hide what this one holds",
                " and observation.blocks.get(block.height) == block",
                "",
                f"{_DIFFER}::test_nobody_hides_what_he_does_not_look_at",
            ),
        ),
    ),
    (
        "donations/evidence.py",
        (
            (
                "headers of a longer chain stay after a reorg",
                "if fork is not None:",
                "if fork is None:",
                f"{_STORE}::test_headers_above_a_fork_are_replaced",
            ),
        ),
    ),
    (
        "donations/quarantine.py",
        (
            (
                "other upstreams of a liar inherit its conviction",
                "if each.until > now and known.get(each.operator) == each.configuration",
                "if each.until > now",
                f"{_WHOLE}::test_a_liar_is_out_of_the_vote_until_it_is_configured_anew",
            ),
            (
                "a conviction does not outlive the process",
                "await self._store.run(self._store.convict, conviction)",
                "",
                f"{_WHOLE}::test_a_liar_is_out_of_the_vote_until_it_is_configured_anew",
            ),
        ),
    ),
    (
        "donations/coverage.py",
        (
            (
                "another block at a recorded height is no reorg",
                "if contradicted or tip < max(known, default=tip):",
                "if tip < max(known, default=tip):",
                "tests/real/test_many_reorgs.py::test_many_reorgs_of_ethereum",
            ),
        ),
    ),
    (
        "donations/settling.py",
        (
            (
                "what another operator still tells from further below is counted twice",
                "names = {t.id for t in view.transactions} | "
                "{c.transaction.id for c in view.claimed}",
                "names = {t.id for t in view.transactions}",
                f"{_WHOLE}::test_what_stands_in_blocks_is_proven",
            ),
            (
                "of two chains with the same work the first one is kept",
                "        await self._keeper.prefer(view.tip)\n",
                "",
                f"{_WHOLE}::test_a_reorg_takes_proofs_and_new_places_get_theirs",
            ),
        ),
    ),
)
