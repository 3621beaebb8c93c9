"""A blog's page with the widget on it, and addresses that are not the author's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from donations.config import parse
from donations.summary import nothing_known
from donations.tamper.inspect import inspect
from donations.tamper.setup import expectation_of
from donations.web.assets import load_assets
from donations.web.embed import embed_frame, embed_script
from donations.web.publisher import Publisher
from tests.web.samples import BCH, BTC, ETH

if TYPE_CHECKING:
    from donations.config import Config
    from donations.tamper.expectation import Expectation
    from donations.tamper.finding import Finding

HOME = "https://dons.example.org/"
BLOG = "https://blog.example/a-post"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # BIP-173
# Of the author's kind, and of nobody here: BIP-21, the CashAddr specification, EIP-55.
EVIL_BTC = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
EVIL_BCH = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
EVIL_ETH = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
EVIL_SEGWIT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"


@cache
def config(addresses: str = "") -> Config:
    """Three addresses of a footer, or other ones, at HOME."""
    table = addresses or f'btc = "{BTC}"\nbch = "{BCH}"\neth = "{ETH}"'
    return parse(f'public_url = "{HOME}"\n[addresses]\n{table}\n', environment={})


@cache
def expectation(addresses: str = "") -> Expectation:
    return expectation_of(config(addresses), load_assets())


@cache
def form(name: str = "script", addresses: str = "") -> str:
    """What `donations embed` prints."""
    assets, settings = load_assets(), config(addresses)
    if name == "iframe":
        return embed_frame(assets, public_url=HOME, language="en")
    if name == "static":
        publisher = Publisher(assets, languages=("en",), public_url=HOME)
        publisher.publish(nothing_known(settings, settings.widget, 0))
        found = publisher.find("/static", "en")
        assert found is not None
        return found.bodies["identity"].decode()
    coins = nothing_known(settings, settings.widget, 0).coins
    shape = "compact" if name == "compact" else "card"
    return embed_script(assets, coins, public_url=HOME, language="en", form=shape)


def post(widget: str, *, before: str = "", after: str = "", head: str = "") -> str:
    """A post of some length with the widget at its end, and comments far below it."""
    text = "<p>Seven hundred words about bread and butter.</p>\n" * 30
    return (
        f"<!doctype html><html lang=en><head><title>Bread</title>{head}</head>\n"
        f"<body class='comments-open'><article>{text}{before}{widget}{after}</article>\n"
        f"<aside>{text}</aside></body></html>"
    )


def look(page: str, addresses: str = "") -> tuple[Finding, ...]:
    return inspect(page, BLOG, expectation(addresses))


def alarms(page: str, addresses: str = "") -> set[str]:
    """The kinds of alarm that a page raises."""
    return {finding.what.name for finding in look(page, addresses) if finding.is_alarm}


def notes(page: str, addresses: str = "") -> set[str]:
    """The kinds of milder findings."""
    return {finding.what.name for finding in look(page, addresses) if not finding.is_alarm}
