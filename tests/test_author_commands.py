"""The author's commands: figures that are right to the base unit and the cent, and what he writes.

The right figures are added up from the rows of the database, by code that shares nothing with ours.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from donations import cli
from donations.annotating import write
from donations.books import Annotation, Filter, Writing
from donations.config import load
from donations.control import NoService, Refused, ask
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.desk import Desk
from donations.store import Store
from donations.summary import read_snapshot
from tests.benchmarks.many import config_of, make
from tests.program import COMMAND, ENVIRONMENT
from tests.running import config_file, received, scene, service_on, until

if TYPE_CHECKING:
    from pathlib import Path

PARIS = ZoneInfo("Europe/Paris")
GIFTS = 3_000
DIGITS = {"BTC": 8, "BCH": 8, "ETH": 18, "USDC": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five years of gifts, some of which were said to be none, and gifts that came otherwise."""
    folder = tmp_path_factory.mktemp("books")
    config = config_of(folder / "d.sqlite3")
    make(config, GIFTS)
    file = folder / "config.toml"
    chains = "\n".join(f"{n} = {json.dumps(s.addresses)}" for n, s in config.chains.items())
    file.write_text(
        'timezone = "Europe/Paris"\ncurrency = "EUR"\ndatabase = "d.sqlite3"\n'
        f"[addresses]\n{chains}\n"
        '[chains.eth]\ntokens = ["USDC"]\n',
        encoding="utf-8",
    )
    told = run(folder, "gifts", "--limit", "200", "--state", "final", "--json")
    for number, gift in enumerate(json.loads(told)["gifts"][::9]):
        how = ["not-a-gift", gift["id"], "=test"] if number % 2 else ["note", gift["id"], "+1 é"]
        run(folder, "annotate", *how)
    run(folder, "annotate", "manual", "20.50", "EUR", "2026-01-01", "cash")
    run(folder, "annotate", "manual", "0.1", "BTC", "2025-12-31", "from a friend")
    return folder


