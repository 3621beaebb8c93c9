"""Fields of Ethereum's JSON-RPC as numbers and bytes, strictly.

Source: Ethereum execution-apis, the types QUANTITY and DATA. Nothing else is taken for either: a
sloppy reading would be hashed into something that nobody said.
"""

from __future__ import annotations

import re
from typing import Any

from donations.errors import UpstreamMalformed

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def optional(table: Any, name: str) -> Any:
    """A field, None where it is null or missing. Raises UpstreamMalformed for no object."""
    if not isinstance(table, dict):
        raise UpstreamMalformed(f"no object with a field {name}")
    return table.get(name)


def value(table: Any, name: str) -> Any:
    """A field that must be there. Raises UpstreamMalformed."""
    found = optional(table, name)
    if found is None:
        raise UpstreamMalformed(f"a field is missing: {name}")
    return found


def number(table: Any, name: str) -> int:
    """A QUANTITY without leading zeros. Raises UpstreamMalformed."""
    text = value(table, name)
    if not isinstance(text, str) or _QUANTITY.fullmatch(text) is None:
        raise UpstreamMalformed(f"{name} is no 0x quantity")
    return int(text, 16)


def data(table: Any, name: str, size: int | None = None) -> bytes:
    """DATA, of ``size`` bytes where it is given. Raises UpstreamMalformed."""
    return octets(value(table, name), name, size)


def octets(text: Any, name: str, size: int | None = None) -> bytes:
    """DATA that stands in a list. Raises UpstreamMalformed."""
    if not isinstance(text, str) or _DATA.fullmatch(text) is None:
        raise UpstreamMalformed(f"{name} is no 0x data")
    raw = bytes.fromhex(text[2:])
    if size is not None and len(raw) != size:
        raise UpstreamMalformed(f"{name} has {len(raw)} bytes, not {size}")
    return raw


def listed(table: Any, name: str) -> list[Any]:
    """A list. Raises UpstreamMalformed."""
    found = value(table, name)
    if not isinstance(found, list):
        raise UpstreamMalformed(f"{name} is no list")
    return found
