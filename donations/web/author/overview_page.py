"""The overview: how much, this month; then everything around it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from donations.overview import Worth, before
from donations.web.author import charts
from donations.web.author.charts import Bar
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.books import Entry
    from donations.overview import Overview
    from donations.web.author.rows import RowWriter
    from donations.web.author.words import Writer


class OverviewWriter:
    """Writes it in one language."""

    def __init__(self, writer: Writer, overview: Overview, root: str) -> None:
        self._writer, self._pages, self._root = writer, writer.pages, root
        self._overview = overview

    def write(self, latest: Sequence[Entry], rows: RowWriter, tried: Html) -> Html:
        """The body. ``tried`` is what is to be said of wrong tokens."""
        all_ = self._overview
        say, piece = self._pages.say, self._pages.piece
        return join(
            [
                tried,
                self._unread(),
                piece(
                    "hero",
                    name=self._month(all_.asked.month),
                    amount=self._money(all_.this_month),
                    gifts=self._gifts(all_.this_month),
                    around=join(
                        self._sum(name, its)
                        for name, its in (
                            (self._month(before(all_.asked.month)), all_.last_month),
                            (escape(all_.asked.month[:4]), all_.this_year),
                            (say("in_all"), all_.in_all),
                        )
                    ),
                    receipt=say("at_receipt"),
                    apart=self._apart(),
                ),
                self._over_time(),
                piece("pair", one=self._by_coin(), other=self._by_widget()),
                piece(
                    "latest",
                    title=say("latest"),
                    rows=rows.write(latest) if latest else self._pages.note("nothing"),
                    root=self._root,
                    more=say("all_gifts"),
                ),
            ]
        )

    # -- sums

    def _money(self, its: Worth) -> Html:
        if not its.known:
            return self._pages.say("unknown")
        asked = self._overview.asked
        return self._pages.locale.money(its.minor, asked.currency, asked.digits)

    def _gifts(self, its: Worth) -> Html:
        locale = self._pages.locale
        counted = locale.count("gifts", its.gifts) if its.gifts else self._pages.say("no_gift")
        if not its.unvalued:
            return counted
        return join([counted, Html(" · "), locale.count("author_unvalued", its.unvalued)])

    def _sum(self, name: Html, its: Worth) -> Html:
        return self._pages.piece("sum", name=name, amount=self._money(its), gifts=self._gifts(its))

    def _apart(self) -> Html:
        """What is in none of the sums, and what they would be today."""
        all_, say, locale = self._overview, self._pages.say, self._pages.locale
        asked = all_.asked
        lines = []
        if all_.today is not None and all_.today_at is not None:
            lines.append(
                say(
                    "today",
                    amount=locale.money(all_.today, asked.currency, asked.digits),
                    when=locale.moment(all_.today_at, self._writer.zone),
                )
            )
        elif all_.in_all.gifts:
            lines.append(say("today_unknown"))
        if all_.pending.gifts:
            amounts = [
                locale.amount(coin.pending.units, coin.decimals, coin.asset)
                for coin in all_.coins
                if coin.pending.transfers
            ]
            listed = join(_with_commas(amounts))
            lines.append(
                say("pending", gifts=locale.count("gifts", all_.pending.gifts), amounts=listed)
            )
        if all_.excluded:
            lines.append(locale.count("author_excluded", all_.excluded))
        for each in all_.by_hand:
            if each.manual is not None:
                lines.append(self._by_hand())
                break
        return join(self._pages.piece("apart", text=line) for line in lines)

    def _by_hand(self) -> Html:
        gifts = self._pages.locale.count("gifts", len(self._overview.by_hand))
        link = self._pages.piece("handlink", root=self._root, text=self._pages.say("by_hand"))
        return join([link, Html(" "), self._pages.say("by_hand_apart", gifts=gifts)])

    def _unread(self) -> Html:
        unread = sorted(self._overview.asked.unread)
        if not unread:
            return Html()
        names = ", ".join(dict.fromkeys(key.asset for key in unread))
        return self._pages.piece("alarm", text=self._pages.say("unread", assets=names))

    # -- pictures

    def _over_time(self) -> Html:
        all_ = self._overview
        bars = [
            Bar(
                label=self._initial(month),
                told=f"{self._month(month)}: {self._money(its)} ({self._gifts(its)})",
                value=its.minor,
                mark=its.unvalued > 0,
                strong=month == all_.asked.month,
                under=month[:4] if month.endswith("-01") or month == all_.months[0][0] else "",
            )
            for month, its in all_.months
        ]
        title = self._pages.say("over_time", currency=all_.asked.currency)
        table = [
            *((self._month(month), its) for month, its in reversed(all_.months)),
        ]
        years = [(escape(year), its) for year, its in reversed(all_.years)]
        marked = any(bar.mark for bar in bars[-charts.SIZES[0].columns :])
        return self._pages.piece(
            "figure",
            title=title,
            chart=charts.columns(self._pages, "months", title, bars, self._axis),
            note=self._pages.piece("apart", text=self._pages.say("mark")) if marked else Html(),
            show=self._pages.say("table"),
            tables=join(
                [
                    self._table("years", "year", years),
                    self._table("months", "month", table),
                ]
            ),
        )

    def _by_coin(self) -> Html:
        all_, locale, say = self._overview, self._pages.locale, self._pages.say
        asked = all_.asked
        bars, rows = [], []
        for coin in all_.coins:
            got = coin.received
            money = self._money(Worth(got.minor, got.transfers, got.unvalued))
            today = say("unknown")
            if coin.today is not None:
                today = locale.money(coin.today, asked.currency, asked.digits)
            amount = locale.amount(got.units, coin.decimals, coin.asset)
            bars.append(Bar(coin.asset, str(money), got.minor))
            counts = [locale.whole(got.transfers), locale.whole(got.unvalued)]
            rows.append((escape(coin.asset), [money, today, amount, *counts]))
        heads = [
            say(head)
            for head in ("coin", "receipt", "today_head", "amount", "gifts_count", "unvalued_count")
        ]
        return self._pages.piece(
            "figure",
            title=say("by_coin"),
            chart=charts.rows(self._pages, "coins", say("by_coin"), bars),
            note=Html(),
            show=say("table"),
            tables=self._any_table(say("by_coin"), heads, rows),
        )

    def _by_widget(self) -> Html:
        all_, say, locale = self._overview, self._pages.say, self._pages.locale
        bars, rows = [], []
        for line in all_.widgets:
            name = line.title or line.slug
            bars.append(Bar(_short(name), str(self._money(line.worth)), line.worth.minor))
            rows.append(
                (
                    escape(name),
                    [
                        self._money(line.worth),
                        locale.whole(line.worth.gifts),
                        locale.whole(line.worth.unvalued),
                    ],
                )
            )
        heads = [say("widget"), say("receipt"), say("gifts_count"), say("unvalued_count")]
        note = Html()
        if len(all_.widgets) > 1:
            note = self._pages.piece("apart", text=say("shared"))
        return self._pages.piece(
            "figure",
            title=say("by_widget"),
            chart=charts.rows(self._pages, "widgets", say("by_widget"), bars),
            note=note,
            show=say("table"),
            tables=self._any_table(say("by_widget"), heads, rows),
        )

    def _table(self, name: str, first: str, lines: Iterable[tuple[Html, Worth]]) -> Html:
        say, whole = self._pages.say, self._pages.locale.whole
        rows = [
            (name, [self._money(its), whole(its.gifts), whole(its.unvalued)]) for name, its in lines
        ]
        heads = [say(first), say("receipt"), say("gifts_count"), say("unvalued_count")]
        return self._any_table(say(name), heads, rows)

    def _any_table(
        self, caption: Html, heads: Sequence[Html], rows: Iterable[tuple[Html, Sequence[str]]]
    ) -> Html:
        piece = self._pages.piece
        return piece(
            "table",
            caption=caption,
            heads=join(piece("head", text=head) for head in heads),
            rows=join(
                piece(
                    "line",
                    name=name,
                    cells=join(piece("cell", text=cell) for cell in cells),
                )
                for name, cells in rows
            ),
        )

    # -- words

    def _month(self, month: str) -> Html:
        from babel.dates import format_skeleton

        first = datetime(int(month[:4]), int(month[5:]), 1)  # noqa: DTZ001 - a name, no moment
        text: str = format_skeleton("yMMMM", first, locale=self._pages.locale.cldr)
        return escape(text)

    def _initial(self, month: str) -> str:
        return str(self._pages.locale.cldr.months["stand-alone"]["narrow"][int(month[5:])])

    def _axis(self, minor: int) -> str:
        asked = self._overview.asked
        whole = minor // 10**asked.digits
        return str(self._pages.locale.money(whole, asked.currency, 0)) if whole else ""


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _with_commas(parts: Iterable[Html]) -> Iterable[Html]:
    for number, part in enumerate(parts):
        if number:
            yield Html(", ")
        yield part
