"""Widgets and goals in the configuration: what is right loads, what is wrong is told where."""

from __future__ import annotations

from datetime import date

import pytest

from donations.config import DEFAULT, Config, Watched
from donations.errors import ConfigError
from donations.goals import Elsewhere, Every, Terms
from tests.chains.vectors import BCH, BCH_LEGACY, BTC, ETH
from tests.test_config import TAPROOT, read, refused

ALL = f'[addresses]\nbtc = ["{BTC}", "{TAPROOT}"]\nbch = "{BCH}"\neth = "{ETH}"\n'
URL = 'public_url = "https://dons.example.org"\n'


def goal(text: str, top: str = "") -> Terms:
    """The goal that this is."""
    config = read(f"{top}{ALL}[widget]\ngoal = {{ {text} }}\n")
    assert config.widget.goal is not None
    return config.widget.goal


def widgets(*tables: str, top: str = URL) -> Config:
    """A configuration of several widgets."""
    return read(top + ALL + "".join(f"[[widget]]\n{table}\n" for table in tables))


def test_the_single_table_and_none_are_one_widget_at_the_root() -> None:
    """[widget] is what it was; without it there is one that shows everything."""
    for text in ("", "[widget]\n", '[widget]\nslug = "default"\n', "[[widget]]\n"):
        config = read(f'title = "Carnet"\nlanguage = "fr"\n{URL}{ALL}{text}')
        (widget,) = config.widgets
        assert (widget.slug, widget.title, widget.language) == (DEFAULT, "Carnet", "fr")
        assert widget.addresses == config.watched
        assert (widget.totals, widget.gifts, widget.ledger) == (True, True, True)
        assert (widget.site, widget.post, widget.goal, widget.accent) == ("", None, None, None)
        assert config.url(widget) == "https://dons.example.org"


def test_each_widget_has_its_own_words_and_place() -> None:
    """What a widget says of itself wins over what stands at the top of the file."""
    config = widgets(
        'slug = "book"\ntitle = "Livre"\nlanguage = "de"\naccent = "#b45309"\n'
        f'post = "https://Blog.example/a-post"\naddresses = "{TAPROOT}"',
        "",
    )
    root, book = config.widgets
    assert (root.slug, root.language, root.addresses) == (DEFAULT, "en", config.watched)
    assert (book.slug, book.title, book.language) == ("book", "Livre", "de")
    assert (book.accent, book.post) == ("#b45309", "https://Blog.example/a-post")
    assert book.site == "blog.example"
    assert book.addresses == (Watched("btc", TAPROOT),)
    assert config.url(book) == "https://dons.example.org/w/book"
    assert config.named("book") is book
    assert config.widget is root


def test_without_one_at_the_root_the_first_stands_there_too() -> None:
    """Nothing is public that nobody wrote down: no widget is made up for the root."""
    config = widgets('slug = "a"\ntotals = false', 'slug = "b"')
    assert [each.slug for each in config.widgets] == ["a", "b"]
    assert config.url(config.widgets[0]) == "https://dons.example.org"
    assert config.url(config.widgets[1]) == "https://dons.example.org/w/b"


def test_addresses_are_named_in_any_spelling() -> None:
    """They are put into the order of [addresses]; the old form of BCH is understood."""
    config = widgets(f'addresses = ["{ETH.lower()}", "{BCH_LEGACY}", "{BTC}"]')
    assert config.widget.addresses == (
        Watched("btc", BTC),
        Watched("bch", BCH),
        Watched("eth", ETH),
    )


