"""All examinations in their order, and what they found for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from donations.doctor import books, database, machine, proofs, service
from donations.doctor.finding import Finding, Verdict, fault, fine, warning
from donations.doctor.versions import check_versions, installed
from donations.errors import StoreError
from donations.schema import MIGRATIONS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from donations.config import Config

_LEDGER_CURE = (
    "keep a copy of the database and report it; then restore your last backup, or start anew with "
    "an empty database: BTC and BCH are read again from the servers"
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found; ``audit`` is None where the ledger could not be read."""

    findings: tuple[Finding, ...]
    audit: books.Audit | None

    @property
    def ok(self) -> bool:
        """Whether nothing is in danger; warnings are none."""
        return all(finding.verdict is not Verdict.FAULT for finding in self.findings)


def examine(config: Config) -> Report:
    """Look at everything once, without writing anything, or asking anybody but our own service."""
    findings = [*check_versions(installed()), *machine.check_limits()]
    findings += [*machine.check_files(config), *machine.check_room(config.database)]
    running = machine.is_running(config.database)
    findings += service.check_service(config, running=running)
    if not config.database.exists():
        findings += machine.check_clock(None)
        findings.append(
            warning(
                "database",
                f"{config.database} does not exist: nothing was recorded so far",
                "`donations serve` makes it; if it was there before, restore your backup",
            )
        )
        return Report(tuple(findings), None)
    return _with_database(config, findings)


def _with_database(config: Config, findings: list[Finding]) -> Report:
    audit = None
    alone = not database.log_of(config.database).exists()
    found: list[Finding] = []
    try:
        with database.looking_into(config.database) as connection:
            found += database.check_file(config.database, connection)
            sound = all(finding.verdict is not Verdict.FAULT for finding in found)
            if sound and database.schema_version(connection) == len(MIGRATIONS):
                found += machine.check_clock(connection)
                audit = books.audit(connection, config.timezone)
                found += _ledger(config, connection, audit)
                found += proofs.check_proofs(connection, config)
                found += service.check_convictions(connection, config)
    except StoreError as error:
        found.append(fault("database", str(error), database.RESTORE))
    if alone and database.log_of(config.database).exists():
        # A service began to write in the middle: what was seen may be half of something.
        return _with_database(config, findings)
    return Report((*findings, *found), audit)


def _ledger(
    config: Config, connection: sqlite3.Connection, audit: books.Audit
) -> Iterator[Finding]:
    for line in audit.faults.lines():
        yield fault("ledger", line, _LEDGER_CURE)
    for line in audit.waiting:
        yield warning(
            "ledger",
            f"{line}; something is pending that may explain it",
            "look again in an hour: it should be gone once what is pending is in a block",
        )
    if not audit.faults.counts:
        transfers = sum(book.transfers for book in audit.books)
        yield fine("ledger", f"made anew from {transfers} recorded transfers, it is the same")
    facts = {row.name: row.value for row in connection.execute("SELECT * FROM facts")}
    for name, settings in config.chains.items():
        network = facts.get(f"network:{name}", settings.network.name)
        if network != settings.network.name:
            yield fault(
                "ledger",
                f"it holds {name} of network {network}, the configuration says "
                f"{settings.network.name}",
                "give each network its own `database`",
            )
    watched = {(one.chain, one.address) for one in config.watched}
    for left in sorted({(b.key.chain, b.key.address) for b in audit.books} - watched):
        yield warning(
            "ledger",
            f"{left[0]} {left[1]} is recorded and no longer in the configuration",
            "nothing, if you took it out on purpose: it is kept, and not shown",
        )


def as_json(report: Report) -> dict[str, Any]:
    """For programs."""
    audit = report.audit
    return {
        "ok": report.ok,
        "findings": [asdict(finding) for finding in report.findings],
        "ledger": None if audit is None else [_entry(book) for book in audit.books],
        "digest": None if audit is None else audit.digest,
    }


def _entry(book: books.Book) -> dict[str, Any]:
    return {
        "chain": book.key.chain,
        "address": book.key.address,
        "asset": book.key.asset,
        "transfers": book.transfers,
        "final": book.final,
        "height": book.height,
        "digest": books.digest_text(book.digest),
    }


def lines(report: Report) -> list[str]:
    """For people."""
    text = []
    for finding in report.findings:
        text.append(f"{finding.verdict.value:7}  {finding.subject}: {finding.text}")
        if finding.cure:
            text.append(f"         -> {finding.cure}")
    if report.audit is not None:
        text += ["", "digests of the final transfers; another machine that watches the same has"
                 " the same"]  # fmt: skip
        for book in report.audit.books:
            text.append(f"{book.key.asset}  {book.key.address}  {book.final} final")
            text.append(f"    {books.digest_text(book.digest)}")
        text.append(f"together  {report.audit.digest}")
    faults = sum(finding.verdict is Verdict.FAULT for finding in report.findings)
    warnings = sum(finding.verdict is Verdict.WARNING for finding in report.findings)
    return [*text, "", f"{faults} faults, {warnings} warnings"]
