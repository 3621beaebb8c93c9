"""A yearly summary as sections of paragraphs and tables, before it takes a form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.exports.csv_form import Number
from donations.exports.line import Class, fixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.books import Figure
    from donations.exports.summary import Summary
    from donations.exports.words import Words

# A text, a number to be written as the language does, or what is not known.
Cell = str | Number | int | None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what is said under it, and a table. ``sum``: its last row adds the others up."""

    heading: str
    says: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    sum: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """The whole."""

    title: str
    says: tuple[str, ...]
    sections: tuple[Section, ...]


def document(summary: Summary, words: Words) -> Document:
    """The summary in words."""
    frame, total = summary.frame, summary.total
    place = {"year": summary.year, "currency": frame.currency, "zone": str(frame.zone)}
    value = words.value.format(**place)
    says = [
        words.together.format(
            count=grouped(str(total.transfers), words),
            value=grouped(fixed(total.minor, frame.digits), words),
            currency=frame.currency,
        )
    ]
    for count, text in (
        (total.unvalued, words.unknown_note),
        (summary.unsettled, words.unsettled_note),
    ):
        says += [text.format(count=grouped(str(count), words))] if count else []
    says += [
        words.calendar.format(**place),
        words.made.format(day=f"{frame.moment(frame.made_at):%Y-%m-%d}"),
    ]
    counted = (words.gifts, value, words.without)
    title = words.title.format(**place)
    return Document(
        title=f"{title} - {frame.title}" if frame.title else title,
        says=tuple(says),
        sections=(
            Section(
                words.by_month, (), (words.month, *counted),
                (
                    *((name, *_counted(summary.of_month(number), frame.digits))
                      for number, name in enumerate(words.months, 1)),
                    (words.total, *_counted(total, frame.digits)),
                ), sum=True,
            ),
            Section(
                words.by_coin, (), (words.coin, words.quantity, *counted),
                (*(
                    (asset, _quantity(summary, asset, summary.of_asset(asset)),
                     *_counted(summary.of_asset(asset), frame.digits))
                    for asset in summary.assets
                ), (words.total, "", *_counted(total, frame.digits))), sum=True,
            ),
            Section(
                words.by_month_and_coin, (),
                (words.month, words.coin, words.quantity, *counted),
                tuple(
                    (words.months[month - 1], asset, _quantity(summary, asset, figure),
                     *_counted(figure, frame.digits))
                    for (month, asset), figure in sorted(summary.gifts.items())
                ),
            ),
            Section(words.method_title, (words.method.format(**place),)),
            Section(
                words.sources, (), (words.source, words.gifts),
                tuple((name, count) for name, count in sorted(summary.sources.items())),
            ),
            _unknown(summary, words),
            _manual(summary, words, value),
            _others(summary, words),
        ),
    )  # fmt: skip


def _counted(figure: Figure, digits: int) -> tuple[Cell, ...]:
    """Gifts, their value, and how many have none; the value of nothing but unknown is unknown."""
    known = figure.valued or not figure.transfers
    minor = Number(fixed(figure.minor, digits)) if known else None
    return figure.transfers, minor, figure.unvalued


def _quantity(summary: Summary, asset: str, figure: Figure) -> Number:
    return Number(format_amount(figure.units, summary.decimals[asset]))


def _unknown(summary: Summary, words: Words) -> Section:
    more = words.unnamed.format(count=grouped(str(summary.unnamed), words))
    return Section(
        words.unknown,
        (more,) if summary.unnamed else (),
        (words.date, words.coin, words.quantity, words.transaction),
        tuple(
            (
                f"{summary.frame.moment(line.received_at):%Y-%m-%d %H:%M}",
                line.asset,
                Number(line.amount),
                line.id,
            )
            for line in summary.unknown
        ),
    )


def _manual(summary: Summary, words: Words, value: str) -> Section:
    digits = summary.frame.digits
    rows: Sequence[tuple[Cell, ...]] = [
        (
            f"{summary.frame.moment(line.received_at):%Y-%m-%d}",
            line.asset,
            Number(line.amount),
            None if line.minor is None else Number(fixed(line.minor, digits)),
            line.note,
        )
        for line in summary.manual
    ]
    columns = (words.date, words.unit, words.quantity, value, words.note)
    return Section(words.manual, (words.manual_note,), columns, tuple(rows))


def _others(summary: Summary, words: Words) -> Section:
    rows = tuple(
        (words.classes[what], asset, figure.transfers, _quantity(summary, asset, figure))
        for (what, asset), figure in sorted(summary.others.items())
        if what is not Class.GONE
    )
    columns = (words.kind, words.coin, words.transaction, words.quantity)
    return Section(words.others, (words.others_note,), columns, rows)


def grouped(number: str, words: Words) -> str:
    """A number as the language writes it: "1234567.5" -> "1,234,567.5"."""
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, _, fraction = digits.partition(".")
    groups = [whole[max(0, end - 3) : end] for end in range(len(whole), 0, -3)]
    text = sign + words.thousands.join(reversed(groups))
    return f"{text}{words.point}{fraction}" if fraction else text