@pytest.mark.parametrize(
    ("tables", "key", "reason"),
    [
        (('slug = "a"', 'slug = "a"'), "widget[1].slug", 'another widget has the slug "a"'),
        (("", ""), "widget[1]", "slug"),
        (('slug = "default"', ""), "widget[1]", "slug"),
        (('slug = "A"',), "widget[0].slug", "small letters"),
        (('slug = "a/b"',), "widget[0].slug", "small letters"),
        (('slug = "../x"',), "widget[0].slug", "small letters"),
        (('slug = "-a"',), "widget[0].slug", "small letters"),
        ((f'slug = "{"a" * 41}"',), "widget[0].slug", "40"),
        (('slug = ""',), "widget[0].slug", "empty"),
        (('slug = "all"',), "widget[0].slug", "choose another"),
        (('slug = "donations"',), "widget[0].slug", "choose another"),
        (("", 'slug = "b"\nadresses = "x"'), "widget[1].adresses", "did you mean addresses?"),
        (('title = "a\\nb"',), "widget[0].title", "one line"),
        ((f'title = "{"a1" * 13}"',), "widget[0].title", "hyphen"),
        (('site = "a\\tb"',), "widget[0].site", "one line"),
        (('language = "French"',), "widget[0].language", "written like"),
        (('accent = "red"',), "widget[0].accent", "#b45309"),
        (('post = "blog.example/a"',), "widget[0].post", "https://blog.example"),
        (('post = "javascript:alert(1)"',), "widget[0].post", "https://blog.example"),
        (("addresses = []",), "widget[0].addresses", "empty"),
        (('addresses = ["12cbQLTFMXRnSzktFkuoG3eHoMeFtpTu3S"]',), "widget[0].addresses[0]",
         "must stand in [addresses]"),
        ((f'addresses = "{BTC[:-1]}g"',), "widget[0].addresses", f"did you mean {BTC}?"),
        ((f'addresses = ["{BCH}", "{BCH_LEGACY}"]',), "widget[0].addresses[1]", "addresses[0]"),
        (("totals = 1",), "widget[0].totals", "true or false"),
        (("gifts = false\nledger = true",), "widget[0].ledger", "gifts = false"),
        (("totals = false\nledger = true",), "widget[0].ledger", "totals = false"),
    ],
)  # fmt: skip
def test_a_wrong_widget_is_told(tables: tuple[str, ...], key: str, reason: str) -> None:
    """Each mistake is refused with file, line, key and what to do."""
    with pytest.raises(ConfigError) as error:
        widgets(*tables)
    assert error.value.key == key
    assert reason in error.value.reason
    assert error.value.line is not None
    assert error.value.line > 5


def test_a_slug_that_nobody_has_is_told_with_the_nearest() -> None:
    """What a command names and the file does not."""
    config = widgets("", 'slug = "book"')
    with pytest.raises(ConfigError, match="did you mean book"):
        config.named("bok")
    with pytest.raises(ConfigError, match="there are: default, book"):
        config.named("zzz")


def test_too_many_widgets_are_refused() -> None:
    """The number has a bound, so that a change can be told to all of them in time."""
    with pytest.raises(ConfigError, match="at most"):
        widgets(*(f'slug = "w{number}"' for number in range(201)))


def test_what_is_hidden_takes_the_ledger_with_it() -> None:
    """The ledger lists sums and gifts, so it goes where one of them goes."""
    for hidden in ("totals", "gifts"):
        (widget,) = widgets(f"{hidden} = false").widgets
        assert not widget.ledger
    (widget,) = widgets("ledger = false").widgets
    assert (widget.totals, widget.gifts, widget.ledger) == (True, True, False)


def test_a_goal_in_a_currency_or_a_coin() -> None:
    """Amounts are minor units of the currency, or base units of the asset."""
    assert goal('amount = "500", currency = "EUR"') == Terms("EUR", 2, 50_000, fiat=True)
    assert goal('amount = "0.5", asset = "BTC"') == Terms("BTC", 8, 50_000_000)
    yen = goal('amount = "500", currency = "JPY"', 'currency = "JPY"\n')
    assert (yen.decimals, yen.target) == (0, 500)


