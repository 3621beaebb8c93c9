"""What the documents say is so: commands, keys, files, versions, and the blocks to be copied."""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from donations import __version__, cli
from donations.config import parse
from tests.program import ROOT, donations

README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
# A value, or a commented one: `# goal = { amount = "0.5", asset = "BTC" }`.
KEY = re.compile(r"^(?:# )?([a-z_]+) = [\[{\"0-9tf]", re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser's commands by name."""
    parser = cli._parser()
    (found,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(found.choices)


def test_every_command_that_is_shown_is_understood() -> None:
    """Each `donations ...` of the README's code is parsed as it stands, placeholders too."""
    shown = re.findall(r"(?:^|`|\$ |bin/)donations ([a-z]+(?: [^`\n#|]+)?)", README, re.MULTILINE)
    assert len(shown) >= 15
    for text in shown:
        words = shlex.split(re.split(r" [|>] ", text)[0])
        if words[0] in commands():
            cli._parser().parse_args(words)
        else:
            assert not re.search(rf"`(?:bin/)?donations {words[0]}\b|^\$ donations {words[0]}\b",
                                 README, re.MULTILINE), text  # fmt: skip


def test_every_command_is_told() -> None:
    """The README's table has each command, with the words of its help."""
    overview = cli._parser().format_help()
    for name in commands():
        row = re.search(rf"^\| `donations {name}[^`]*` \| (.*) \|$", README, re.MULTILINE)
        assert row is not None, name
        assert " ".join(row[1].replace("`", "").split()) in " ".join(overview.split())


def test_every_key_is_told() -> None:
    """Each key of the example file stands in the README, and each is explained where it stands."""
    for key in set(KEY.findall(EXAMPLE)):
        assert re.search(rf"\b{key}\b", README), key
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z_]+ = ", line):
            before = lines[number - 1]
            assert before.startswith(("#", "[")) or re.match(r"[a-z_]+ = ", before), line


def test_the_example_with_all_its_examples_is_read() -> None:
    """The values behind a "#" are valid too, so taking the "#" away is safe."""
    text = re.sub(r"^# (?=(?:public_url|goal|accent|tokens|upstreams) = )", "", EXAMPLE,
                  flags=re.MULTILINE)  # fmt: skip
    text = re.sub(r"^#   (?=[\"{])", "  ", text, flags=re.MULTILINE)
    text = re.sub(r"^# \]", "]", text, flags=re.MULTILINE)
    text = text.replace("\ntokens = []", "")
    config = parse(text, Path("config.toml"), {"ETHEREUM_URL": "https://paid.example.org/key"})
    assert config.public_url == "https://donations.example.org"
    assert len(config.chains["eth"].upstreams) == 3
    assert len(config.chains["eth"].tokens) == 2


# What the blocks of the README take from the environment.
ENVIRONMENT = {
    "SMTP_URL": "smtp://user:password@mail.example.org:587",
    "WEBHOOK_SECRET": "whsec_" + 43 * "A" + "=",
}


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_blocks_of_configuration_are_read(block: str) -> None:
    """Each TOML block of the README is valid, once it has an address."""
    values = tomllib.loads(block)
    if "addresses" not in values:
        block += '[addresses]\nbtc = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"\n'
    parse(block, Path("config.toml"), ENVIRONMENT)


def test_the_output_that_is_shown_is_the_output(tmp_path: Path) -> None:
    """`donations init footer.txt` prints what the README shows."""
    (shown,) = [text for text in blocks("console") if text.startswith("$ donations init")]
    footer = (
        "J'accepte les BTC, ETH et BCH !\n1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf\n"
        "BTC : 1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf\n"
        "BCH : qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6\n"
        "ETH : 0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8\n"
    )
    (tmp_path / "footer.txt").write_text(footer, encoding="utf-8")
    done = donations("init", "footer.txt", folder=tmp_path)
    assert f"$ donations init footer.txt\n{done.stdout}" == shown


def test_links_lead_to_files() -> None:
    """Each relative link of a document names a file or folder of this project."""
    for document in (README, CHANGELOG):
        for target in re.findall(r"\]\(([^)#]+)", document):
            assert "://" in target or (ROOT / target).exists(), target


def test_the_changelog_begins_with_this_version() -> None:
    """The newest entry of the change log is the version of the code."""
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", CHANGELOG, re.MULTILINE)
    assert versions[0] == __version__


def test_the_unit_starts_what_there_is() -> None:
    """The systemd unit runs a file of this project, with words its parser knows, as nobody."""
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    (block,) = blocks("ini")
    unit.read_string(block)
    program, *words = unit["Service"]["ExecStart"].split()
    assert (ROOT / Path(program).relative_to("/opt/donations")).exists()
    assert cli._parser().parse_args(words).config == Path("/etc/donations/config.toml")
    assert unit["Service"]["DynamicUser"] == "yes"
    assert unit["Service"]["ProtectSystem"] == "strict"


def test_no_address_of_a_package_registry_is_named() -> None:
    """The lock files say what and which bytes, not from where."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8")
