"""Several widgets on the author's pages: each is right where it stands."""

from __future__ import annotations

from donations.config import parse
from donations.summary import nothing_known
from donations.tamper.inspect import inspect
from donations.tamper.setup import expectation_of
from donations.web.assets import load_assets
from donations.web.embed import embed_frame, embed_script
from tests.tamper.pages import BLOG, HOME, post
from tests.web.samples import BCH, BTC, ETH


def test_each_widget_may_stand_on_a_page() -> None:
    """What embed prints of one of several is right, with its own addresses and no others."""
    text = (
        f'public_url = "{HOME}"\n[addresses]\nbtc = "{BTC}"\nbch = "{BCH}"\neth = "{ETH}"\n'
        f'[[widget]]\n[[widget]]\nslug = "book"\naddresses = ["{BTC}", "{BCH}"]\n'
    )
    settings = parse(text, environment={})
    assets, wanted = load_assets(), expectation_of(settings, load_assets())
    book, home = settings.named("book"), settings.url(settings.named("book"))
    coins = nothing_known(settings, book, 0).coins
    right = embed_script(assets, coins, public_url=home, language="en")
    assert inspect(post(right), BLOG, wanted) == ()
    frame = embed_frame(assets, public_url=home, language="en")
    assert not [each for each in inspect(post(frame), BLOG, wanted) if each.is_alarm]
    less = embed_script(assets, coins[:1], public_url=home, language="en")
    assert {each.what.name for each in inspect(post(less), BLOG, wanted)} == {"INCOMPLETE"}
    strange = right.replace("/w/book/", "/w/bock/")
    assert "SERVICE" in {each.what.name for each in inspect(post(strange), BLOG, wanted)}
