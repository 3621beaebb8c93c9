"""[author]: who has a token, and never by plain HTTP over a network."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations import cli
from donations.app import running
from donations.config import parse
from donations.errors import ConfigError
from donations.web.author.words import load_words

if TYPE_CHECKING:
    from pathlib import Path

BASE = '[addresses]\nbtc = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"\n'
DIGEST = hashlib.sha256(b"token").hexdigest()
ONE = f'[author]\noperators = [{{ name = "Claire", sha256 = "{DIGEST}" }}]\n'


def test_there_are_no_author_pages_unless_configured() -> None:
    """Without the table nobody may open them."""
    assert parse(BASE).author == ()
    assert [operator.name for operator in parse(BASE + ONE).author] == ["Claire"]


@pytest.mark.parametrize(
    ("operators", "told"),
    [
        ('["token"]', "an operator is written"),
        (f'[{{ name = "a", sha256 = "{DIGEST[:-1]}" }}]', "not a SHA-256"),
        ('[{ name = "a" }]', "not a SHA-256"),
        ('[{ name = "a", sha256 = "pasted-token" }]', "take it out and make a new one"),
        (f'[{{ name = "<b>", sha256 = "{DIGEST}" }}]', "a name is a word or two"),
        (f'[{{ sha256 = "{DIGEST}" }}]', "a name is a word or two"),
        (f'[{{ name = "a", token = "x", sha256 = "{DIGEST}" }}]', "unknown key"),
        (
            f'[{{ name = "a", sha256 = "{DIGEST}" }}, {{ name = "b", sha256 = "{DIGEST}" }}]',
            "two operators",
        ),
    ],
)
def test_a_wrong_operator_is_told_without_what_was_pasted(operators: str, told: str) -> None:
    """The error names the key and the cure, and repeats no secret."""
    with pytest.raises(ConfigError, match=told) as caught:
        parse(f"{BASE}[author]\noperators = {operators}\n")
    assert "author.operators" in str(caught.value)
    assert "pasted-token" not in str(caught.value)


HTTPS = 'public_url = "https://donations.example"\n'
PROXY = 'trusted_proxies = ["10.0.0.1"]\n'


@pytest.mark.parametrize(
    ("url", "host", "proxy", "good"),
    [
        ("", "127.0.0.1", "", True),
        ("", "::1", "", True),
        ("", "localhost", "", True),
        (HTTPS, "127.0.0.1", "", True),
        (HTTPS, "0.0.0.0", PROXY, True),
        ("", "0.0.0.0", "", False),
        ("", "0.0.0.0", PROXY, False),
        (HTTPS, "0.0.0.0", "", False),
        (HTTPS, "::", "", False),
        ("", "192.168.1.2", "", False),
        ('public_url = "http://localhost"\n', "0.0.0.0", PROXY, False),
        ("", "127.0.0.1.evil.example", "", False),
    ],
)
def test_they_are_never_open_to_a_network_without_tls(
    url: str, host: str, proxy: str, good: bool
) -> None:
    """On this machine, or behind a named proxy at an https address, else the service refuses."""
    text = f'{url}{BASE}{ONE}[server]\nhost = "{host}"\n{proxy}'
    if good:
        assert parse(text).author
    else:
        with pytest.raises(ConfigError, match="without encryption"):
            parse(text)
        assert parse(f'{url}{BASE}[server]\nhost = "{host}"\n{proxy}').author == ()


def test_the_command_line_cannot_open_them_either(tmp_path: Path) -> None:
    """`serve --host` is judged like the file."""
    config = parse(BASE + ONE, tmp_path / "config.toml")
    exposed = replace(config, server=replace(config.server, host="0.0.0.0"))

    async def start() -> None:
        async with running(exposed):
            pass

    with pytest.raises(ConfigError, match="without encryption"):
        asyncio.run(start())


def test_a_new_token_is_shown_once_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is a token of 32 random bytes and a line that a configuration takes."""
    tokens = set()
    for _ in range(2):
        assert cli.main(["author", "--new-token", "--name", "Claire Dupont"]) == 0
        told = capsys.readouterr().out
        token = next(line.strip() for line in told.splitlines() if line.startswith("  "))
        assert len(token) == 43
        made = parse(BASE + told[told.index("[author]") : told.index("A second")]).author
        assert [(o.name, o.digest) for o in made] == [
            ("Claire Dupont", hashlib.sha256(token.encode()).digest())
        ]
        tokens.add(token)
    assert len(tokens) == 2
    assert cli.main(["author", "--new-token", "--name", 'x"]']) == 2


def test_both_languages_say_the_same() -> None:
    """Each sentence is there in each language, with the same values in it."""
    words = load_words()
    english = words["en"].locale
    for pages in words.values():
        assert pages.locale.blanks() == english.blanks()