def test_everything_a_goal_can_be() -> None:
    """Period, days in and out of quotes, milestones and offset."""
    found = goal(
        'amount = "500.50", currency = "EUR", every = "month", from = 2026-11-01, '
        'until = "2026-12-31", milestones = ["100", "250.25", "600"], '
        'offset = { amount = "120", label = "virement" }'
    )
    assert found == Terms(
        "EUR", 2, 50_050, fiat=True, every=Every.MONTH,
        since=date(2026, 11, 1), until=date(2026, 12, 31),
        milestones=(10_000, 25_025, 60_000), offset=Elsewhere("virement", 12_000),
    )  # fmt: skip


EUROS = 'amount = "500", currency = "EUR"'


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('amount = "5"', "goal", 'currency = "EUR"'),
        ('currency = "EUR"', "goal", "amount"),
        ('amount = "5", currency = "EUR", asset = "BTC"', "goal", "amount"),
        ('amount = "5", currency = "USD"', "goal.currency", "valued in EUR"),
        ('amount = "5", currency = "eur"', "goal.currency", "EUR"),
        ('amount = "5", currency = "BTC"', "goal.currency", 'asset = "BTC"'),
        ('amount = "5", asset = "EUR"', "goal.asset", 'currency = "EUR"'),
        ('amount = "5", asset = "DOGE"', "goal.asset", "BTC, BCH, ETH"),
        ('amount = "0", currency = "EUR"', "goal.amount", "more than nothing"),
        ('amount = "-5", currency = "EUR"', "goal.amount", "digits"),
        ('amount = "5.005", currency = "EUR"', "goal.amount", "2 decimals"),
        ('amount = "5,5", currency = "EUR"', "goal.amount", "digits"),
        ('amount = 5, currency = "EUR"', "goal.amount", "text"),
        (f'{EUROS}, every = "week"', "goal.every", '"month" or "year"'),
        (f"{EUROS}, from = 2026-02-02, until = 2026-02-01", "goal.until", "2026-02-02"),
        (f'{EUROS}, from = "2026-02-30"', "goal.from", "no such day"),
        (f'{EUROS}, from = "tomorrow"', "goal.from", "2026-12-31"),
        (f"{EUROS}, until = 2026-02-01T00:00:00", "goal.until", "2026-12-31"),
        (f"{EUROS}, until = 7", "goal.until", "2026-12-31"),
        (f'{EUROS}, milestones = ["250", "100"]', "goal.milestones[1]", "from the lowest up"),
        (f'{EUROS}, milestones = ["100", "100.00"]', "goal.milestones[1]", "from the lowest up"),
        (f'{EUROS}, milestones = ["0"]', "goal.milestones[0]", "more than nothing"),
        (f'{EUROS}, milestones = ["x"]', "goal.milestones[0]", "digits"),
        (f'{EUROS}, offset = {{ amount = "5" }}', "goal.offset", "label"),
        (f'{EUROS}, offset = {{ amount = "0", label = "x" }}', "goal.offset.amount", "nothing"),
        (f'{EUROS}, offset = {{ amount = "5", label = "{"1a" * 13}" }}', "goal.offset.label",
         "hyphen"),
        (f'{EUROS}, offset = {{ amount = "5", label = "a\\nb" }}', "goal.offset.label", "line"),
        (f'{EUROS}, milestone = ["5"]', "goal.milestone", "did you mean milestones?"),
    ],
)  # fmt: skip
def test_a_wrong_goal_is_told(text: str, key: str, reason: str) -> None:
    """Each mistake is refused with its key and what to do."""
    error = refused(f"{ALL}[widget]\ngoal = {{ {text} }}\n")
    assert error.key == f"widget.{key}"
    assert reason in error.reason


def test_a_coin_goal_needs_an_address_of_its_widget() -> None:
    """A goal in a coin that the widget does not show could never be reached."""
    with pytest.raises(ConfigError, match="watched: BTC"):
        widgets(f'addresses = "{BTC}"\ngoal = {{ amount = "1", asset = "ETH" }}')
