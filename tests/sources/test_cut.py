"""A recorded answer that ends too early is no answer, wherever it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from donations.errors import ProvenLie, UpstreamError, UpstreamMalformed
from donations.sources.transport import decode
from tests.sources.grammar import written
from tests.sources.recorded import recorded_answers

if TYPE_CHECKING:
    from tests.measured import Table


def test_answers_cut_at_every_byte_are_refused(table: Table) -> None:
    """No beginning of an answer of any source, as it comes on its wire, reads as an answer."""
    cuts = accepted = 0
    for recorded in recorded_answers():
        answer = recorded.answer
        if recorded.name.startswith(("Electrum", "Ethereum")):
            answer = {"jsonrpc": "2.0", "id": 5, "result": answer}
        body = written(answer)
        assert decode(body) == answer
        for length in range(len(body)):
            cuts += 1
            try:
                decode(body[:length])
            except UpstreamMalformed:
                continue
            accepted += 1
    assert cuts > 20_000
    table.never("recorded answers cut at every byte: accepted", accepted, cuts)


def test_what_is_inside_an_answer_may_not_end_early_either() -> None:
    """Raw bytes that are cut within a whole JSON text are refused as well."""
    raws = [r for r in recorded_answers() if r.name.endswith("blockchain.transaction.get")]
    assert raws
    for recorded in raws:
        recorded.parse(recorded.answer)
        for length in range(len(recorded.answer)):
            with pytest.raises((UpstreamError, ProvenLie)):
                recorded.parse(recorded.answer[:length])