def run(folder: Path, *words: str, code: int = 0) -> str:
    """What a command prints; called in this process, which is how main() is."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.stdout", out)
        assert cli.main(words) == code
        out.flush()
        raw = out.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue().decode()


@dataclass
class Sum:
    """Base units, how many, cents, and how many have those."""

    units: int = 0
    transfers: int = 0
    minor: int = 0
    valued: int = 0


def truth(folder: Path, by: str) -> dict[str, dict[str, Sum]]:
    """group -> asset -> what was received, from the bare rows."""
    sums: dict[str, dict[str, Sum]] = defaultdict(lambda: defaultdict(Sum))
    with closing(sqlite3.connect(folder / "d.sqlite3")) as raw:
        rows = raw.execute(
            "SELECT t.address, t.asset, t.amount, t.first_seen, t.block_time, v.minor FROM "
            "transfers t LEFT JOIN valuations v ON v.id = t.id AND v.address = t.address "
            "AND v.asset = t.asset AND v.currency = 'EUR' WHERE t.kind = 'gift' AND "
            "t.excluded = 0 AND (t.state = 'final' OR (t.state = 'confirmed' AND "
            "t.missing_since IS NULL AND t.coinbase = 0))"
        ).fetchall()
    for address, asset, amount, seen, mined, minor in rows:
        at = datetime.fromtimestamp(min(seen, mined), PARIS)
        group = {"month": f"{at:%Y-%m}", "year": f"{at:%Y}", "coin": asset, "address": address,
                 "widget": "default"}[by]  # fmt: skip
        told = sums[group][asset]
        told.units += int(amount)
        told.transfers += 1
        told.minor += int(minor or 0)
        told.valued += minor is not None
    return {group: dict(assets) for group, assets in sums.items()}


def test_the_books_hold_something(folder: Path) -> None:
    """What follows would be true of nothing too: there is something, unknown and left out."""
    right = truth(folder, "coin")
    assert set(right) == set(DIGITS)
    assert sum(s.transfers - s.valued for each in right.values() for s in each.values()) > 10
    with closing(sqlite3.connect(folder / "d.sqlite3")) as raw:
        assert raw.execute("SELECT sum(excluded) FROM transfers").fetchone()[0] > 5


@pytest.mark.parametrize("by", ["month", "year", "coin", "address", "widget"])
def test_totals_are_the_sums_of_the_rows(folder: Path, by: str) -> None:
    """Each group has the units, number, value and unknown of its rows; the text says the same."""
    told = json.loads(run(folder, "totals", "--by", by, "--json"))
    right = truth(folder, by)
    groups = {g["name"]: g for g in told["groups"] if g["received"]["transfers"]}
    assert set(groups) == set(right)
    for name, group in groups.items():
        assets = {a["asset"]: a for a in group["assets"] if a["received_worth"]["transfers"]}
        assert {
            asset: (
                int(a["received"]["units"]),
                a["received_worth"]["transfers"],
                int((a["received_worth"]["value"] or {"minor": 0})["minor"]),
                a["received_worth"]["valued"],
            )
            for asset, a in assets.items()
        } == {a: (s.units, s.transfers, s.minor, s.valued) for a, s in right[name].items()}
        worth = group["received"]
        assert int(worth["value"]["minor"]) == sum(s.minor for s in right[name].values())
        assert worth["unvalued"] == sum(s.transfers - s.valued for s in right[name].values())
    total = sum(s.minor for each in right.values() for s in each.values())
    assert int(told["total"]["received"]["value"]["minor"]) == total
    text = run(folder, "totals", "--by", by)
    (together,) = [line for line in text.splitlines() if line.startswith("together")]
    assert f" {total // 100}.{total % 100:02} " in together
    assert [(m["amount"], m["unit"]) for m in told["manual"]] == [("20.5", "EUR"), ("0.1", "BTC")]


def test_widgets_sites_and_posts_share_addresses(folder: Path, tmp_path: Path) -> None:
    """What two widgets share is in the sum of each, and once in the sum of all."""
    right = truth(folder, "address")
    bech, base = sorted(a for a, sums in right.items() if set(sums) == {"BTC"})[::-1]
    (ether,) = (a for a, sums in right.items() if "ETH" in sums)
    text = (
        (folder / "config.toml").read_text("utf-8").replace('"d.sqlite3"', f'"{folder}/d.sqlite3"')
    )
    widgets = (
        f'[[widget]]\nslug = "one"\nsite = "blog"\npost = "https://b.example/1"\n'
        f'addresses = ["{bech}", "{ether}"]\n'
        f'[[widget]]\nslug = "two"\nsite = "blog"\naddresses = ["{ether}"]\n'
        f'[[widget]]\nslug = "three"\nsite = "shop"\naddresses = ["{base}"]\n'
    )
    (tmp_path / "config.toml").write_text(text + widgets, encoding="utf-8")

    def minor(*addresses: str) -> int:
        return sum(s.minor for address in addresses for s in right[address].values())

    def told(by: str) -> tuple[dict[str, int], int]:
        sums = json.loads(run(tmp_path, "totals", "--by", by, "--json"))
        groups = {g["name"]: int(g["received"]["value"]["minor"]) for g in sums["groups"]}
        return groups, int(sums["total"]["received"]["value"]["minor"])

    everything = sum(s.minor for each in right.values() for s in each.values())
    assert told("widget") == (
        {"one": minor(bech, ether), "two": minor(ether), "three": minor(base)}, everything,
    )  # fmt: skip
    assert told("site") == ({"blog": minor(bech, ether), "shop": minor(base)}, everything)
    assert told("post") == ({"https://b.example/1": minor(bech, ether)}, everything)
    gifts = json.loads(run(tmp_path, "gifts", "--widget", "two", "--limit", "9", "--json"))["gifts"]
    assert {(gift["address"], *gift["widgets"]) for gift in gifts} == {(ether, "one", "two")}
    run(tmp_path, "gifts", "--widget", "twoo", code=2)
    run(folder, "totals", "--by", "post", code=2)


def test_all_ways_out_tell_the_same(folder: Path) -> None:
    """Pages, terminal and every export have one figure for each coin, to unit and cent."""
    right = {asset: each[asset] for asset, each in truth(folder, "coin").items()}
    desk = Desk(load(folder / "config.toml"))
    try:
        seen = asyncio.run(desk.overview(1_800_000_000, {}))
    finally:
        desk.close()
    assert {
        c.asset: (c.received.units, c.received.transfers, c.received.minor, c.received.valued)
        for c in seen.coins
    } == {a: (s.units, s.transfers, s.minor, s.valued) for a, s in right.items()}
    shown: dict[str, int] = defaultdict(int)
    config = load(folder / "config.toml")
    for coin in read_snapshot(config, config.widget, 1_800_000_000).coins:
        for each in coin.sums or ():
            shown[each.symbol] += each.received
    assert shown == {a: s.units for a, s in right.items()}
    units: dict[str, int] = defaultdict(int)
    cents: dict[str, Decimal] = defaultdict(Decimal)
    text = run(folder, "export", "csv")
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        if row["counted"] == "yes":
            units[row["asset"]] += int(row["units"])
            cents[row["asset"]] += Decimal(row["value"] or 0)
    assert units == {a: s.units for a, s in right.items()}
    assert cents == {a: Decimal(s.minor).scaleb(-2) for a, s in right.items()}
    lines = json.loads(run(folder, "export", "json"))["lines"]
    counted = [line for line in lines if line["counted"]]
    assert len(counted) == sum(s.transfers for s in right.values())
    assert sum(int(line["value"]["minor"]) for line in counted if line["value"]) == sum(
        s.minor for s in right.values()
    )
    income = sum(
        Fraction(line.split()[-2])
        for line in run(folder, "export", "hledger").splitlines()
        if line.startswith("    Income:Donations:") and line.endswith(" EUR")
        and "Elsewhere" not in line
    )  # fmt: skip
    assert -income == Fraction(sum(s.minor for s in right.values()), 100)
    years = truth(folder, "year")
    for year, assets in years.items():
        told = run(folder, "export", "summary", "--year", year, "--as", "csv")
        rows = list(csv.reader(io.StringIO(told.removeprefix("\ufeff"), newline=""), strict=True))
        start = rows.index(["By coin"]) + 2
        found = {row[0]: row[1:] for row in rows[start : start + len(assets)]}
        for asset, its in assets.items():
            quantity, count, value, unknown = found[asset]
            assert Decimal(quantity) == Decimal(its.units).scaleb(-DIGITS[asset])
            assert (int(count), int(unknown)) == (its.transfers, its.transfers - its.valued)
            assert Decimal(value or 0) == Decimal(its.minor).scaleb(-2)


# -- lists


def test_gifts_by_cursor_are_all_of_them_once(folder: Path) -> None:
    """Page after page has every gift once, the newest first, whatever the length of a page."""
    with closing(sqlite3.connect(folder / "d.sqlite3")) as raw:
        right = {r[0] for r in raw.execute("SELECT id FROM transfers WHERE kind = 'gift'")}
    found: list[dict[str, Any]] = []
    words: list[str] = []
    while True:
        told = json.loads(run(folder, "gifts", "--json", "--limit", "997", *words))
        found += told["gifts"]
        if told["next"] is None:
            break
        words = ["--cursor", told["next"]]
    assert len(found) == len(right)
    assert {gift["id"] for gift in found} == right
    moments = [gift["received_at"] for gift in found]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize(
    ("words", "law"),
    [
        (["--since", "2025"], lambda g: g["received"] >= "2025"),
        (["--until", "2023-06"], lambda g: g["received"] < "2023-07"),
        (["--since", "2024-02-29", "--until", "2024-02-29"],
         lambda g: g["received"][:10] == "2024-02-29"),
        (["--chain", "eth"], lambda g: g["chain"] == "eth"),
        (["--asset", "USDC"], lambda g: g["asset"] == "USDC"),
        (["--state", "dropped"], lambda g: g["state"] == "dropped"),
        (["--unvalued"], lambda g: g["value"] is None),
        (["--valued"], lambda g: g["value"] is not None),
        (["--not-gifts"], lambda g: g["not_a_gift"] == "=test"),
        (["--gifts"], lambda g: g["not_a_gift"] is None),
        (["--search", "+1 É"], lambda g: g["note"] == "+1 é"),
    ],
)  # fmt: skip
def test_conditions_choose_what_they_say(folder: Path, words: list[str], law: Any) -> None:
    """A condition lets through all that it says, and nothing else."""
    every = json.loads(run(folder, "export", "json"))["lines"]
    right = {line["id"] for line in every if line["kind"] == "gift" and law(line)}
    told = json.loads(run(folder, "gifts", "--json", "--limit", "1000", *words))
    found = {gift["id"] for gift in told["gifts"]}
    assert found
    assert all(law(gift) for gift in told["gifts"])
    assert found == right or (told["next"] and found < right)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gifts", "--since", "2025-13"], "a day, a month or a year"),
        (["gifts", "--since", "yesterday"], "a day, a month or a year"),
        (["gifts", "--limit", "0"], "from 1 to 1000"),
        (["gifts", "--cursor", "x"], "as it is"),
        (["gifts", "--asset", "DOGE"], "nothing of the configuration fits"),
        (["export", "summary", "--year", "20x6"], "a year is written"),
        (["export", "summary", "--chain", "btc"], "with --year alone"),
        (["export", "csv", "--year", "2025"], "--since and --until"),
        (["export", "csv", "--output", "no/such/folder/x"], "cannot write here"),
        (["export", "csv", "--output", "config.toml"], "--force replaces it"),
        (["annotate", "note", "ffffffffff", "x"], "no transfer has this number"),
        (["annotate", "note", "ff", "x"], "at least 6 characters"),
        (["annotate", "manual", "-5", "EUR", "2026-01-01"], "an amount is digits"),
        (["annotate", "manual", "0", "EUR", "2026-01-01"], "more than nothing"),
        (["annotate", "manual", "1.234", "EUR", "2026-01-01"], "2 decimals"),
        (["annotate", "manual", "1", "XMR2", "2026-01-01"], "--decimals"),
        (["annotate", "undo", "999999"], "no entry 999999"),
    ],
)
def test_what_cannot_be_is_told(
    folder: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong input ends with 2 (an entry that is not there with 1), and says what would be right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        try:
            code = cli.main(words)
        except SystemExit as end:
            code = int(str(end.code))
    printed = capsys.readouterr()
    assert code == (1 if "999999" in told else 2), printed
    assert told in printed.err
    assert printed.out == ""


# -- files and pipes


def test_an_exported_file_is_whole_and_the_owners(folder: Path, tmp_path: Path) -> None:
    """--output writes what would be printed, into a file of mode 0600, and replaces on demand."""
    path = tmp_path / "books.csv"
    run(folder, "export", "csv", "--output", str(path))
    assert path.read_bytes().decode() == run(folder, "export", "csv")
    assert path.stat().st_mode & 0o777 == 0o600
    run(folder, "export", "hledger", "--output", str(path), "--force")
    assert path.read_text(encoding="utf-8").startswith("; written by donations")
    assert [each.name for each in tmp_path.iterdir()] == ["books.csv"]


@pytest.mark.parametrize("form", ["csv", "json", "beancount", "hledger"])
def test_a_reader_that_goes_away_is_no_error(folder: Path, form: str) -> None:
    """`donations export ... | head -1` ends with 0 and without a word, in any locale."""
    with subprocess.Popen(
        [*COMMAND, "export", form], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "LC_ALL": "C", "NO_COLOR": "1", "TERM": "dumb"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("words", ["gifts", "totals --by year", "export csv", "export json"])
def test_an_output_that_cannot_be_written_is_told(folder: Path, words: str) -> None:
    """A full disk behind the output ends with 1 and one line; a closed output is let be."""
    command = [*COMMAND, *words.split()]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE,
                              env=ENVIRONMENT, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == ("donations: what was found cannot be written: No space left on device\n")
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], cwd=folder,
                            stderr=subprocess.PIPE, env=ENVIRONMENT, text=True,
                            check=False)  # fmt: skip
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_terminal_without_letters_is_written_to(folder: Path) -> None:
    """Where the output is ASCII alone, other letters stand there as their numbers."""
    done = subprocess.run(
        [*COMMAND, "gifts", "--search", "+1"], cwd=folder, capture_output=True, check=False,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"+1 \\xe9" in done.stdout


def test_nothing_of_a_terminal_is_in_the_output(folder: Path) -> None:
    """No command writes an escape sequence, whatever was written into the books."""
    for words in (["gifts"], ["totals", "--by", "month"], ["export", "summary", "--year", "2025"]):
        assert "\x1b" not in run(folder, *words)


# -- what the author writes


def test_an_entry_can_be_undone(folder: Path) -> None:
    """What is no gift leaves the totals at once, and undoing brings it back, to the cent."""
    before = run(folder, "totals", "--by", "year", "--json")
    gift = json.loads(run(folder, "gifts", "--limit", "1", "--state", "final", "--gifts",
                          "--valued", "--json"))["gifts"][0]  # fmt: skip
    told = json.loads(run(folder, "annotate", "not-a-gift", gift["id"], "mine", "--json"))
    after = json.loads(run(folder, "totals", "--by", "year", "--json"))
    minor = int(json.loads(before)["total"]["received"]["value"]["minor"])
    assert int(after["total"]["received"]["value"]["minor"]) == minor - int(gift["value"]["minor"])
    shown = json.loads(run(folder, "annotate", "show", gift["id"][:12], "--json"))
    assert (shown["not_a_gift"], shown["reason"]) == (True, "mine")
    run(folder, "annotate", "undo", str(told["entry"]))
    assert json.loads(run(folder, "totals", "--by", "year", "--json")) | {"today": 0} == (
        json.loads(before) | {"today": 0}
    )
    text = run(folder, "annotate", "show", gift["id"])
    assert "(undone)" in text
    again = run(folder, "annotate", "undo", str(told["entry"]), code=1)
    assert again == ""


def test_two_who_write_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has not seen the last entry is told who wrote it, and nothing of his is kept."""
    gift = json.loads(run(folder, "gifts", "--limit", "3", "--json"))["gifts"][2]["id"]
    seen = json.loads(run(folder, "annotate", "show", gift, "--json"))["last_entry"]
    run(folder, "annotate", "note", gift, "first", "--by", "Anna", "--expects", str(seen))
    run(folder, "annotate", "note", gift, "second", "--by", "Ben", "--expects", str(seen), code=1)
    assert "meanwhile Anna wrote entry" in capsys.readouterr().err
    assert json.loads(run(folder, "annotate", "show", gift, "--json"))["note"] == "first"


