"""The HTML an author pastes: what moves money is in it, so the page need not trust the service."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations import qr
from donations.errors import ConfigError
from donations.web.fragment import say_network
from donations.web.goal import HEIGHT_LINE, lines_below
from donations.web.markup import fill, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.goals import Goal
    from donations.snapshot import Coin
    from donations.web.assets import Assets

# Pixels kept free for the card: its height with a goal and three gifts, in the longest language.
HEIGHT_WIDE = 570  # from 600 pixels of width
HEIGHT_NARROW = 870  # from 320
HEIGHT_CLOSED = 72
HEIGHT_FRAME = 970  # a frame cannot grow without script, so it holds any coin from 280
HEIGHT_MOST = 2000  # whatever a frame asks for

# Browsers trust these without https: the demo is read there.
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")

_SCRIPT = Template(
    """\
<style>@media (scripting: enabled) { donation-widget { display: block; min-height: ${narrow}px }
@media (min-width: 600px) { donation-widget { min-height: ${wide}px } } }</style>
<donation-widget src="$url" lang="$lang" warning="$warning">
<p>$title</p>
<ul>
$coins</ul>
<p><a href="$url">$home</a></p>
</donation-widget>
"""
)
_COMPACT = Template(
    """\
<style>donation-widget { display: block; min-height: ${closed}px }</style>
<donation-widget src="$url" lang="$lang" warning="$warning" form="compact">
<details><summary>$title</summary>
<ul>
$coins</ul>
<p><a href="$url">$home</a></p>
</details>
</donation-widget>
"""
)
_PINNED = Template(
    """\
<script type="module" src="$url$script" integrity="$integrity" crossorigin="anonymous"></script>
"""
)
_COIN = Template(
    """\
<li>$name <small>($network)</small><br>
<a href="$link" title="$name" data-qr="$bits">$address</a></li>
"""
)
_FRAME = Template(
    """\
<iframe src="${url}frame?lang=$lang" title="$title" width="100%" height="$height" \
allow="clipboard-write" loading="lazy" style="border: 0; max-width: 720px"></iframe>
"""
)
# Runs before anything is painted, so what stands below the frame does not move. Later the frame
# only grows, and only at its own word.
_FITTED = Template(
    """\
<script>(frame => {
frame.height = frame.clientWidth < 600 ? $narrow : $wide;
addEventListener("message", ({ source, data }) => {
if (source == frame.contentWindow && data.donations > frame.height) {
frame.height = Math.min(data.donations, $most);
}
});
})(document.currentScript.previousElementSibling)</script>
"""
)


def embed_script(
    assets: Assets,
    coins: Sequence[Coin],
    *,
    public_url: str | None,
    language: str,
    title: str = "",
    form: str = "card",
    goal: Goal | None = None,
) -> str:
    """The script form. Addresses, links and the bits of the codes stand in the page itself.

    A long ``goal`` is given room, so that the text after it stays where it is.

    ``form`` is "card", or "compact": a line for the foot of a post that opens into the card.

    The script's name changes with its content and is pinned by its hash, so a service that is
    taken over cannot show another address. Raises ConfigError without an https ``public_url``.
    """
    locale = assets.locales[language]
    say = locale.say
    more = HEIGHT_LINE * lines_below(goal)
    element = fill(
        _COMPACT if form == "compact" else _SCRIPT,
        url=_base(public_url),
        lang=language,
        warning=say("differ"),
        title=title or say("title"),
        coins=join(
            fill(
                _COIN,
                name=coin.title,
                network=say_network(locale, coin),
                link=coin.link,
                bits=qr.bits(coin.payment),
                address=coin.address,
            )
            for coin in coins
        ),
        home=say("home"),
        narrow=HEIGHT_NARROW + more,
        wide=HEIGHT_WIDE + more,
        closed=HEIGHT_CLOSED,
    )
    return element + fill(
        _PINNED, url=_base(public_url), script=assets.script_name, integrity=assets.integrity
    )


def embed_frame(assets: Assets, *, public_url: str | None, language: str, title: str = "") -> str:
    """The iframe form: no script of ours in the page, which shows whatever the service says.

    Its height holds every coin; the script after it, which may be left out, fits it to its width.

    Raises ConfigError without an https ``public_url``.
    """
    frame = fill(
        _FRAME,
        url=_base(public_url),
        lang=language,
        title=title or assets.locales[language].say("title"),
        height=HEIGHT_FRAME,
    )
    return frame + fill(_FITTED, narrow=HEIGHT_NARROW, wide=HEIGHT_WIDE, most=HEIGHT_MOST)


def _base(public_url: str | None) -> str:
    if public_url is None:
        raise ConfigError(
            "the pages that show the widget must be told where it is: "
            'public_url = "https://dons.example.org"',
            key="public_url",
        )
    parts = urlsplit(public_url)
    if parts.scheme != "https" and parts.hostname not in _THIS_MACHINE:
        raise ConfigError("a page read over https can only embed https", key="public_url")
    return f"{public_url.rstrip('/')}/"
