"""The badge: title, total or goal, and where the donation page is, as words, SVG, PNG and JSON.

For places that take a picture and nothing else: a README, an e-mail, a feed reader, a blog whose
authors' HTML is filtered. The address of the page stands in it as text, so that a reader can see
where the link around it should lead.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import lru_cache
from string import Template
from typing import TYPE_CHECKING

from donations.snapshot import Freshness, Snapshot
from donations.web.letters import drawable, width
from donations.web.markup import Html, clean, fill
from donations.web.picture import Picture

if TYPE_CHECKING:
    from donations.snapshot import Coin
    from donations.web.locale import Locale

WIDTH, HEIGHT = 320, 72
_MARGIN = 12
_ROOM = WIDTH - 2 * _MARGIN
_DIGITS = 6  # of an amount, from the first that is not zero
_ASSETS = 4  # amounts without a goal

_PAPER, _INK, _QUIET, _ACCENT, _LINE = "#ffffff", "#1f1f1c", "#5d5c56", "#15574b", "#dcdad3"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f1f1c}.t{font-size:13px;font-weight:600}"
    ".q{font-size:11px;fill:#5d5c56}.p{fill:#fff;stroke:#dcdad3}.l{fill:#dcdad3}.a{fill:#15574b}"
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
_TEXT = Template('<text x="$x" y="$y"$kind$squeeze>$text</text>')
_BAR = Template(
    f'<rect class="l" x="{_MARGIN}" y="46" width="{_ROOM}" height="4" rx="2"/>'
    '<rect class="a" x="$x" y="46" width="$filled" height="4" rx="2"/>'
)


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says in one language.

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
        known=any(coin.sums is not None for coin in snapshot.coins),
        fresh=all(coin.freshness is Freshness.FRESH for coin in snapshot.coins),
    )


def place_of(home: str) -> str:
    """An address as a reader types it."""
    return home.partition("://")[2].rstrip("/")


def _plain(text: Html) -> str:
    return html.unescape(text)


def _percent(snapshot: Snapshot) -> int | None:
    goal = snapshot.goal
    if goal is None:
        return None
    return 0 if goal.received is None else min(100, goal.received * 100 // goal.target)


def _text(locale: Locale, snapshot: Snapshot, zone: tzinfo) -> str:
    goal = snapshot.goal
    if goal is not None:
        target = _amount(locale, goal.target, goal.decimals, goal.symbol)
        if goal.received is None:
            return _plain(locale.say("goal_unknown", target=target))
        text = _plain(
            locale.say(
                "goal_known",
                received=_amount(locale, goal.received, goal.decimals, goal.symbol),
                target=target,
                percent=locale.whole(goal.received * 100 // goal.target),
            )
        )
        return text + _age(locale, [c for c in snapshot.coins if c.sums is not None], zone)
    received = _plain(locale.say("received"))
    sums = _sums(locale, snapshot)
    if not sums:
        return f"{received} · {_plain(locale.say('unknown'))}"
    return f"{received} {' · '.join(sums)}" + _age(locale, snapshot.coins, zone)


def _sums(locale: Locale, snapshot: Snapshot) -> list[str]:
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
    said += [f"{symbol} ?" for symbol in dict.fromkeys(unknown)]
    return said if len(said) <= _ASSETS else [*said[:_ASSETS], "…"]


def _amount(locale: Locale, units: int, decimals: int, symbol: str) -> str:
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


def _estimate(text: str, size: float, weight: float) -> float:
    return width(text, size, weight) if drawable(text) else len(text) * size * 0.75


def _fitting(text: str, size: float, weight: float, room: float) -> str:
    """The text, cut where there is no more room."""
    if _estimate(text, size, weight) <= room:
        return text
    while text and _estimate(f"{text}…", size, weight) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def badge_svg(badge: Badge) -> bytes:
    """The picture for browsers: light or dark as the reader's screen."""
    mirrored = badge.direction == "rtl"
    side = WIDTH - _MARGIN if mirrored else _MARGIN

    def line(y: int, text: str, kind: str, size: float) -> Html:
        # Fonts differ: what might not fit is squeezed to what there is.
        tight = _estimate(text, size, 1.2) > _ROOM * 0.9
        return fill(
            _TEXT,
            x=side,
            y=y,
            kind=Html(f' class="{kind}"' if kind else ""),
            squeeze=Html(f' textLength="{_ROOM}" lengthAdjust="spacingAndGlyphs"' if tight else ""),
            text=text,
        )

    rows = _rows(badge)
    title = _fitting(badge.title, 13, 1.6, _ROOM * 0.97)
    lines = line(rows[0], title, "t", 13) + line(rows[1], badge.text, "", 12)
    if badge.place:
        lines += line(rows[2], badge.place, "q", 11)
    bar = Html()
    if badge.percent is not None:
        filled = _ROOM * badge.percent // 100
        bar = fill(_BAR, x=WIDTH - _MARGIN - filled if mirrored else _MARGIN, filled=filled)
    direction = Html(' direction="rtl"' if mirrored else "")
    return fill(
        _SVG, alt=badge.alt, direction=direction, lines=Html(lines), bar=bar
    ).encode()  # fmt: skip


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

    words(rows[0], _fitting(title, 26, 3.1, 2 * _ROOM), 26, 3.1, ink)
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
