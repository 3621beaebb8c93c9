"""Widgets, sites and posts: what belongs to each, and is counted once in all."""

from __future__ import annotations

import random

from donations.books import Figure
from donations.gathering import By, add_up, groups, keys_of
from donations.ledger import Bucket, Key
from tests.chains.vectors import BTC, ETH
from tests.test_config import TAPROOT, read

SEED = 20261125
ADDRESSES = f'[addresses]\nbtc = ["{BTC}", "{TAPROOT}"]\neth = "{ETH}"\n'
TOKENS = '[chains.eth]\ntokens = ["USDC"]\n'
CONFIG = read(
    f"{ADDRESSES}{TOKENS}[[widget]]\n"
    f'[[widget]]\nslug = "book"\nsite = "one"\naddresses = ["{TAPROOT}"]\n'
    f'[[widget]]\nslug = "a"\nsite = "one"\npost = "https://one.example/a"\naddresses = ["{ETH}"]\n'
    f'[[widget]]\nslug = "b"\npost = "https://two.example/b"\naddresses = ["{ETH}", "{BTC}"]\n'
    f'[[widget]]\nslug = "c"\npost = "https://two.example/b"\naddresses = ["{BTC}"]\n'
)
ONE, TAP, ETHER, USDC = (
    Key("btc", BTC, "BTC"),
    Key("btc", TAPROOT, "BTC"),
    Key("eth", ETH, "ETH"),
    Key("eth", ETH, "USDC"),
)


def test_a_widget_has_every_asset_of_its_addresses() -> None:
    """Tokens come with the address they are sent to."""
    assert keys_of(CONFIG) == {ONE, TAP, ETHER, USDC}
    assert keys_of(CONFIG, CONFIG.named("a")) == {ETHER, USDC}
    assert keys_of(CONFIG, CONFIG.widget) == keys_of(CONFIG)


def test_groups_by_widget_site_and_post() -> None:
    """A group holds its widgets and their keys, and says which of these others have too."""
    by_widget = {each.name: each for each in groups(CONFIG, By.WIDGET)}
    assert list(by_widget) == ["default", "book", "a", "b", "c"]
    assert by_widget["book"].keys == by_widget["book"].shared == {TAP}
    by_site = {each.name: each for each in groups(CONFIG, By.SITE)}
    assert {name: each.slugs for name, each in by_site.items()} == {
        "one": ("book", "a"), "two.example": ("b", "c"),
    }  # fmt: skip
    assert by_site["one"].keys == {TAP, ETHER, USDC}
    assert by_site["one"].shared == by_site["two.example"].shared == {ETHER, USDC}
    by_post = {each.name: each for each in groups(CONFIG, By.POST)}
    assert by_post["https://two.example/b"].keys == {ONE, ETHER, USDC}
    assert by_post["https://one.example/a"].slugs == ("a",)


def test_what_is_shared_is_counted_once_in_a_group_and_together() -> None:
    """The sum of a group is that of its keys, computed key by key."""
    dice = random.Random(SEED)
    figures = {
        (key, f"2026-{month:02}", bucket): Figure(1, dice.randint(1, 9), dice.randrange(10**6), 1)
        for key in keys_of(CONFIG)
        for month in range(1, 13)
        for bucket in (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING)
    }

    def received(key: Key) -> int:
        return sum(f.minor for (k, _, b), f in figures.items() if k == key and b != Bucket.PENDING)

    for by in By:
        for group in groups(CONFIG, by):
            assert add_up(figures, group.keys).minor == sum(map(received, group.keys))
    everything = add_up(figures, keys_of(CONFIG)).minor
    assert everything == sum(received(key) for key in (ONE, TAP, ETHER, USDC))
    told_apart = sum(add_up(figures, each.keys).minor for each in groups(CONFIG, By.WIDGET))
    assert told_apart > everything
