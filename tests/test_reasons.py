"""Every failure has one reason of a closed list, and every reason a sentence that helps."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from donations import errors
from donations.reasons import MEANINGS, Reason

PACKAGE = Path(__file__).parent.parent / "donations"


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_says_what_it_means_and_what_to_do(reason: Reason) -> None:
    """One sentence, short enough for a line or two."""
    meaning = reason.meaning
    assert meaning[0].isupper()
    assert meaning.endswith(".")
    assert ". " not in meaning
    assert len(meaning) < 190


def test_every_reason_is_given_somewhere() -> None:
    """The list holds nothing that cannot happen, and each member is described."""
    assert set(MEANINGS) == set(Reason)
    given = {
        node.attr
        for file in PACKAGE.rglob("*.py")
        if file.name != "reasons.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Reason"
    }
    assert {reason.name for reason in Reason} - given == set()


def test_every_error_of_an_upstream_or_the_store_has_its_own_reason() -> None:
    """None of them is told as an error of this program."""
    kinds = (
        errors.UpstreamError,
        errors.UpstreamUnavailable,
        errors.UpstreamMoved,
        errors.UpstreamMalformed,
        errors.BadObservation,
        errors.ProvenLie,
        errors.StoreError,
    )
    assert {kind.__name__ for kind in kinds if kind.why is Reason.UNEXPECTED} == set()
