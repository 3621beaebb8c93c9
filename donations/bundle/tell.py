"""What a bundle proves, for people and for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount

if TYPE_CHECKING:
    from donations.bundle.verified import Verified


def lines(found: Verified) -> list[str]:
    """For people."""
    bundle = found.bundle
    text = [f"{bundle.asset}  {bundle.address}"]
    for each in found.transfers:
        when = datetime.fromtimestamp(each.time, UTC)
        text += [
            f"    +{_amount(each.units, found)}  {each.id}",
            f"      block {each.height}, {when:%Y-%m-%d}"
            + (f", at least {each.depth} deep" if each.depth is not None else ""),
        ]
    count = len(found.transfers)
    text += [
        f"proven: {_amount(bundle.units, found)} {bundle.asset} "
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
        "contract": bundle.contract,
        "proven": None if found.decimals is None else _amount(bundle.units, found),
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


def _amount(units: int, found: Verified) -> str:
    """Decimal text; of an unknown token base units, which is said."""
    if found.decimals is None:
        return f"{units} base units of"
    return format_amount(units, found.decimals)
