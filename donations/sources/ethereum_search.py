"""Where the state of an account changed: a search over blocks, eight ways at a time.

Between two blocks with equal nonce the balance of an account without code can only grow, so equal
ends mean that nothing happened between them. One batch of requests a level serves all accounts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamUnavailable
from donations.sources.ethereum_rpc import RpcError, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.sources.ethereum_rpc import Item, StrictProvider

_WAYS = 8
# From so few blocks on, all of them at once take fewer requests than another level.
_ALL_AT_ONCE = 16


class StateGone(UpstreamUnavailable):
    """The endpoint no longer keeps the state of a block in the window."""


@dataclass(frozen=True, slots=True)
class State:
    """Balance (wei) and nonce of an account after the block ``number``."""

    number: int
    balance: int
    nonce: int

    def differs(self, other: State) -> bool:
        return (self.balance, self.nonce) != (other.balance, other.nonce)


@dataclass(frozen=True, slots=True)
class Window:
    """The blocks after ``low.number`` up to ``high.number``, for one account."""

    address: str
    low: State
    high: State


async def search(
    rpc: StrictProvider, windows: Iterable[Window], *, every_block: frozenset[str] = frozenset()
) -> list[Window]:
    """Narrow windows whose ends differ down to single blocks.

    For the accounts ``every_block`` (those with code, where equal ends mean nothing) every block
    is a leaf. Raises StateGone and UpstreamError.
    """
    leaves: list[Window] = []
    open_windows = [w for w in windows if w.high.number > w.low.number]
    while open_windows:
        narrowed: list[Window] = []
        for window in open_windows:
            keep = window.low.differs(window.high) or window.address in every_block
            if keep and window.high.number == window.low.number + 1:
                leaves.append(window)
            elif keep:
                narrowed.append(window)
        open_windows = await _split(rpc, narrowed, every_block)
    return leaves


async def _split(
    rpc: StrictProvider, windows: Sequence[Window], every_block: frozenset[str]
) -> list[Window]:
    items: list[Item] = []
    cuts: list[list[int]] = []
    for window in windows:
        cuts.append(_cuts(window, every=window.address in every_block))
        for number in cuts[-1]:
            items += state_items(window.address, hex(number), _same_nonce(window))
    answers = iter(await rpc.ask(items))
    parts: list[Window] = []
    for window, numbers in zip(windows, cuts, strict=True):
        ends = [window.low]
        for number in numbers:
            balance = _state(next(answers), number)
            nonce = window.low.nonce if _same_nonce(window) else _state(next(answers), number)
            ends.append(State(number, balance, nonce))
        ends.append(window.high)
        parts += [Window(window.address, low, high) for low, high in itertools.pairwise(ends)]
    return parts


def state_items(address: str, block: Any, without_nonce: bool = False) -> list[Item]:
    """The requests for balance and nonce at a block (number, tag or EIP-1898 object)."""
    items: list[Item] = [("eth_getBalance", [address, block])]
    return items if without_nonce else [*items, ("eth_getTransactionCount", [address, block])]


def _same_nonce(window: Window) -> bool:
    return window.low.nonce == window.high.nonce


def _cuts(window: Window, *, every: bool) -> list[int]:
    low, high = window.low.number, window.high.number
    if every or high - low <= _ALL_AT_ONCE:
        return list(range(low + 1, high))
    return sorted({low + (high - low) * n // _WAYS for n in range(1, _WAYS)} - {low, high})


def _state(answer: Any, number: int) -> int:
    if isinstance(answer, RpcError):
        if answer.pruned:
            raise StateGone(f"the state of block {number} is no longer kept")
        raise answer.raised("state")
    return quantity(answer)
