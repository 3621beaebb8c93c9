"""The badge: title, total or goal, and where the donation page is, as words, SVG, PNG and JSON.

For places that take a picture and nothing else: a README, an e-mail, a feed reader, a blog whose
authors' HTML is filtered. The address of the page stands in it as text, so that a reader can see
where the link around it should lead.
"""

from __future__ import annotations

import html
import json
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import lru_cache
from string import Template
from typing import TYPE_CHECKING

from donations.snapshot import Freshness, Part, Snapshot
from donations.web.goal import say_progress
from donations.web.letters import drawable, width
from donations.web.markup import Html, clean, escape, fill
from donations.web.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.goals import Goal
    from donations.snapshot import Coin
    from donations.web.locale import Locale

WIDTH, HEIGHT = 320, 72
_MARGIN = 12
_ROOM = WIDTH - 2 * _MARGIN
_DIGITS = 6  # of an amount, from the first that is not zero
_ASSETS = 4  # amounts without a goal

_PAPER, _INK, _QUIET, _ACCENT, _LINE = "#ffffff", "#1f1f1c", "#5d5c56", "#15574b", "#dcdad3"
STYLE = (
    "text{font-family:system-ui,sans-serif;fill:#1f1f1c}.t{font-weight:600}"
    ".q{fill:#5d5c56}.p{fill:#fff;stroke:#dcdad3}.l{fill:#dcdad3}.a{fill:#15574b}"
    "@media(prefers-color-scheme:dark){text{fill:#ecebe6}.q{fill:#adaca5}"
    ".p{fill:#1c1d1f;stroke:#3b3c3f}.l{fill:#3b3c3f}.a{fill:#8ed2c2}}"
)
_SVG = Template(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
    f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="$alt"$direction>'
    f"<style>{STYLE}</style>"
    f'<rect class="p" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="7"/>'
    "$lines$bar</svg>"
)
_TEXT = Template('<text x="$x" y="$y" font-size="$size"$kind>$text</text>')
_BAR = Template(
    f'<rect class="l" x="{_MARGIN}" y="46" width="{_ROOM}" height="4" rx="2"/>'
    '<rect class="a" x="$x" y="46" width="$filled" height="4" rx="2"/>'
)


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says in one language.

    All texts are clean, but for the marks of our own that isolate amounts from right to left.
    ``general`` is the title for any page, ``percent`` that of the goal, 0 to 100; None without one.
    """

    direction: str
    title: str
    general: str
    text: str
    percent: int | None
    place: str
    known: bool
    fresh: bool

    @property
    def alt(self) -> str:
        """The same in words, for those who do not see the picture."""
        return " – ".join(part for part in (self.title, self.text, self.place) if part)


def word_badge(locale: Locale, snapshot: Snapshot, home: str | None, zone: tzinfo = UTC) -> Badge:
    """The badge in one language. ``home`` is the address of the hosted page, when it is known."""
    general = _plain(locale.say("title"))
    return Badge(
        direction=locale.direction,
        title=clean(snapshot.title).strip() or general,
        general=general,
        text=_text(locale, snapshot, zone),
        percent=_percent(snapshot),
        place="" if home is None else place_of(home),
        known=any(coin.as_of is not None for coin in snapshot.coins),
        fresh=all(coin.freshness is Freshness.FRESH for coin in snapshot.coins),
    )


def place_of(home: str) -> str:
    """An address as a reader types it."""
    return home.partition("://")[2].rstrip("/")


def _plain(text: Html) -> str:
    return html.unescape(text)


def _percent(snapshot: Snapshot) -> int | None:
    goal = snapshot.goal
    return None if goal is None else min(100, goal.percent or 0)


def _text(locale: Locale, snapshot: Snapshot, zone: tzinfo) -> str:
    goal = snapshot.goal
    if goal is not None:
        text = _plain(say_progress(locale, goal, _goal_amount))
        if goal.received is None:
            return text
        known = [coin for coin in snapshot.coins if coin.as_of is not None]
        return text + _age(locale, known, zone)
    if Part.TOTALS in snapshot.hidden:
        return " · ".join(dict.fromkeys(coin.title for coin in snapshot.coins))
    received = _plain(locale.say("received"))
    sums = _sums(locale, snapshot)
    if not sums:
        return f"{received} · {_plain(locale.say('unknown'))}"
    return f"{received} {' · '.join(map(_plain, sums))}" + _age(locale, snapshot.coins, zone)


def _sums(locale: Locale, snapshot: Snapshot) -> list[Html]:
    """What came in, asset by asset; "ETH ?" where it is not known; nothing if none is."""
    units: dict[str, int] = {}
    decimals: dict[str, int] = {}
    unknown: list[str] = []
    for coin in snapshot.coins:
        if coin.sums is None:
            unknown.append(coin.symbol)
        for each in coin.sums or ():
            units[each.symbol] = units.get(each.symbol, 0) + each.received
            decimals[each.symbol] = each.decimals
    if not units:
        return []
    known = {s: n for s, n in units.items() if s not in unknown}
    said = [_amount(locale, n, decimals[symbol], symbol) for symbol, n in known.items()]
    said += [escape(f"{symbol} ?") for symbol in dict.fromkeys(unknown)]
    return said if len(said) <= _ASSETS else [*said[:_ASSETS], Html("…")]


def _goal_amount(locale: Locale, goal: Goal, units: int) -> Html:
    """As `_amount`; of a currency to the cent, by its code where there is no letter for it."""
    if not goal.fiat:
        return _amount(locale, units, goal.decimals, goal.symbol)
    text = locale.money(units, goal.symbol, goal.decimals, brief=True)
    if drawable(clean(text)):
        return text
    return locale.money(units, goal.symbol, goal.decimals, brief=True, symbol=False)


def _amount(locale: Locale, units: int, decimals: int, symbol: str) -> Html:
    """A short amount: cut after six digits, so never more than came in."""
    spare = 10 ** max(0, len(str(units)) - max(_DIGITS, len(str(units)) - decimals))
    return locale.amount(units - units % spare, decimals, symbol)


def _age(locale: Locale, coins: tuple[Coin, ...] | list[Coin], zone: tzinfo) -> str:
    """The day of the oldest number, when not all are of now."""
    old = [
        coin.as_of.observed
        for coin in coins
        if coin.as_of is not None and coin.freshness in (Freshness.STALE, Freshness.DISAGREE)
    ]
    return f" · {locale.date(min(old), zone)}" if old else ""


# -- drawing


def _fitting(text: str, room: float, measure: Callable[[str], float]) -> str:
    """The text, cut where there is no more room."""
    if measure(text) <= room:
        return text
    while text and measure(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _widest(text: str, size: float, bold: bool = False) -> float:
    """Pixels that are enough for ``text`` in the fonts that browsers take for ``system-ui``.

    DejaVu Sans is the widest of them: a tenth wider than our own letters, a fifth in bold.
    """
    return sum(
        width(char, size, size / 10) * (1.2 if bold else 1.1)
        if drawable(char)
        else size * _ems(char)
        for char in text
    )


def _ems(char: str) -> float:
    """Room for a character that we have no letter for."""
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.1
    return 0.6 if unicodedata.bidirectional(char) in ("R", "AL") else 0.75


def badge_svg(badge: Badge) -> bytes:
    """The picture for browsers: light or dark as the reader's screen."""
    mirrored = badge.direction == "rtl"
    side = WIDTH - _MARGIN if mirrored else _MARGIN

    def line(y: int, text: str, kind: str, size: float) -> Html:
        # Smaller where it might not fit: to squeeze letters would tear joined ones apart.
        fits = min(1.0, _ROOM / (_widest(text, size, bold=kind == "t") or 1))
        return fill(
            _TEXT,
            x=side,
            y=y,
            size=f"{size * fits:.3g}",
            kind=Html(f' class="{kind}"' if kind else ""),
            # The marks that keep amounts in order from right to left are ours, and stay.
            text=Html(html.escape(text)),
        )

    rows = _rows(badge)
    title = _fitting(badge.title, _ROOM, lambda text: _widest(text, 13, bold=True))
    if mirrored or any(unicodedata.bidirectional(char) in ("R", "AL") for char in title):
        title = f"\u2068{title}\u2069"  # a title has a direction of its own
    lines = line(rows[0], title, "t", 13) + line(rows[1], badge.text, "", 12)
    if badge.place:
        lines += line(rows[2], badge.place, "q", 11)
    bar = Html()
    if badge.percent is not None:
        filled = _ROOM * badge.percent // 100
        bar = fill(_BAR, x=WIDTH - _MARGIN - filled if mirrored else _MARGIN, filled=filled)
    direction = Html(' direction="rtl"' if mirrored else "")
    alt = Html(html.escape(badge.alt))
    return fill(_SVG, alt=alt, direction=direction, lines=Html(lines), bar=bar).encode()


