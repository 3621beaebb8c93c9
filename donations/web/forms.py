"""Every other form of the widget in one language: badges, card, feed, static, sandboxed, guide."""

from __future__ import annotations

import json
from datetime import UTC, tzinfo
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import quote

from donations import qr
from donations.errors import ConfigError
from donations.snapshot import SLUG, Part
from donations.web import card, policy
from donations.web.assets import integrity, widget_folder
from donations.web.badge import STYLE, badge_json, badge_png, badge_svg, place_of, word_badge
from donations.web.embed import embed_frame, embed_script
from donations.web.feed import write_feed
from donations.web.fragment import say_network
from donations.web.guide import Guide, Shown
from donations.web.markup import Html, clean, fill
from donations.web.prepared import Prepared, prepare
from donations.web.static import embed_static

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from donations.snapshot import Snapshot
    from donations.web.assets import Assets
    from donations.web.locale import Locale

PATHS = (
    "/badge.svg",
    "/badge.png",
    "/badge.json",
    "/card.png",
    "/feed.atom",
    "/inline.json",
    "/static",
    "/sandboxed",
    "/embed",
)

_FIVE_MINUTES = {"Cache-Control": "public, max-age=300, stale-while-revalidate=3600"}
BADGE_SVG = {
    **policy.SVG,
    **_FIVE_MINUTES,
    # The picture's own style, for those who open it by itself.
    "Content-Security-Policy": (
        f"default-src 'none'; style-src '{integrity(STYLE.encode())}'; sandbox; "
        "frame-ancestors 'none'"
    ),
}
BADGE_PNG = {**policy.PNG, **_FIVE_MINUTES}
BADGE_JSON = {**policy.SNAPSHOT, **_FIVE_MINUTES}
FEED = {
    **policy.SNAPSHOT,
    **_FIVE_MINUTES,
    "Content-Type": "application/atom+xml; charset=utf-8",
}

_PLACE = Template(
    '<p class="place">$home · <a href="$url" target="_blank" rel="noopener">$place</a></p>'
)
# In a sandbox no link leaves the frame: what can be read can be typed.
_SANDBOXED = (
    ":root{color-scheme:light}body{margin:0;font-family:Charter,Georgia,serif}"
    ".wallet,p:has(.home){display:none}.place a{color:inherit;user-select:all}"
    ".place{margin:12px 2px;font-size:.875rem;overflow-wrap:anywhere}"
    # A post that was written for a wide column is read on phones too: the frame gets narrow there,
    # and no higher. What is told of others makes room.
    "@media(max-width:539px) and (max-height:799px){.latest{display:none}.qr{flex-basis:132px}}"
)
_HEAD = Template(
    """\
<meta name="description" content="$about">
<link rel="canonical" href="$home?lang=$lang">
<link rel="alternate" type="application/json+oembed" title="$title" \
href="${home}oembed?url=$quoted">
<meta property="og:type" content="website">
<meta property="og:title" content="$title">
<meta property="og:description" content="$about">
<meta property="og:url" content="$home?lang=$lang">
<meta property="og:image" content="${home}card.png?lang=$lang">
<meta property="og:image:width" content="$width">
<meta property="og:image:height" content="$height">
<meta property="og:image:alt" content="$alt">
<meta name="twitter:card" content="summary_large_image">
"""
)
_FEED_LINK = Template(
    '<link rel="alternate" type="application/atom+xml" href="feed.atom?lang=$lang" title="$latest">'
)


