"""`donations doctor`: what is wrong is found and named, what is right is left as it is."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from donations.config import load
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT
from donations.demo.world import World
from donations.doctor import examine, machine, versions
from donations.doctor.finding import Verdict
from donations.evidence import Conviction
from donations.ledger import Key
from donations.store import Store
from tests.bundle.kept import keep
from tests.nodes.process import free_ports
from tests.program import COMMAND, ENVIRONMENT, donations, offline_config, served
from tests.running import agrees, config_on, scene, service_on, until

if TYPE_CHECKING:
    from pathlib import Path

    from donations.app import Service
    from donations.config import Config
    from donations.doctor.examine import Report
    from donations.doctor.finding import Finding

BTC = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"
KEY = Key("btc", BTC, "BTC")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """A database with a past: gifts, a reorg, a replacement, something pending."""
    folder = tmp_path_factory.mktemp("lived")

    @scene
    async def live() -> None:
        async with World(1) as world:
            config = config_on(world, folder, only=("btc", "bch"))
            async with service_on(world, folder, only=("btc", "bch")) as service:
                await until(lambda: agrees(service, world), seconds=60)
                for units in range(5_000, 5_004):
                    world.btc.pay(BTC_SCRIPT, units)
                    world.bch.pay(BCH_SCRIPT, units)
                    await until(lambda: agrees(service, world), seconds=60)
                    world.btc.mine(1)
                    world.bch.mine(1)
                    await until(lambda: agrees(service, world), seconds=60)
                world.btc.reorg(2)
                # What is published may wait for a minute when nothing but the block is new.
                await until(lambda: follows(service, world), seconds=60)
                world.btc.mine(7)
                world.bch.mine(11)
                world.btc.pay(BTC_SCRIPT, 6_000)
                await until(lambda: agrees(service, world), seconds=60)
        settings.append(config)

    settings: list[Config] = []
    live()
    return folder, settings[0]


@pytest.fixture
def config(lived: tuple[Path, Config], tmp_path: Path) -> Config:
    """The settings for a copy of that database."""
    folder, config = lived
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return replace(config, database=tmp_path / config.database.name)


def follows(service: Service, world: World) -> bool:
    """Whether the watch of Bitcoin has applied the best block."""
    (tracker,) = [tracker for tracker in service.trackers if tracker.chain == "btc"]
    return all(s.tip.hash == world.btc.tip.hash for s in tracker.standings.values())


def faults(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.verdict is Verdict.FAULT]


def execute(config: Config, statement: str) -> None:
    with closing(sqlite3.connect(config.database)) as raw:
        assert raw.execute(statement).rowcount != 0, "the damage hits nothing"
        raw.commit()


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.iterdir())}


def test_a_lived_ledger_is_in_order(config: Config) -> None:
    """After gifts, blocks and a reorg everything that was recorded gives what is kept."""
    report = examine.examine(config)
    assert faults(report) == []
    assert report.ok
    assert report.audit is not None
    assert report.audit.waiting == ()
    assert {(b.key.chain, b.transfers, b.final) for b in report.audit.books} == {
        ("btc", 5, 4),
        ("bch", 4, 4),
    }


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE transfers SET amount = '5999' WHERE amount = '5001'", "what the outputs say"),
        (
            "UPDATE transfers SET brings = replace(brings, ' 5001', ' 5002'), amount = '5002' "
            "WHERE amount = '5001' AND chain = 'btc'",
            "not kept as they were told",
        ),
        ("DELETE FROM transfers WHERE amount = '5001'", "a transfer that is not kept"),
        ("UPDATE transfers SET state = 'dropped' WHERE amount = '5002'", "last change left them"),
        ("UPDATE transfers SET kind = 'own' WHERE amount = '5002'", "not those of the transfers"),
        ("UPDATE transfers SET received_at = 7 WHERE amount = '5002'", "follow from the others"),
        ("UPDATE transfers SET settled = 0 WHERE amount = '5002'", "follow from the others"),
        ("UPDATE totals SET units = '1' WHERE bucket = 'final'", "not those of the transfers"),
        ("DELETE FROM totals WHERE bucket = 'final'", "not those of the transfers"),
        ("UPDATE totals SET transfers = 9 WHERE bucket = 'final'", "not those of the transfers"),
        (
            "DELETE FROM changes WHERE news = 'confirmed' AND chain = 'bch' AND amount = '5001'",
            "histories with a gap",
        ),
        ("DELETE FROM outputs WHERE units = '5003'", "not kept as they were told"),
        (
            "UPDATE transfers SET consumes = (SELECT consumes FROM transfers "
            "WHERE chain = 'bch' AND amount = '5001') WHERE chain = 'bch' AND amount = '5002'",
            "two transfers consume",
        ),
        ("UPDATE views SET balance = '1' WHERE chain = 'bch'", "does not explain"),
        ("UPDATE facts SET value = 'regtest' WHERE name = 'network:btc'", "of network regtest"),
        ("UPDATE days SET units = '1' WHERE bucket = 'final'", "not those of the transfers"),
        ("UPDATE totals SET minor = '1' WHERE bucket = 'final'", "not those of the transfers"),
        (
            "INSERT INTO valuations SELECT 'EUR', chain, address, asset, id, '7', '1', 1, 'x', 1 "
            "FROM transfers WHERE amount = '5001'",
            "not those of the transfers",
        ),
        ("UPDATE transfers SET excluded = 1 WHERE amount = '5001'", "than the author wrote"),
        ("DELETE FROM unvalued", "without a value that is not theirs"),
        ("UPDATE unvalued SET received_at = 7", "without a value that is not theirs"),
        ("DROP TABLE totals", "tables are missing"),
        ("PRAGMA user_version = 999", "newer than this program"),
    ],
)
def test_each_damage_is_named(config: Config, statement: str, law: str) -> None:
    """Whatever is changed by hand in the database is a fault that says which law is broken."""
    execute(config, statement)
    report = examine.examine(config)
    assert not report.ok
    assert any(law in finding.text for finding in faults(report)), faults(report)
    assert all(finding.cure for finding in faults(report))


def test_a_balance_that_waits_for_blocks_is_a_warning(config: Config) -> None:
    """While something is pending a balance that is not explained is told, and is no fault yet."""
    execute(config, "UPDATE views SET balance = '1' WHERE chain = 'btc'")
    report = examine.examine(config)
    assert report.ok
    assert report.audit is not None
    assert len(report.audit.waiting) == 1


def test_pages_that_were_hit_are_a_fault_or_harmless(config: Config) -> None:
    """Whichever page is overwritten with noise, the doctor ends, and says so unless it was free."""
    whole = config.database.read_bytes()
    size = 4_096
    named = 0
    for at in range(0, len(whole), size):
        config.database.write_bytes(whole[:at] + b"\xa5" * size + whole[at + size :])
        report = examine.examine(config)
        named += not report.ok
    assert named >= len(whole) // size - 2


@pytest.mark.parametrize("body", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_what_is_no_database_is_a_fault(config: Config, body: bytes) -> None:
    """A file that is empty or of another kind is told in one line, with what to do."""
    config.database.write_bytes(body)
    report = examine.examine(config)
    assert not report.ok or not body
    assert all("\n" not in finding.text for finding in report.findings)


def test_an_older_database_is_not_read(config: Config) -> None:
    """A database of an earlier schema is a warning: the service brings it up to date."""
    execute(config, "PRAGMA user_version = 0")
    report = examine.examine(config)
    assert report.ok
    assert report.audit is None
    assert any("brings the database up to date" in finding.cure for finding in report.findings)


def test_nothing_is_written(config: Config) -> None:
    """After a look no file has changed and none was added, not even a log of SQLite's."""
    before = state_of(config.database.parent)
    examine.examine(config)
    assert state_of(config.database.parent) == before


