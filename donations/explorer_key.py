"""Whether an explorer takes the operator's own key: asked once, for `donations check`.

What is asked for is of block 0 alone, so the answer is short and says nothing of the address.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from donations.app import make_explorer
from donations.chains.base import server
from donations.errors import UpstreamError
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.config import ChainSettings, Config


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """One explorer, of whose ``url`` only scheme, host and port are told, and never the key.

    ``reason`` is one of `Reason`; None where the key is good.
    """

    chain: str
    explorer: str
    url: str
    error: str | None = None
    reason: str | None = None

    @property
    def refused(self) -> bool:
        """Whether the key is wrong: anything else passes, or is the weather."""
        return self.reason == Reason.REFUSED.value


async def check_keys(config: Config) -> list[KeyCheck]:
    """Ask every configured explorer once."""
    chains = [settings for settings in config.chains.values() if settings.explorer is not None]
    return list(await asyncio.gather(*map(_check, chains)))


async def _check(settings: ChainSettings) -> KeyCheck:
    explorer, api = settings.explorer, make_explorer(settings)
    if explorer is None or api is None:
        raise TypeError(f"{settings.chain.name} has no explorer")
    where = settings.chain.name, explorer.kind, server(explorer.url)
    try:
        await api.inside(settings.addresses[0], 0, 0)
    except UpstreamError as error:
        return KeyCheck(*where, str(error), error.why.value)
    finally:
        await api.close()
    return KeyCheck(*where)


def lines(checks: Sequence[KeyCheck]) -> list[str]:
    """The same for people."""
    said = []
    for each in checks:
        if each.reason is None:
            said.append(f"{each.chain}: {each.explorer} ({each.url}) takes the key")
            continue
        said.append(f"{each.chain}: {each.explorer} ({each.url}): {each.error}")
        said.append(f"      {each.reason}: {Reason(each.reason).meaning}")
    return said


def as_json(checks: Sequence[KeyCheck]) -> dict[str, Any]:
    """The same for programs."""
    return {"explorers": [asdict(each) for each in checks]}
