"""``donations check``: each upstream asked once, and what is wrong with those that fail."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount
from donations.app import certificates_path, check_scripts, make_source
from donations.chains.base import server
from donations.errors import DonationsError, StoreError
from donations.lateness import old_tip
from donations.ledger import Key, Observation
from donations.quarantine import read_convicted
from donations.reasons import Reason
from donations.sources.base import Ask, Failure
from donations.sources.certificates import Certificates
from donations.sources.shelf import Shelf
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.chains.base import Upstream
    from donations.config import ChainSettings, Config
    from donations.evidence import Conviction
    from donations.ledger import Transfer
    from donations.sources.base import Source

_PATIENCE = 25.0
_COLUMNS = ("chain", "operator", "software", "protocol", "tip", "age", "latency", "balance")


@dataclass(frozen=True, slots=True)
class Row:
    """One upstream, of whose ``url`` only scheme, host and port are told.

    ``age`` of the tip and ``latency`` are in seconds; amounts are decimal text;
    ``reason`` is one of `Reason`.
    """

    chain: str
    operator: str
    url: str
    software: str | None = None
    protocol: str | None = None
    tip: int | None = None
    age: int | None = None
    latency: float | None = None
    balance: str | None = None
    error: str | None = None
    reason: str | None = None
    note: str | None = None


class _NoMemory:
    """A check records nothing, so nothing is known."""

    async def outputs(self, outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        return {}

    async def transfers(self, key: Key, ids: Iterable[str]) -> list[Transfer]:
        return []


async def check(config: Config) -> list[Row]:
    """Ask every upstream of the configuration once, all at the same time.

    Raises BadObservation when ``bit`` reads a Bitcoin address otherwise than we do.
    """
    check_scripts(config)
    asked = [
        _row(config, settings, upstream)
        for settings in config.chains.values()
        for upstream in settings.upstreams
    ]
    rows = await asyncio.gather(*asked)
    liars = {(c.chain, c.operator): c for c in await asyncio.to_thread(_convicted, config)}
    return [_told_of(row, liars.get((row.chain, row.operator))) for row in rows]


def _convicted(config: Config) -> list[Conviction]:
    """What the service caught; nothing where its database cannot be read."""
    store = Store(config.database, config.timezone, config.currency)
    try:
        store.open_readonly()
        upstreams = {name: settings.upstreams for name, settings in config.chains.items()}
        return read_convicted(store, upstreams, time.time())
    except StoreError:
        return []
    finally:
        store.close()


def _told_of(row: Row, conviction: Conviction | None) -> Row:
    """An operator that was caught in a lie has no vote, however well it answers."""
    if conviction is None:
        return row
    text = f"out of the vote for a day: {conviction.reason} ({conviction.evidence})"
    return _failed(row, text, Reason.LIE)


async def _row(config: Config, settings: ChainSettings, upstream: Upstream) -> Row:
    chain = settings.chain
    blank = Row(chain.name, upstream.operator, server(upstream.url), note=_note(upstream))
    source = make_source(
        settings, upstream, Shelf(_NoMemory()), Certificates(certificates_path(config))
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            start = time.monotonic()
            probe = await source.probe()
            latency = time.monotonic() - start
            balances = [
                await _balance(source, settings, a, probe.tip.height) for a in settings.addresses
            ]
    except TimeoutError:
        return _failed(blank, f"no answer in {_PATIENCE:.0f} seconds", Reason.TIMEOUT)
    except DonationsError as error:
        return _failed(blank, str(error), error.why)
    finally:
        await source.close()
    now = int(time.time())
    row = Row(
        chain=chain.name,
        operator=upstream.operator,
        url=server(upstream.url),
        software=probe.software,
        protocol=probe.protocol,
        tip=probe.tip.height,
        age=max(0, now - probe.tip.time),
        latency=round(latency, 3),
        balance=f"{format_amount(sum(balances), chain.decimals)} {chain.symbol}",
        note=_note(upstream),
    )
    late = old_tip(probe.tip, now, settings.network.longest_gap)
    return row if late is None else _failed(row, str(late), late.why)


async def _balance(source: Source, settings: ChainSettings, address: str, tip: int) -> int:
    """The balance of an address by the same way as the service reads it, from the tip up."""
    ask = Ask(Key(settings.chain.name, address, settings.chain.symbol), tip + 1)
    async for told in source.observe([ask]):
        if isinstance(told, Failure):
            raise told.error
        if isinstance(told, Observation) and told.balance is not None:
            return told.balance
    raise StoreError("no balance was told")


def _failed(row: Row, error: str, why: Reason) -> Row:
    return replace(row, error=error, reason=why.value)


def _note(upstream: Upstream) -> str | None:
    if upstream.url.startswith(("tcp:", "http:")):
        return "not encrypted"
    return None


def enough(config: Config, rows: Sequence[Row]) -> bool:
    """Whether on every chain as many operators answer as must agree."""
    return all(
        len({r.operator for r in rows if r.chain == name and r.error is None}) >= settings.agree
        for name, settings in config.chains.items()
    )


def table(config: Config, rows: Sequence[Row]) -> list[str]:
    """The rows for people, with a last line for each chain."""
    cells = [_COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(_COLUMNS))]
    lines = []
    for row, line in zip([None, *rows], cells, strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append(text.rstrip())
        if row is not None and row.error is not None:
            lines.append(f"      {row.url}: {row.error}")
        if row is not None and row.reason is not None:
            lines.append(f"      {row.reason}: {Reason(row.reason).meaning}")
        if row is not None and row.note is not None:
            lines.append(f"      {row.url}: {row.note}")
    for name, settings in config.chains.items():
        answer = {r.operator for r in rows if r.chain == name and r.error is None}
        verdict = "enough" if len(answer) >= settings.agree else "NOT ENOUGH"
        lines.append(
            f"{name}: {len(answer)} of {len(settings.operators)} operators answer, "
            f"{settings.agree} must agree: {verdict}"
        )
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    if row.error is not None:
        return (row.chain, row.operator, "FAILS", "", "", "", "", "")
    return (
        row.chain,
        row.operator,
        row.software or "",
        row.protocol or "",
        str(row.tip),
        _duration(row.age or 0),
        f"{row.latency or 0:.2f} s",
        row.balance or "",
    )


def _duration(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"


def as_json(config: Config, rows: Sequence[Row]) -> dict[str, Any]:
    """The same for programs."""
    met = sorted({row.reason for row in rows if row.reason is not None})
    return {
        "ok": enough(config, rows),
        "upstreams": [asdict(row) for row in rows],
        "reasons": {name: Reason(name).meaning for name in met},
    }


def accept_certificate(config: Config, host: str) -> list[str]:
    """Forget the pinned certificate of a host; the next one shown is pinned in its place."""
    return Certificates(certificates_path(config)).forget(host)
