"""What a bundle proves, for people and for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount

if TYPE_CHECKING:
    from donations.bundle.verify import Verified


def lines(found: Verified) -> list[str]:
    """For people."""
    bundle = found.bundle
    text = [f"{bundle.asset}  {bundle.address}"]
    for each in found.transfers:
        when = datetime.fromtimestamp(each.time, UTC)
        text += [
            f"    +{format_amount(each.units, found.decimals)}  {each.id}",
            f"      block {each.height}, {when:%Y-%m-%d}, at least {each.depth} deep",
        ]
    count = len(found.transfers)
    text += [
        f"proven: {format_amount(bundle.units, found.decimals)} {bundle.asset} "
        f"in {count} transfer{'' if count == 1 else 's'}",
        "it rests on",
        *(f"  - {sentence}" for sentence in found.rests_on),
        "and",
        *(f"  - {sentence}" for sentence in found.limits),
    ]
    return text


def as_json(found: Verified) -> dict[str, Any]:
    """For programs."""
    bundle = found.bundle
    return {
        "chain": bundle.chain,
        "network": bundle.network,
        "address": bundle.address,
        "asset": bundle.asset,
        "proven": format_amount(bundle.units, found.decimals),
        "units": str(bundle.units),
        "transfers": [
            {
                "id": each.id,
                "units": str(each.units),
                "height": each.height,
                "block": each.block,
                "time": each.time,
                "depth": each.depth,
            }
            for each in found.transfers
        ],
        "rests_on": list(found.rests_on),
        "limits": list(found.limits),
    }
