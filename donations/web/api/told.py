"""What the author's desk knows -> the forms it is told in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.amounts import format_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.author_facts import Doubts, Full, Step, UpstreamLine
    from donations.books import Annotation, Entry
    from donations.valuation import Valuation
    from donations.web.api.author_forms import (
        AnnotationForm,
        AuthorEntryForm,
        AuthorFullForm,
        ManualForm,
        StepForm,
        ValueForm,
    )
    from donations.web.api.figures import Currency
    from donations.web.api.health_forms import HealthForm, UpstreamForm


def entry_form(entry: Entry, decimals: int, currency: Currency) -> AuthorEntryForm:
    """One transfer. ``decimals`` are those of its asset."""
    transfer, block = entry.transfer, entry.transfer.block
    return {
        "chain": transfer.key.chain,
        "address": transfer.key.address,
        "asset": transfer.key.asset,
        "id": transfer.id,
        "kind": transfer.kind,
        "state": transfer.state,
        "level": transfer.level,
        "excluded": transfer.excluded,
        "missing_since": transfer.missing_since,
        "units": str(transfer.amount),
        "amount": format_amount(transfer.amount, decimals),
        "decimals": decimals,
        "time": transfer.received_at,
        "first_seen": transfer.first_seen,
        "block": None
        if block is None
        else {"height": block.height, "hash": block.hash, "time": block.time},
        "replaced_by": transfer.replaced_by,
        "value": None if entry.value is None else _value(entry.value, currency),
        "note": entry.remarks.note,
        "thanks": entry.remarks.thanks,
        "reason": entry.remarks.reason,
        "sequence": entry.remarks.sequence,
    }


def _value(value: Valuation, currency: Currency) -> ValueForm:
    return {
        **currency.money(value.minor),
        "price": value.price,
        "price_time": value.price_time,
        "source": value.source,
        "valued_at": value.valued_at,
    }


def full_form(full: Full, currency: Currency) -> AuthorFullForm:
    """One transfer with all that is known of it."""
    decimals = full.asset.decimals
    return {
        "entry": entry_form(full.entry, decimals, currency),
        "network": full.asset.network,
        "required": full.asset.required,
        "steps": [_step(step) for step in full.steps],
        "annotations": [annotation_form(one) for one in full.annotations],
        "inside": [
            {"id": name, "units": str(units), "amount": format_amount(units, decimals)}
            for name, units in full.inside
        ],
    }


def _step(step: Step) -> StepForm:
    return {
        "at": step.at,
        "news": step.news,
        "before": step.before,
        "after": step.after,
        "block": step.block_hash,
        "reorged": step.reorged,
        "final_reversed": step.final_reversed,
        "evidence": step.evidence,
    }


def annotation_form(one: Annotation) -> AnnotationForm:
    """One entry that the author wrote."""
    return {
        "sequence": one.sequence,
        "writing": one.writing,
        "text": one.text,
        "undoes": one.undoes,
        "at": one.at,
        "by": one.by,
        "manual": _manual(one),
    }


def _manual(one: Annotation) -> ManualForm | None:
    manual = one.manual
    if manual is None:
        return None
    return {
        "unit": manual.unit,
        "decimals": manual.decimals,
        "units": str(manual.amount),
        "amount": format_amount(manual.amount, manual.decimals),
        "received_at": manual.received_at,
        "widget": manual.widget,
    }


def health_form(upstreams: Sequence[UpstreamLine], doubts: Doubts) -> HealthForm:
    """Every upstream, and what they do not tell alike."""
    return {
        "upstreams": [_upstream(line) for line in upstreams],
        "disagree": [
            {"chain": key.chain, "address": key.address, "asset": key.asset, "since": since}
            for key, since in doubts.disagree
        ],
        "claims": [
            {
                "chain": claim.key.chain,
                "address": claim.key.address,
                "asset": claim.key.asset,
                "id": claim.id,
                "units": str(claim.units),
                "operators": [*claim.operators],
                "height": claim.height,
                "since": claim.since,
            }
            for claim in doubts.claims
        ],
        "omissions": [
            {
                "chain": line.key.chain,
                "address": line.key.address,
                "asset": line.key.asset,
                "id": line.id,
                "operator": line.operator,
                "since": line.since,
            }
            for line in doubts.omissions
        ],
    }


def _upstream(line: UpstreamLine) -> UpstreamForm:
    return {
        "chain": line.chain,
        "operator": line.operator,
        "server": line.server,
        "answered_at": line.answered_at,
        "reason": line.reason,
        "resting": line.resting,
        "broken": line.broken,
        "evidence": line.evidence,
        "until": line.until,
    }
