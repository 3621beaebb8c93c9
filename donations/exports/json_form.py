"""JSON: the whole of each line; amounts and values are text, so that no reader rounds them.

    {"format": "donations/books/1", "currency": "EUR", "timezone": "Europe/Paris", "made_at": "...",
     "lines": [LINE, ...]}

LINE is what `line_as_json` says; README.md explains each key. One line of the file holds one LINE,
all of it in ASCII: what is hidden in a text stands there as its number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from donations.exports.line import fixed, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.exports.line import Frame, Line

FORMAT = "donations/books/1"


def json_form(lines: Iterable[Line], frame: Frame) -> Iterator[str]:
    """The whole document, a line for each of ``lines``."""
    head = {
        "format": FORMAT,
        "currency": frame.currency,
        "timezone": str(frame.zone),
        "made_at": utc(frame.made_at),
    }
    yield json.dumps(head)[:-1] + ', "lines": ['
    before = "\n"
    for line in lines:
        yield before + json.dumps(line_as_json(line, frame))
        before = ",\n"
    yield "\n]}\n"


def line_as_json(line: Line, frame: Frame) -> dict[str, Any]:
    """One line; what is not known, and what there is not, is null."""
    return {
        "class": line.what.value,
        "counted": line.counts,
        "received_at": utc(line.received_at),
        "received": frame.moment(line.received_at).isoformat(),
        "chain": line.key.chain if line.key else None,
        "address": line.key.address if line.key else None,
        "asset": line.asset,
        "id": line.id,
        "txid": line.txid or None,
        "units": str(line.units),
        "decimals": line.decimals,
        "amount": line.amount,
        "value": _value(line, frame),
        "kind": line.kind,
        "state": line.state or None,
        "level": line.level or None,
        "first_seen": None if line.first_seen is None else utc(line.first_seen),
        "block": None
        if line.block is None
        else {"height": line.block[0], "hash": line.block[1], "time": utc(line.block[2])},
        "note": line.note or None,
        "thanks": line.thanks or None,
        "not_a_gift": line.reason or None,
        "last_entry": line.sequence,
        "widgets": list(line.widgets),
    }


def _value(line: Line, frame: Frame) -> dict[str, Any] | None:
    if line.minor is None:
        return None
    told = line.value
    return {
        "currency": frame.currency,
        "minor": str(line.minor),
        "amount": fixed(line.minor, frame.digits),
        "price": told.price if told else None,
        "price_time": utc(told.price_time) if told else None,
        "source": told.source if told else None,
        "valued_at": utc(told.valued_at) if told else None,
    }
