"""The text an author pastes: whole addresses, the codes' bits, a pin, and no style attribute."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from donations import qr
from donations.errors import ConfigError
from donations.web.assets import load_assets
from donations.web.embed import embed_frame, embed_script
from tests.web.samples import snapshot

ASSETS = load_assets()
URL = "https://dons.example.org"


class Links(HTMLParser):
    """The links and scripts of a text, with the words inside the links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs))
            self.words.append("")
        elif tag == "script":
            self.scripts.append(dict(attrs))
        self._inside = tag == "a"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.words[-1] += data


@pytest.mark.parametrize("public_url", [URL, f"{URL}/", f"{URL}/dons/"])
def test_the_page_holds_all_that_moves_money(public_url: str) -> None:
    """Each address is plain text, its link pays it, and its bits are those of its code."""
    coins = snapshot().coins
    found = Links(embed_script(ASSETS, coins, public_url=public_url, language="fr"))
    paying = found.links[: len(coins)]
    assert found.words[: len(coins)] == [coin.address for coin in coins]
    assert [link["href"] for link in paying] == [coin.link for coin in coins]
    assert [link["data-qr"] for link in paying] == [qr.bits(coin.payment) for coin in coins]
    assert found.scripts == [
        {
            "type": "module",
            "src": f"{public_url.rstrip('/')}/{ASSETS.script_name}",
            "integrity": ASSETS.integrity,
            "crossorigin": "anonymous",
        }
    ]


def test_the_closed_form_holds_the_same_addresses() -> None:
    """The line for the foot of a post is a list that opens, with the links of the whole card."""
    coins = snapshot().coins
    card = Links(embed_script(ASSETS, coins, public_url=URL, language="fr"))
    text = embed_script(ASSETS, coins, public_url=URL, language="fr", form="compact")
    line = Links(text)
    assert (line.links, line.words, line.scripts) == (card.links, card.words, card.scripts)
    assert "<details><summary>Soutenir ce blog</summary>" in text


@pytest.mark.parametrize("public_url", [None, "http://dons.example.org", "dons.example.org", ""])
def test_without_an_https_address_there_is_nothing_to_paste(public_url: str | None) -> None:
    """The operator is told which key to set, in both forms."""
    with pytest.raises(ConfigError, match=r"^public_url: "):
        embed_script(ASSETS, snapshot().coins, public_url=public_url, language="fr")
    with pytest.raises(ConfigError, match=r"^public_url: "):
        embed_frame(ASSETS, public_url=public_url, language="fr")


def test_a_hostile_title_stays_text_in_what_is_pasted() -> None:
    """What the author pastes has the elements it always has, whatever the title is."""
    coins = snapshot().coins
    title = "\"><script>alert(1)</script>\u202e' onload='x"
    for calm, hostile in (
        (
            embed_script(ASSETS, coins, public_url=URL, language="en", title="x"),
            embed_script(ASSETS, coins, public_url=URL, language="en", title=title),
        ),
        (
            embed_frame(ASSETS, public_url=URL, language="en", title="x"),
            embed_frame(ASSETS, public_url=URL, language="en", title=title),
        ),
    ):
        assert re.findall(r"<[a-z/-]+", calm) == re.findall(r"<[a-z/-]+", hostile)
        assert "\u202e" not in hostile


def test_the_network_is_named_in_the_page() -> None:
    """Readers without script are told the network too, a test network above all."""
    coin = snapshot().coins[2]
    text = embed_script(ASSETS, (coin,), public_url=URL, language="en")
    assert "Ethereum mainnet only" in text
    test = embed_script(ASSETS, (replace(coin, network="sepolia"),), public_url=URL, language="en")
    assert "Test network sepolia: of no value" in test
