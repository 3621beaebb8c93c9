"""Editions: made when something changed, at most once a minute for age alone, whole or not."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from donations.snapshot import Freshness, Snapshot
from donations.web.assets import load_assets
from donations.web.publisher import AGE_INTERVAL, Publisher
from tests.web.samples import BTC, NOW, snapshot


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def publisher(clock: Clock) -> Publisher:
    """A publisher of both languages, before its first edition."""
    return Publisher(load_assets(), languages=("fr", "en"), clock=clock)


def body(publisher: Publisher, path: str = "/fragment", language: str | None = None) -> bytes:
    """The uncompressed bytes of an answer."""
    prepared = publisher.find(path, language)
    assert prepared is not None
    return prepared.bodies["identity"]


def later(seconds: int) -> Snapshot:
    """The sample observed later, in the next block, with the same sums and gifts."""
    base = snapshot()
    moved = snapshot(observed=NOW + seconds).coins
    return replace(base, coins=moved)


def test_the_same_snapshot_makes_no_edition(publisher: Publisher, clock: Clock) -> None:
    """Nothing changed, nothing is made, however long it lasts."""
    assert publisher.publish(snapshot())
    clock.now += 10 * AGE_INTERVAL
    assert not publisher.publish(snapshot())


def test_age_alone_makes_an_edition_a_minute(publisher: Publisher, clock: Clock) -> None:
    """Polls that bring only a new block and time are shown at most once a minute."""
    publisher.publish(snapshot())
    before = body(publisher)
    clock.now += AGE_INTERVAL - 1
    assert not publisher.publish(later(59))
    assert body(publisher) == before
    clock.now += 1
    assert publisher.publish(later(60))
    assert body(publisher) != before


@pytest.mark.parametrize("freshness", [Freshness.STALE, Freshness.DISAGREE, Freshness.NEVER])
def test_a_new_state_shows_at_once(publisher: Publisher, freshness: Freshness) -> None:
    """A number that turns stale or disputed does not wait for the minute."""
    publisher.publish(snapshot())
    assert publisher.publish(snapshot(freshness))


def test_a_gift_shows_at_once(publisher: Publisher) -> None:
    """A change of a sum is an edition, in every form and language."""
    first = snapshot()
    publisher.publish(first)
    coin = first.coins[0]
    assert coin.sums is not None
    grown = replace(coin, sums=(replace(coin.sums[0], confirmed=300_000),))
    assert publisher.publish(replace(first, coins=(grown, *first.coins[1:])))
    assert b"0,156 BTC" in body(publisher)
    for path in ("/", "/frame", "/fragment"):
        assert b"0.156 BTC" in body(publisher, path, "en")


def test_equal_facts_make_equal_bytes() -> None:
    """Two processes that know the same send the same bytes and tags."""
    found = []
    for _ in range(2):
        publisher = Publisher(load_assets(), languages=("fr", "en"))
        publisher.publish(snapshot())
        prepared = publisher.find("/")
        assert prepared is not None
        found.append((prepared.tag, dict(prepared.bodies)))
    assert found[0] == found[1]


def test_an_address_that_left_takes_its_code_along(publisher: Publisher) -> None:
    """An edition holds the codes of its own addresses only."""
    publisher.publish(snapshot())
    assert publisher.find(f"/qr/btc/{BTC}.svg") is not None
    publisher.publish(snapshot(chains=("eth",)))
    assert publisher.find(f"/qr/btc/{BTC}.svg") is None


def test_editions_are_whole_while_another_thread_publishes(publisher: Publisher) -> None:
    """Readers never get a mixture: what they find is from one edition or the other."""
    titles = [f"edition {i}" for i in range(12)]
    publisher.publish(snapshot(title=titles[0]))

    def publish_all() -> None:
        for title in titles:
            publisher.publish(snapshot(title=title, chains=("eth",)))

    thread = threading.Thread(target=publish_all)
    thread.start()
    seen = set()
    while thread.is_alive():
        for language in ("fr", "en"):
            text = body(publisher, "/fragment", language).decode()
            seen.add(text.partition(' dir="auto">')[2].partition("</h2>")[0])
    thread.join()
    assert seen <= set(titles)
    assert b"edition 11" in body(publisher)


def test_a_language_is_made_when_it_is_asked_for(clock: Clock) -> None:
    """Nobody pays for a language without readers; one with readers is in the next edition."""
    publisher = Publisher(load_assets(), languages=("fr", "en", "de"), clock=clock)
    publisher.publish(snapshot())
    assert publisher.ready("fr")
    assert not publisher.ready("de")
    assert b"Letzte Spenden" in body(publisher, "/fragment", "de")
    assert publisher.ready("de")
    publisher.publish(snapshot(title="next"))
    assert publisher.ready("de")
    publisher.publish(snapshot(title="one more"))
    assert not publisher.ready("de")


@pytest.mark.parametrize("wish", ["fr-CA", "FR", "fr-Latn-FR", "sv", "undefined", "", None])
def test_a_region_gets_its_language(publisher: Publisher, wish: str | None) -> None:
    """The page's own tag will do, with a region or not; an unknown one gets the default."""
    publisher.publish(snapshot())
    assert b'lang="fr"' in body(publisher, "/card", wish)


def test_a_language_without_words_is_refused() -> None:
    """A language that has no file is an error at start-up, not at the first reader."""
    with pytest.raises(KeyError):
        Publisher(load_assets(), languages=("xx",))


@pytest.mark.parametrize(
    ("language", "read"),
    [("fr", "fr"), ("fr-CA", "fr"), ("pt-BR", "pt"), ("sv", "en"), ("zh-Hant", "en")],
)
def test_a_language_is_that_of_its_tag(language: str, read: str) -> None:
    """A region is left out; where the author's language is none of ours, readers get English."""
    assets = load_assets()
    publisher = Publisher(assets, languages=list(assets.locales))
    publisher.publish(replace(snapshot(), language=language))
    found = publisher.find("/card")
    assert found is not None
    assert f'lang="{read}"' in found.bodies["identity"].decode()