class Forms:
    """Makes the answers of ``PATHS``. ``home`` is the hosted page's address, if it is known."""

    def __init__(
        self,
        assets: Assets,
        languages: Mapping[str, Locale],
        prepare: Callable[..., Prepared] = prepare,
        *,
        home: str | None,
        zone: tzinfo = UTC,
        accent: str = "",
    ) -> None:
        self._assets = assets
        self._languages = languages
        self._prepare = prepare
        self._home = home
        self._zone = zone
        self._accent = f".card{{--a:{accent}}}" if accent else ""
        self._guide = Guide()
        self._sandbox = Template((widget_folder() / "sandboxed.html").read_text(encoding="utf-8"))
        # The language of pictures whose words have letters that are not drawn.
        self._plain = assets.locales["en"]

    def head(self, locale: Locale, snapshot: Snapshot) -> Html:
        """What the hosted page tells machines: feed, oEmbed, and the picture of a shared link."""
        feed = Html()
        if Part.GIFTS not in snapshot.hidden:
            feed = fill(_FEED_LINK, lang=locale.tag, latest=locale.say("latest"))
        if self._home is None:
            return feed
        title = self._title(locale, snapshot)
        quoted = quote(f"{self._home}?lang={locale.tag}", safe="")
        return Html(
            fill(
                _HEAD,
                about=locale.say("about"),
                home=self._home,
                lang=locale.tag,
                quoted=quoted,
                title=title,
                alt=f"{title} – {_coins(snapshot)}",
                width=card.WIDTH,
                height=card.HEIGHT,
            )
            + feed
        )

    def write(self, locale: Locale, snapshot: Snapshot, fragment: Html) -> dict[str, Prepared]:
        """All answers in one language; ``fragment`` is the drawn card. Hidden gifts: no feed."""
        badge = word_badge(locale, snapshot, self._home, self._zone)
        plain = word_badge(self._plain, snapshot, self._home, self._zone)
        title = self._title(locale, snapshot)
        picture = card.card_png(
            title,
            tuple(coin.title for coin in snapshot.coins),
            place_of(self._home) if self._home else "",
            plain.general,
        )
        feed = {}
        if Part.GIFTS not in snapshot.hidden:
            told = write_feed(locale, snapshot, self._home or "./", self._zone)
            feed = {"/feed.atom": self._prepare(told, FEED)}
        script, compact, frame, static = self._pasted(locale, snapshot, fragment)
        page = Shown(
            language=locale.tag,
            title=title,
            home=self._home,
            alt=badge.alt,
            badge=badge_json(badge),
            script=script,
            compact=compact,
            frame=frame,
            static=static,
            feed=bool(feed),
            command=f"donations embed{'' if snapshot.slug == SLUG else f' {snapshot.slug}'}",
        )
        return {
            "/badge.svg": self._prepare(badge_svg(badge), BADGE_SVG),
            "/badge.png": self._prepare(badge_png(badge, plain), BADGE_PNG, compress=False),
            "/badge.json": self._prepare(badge_json(badge), BADGE_JSON),
            "/card.png": self._prepare(picture, policy.PNG, compress=False),
            **feed,
            "/inline.json": self._prepare(
                self._inline(locale, snapshot, fragment), policy.SNAPSHOT
            ),
            "/static": self._prepare((static or "").encode(), policy.FRAGMENT),
            "/sandboxed": self._sandboxed(locale, title, fragment),
            "/embed": self._embed(page),
        }

    def _title(self, locale: Locale, snapshot: Snapshot) -> str:
        return clean(snapshot.title).strip() or locale.say("title")

    @property
    def style(self) -> str:
        """The card's style sheet with the author's accent."""
        return self._assets.style + self._accent

    def _pasted(
        self, locale: Locale, snapshot: Snapshot, fragment: Html
    ) -> tuple[str | None, str | None, str | None, str | None]:
        """Script, compact, iframe and static form; None without an address that pages may embed."""
        try:
            script, compact = (
                embed_script(
                    self._assets,
                    snapshot.coins,
                    public_url=self._home,
                    language=locale.tag,
                    title=snapshot.title,
                    form=form,
                    goal=snapshot.goal,
                )
                for form in ("card", "compact")
            )
            frame = embed_frame(
                self._assets, public_url=self._home, language=locale.tag, title=snapshot.title
            )
        except ConfigError:
            return None, None, None, None
        return script, compact, frame, embed_static(script, fragment, self.style)

    def _inline(self, locale: Locale, snapshot: Snapshot, fragment: Html) -> bytes:
        """What a plugin needs to build the card into a page and to pin what it may trust."""
        document = {
            "card": fragment,
            "style": self.style,
            "script": self._assets.script_name,
            "integrity": self._assets.integrity,
            "language": locale.tag,
            "title": self._title(locale, snapshot),
            "warning": clean(locale.say("differ")),
            "home": clean(locale.say("home")),
            "addresses": [
                {
                    "name": coin.title,
                    "network": clean(say_network(locale, coin)),
                    "address": coin.address,
                    "link": coin.link,
                    "bits": qr.bits(coin.payment),
                    "label": clean(locale.say("qr", coin=coin.title)),
                }
                for coin in snapshot.coins
            ],
        }
        return (json.dumps(document) + "\n").encode("ascii")

    def _sandboxed(self, locale: Locale, title: str, fragment: Html) -> Prepared:
        """The frame for a sandbox: without wallet links, the hosted page's address as text."""
        style = self.style + _SANDBOXED
        place = Html()
        if self._home is not None:
            place = fill(
                _PLACE, home=locale.say("home"), url=self._home, place=place_of(self._home)
            )
        page = fill(
            self._sandbox,
            lang=locale.tag,
            dir=locale.direction,
            title=title,
            style=Html(style),
            script=self._assets.script_name,
            fragment=fragment,
            place=place,
        )
        return self._prepare(page.encode(), policy.frame(integrity(style.encode())))

    def _embed(self, shown: Shown) -> Prepared:
        style = self._guide.style
        names = {tag: locale.name for tag, locale in self._languages.items()}
        page = self._guide.write(shown, names, style, self._assets.script_name)
        hashes = "' '".join(integrity(each.encode()) for each in (style, self.style))
        headers = policy.page(hashes)
        csp = headers["Content-Security-Policy"].replace(
            "img-src data:", "img-src 'self' data:; frame-src 'self'"
        )
        return self._prepare(page.encode(), {**headers, "Content-Security-Policy": csp})


def _coins(snapshot: Snapshot) -> str:
    return " · ".join(dict.fromkeys(coin.title for coin in snapshot.coins))