def _rows(badge: Badge) -> tuple[int, int, int]:
    """Baselines of title, text and place."""
    if badge.percent is None:
        return (25, 43, 60) if badge.place else (33, 52, 0)
    return (21, 38, 64) if badge.place else (24, 41, 0)


@lru_cache(maxsize=64)
def badge_png(badge: Badge, fallback: Badge) -> bytes:
    """The picture for e-mail, twice as fine as it is shown.

    ``fallback`` says the same in words for which there are letters; of the badge itself only what
    can be drawn is used.
    """
    said = badge if drawable(badge.text) else replace(fallback, title=badge.title)
    titles = (said.title, said.general, fallback.general)
    title = next(text for text in titles if drawable(text))
    picture = Picture(2 * WIDTH, 2 * HEIGHT, _PAPER, (_INK, _QUIET, _ACCENT, _LINE))
    ink, quiet, accent, line = range(4)
    picture.frame(2, line)
    rows = _rows(badge)

    def words(y: int, text: str, size: float, weight: float, colour: int) -> None:
        wide = width(text, size, weight)
        squeeze = min(1.0, 2 * _ROOM / wide) if wide else 1.0
        picture.words(2 * _MARGIN, 2 * y, text, size * squeeze, weight * squeeze, colour)

    title = _fitting(title, 2 * _ROOM, lambda text: width(text, 26, 3.1))
    words(rows[0], title, 26, 3.1, ink)
    words(rows[1], said.text, 24, 2.2, ink)
    if said.place and drawable(said.place):
        words(rows[2], said.place, 21, 1.9, quiet)
    if said.percent is not None:
        picture.rectangle(2 * _MARGIN, 92, 2 * _ROOM, 8, line)
        picture.rectangle(2 * _MARGIN, 92, 2 * _ROOM * said.percent // 100, 8, accent)
    return picture.png()


def badge_json(badge: Badge) -> bytes:
    """The answer for the endpoint badge of shields.io, schema version 1."""
    document = {
        "schemaVersion": 1,
        "label": badge.title,
        "message": badge.text,
        "color": _ACCENT if badge.known and badge.fresh else "lightgrey",
    }
    return (json.dumps(document) + "\n").encode("ascii")