@pytest.mark.parametrize("text", ["a\u202eb", "a\x1b[2J", "two\nlines", "x" * 501])
def test_what_hides_something_is_not_written(folder: Path, text: str) -> None:
    """Control and direction characters, several lines and whole letters are refused with 2."""
    gift = json.loads(run(folder, "gifts", "--limit", "1", "--json"))["gifts"][0]["id"]
    run(folder, "annotate", "note", gift, text, code=2)


def test_an_entry_goes_through_the_running_service(tmp_path: Path) -> None:
    """Beside the service a command asks it: totals follow at once, and a conflict is one too."""

    @scene
    async def live() -> None:
        async with World(1) as world, service_on(world, tmp_path, only=("btc",)) as service:
            world.btc.pay(BTC_SCRIPT, 5_000)
            world.btc.mine(1)
            await until(lambda: (received(service, "btc") or 0) >= 5_000, seconds=60)
            config = replace(load(config_file(world, tmp_path)), database=service.config.database)
            before = received(service, "btc")
            (entry,) = [
                e for e in service.store.entries(Filter(), None, 50) if e.transfer.amount == 5_000
            ]
            about = Annotation(
                Writing.NOT_A_GIFT, "anna", 1_800_000_000, entry.transfer.key, entry.transfer.id
            )
            number = await asyncio.to_thread(write, config, about, 0)
            assert number == 1
            await until(lambda: received(service, "btc") == (before or 0) - 5_000)
            with pytest.raises(Refused, match="anna wrote entry 1"):
                await asyncio.to_thread(write, config, about, 0)
            undo = Annotation(Writing.UNDO, "anna", 1_800_000_000, undoes=1)
            assert await asyncio.to_thread(write, config, undo, None) == 2
            await until(lambda: received(service, "btc") == before)
            database = service.config.database
        with pytest.raises(NoService):
            await asyncio.to_thread(ask, database, "annotate")
        assert await asyncio.to_thread(write, config, about, 2) == 3
        with closing(Store(database, config.timezone)) as store:
            store.open_readonly()
            assert about.key is not None
            assert about.id is not None
            assert [a.sequence for a in store.annotations(about.key, about.id)] == [1, 2, 3]

    live()