@scene
async def test_it_looks_beside_a_running_service(tmp_path: Path) -> None:
    """While a service writes, twenty looks find nothing wrong, and the service goes on."""
    async with World(2) as world, service_on(world, tmp_path, only=("btc",)) as service:
        config = config_on(world, tmp_path, only=("btc",))
        for units in range(5_000, 5_020):
            world.btc.pay(BTC_SCRIPT, units)
            world.btc.mine(1)
            report = await asyncio.to_thread(examine.examine, config)
            assert faults(report) == []
            assert any(f.text.startswith("it runs") for f in report.findings)
        await until(lambda: agrees(service, world), seconds=60)


@scene
async def test_two_machines_have_the_same_digest(tmp_path: Path) -> None:
    """Who saw everything live and who read it later print the same digest, down to each key."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    digests = []
    async with World(3) as world:
        async with service_on(world, first) as service:
            for units in range(5_000, 5_006):
                world.bch.pay(BCH_SCRIPT, units)
                world.btc.pay(BTC_SCRIPT, units)
                world.btc.mine(3)
                world.bch.mine(3)
                await until(lambda: agrees(service, world), seconds=60)
            world.btc.mine(9)
            world.bch.mine(12)
            await until(lambda: agrees(service, world), seconds=60)
        async with service_on(world, second) as service:
            await until(lambda: agrees(service, world), seconds=60)
        for folder in (first, second):
            report = examine.examine(config_on(world, folder))
            assert report.audit is not None
            digests.append({b.key: b.digest for b in report.audit.books if b.final})
    assert len(digests[0]) == 2
    assert digests[0] == digests[1]


def test_a_clock_behind_the_blocks_is_a_fault(config: Config) -> None:
    """A recorded block of tomorrow means that the clock is wrong; a look of tomorrow warns."""
    execute(config, f"UPDATE views SET at = {int(time.time()) + 86_400} WHERE chain = 'btc'")
    report = examine.examine(config)
    assert report.ok
    assert any("set back" in finding.text for finding in report.findings)
    execute(config, f"UPDATE views SET time = {int(time.time()) + 86_400} WHERE chain = 'btc'")
    assert [finding.subject for finding in faults(examine.examine(config))] == ["clock"]


def test_files_that_anybody_may_change_are_a_fault(config: Config, tmp_path: Path) -> None:
    """A configuration or a database that strangers may write is told with the command to end it."""
    file = tmp_path / "config.toml"
    file.write_text(f'[addresses]\nbtc = "{BTC}"\n', encoding="utf-8")
    tmp_path.chmod(0o755)
    file.chmod(0o644)
    config = replace(config, path=file)
    assert examine.examine(config).ok
    for path, mode in ((file, 0o646), (config.database, 0o646), (tmp_path, 0o777)):
        before = path.stat().st_mode
        path.chmod(mode)
        found = faults(examine.examine(config))
        assert found, path
        assert all(f.subject == "permissions" and "chmod o-w" in f.cure for f in found)
        path.chmod(before)


def test_a_key_in_a_readable_file_is_a_warning(tmp_path: Path) -> None:
    """The URL of a paid server in a file that all may read is told, and not repeated."""
    file = tmp_path / "config.toml"
    file.write_text(
        f'[addresses]\nbtc = "{BTC}"\neth = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"\n'
        '[chains.eth]\nupstreams = ["https://paid.example.org/v3/abcdef0123"]\n',
        encoding="utf-8",
    )
    for mode, told in ((0o644, True), (0o600, False)):
        file.chmod(mode)
        report = examine.examine(load(file))
        text = "\n".join(examine.lines(report))
        assert ("that may be a key" in text) is told
        assert "abcdef0123" not in text


@pytest.mark.parametrize(
    ("package", "version", "bad"),
    [
        ("SQLite", "3.6.23", False),
        ("SQLite", "3.7.0", True),
        ("SQLite", "3.40.1", True),
        ("SQLite", "3.44.5", True),
        ("SQLite", "3.44.6", False),
        ("SQLite", "3.45.9", True),
        ("SQLite", "3.50.6", True),
        ("SQLite", "3.50.7", False),
        ("SQLite", "3.51.2", True),
        ("SQLite", "3.51.3", False),
        ("SQLite", "3.52.0", False),
        ("aiohttp", "3.9.1", True),
        ("aiohttp", "3.14.2", True),
        ("aiohttp", "3.14.3", False),
        ("brotli", "1.1.0", True),
        ("web3", "8.0.0", False),
        ("web3", "7.14.1", True),
    ],
)
def test_versions_that_do_harm_are_known(package: str, version: str, bad: bool) -> None:
    """Each edge of the table is where the advisory puts it."""
    told = list(versions.check_versions({**sound(), package: version}))
    assert any(version in finding.text and finding.cure for finding in told) is bad
    assert any("not installed" in f.text for f in versions.check_versions({**sound(), package: ""}))


def sound() -> dict[str, str]:
    return {known.package: ".".join(map(str, known.fixed)) for known in versions.TABLE}


def test_what_is_installed_for_the_tests_is_no_fault() -> None:
    """The lock files bring nothing that the table calls grave."""
    told = versions.check_versions(versions.installed())
    assert [finding for finding in told if finding.verdict is Verdict.FAULT] == []


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(10, Verdict.FAULT), (100, Verdict.WARNING), (10_000, Verdict.OK)],
)
def test_a_disk_that_is_nearly_full_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    """Less than 64 MiB is a fault, less than 512 a warning."""
    usage = shutil.disk_usage(tmp_path)._replace(free=free * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    (finding,) = machine.check_room(tmp_path / "d.sqlite3")
    assert finding.verdict is verdict


def test_the_command(tmp_path: Path) -> None:
    """Exit code 0 with nothing recorded, 1 for a damaged database, 2 for a bad configuration."""
    file = offline_config(tmp_path, 1)
    done = donations("doctor", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ledger"] is None
    (tmp_path / "donations.sqlite3").write_bytes(b"no database at all")
    done = donations("doctor", folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "fault    database:" in done.stdout
    assert "         -> stop the service" in done.stdout
    file.write_text("nonsense = 1\n", encoding="utf-8")
    assert donations("doctor", folder=tmp_path).returncode == 2


def test_few_files_are_told(tmp_path: Path) -> None:
    """A limit of 100 open files is a fault, with the line that raises it."""
    offline_config(tmp_path, 1)
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", *COMMAND, "doctor"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "LimitNOFILE=" in done.stdout


def test_beside_a_served_database(tmp_path: Path) -> None:
    """The command tells that a service runs, and ends with 0 while it does."""
    (port,) = free_ports(1)
    file = offline_config(tmp_path, port)
    with served(file, port):
        done = donations("doctor", "--config", file, folder=tmp_path)
        assert done.returncode == 0, done.stdout
        assert "service: it runs, and is not ready: upstreams" in done.stdout
        assert "service: btc: unreachable" in done.stdout
        assert "No connection can be made" in done.stdout
    assert "none runs" in donations("doctor", "--config", file, folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE proofs SET raw = X'00'", "proofs that do not hold"),
        ("UPDATE proofs SET position = position + 1", "proofs that do not hold"),
        ("UPDATE proofs SET header = zeroblob(80)", "proofs that do not hold"),
        ("UPDATE headers SET raw = zeroblob(80) WHERE height = 50", "not on the chain of the kept"),
        ("DELETE FROM headers", "not on the chain of the kept headers"),
        ("DELETE FROM proofs", "without a proof"),
        ("UPDATE transfers SET level = 'proven'", "without a proof"),
        ("UPDATE transfers SET brings = replace(brings, ' 5001', ' 5002')", "of the proven bytes"),
    ],
)
def test_each_damage_of_a_proof_is_named(tmp_path: Path, statement: str, law: str) -> None:
    """What is called proven is checked anew from the kept bytes, amounts and headers included."""
    config, _, _ = keep(tmp_path, "bch")
    report = examine.examine(config)
    assert [f for f in report.findings if f.subject == "proofs" and "3 hold" in f.text]
    execute(config, statement)
    assert any(law in finding.text for finding in faults(examine.examine(config)))


def test_an_operator_that_lied_is_named(tmp_path: Path) -> None:
    """Who was caught, in what, and until when it has no vote."""
    config, _, _ = keep(tmp_path)
    store = Store(config.database, UTC)
    store.open({"btc": "mainnet"})
    now = int(time.time())
    store.convict(Conviction("btc", "liar", "lie", "two headers", now, now + 3_600, "x"))
    store.close()
    (told,) = [f for f in examine.examine(config).findings if f.subject == "operators"]
    assert "btc, liar was caught in a lie (lie): two headers; it is out of the vote" in told.text
