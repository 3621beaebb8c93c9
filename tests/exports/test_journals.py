"""Journals of plain-text accounting: the real programs accept them and tell the same totals."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from beancount import loader
from beancount.core import data
from beancount.core.position import Cost

from donations.books import Remarks
from donations.exports.beancount import beancount
from donations.exports.hledger import hledger
from donations.exports.line import Class, visible
from donations.exports.movement import coins_of
from donations.ledger import Block
from tests.exports.made import (
    DECIMALS,
    KEYS,
    NOTES,
    PARIS,
    Made,
    balance,
    books,
    is_received,
    received,
    texts,
    with_notes,
)

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 2_000


def beans(made: Made) -> tuple[list[Any], list[Any]]:
    """What beancount makes of it: its directives and its errors."""
    units = {gift.manual.unit for gift in made.manual if gift.manual}
    text = "".join(beancount(made.lines, made.frame, KEYS, sorted(units - {made.frame.currency})))
    entries, errors, _ = loader.load_string(text)
    return entries, errors


def coins(made: Made) -> dict[str, str]:
    """The asset behind each commodity."""
    units = {gift.manual.unit for gift in made.manual if gift.manual}
    assets = {asset for _, asset in DECIMALS} | (units - {made.frame.currency})
    return {coin: asset for asset, coin in coins_of(assets, made.frame.currency).items()}


@pytest.fixture(scope="module")
def made(seed: int) -> Made:
    return books(seed, COUNT)


def test_beancount_accepts_the_journal(made: Made) -> None:
    """It finds no error in books of every kind of transfer, and as many transactions as stand."""
    entries, errors = beans(made)
    assert errors == [], errors[:1]
    told = [entry for entry in entries if isinstance(entry, data.Transaction)]
    booked = [line for line in made.lines if line.what not in (
        Class.PENDING, Class.IMMATURE, Class.GONE)]  # fmt: skip
    assert len(told) == len(booked)


def test_beancount_tells_the_same_totals(made: Made) -> None:
    """Income by coin to the cent, units and balances to the base unit, and what is unknown."""
    entries, _ = beans(made)
    income: dict[str, Decimal] = defaultdict(Decimal)
    cost: dict[str, Fraction] = defaultdict(Fraction)
    units: dict[str, Decimal] = defaultdict(Decimal)
    gifts: dict[str, Decimal] = defaultdict(Decimal)
    names = coins(made)
    unknown = 0
    for entry in entries:
        if not isinstance(entry, data.Transaction):
            continue
        is_gift = entry.narration == "Gift"
        if is_gift and entry.flag == "!":
            unknown += 1
            # An amount of nothing is false: it is asked for by name.
            kinds = {p.units.currency for p in entry.postings if p.units is not None}
            assert "EUR" not in kinds
        for posting in entry.postings:
            assert posting.units is not None
            assert posting.units.number is not None
            if posting.account.startswith("Assets:Donations:") and ":At-" in posting.account:
                asset = names[posting.units.currency]
                units[asset] += posting.units.number
                if is_gift:
                    gifts[asset] += posting.units.number
                if isinstance(posting.cost, Cost):
                    assert posting.cost.currency == "EUR"
                    cost[asset] += Fraction(posting.cost.number) * Fraction(posting.units.number)
            elif is_gift and posting.units.currency == "EUR":
                income[posting.account.rsplit(":")[-1]] -= posting.units.number
    right = received(made)
    parts = {asset: coin.replace(".", "-") for coin, asset in names.items()}
    for asset, told in right.items():
        digits = next(d for (_, name), d in DECIMALS.items() if name == asset)
        assert gifts[asset] == Decimal(told.units).scaleb(-digits)
        assert income[parts[asset]] == Decimal(told.minor).scaleb(-2)
        assert abs(cost[asset] - Fraction(told.minor, 100)) < Fraction(1, 10**9)
    assert {a: Fraction(n) for a, n in units.items() if n} == {
        a: n for a, n in balance(made).items() if n
    }
    assert unknown == sum(told.transfers - told.valued for told in right.values())


def run(program: str, folder: Path, made: Made, *words: str) -> str:
    """What a program prints of the journal."""
    units = {gift.manual.unit for gift in made.manual if gift.manual} - {made.frame.currency}
    path = folder / "books.journal"
    path.write_text("".join(hledger(made.lines, made.frame, sorted(units))), encoding="utf-8")
    done = subprocess.run(
        [program, "-f", str(path), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:2000]
    assert done.stderr == ""
    return done.stdout


def sums(text: str) -> dict[tuple[str, str], Fraction]:
    """(account, commodity) -> sum of all amounts of a CSV register: account, commodity, number."""
    found: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for line in text.splitlines():
        account, coin, number = line.split("\t")
        found[account, coin.strip('"')] += Fraction(number)
    return found


def flat(program: str, text: str) -> str:
    """The postings of a journal as account, commodity and number, from what a program prints."""
    if program == "ledger":
        return text
    table = csv.DictReader(io.StringIO(text))
    return "\n".join(f"{row['account']}\t{row['commodity']}\t{row['amount']}" for row in table)


def postings(program: str, folder: Path, made: Made) -> dict[tuple[str, str], Fraction]:
    """All postings as the program read them, summed by account and commodity."""
    if program == "ledger":
        form = "%(account)\\t%(commodity(scrub(amount)))\\t%(quantity(scrub(amount)))\\n"
        return sums(run(program, folder, made, "register", "--format", form))
    return sums(flat(program, run(program, folder, made, "print", "-O", "csv")))


@pytest.mark.parametrize("program", ["hledger", "ledger"])
def test_ledgers_tell_the_same_totals(program: str, made: Made, tmp_path: Path) -> None:
    """Both accept the journal; income is right to the cent, balances to the base unit."""
    found = postings(program, tmp_path, made)
    names = coins(made)
    right = received(made)
    for coin, asset in names.items():
        income = found.get((f"Income:Donations:{coin.replace('.', '-')}", "EUR"), Fraction(0))
        told = right[asset].minor if asset in right else 0
        assert -income == Fraction(told, 100)
    lying: dict[str, Fraction] = defaultdict(Fraction)
    for (account, coin), number in found.items():
        if ":At-" in account:
            lying[names[coin]] += number
    assert {a: n for a, n in lying.items() if n} == {a: n for a, n in balance(made).items() if n}


@pytest.mark.parametrize("program", ["hledger", "ledger"])
def test_the_cost_is_the_value_at_receipt(program: str, made: Made, tmp_path: Path) -> None:
    """Asked for costs, both tell what the gifts were worth when they came, to the cent."""
    only = "-N" if program == "hledger" else "--no-total"
    text = run(program, tmp_path, made, "balance", "-B", "--flat", only, "^Assets:.*:At-")
    told = sum(
        Fraction(match.replace(",", ""))
        for match in re.findall(r"(-?[\d,]+\.\d+) EUR\b(?!-)", text)
    )
    assert told == Fraction(sum(sum_.minor for sum_ in received(made).values()), 100)


def test_random_texts_stay_remarks(tmp_path: Path, seed: int) -> None:
    """Hundreds of texts made of the marks of every program change no booking either."""
    made = books(seed, 3_000)
    made = with_notes(Made(made.entries, [], made.frame), texts(seed, 400))
    entries, errors = beans(made)
    assert errors == []
    told = [entry for entry in entries if isinstance(entry, data.Transaction)]
    assert {entry.meta["note"] for entry in told} == {visible(line.note) for line in made.lines}
    bare = Made([replace(e, remarks=Remarks()) for e in made.entries], [], made.frame)
    for program in ("hledger", "ledger"):
        assert postings(program, tmp_path, made) == postings(program, tmp_path, bare)


def test_days_are_those_of_the_author(tmp_path: Path, seed: int) -> None:
    """A gift of the last second of a year in Paris is booked in it, the next one in the next."""
    made = books(seed, 200)
    entry = next(e for e in made.entries if is_received(e.transfer) and e.value)
    new_year = int(datetime(2026, 1, 1, tzinfo=PARIS).timestamp())
    found = []
    for at in (new_year - 1, new_year):
        moved = replace(entry.transfer, first_seen=at, block=Block(1, "b", at + 600))
        one = Made([replace(entry, transfer=moved)], [], made.frame)
        (told,) = (e for e in beans(one)[0] if isinstance(e, data.Transaction))
        found.append(str(told.date))
        for program in ("hledger", "ledger"):
            text = run(program, tmp_path, one, "print")
            found.append(text[:10].replace("/", "-"))
    assert found == ["2025-12-31"] * 3 + ["2026-01-01"] * 3


def test_whatever_is_written_stays_a_remark(tmp_path: Path, seed: int) -> None:
    """Quotes, comments, dates, expressions and hidden characters in notes change no booking."""
    made = with_notes(books(seed, 400))
    entries, errors = beans(made)
    assert errors == []
    told = [entry for entry in entries if isinstance(entry, data.Transaction)]
    assert len(told) == len(NOTES) + len(made.manual)
    for text in ('a\\"', 'he said "hi"', "\\", "merci Élodie", "{{1 EUR}}"):
        assert any(entry.meta.get("note") == text for entry in told), text
    plain = Made([*made.entries], made.manual, made.frame)
    for program in ("hledger", "ledger"):
        found = postings(program, tmp_path, made)
        assert found == postings(program, tmp_path, plain)
        days = {f"{made.frame.moment(line.received_at):%Y-%m-%d}" for line in made.lines}
        text = run(program, tmp_path, made, "print")
        assert {
            day.replace("/", "-") for day in re.findall(r"^\d{4}.\d\d.\d\d", text, re.M)
        } == days


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("KWD", 3), ("USD", 2)])
def test_other_currencies_have_their_own_digits(
    currency: str, digits: int, tmp_path: Path, seed: int
) -> None:
    """Yen have no decimals and dinars three: every program reads them so."""
    made = books(seed, 200, currency, digits)
    entries, errors = beans(made)
    assert errors == []
    right = Fraction(sum(told.minor for told in received(made).values()), 10**digits)
    told = Fraction(0)
    for entry in entries:
        if isinstance(entry, data.Transaction) and entry.narration == "Gift":
            for posting in entry.postings:
                if posting.account.startswith("Income:") and posting.units is not None:
                    assert posting.units.number is not None
                    told -= Fraction(posting.units.number) * (posting.units.currency == currency)
    assert told == right
    for program in ("hledger", "ledger"):
        found = postings(program, tmp_path, made)
        income = sum(
            number for (account, coin), number in found.items()
            if coin == currency and account.startswith("Income:") and "Elsewhere" not in account
        )  # fmt: skip
        assert -income == right


@pytest.mark.parametrize(
    "asset", ["a", "x", "1INCH", "$MONEY", "USDC.e", "usdc.E", "-", "ß",
              "LONGER-THAN-ANY-COMMODITIES",
              "A" * 60, "É", "EUR", "eur", "A.", "A B", 'A"B', "A;B", "..."],
)  # fmt: skip
def test_any_symbol_becomes_a_commodity(asset: str) -> None:
    """Names are of beancount's alphabet, between 2 and 24 long, and no two assets share one."""
    others = ["EUR.", "USDC.E", "A", "A-2", "X", "X1INCH"]
    names = coins_of([asset, *others], "EUR")
    assert len({*names.values(), "EUR"}) == len({asset, *others}) + 1
    for name in names.values():
        assert re.fullmatch(r"[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]", name), name
