"""Seeded bugs of what is shown: the list of transfers, bundles, and the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_BUNDLE = "tests/bundle/test_bundle.py"
_DOCTOR = "tests/test_doctor.py"
_LISTING = "tests/test_listing.py"
_SHOWING = "tests/bundle/test_showing.py"

SHOW: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/listing.py",
        (
            (
                "a changed page ends where it began",
                "boundaries = set(firsts) - set(touched)",
                "boundaries = set(firsts)",
                f"{_LISTING}::test_the_first_transfer_of_a_page_may_change_too",
            ),
            (
                "claims are public",
                "return transfer.level is Level.CLAIMED or superseded",
                "return superseded",
                f"{_LISTING}::test_a_claim_is_no_news_for_readers",
            ),
            (
                "dust is listed",
                "transfer.amount < one.chain.dust",
                "transfer.amount < 0",
                f"{_LISTING}::test_small_gifts_are_counted_and_not_listed",
            ),
        ),
    ),
    (
        "donations/bundle/form.py",
        (
            (
                "a bundle may be written in many ways",
                "if write(bundle) != text:",
                "if write(bundle) == b'':",
                f"{_BUNDLE}::test_another_spelling_of_the_same_bundle_is_refused",
            ),
        ),
    ),
    (
        "donations/bundle/verify.py",
        (
            (
                "a bundle may claim another amount",
                "if units != proven.units:",
                "if units < 0:",
                f"{_BUNDLE}::test_what_is_claimed_must_be_so",
            ),
            (
                "a gift may stand twice in a bundle",
                "        if name in outputs:",
                "        if not name:",
                f"{_BUNDLE}::test_what_is_claimed_must_be_so",
            ),
            (
                "change is a gift",
                "    if own:",
                "    if own and not own:",
                f"{_BUNDLE}::test_change_is_no_gift",
            ),
            (
                "test money is money",
                "if isinstance(ground.rule, Constant) and not test_networks:",
                "if isinstance(ground.rule, Constant) and test_networks is None:",
                f"{_BUNDLE}::test_a_test_network_is_not_taken_for_money",
            ),
        ),
    ),
    (
        "donations/showing.py",
        (
            (
                "what was watched once is shown for ever",
                "if key.address not in settings.addresses:",
                "if not key.address:",
                f"{_SHOWING}::test_what_is_no_longer_watched_is_not_shown",
            ),
            (
                "what is not proven is shown as proven",
                "transfer.level is Level.PROVEN and transfer.bucket",
                "transfer.bucket",
                f"{_SHOWING}::test_what_is_not_proven_is_not_shown",
            ),
        ),
    ),
    (
        "donations/doctor/books.py",
        (
            (
                "the doctor believes the sums",
                "if ours != theirs:",
                "if ours is None:",
                f"{_DOCTOR}::test_each_damage_is_named",
            ),
            (
                "the doctor believes amounts",
                "if transfer.amount != net:",
                "if transfer.amount is None:",
                f"{_DOCTOR}::test_each_damage_is_named",
            ),
        ),
    ),
    (
        "donations/doctor/database.py",
        (
            (
                "the doctor leaves a log behind",
                '"" if log_of(path).exists() else "&immutable=1"',
                '""',
                f"{_DOCTOR}::test_nothing_is_written",
            ),
        ),
    ),
)
