"""Bad weather for the simulated servers, as plain data.

    server.fault = hang("blockchain.scripthash.get_history")
    server.fault = http_status(429, retry_after=7, times=1)

Each maker takes the methods it strikes (none: all) and ``times`` (None: until it is taken away).
Faults of HTTP alone (status, redirect, bomb) leave an Electrum server's answers as they are.
What a server believes (lag, a frozen tip, hidden and invented transactions) is not a fault of the
line: see ``view.UtxoView`` and ``ethereum_view.EthereumView``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Trouble(StrEnum):
    """What goes wrong. The last four bend single answers, the others the whole message."""

    HANG = "hang"
    SLOW = "slow"
    DRIP = "drip"
    CLOSE = "close"
    TRUNCATE = "truncate"
    OVERSIZE = "oversize"
    BOMB = "bomb"
    HTML = "html"
    GARBAGE = "garbage"
    STATUS = "status"
    REDIRECT = "redirect"
    SHORT_BATCH = "short batch"
    TWICE = "twice"
    WRONG_ID = "wrong id"
    RESULT = "result"
    ERROR = "error"
    MISSING = "missing"


@dataclass
class Fault:
    """One kind of trouble, what it strikes, and how often it still does."""

    trouble: Trouble
    methods: frozenset[str] = frozenset()
    times: int | None = None
    number: int = 0
    seconds: float = 0.0
    text: str = ""
    result: Any = None
    struck: int = 0

    def strikes(self, methods: Iterable[str]) -> bool:
        """Whether a message with these methods is hit; a hit uses up one of ``times``."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.methods and self.methods.isdisjoint(methods):
            return False
        self.struck += 1
        return True

    def bend(self, method: str, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer to one call, with the trouble in it."""
        if self.methods and method not in self.methods:
            return answer
        envelope: dict[str, Any] = {key: answer[key] for key in ("jsonrpc", "id") if key in answer}
        match self.trouble:
            case Trouble.WRONG_ID:
                return answer | {"id": 987_654_321}
            case Trouble.RESULT:
                return envelope | {"result": self.result}
            case Trouble.ERROR:
                return envelope | {"error": {"code": self.number, "message": self.text}}
            case Trouble.MISSING:
                return envelope
            case _:
                return answer


def hang(*methods: str, times: int | None = None) -> Fault:
    """No answer, ever; the connection stays open."""
    return Fault(Trouble.HANG, frozenset(methods), times)


def slow(seconds: float, *methods: str, times: int | None = None) -> Fault:
    """A right answer, after ``seconds``."""
    return Fault(Trouble.SLOW, frozenset(methods), times, seconds=seconds)


def drip(*methods: str, seconds: float = 0.05, times: int | None = None) -> Fault:
    """The answer comes byte by byte, ``seconds`` apart."""
    return Fault(Trouble.DRIP, frozenset(methods), times, seconds=seconds)


def close(*methods: str, times: int | None = None) -> Fault:
    """The connection is closed instead of an answer."""
    return Fault(Trouble.CLOSE, frozenset(methods), times)


def truncate(at: int, *methods: str, times: int | None = None) -> Fault:
    """The connection is closed after ``at`` bytes of the answer."""
    return Fault(Trouble.TRUNCATE, frozenset(methods), times, number=at)


def oversize(size: int, *methods: str, times: int | None = None) -> Fault:
    """A well-formed answer, with ``size`` bytes of blanks in it."""
    return Fault(Trouble.OVERSIZE, frozenset(methods), times, number=size)


def gzip_bomb(size: int, *methods: str, times: int | None = None) -> Fault:
    """HTTP: a small compressed body that unpacks to a right answer and ``size`` blanks."""
    return Fault(Trouble.BOMB, frozenset(methods), times, number=size)


def html(*methods: str, times: int | None = None) -> Fault:
    """A page of a proxy instead of JSON, with status 200."""
    return Fault(Trouble.HTML, frozenset(methods), times)


def garbage(*methods: str, times: int | None = None) -> Fault:
    """Bytes that are neither UTF-8 nor JSON."""
    return Fault(Trouble.GARBAGE, frozenset(methods), times)


def http_status(
    status: int, *methods: str, retry_after: str | int = "", times: int | None = None
) -> Fault:
    """HTTP: a status, with a Retry-After header (seconds or a date) if one is given."""
    return Fault(Trouble.STATUS, frozenset(methods), times, number=status, text=str(retry_after))


def redirect(location: str, *methods: str, times: int | None = None) -> Fault:
    """HTTP: 302 to another place."""
    return Fault(Trouble.REDIRECT, frozenset(methods), times, text=location)


def short_batch(*methods: str, times: int | None = None) -> Fault:
    """A batch is answered without its last item."""
    return Fault(Trouble.SHORT_BATCH, frozenset(methods), times)


def twice(*methods: str, times: int | None = None) -> Fault:
    """The same answer comes twice (in a batch: its first item)."""
    return Fault(Trouble.TWICE, frozenset(methods), times)


def wrong_id(*methods: str, times: int | None = None) -> Fault:
    """The answer carries the id of no request."""
    return Fault(Trouble.WRONG_ID, frozenset(methods), times)


def answer(result: object, *methods: str, times: int | None = None) -> Fault:
    """Whatever is asked, this is the result."""
    return Fault(Trouble.RESULT, frozenset(methods), times, result=result)


def null(*methods: str, times: int | None = None) -> Fault:
    """The result is null."""
    return answer(None, *methods, times=times)


def empty_history(times: int | None = None) -> Fault:
    """An Electrum server that lost its index: no history at all, and no error."""
    return answer([], "blockchain.scripthash.get_history", times=times)


def missing(*methods: str, times: int | None = None) -> Fault:
    """An envelope with neither result nor error."""
    return Fault(Trouble.MISSING, frozenset(methods), times)


def rpc_error(code: int, message: str, *methods: str, times: int | None = None) -> Fault:
    """A JSON-RPC error."""
    return Fault(Trouble.ERROR, frozenset(methods), times, number=code, text=message)
