"""CSV and JSON: what is in them is what is in the books, and a spreadsheet runs none of it."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import unicodedata
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from donations.exports.csv_form import COLUMNS, csv_form, harmless, row
from donations.exports.json_form import FORMAT, json_form
from donations.exports.line import Class, Line, visible
from donations.ledger import Key
from donations.valuation import Valuation
from tests.exports.made import NOTES, Made, books, received, texts, with_notes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made(seed: int) -> Made:
    return books(seed, 2_000)


def table(made: Made) -> list[dict[str, str]]:
    """The CSV as any reader of RFC 4180 has it."""
    text = "".join(csv_form(made.lines, made.frame))
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_the_csv_is_of_its_form(made: Made) -> None:
    """Every line ends with CRLF and has as many cells as the first; nothing hidden is in it."""
    text = "".join(csv_form(made.lines, made.frame))
    assert text.encode().decode() == text
    assert text.endswith("\r\n")
    assert not re.search("[^\r]\n|\r[^\n]", text)
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(cells) for cells in rows} == {len(COLUMNS)}
    assert len(rows) == len(made.lines) + 1
    hidden = {unicodedata.category(c) for c in text} & {"Cc", "Cs", "Zl", "Zp", "Cf"}
    assert hidden <= {"Cc", "Cf"}  # line ends, and the joiners of scripts
    assert set(re.findall("[\u0000-\u001f\u202a-\u202e\u2066-\u2069\ufeff]", text)) == {"\r", "\n"}


def test_the_csv_tells_the_same_totals(made: Made) -> None:
    """Its counted lines add up to what was received, to the base unit and the cent."""
    units: dict[str, int] = defaultdict(int)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    values: dict[str, Decimal] = defaultdict(Decimal)
    known: dict[str, int] = defaultdict(int)
    for cells in table(made):
        if cells["counted"] == "yes":
            units[cells["asset"]] += int(cells["units"])
            amounts[cells["asset"]] += Decimal(cells["amount"])
            values[cells["asset"]] += Decimal(cells["value"] or 0)
            known[cells["asset"]] += cells["value_known"] == "yes"
            assert (cells["value"] == "") == (cells["value_known"] == "no")
    for asset, told in received(made).items():
        assert units[asset] == told.units
        assert values[asset] == Decimal(told.minor).scaleb(-2)
        assert known[asset] == told.valued


@pytest.mark.parametrize("text", [note for note in NOTES if note])
def test_a_text_is_no_formula(text: str) -> None:
    """What a cell begins with, signs of full width and invisible ones counted, is no sign."""
    cell = harmless(text)
    seen = unicodedata.normalize("NFKC", cell)
    seen = "".join(c for c in seen if unicodedata.category(c) not in ("Cf", "Cc", "Zs", "Zl", "Zp"))
    assert seen[:1] not in tuple("=+-@|%\t\r\n")


def test_random_texts_are_no_formulas(tmp_path: Path, seed: int) -> None:
    """Hundreds of texts of signs and hidden characters: every reader has them, nobody runs them."""
    made = books(seed, 3_000)
    noted = with_notes(Made(made.entries, [], made.frame), texts(seed, 400))
    for cells, line in zip(table(noted), noted.lines, strict=True):
        assert cells["note"].removeprefix("'") == visible(line.note).removeprefix("'")
    text = opened(tmp_path, "".join(csv_form(noted.lines, noted.frame)))
    assert "table:formula=" not in text


def test_numbers_stay_numbers(made: Made) -> None:
    """A negative amount has no apostrophe; a text that looks like one has."""
    told = table(made)
    below = [cells for cells in told if cells["units"].startswith("-")]
    assert below
    assert all(Decimal(cells["amount"]) < 0 for cells in below)
    assert harmless("-0.5") == "'-0.5"


def opened(folder: Path, text: str) -> str:
    """What LibreOffice makes of a CSV that it opens, told to evaluate what it can."""
    (folder / "books.csv").write_bytes(text.encode())
    how = "CSV:44,34,76,1,,0,false,true,false,false,false,-1,true"
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/home", "--convert-to",
         "fods", f"--infilter={how}", "--outdir", str(folder), str(folder / "books.csv")],
        check=True, capture_output=True,
    )  # fmt: skip
    return (folder / "books.fods").read_text(encoding="utf-8")


def test_a_spreadsheet_runs_no_formula(tmp_path: Path, seed: int) -> None:
    """LibreOffice finds none in the export with every note, and some in the bare notes."""
    bare = "".join(f'"{note}"\r\n' for note in NOTES if note.isprintable() and '"' not in note)
    assert opened(tmp_path, bare).count("table:formula=") >= 1
    noted = with_notes(books(seed, 400))
    text = opened(tmp_path, "".join(csv_form(noted.lines, noted.frame)))
    assert "table:formula=" not in text
    assert "merci Élodie" in text
    assert text.count('office:value-type="float"') >= 3 * len(noted.lines)


def test_a_cell_may_hold_anything() -> None:
    """Quotes are doubled, None is nothing, and every reader gets the text back."""
    text = row(['a"b', None, 7, "c,d", ""])
    assert text == '"a""b",,7,"c,d",""\r\n'


# -- JSON


def again(told: dict[str, Any], currency: str) -> Line:
    """A line made of its JSON, by the words of the README alone."""
    value = told["value"]
    block = told["block"]
    return Line(
        what=Class(told["class"]),
        received_at=unix(told["received_at"]),
        key=Key(told["chain"], told["address"], told["asset"]) if told["chain"] else None,
        asset=told["asset"],
        id=told["id"],
        units=int(told["units"]),
        decimals=told["decimals"],
        minor=int(value["minor"]) if value else None,
        value=Valuation(
            currency, int(value["minor"]), value["price"], unix(value["price_time"]),
            value["source"], unix(value["valued_at"]),
        ) if value and value["source"] else None,
        state=told["state"] or "",
        level=told["level"] or "",
        kind=told["kind"],
        first_seen=unix(told["first_seen"]) if told["first_seen"] else None,
        block=(block["height"], block["hash"], unix(block["time"])) if block else None,
        note=told["note"] or "",
        thanks=told["thanks"] or "",
        reason=told["not_a_gift"] or "",
        sequence=told["last_entry"],
        widgets=tuple(told["widgets"]),
    )  # fmt: skip


def unix(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def test_json_comes_back_as_it_was(made: Made) -> None:
    """Every fact of every line can be read again, hidden characters too."""
    text = "".join(json_form(made.lines, made.frame))
    assert text.isascii()
    told = json.loads(text)
    assert told["format"] == FORMAT
    assert (told["currency"], told["timezone"]) == ("EUR", "Europe/Paris")
    assert [again(each, "EUR") for each in told["lines"]] == made.lines
    assert len(text.splitlines()) == len(made.lines) + 2


def test_json_without_a_line_is_json(seed: int) -> None:
    """Books in which nothing stands yet are a document too."""
    made = books(seed, 0)
    assert json.loads("".join(json_form([], made.frame)))["lines"] == []
    assert table(made) == []


def test_days_are_those_of_the_author(seed: int) -> None:
    """Around new year and the change of the clock, year, month and offset are his."""
    made = books(seed, 1)
    moments = {
        "2025-12-31T22:59:59Z": ("2025", "2025-12", "2025-12-31T23:59:59+01:00"),
        "2025-12-31T23:00:00Z": ("2026", "2026-01", "2026-01-01T00:00:00+01:00"),
        "2026-03-29T00:59:59Z": ("2026", "2026-03", "2026-03-29T01:59:59+01:00"),
        "2026-03-29T01:00:00Z": ("2026", "2026-03", "2026-03-29T03:00:00+02:00"),
        "2025-10-26T00:30:00Z": ("2025", "2025-10", "2025-10-26T02:30:00+02:00"),
        "2025-10-26T01:30:00Z": ("2025", "2025-10", "2025-10-26T02:30:00+01:00"),
        "2026-03-31T21:59:59Z": ("2026", "2026-03", "2026-03-31T23:59:59+02:00"),
        "2026-03-31T22:00:00Z": ("2026", "2026-04", "2026-04-01T00:00:00+02:00"),
    }
    line = made.lines[0]
    for moment, right in moments.items():
        at = Line(line.what, unix(moment), line.key, line.asset, "x", 1, 8, None, None)
        text = "".join(csv_form([at], made.frame))
        (cells,) = csv.DictReader(io.StringIO(text, newline=""))
        assert (cells["year"], cells["month"], cells["received"]) == right
        told = json.loads("".join(json_form([at], made.frame)))["lines"][0]
        assert (told["received_at"], told["received"]) == (moment, right[2])
