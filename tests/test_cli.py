"""The command line: exit codes, and sentences that say what to do."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from donations import cli
from donations.commands.base import INPUT_WRONG
from tests.nodes.process import free_ports
from tests.program import COMMAND, ENVIRONMENT, donations, offline_config, served
from tests.secret_material import bare_hex, pieces, secrets_of

if TYPE_CHECKING:
    from pathlib import Path

BTC = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"


def write(folder: Path, text: str) -> Path:
    """A config.toml in ``folder``."""
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_configuration_is_told_with_the_way_to_one(tmp_path: Path) -> None:
    """Without a file every command ends with 2 and names `donations init`."""
    for command in ("check", "serve", "totals", "embed"):
        done = donations(command, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "donations init" in done.stderr


def test_the_configuration_is_found(tmp_path: Path) -> None:
    """`--config`, else config.toml of the folder, else $DONATIONS_CONFIG."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = write(elsewhere, f'public_url = "https://d.example"\n[addresses]\nbtc = "{BTC}"\n')
    assert BTC in donations("embed", "--config", path, folder=tmp_path).stdout
    assert BTC in donations("embed", folder=elsewhere).stdout
    assert BTC in donations("embed", folder=tmp_path, DONATIONS_CONFIG=str(path)).stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'pubic_url = "x"\n[addresses]\nbtc = "{BTC}"', ["line 1", "pubic_url", "public_url?"]),
        (f'[addresses]\nbtc = "{BTC[:-1]}g"', ["line 2", "addresses.btc", "checksum"]),
        ("[addresses\n", ["line 1"]),
    ],
)
def test_a_wrong_configuration_is_told_in_one_line(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    """Exit code 2, and one line with file, line, key and reason."""
    write(tmp_path, text)
    for command in ("check", "serve", "totals", "embed"):
        done = donations(command, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        for part in ["config.toml", *told]:
            assert part in done.stderr


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    """A second service on the port of the first ends with 1 and the system's own word for it."""
    (port,) = free_ports(1)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with served(offline_config(one, port), port):
        done = donations("serve", "--config", offline_config(two, port), folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"donations: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    )


def test_a_database_has_one_writer(tmp_path: Path) -> None:
    """A second service on the same database ends with 1 and says so; reading it stays possible."""
    first, second = free_ports(2)
    config = offline_config(tmp_path, first)
    with served(config, first):
        done = donations("serve", "--config", config, "--port", str(second), folder=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "donations.sqlite3" in done.stderr
        assert donations("totals", "--config", config, folder=tmp_path).returncode == 0


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    """A database of a later version ends `serve` and `totals` with 1 and stays as it is."""
    (port,) = free_ports(1)
    config = offline_config(tmp_path, port)
    with served(config, port):
        pass
    database = tmp_path / "donations.sqlite3"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    connection.close()
    before = database.read_bytes()
    for command in ("serve", "totals"):
        done = donations(command, "--config", config, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "newer" in done.stderr
    assert database.read_bytes() == before


def test_a_database_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A path through a file ends `serve` with 1 and one line that names the database."""
    write(tmp_path, f'database = "config.toml/d.sqlite3"\n[addresses]\nbtc = "{BTC}"\n')
    done = donations("serve", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "config.toml/d.sqlite3" in done.stderr


def test_totals_before_the_first_start_say_so(tmp_path: Path) -> None:
    """Without a database there is nothing to total: exit code 1 and the command that makes it."""
    write(tmp_path, f'[addresses]\nbtc = "{BTC}"\n')
    done = donations("totals", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "donations serve" in done.stderr


def test_totals_that_are_unknown_are_not_zero(tmp_path: Path) -> None:
    """After a start without network the text says "not known yet", and the JSON has null."""
    (port,) = free_ports(1)
    config = offline_config(tmp_path, port)
    with served(config, port):
        pass
    text = donations("totals", "--config", config, folder=tmp_path)
    assert text.returncode == 0
    assert text.stdout.count("not known yet") == 3 + 3
    done = donations("totals", "--json", "--config", config, folder=tmp_path)
    told = json.loads(done.stdout)
    assert [entry["received"] for entry in told["addresses"]] == [None, None, None]
    assert told["together"] == {"BTC": None, "BCH": None, "ETH": None}


def test_embed_needs_a_public_url(tmp_path: Path) -> None:
    """Without one, or with one that is not https, it ends with 2 and names the key."""
    for line in ("", 'public_url = "http://donations.example.org"\n'):
        write(tmp_path, f'{line}[addresses]\nbtc = "{BTC}"\n')
        done = donations("embed", folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "public_url" in done.stderr


def test_embed_prints_the_widget_that_is_asked_for(tmp_path: Path) -> None:
    """By its slug, with its own address, title and language; the one at the root without."""
    write(
        tmp_path,
        f'public_url = "https://d.example/dons"\ntitle = "Carnet"\n[addresses]\nbtc = "{BTC}"\n'
        '[[widget]]\n[[widget]]\nslug = "book"\ntitle = "Le livre"\nlanguage = "fr"\n',
    )
    root = donations("embed", folder=tmp_path).stdout
    book = donations("embed", "book", folder=tmp_path).stdout
    assert 'src="https://d.example/dons/"' in root
    assert 'src="https://d.example/dons/w/book/" lang="fr"' in book
    assert "https://d.example/dons/w/book/frame?lang=fr" in book
    assert ("Carnet" in root, "Le livre" in book, BTC in book) == (True, True, True)
    assert donations("embed", "default", folder=tmp_path).stdout == root
    static = donations("embed", "book", "--static", folder=tmp_path).stdout
    assert "https://d.example/dons/w/book/widget." in static
    wrong = donations("embed", "bok", folder=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean book?" in wrong.stderr


def test_embed_prints_the_form_that_is_asked_for(tmp_path: Path) -> None:
    """Each form alone, or both with a line that says which is which; JSON for programs."""
    write(tmp_path, f'public_url = "https://d.example"\n[addresses]\nbtc = "{BTC}"\n')
    script = donations("embed", "--form", "script", folder=tmp_path).stdout
    iframe = donations("embed", "--form", "iframe", folder=tmp_path).stdout
    both = donations("embed", folder=tmp_path).stdout
    assert BTC in script
    assert "<iframe" not in script
    assert "<iframe" in iframe
    assert "widget." not in iframe  # it has a few words of script, but not the widget's
    assert script.strip() in both
    assert iframe.strip() in both
    told = json.loads(donations("embed", "--json", folder=tmp_path).stdout)
    assert {form: html.strip() for form, html in told.items()} == {
        "script": script.strip(),
        "iframe": iframe.strip(),
    }


def test_check_tells_who_fails_and_why(tmp_path: Path) -> None:
    """With every upstream down: a table with a reason for each, a verdict for each chain, and 1."""
    config = offline_config(tmp_path, 8080)
    done = donations("check", "--config", config, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("FAILS") == 12 + 3  # the sources of prices too
    said = [line for line in done.stdout.splitlines() if "no connection" in line]
    assert sum(line.strip().startswith(("ssl:", "http")) for line in said) == 12 + 3
    for chain in ("btc", "bch", "eth"):
        assert f"{chain}: 0 of 4 operators answer, 2 must agree: NOT ENOUGH" in done.stdout
    assert done.stderr == ""
    told = json.loads(donations("check", "--json", "--config", config, folder=tmp_path).stdout)
    assert told["ok"] is False
    assert len(told["upstreams"]) == 12


def test_check_forgets_only_a_certificate_that_is_pinned(tmp_path: Path) -> None:
    """`--accept-certificate` for a host that was never met is an error of the input."""
    config = offline_config(tmp_path, 8080)
    done = donations(
        "check", "--accept-certificate", "nobody.example", "--config", config, folder=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody.example" in done.stderr


def test_the_keys_of_paid_servers_are_shown_nowhere(tmp_path: Path) -> None:
    """Path, query and password of an upstream's URL stay out of tables, JSON and the log."""
    (port, closed) = free_ports(2)
    url = f"https://user:passw0rd@127.0.0.1:{closed}/v3/s3cretpath?key=s3cretquery"
    config = write(
        tmp_path,
        '[addresses]\neth = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"\n'
        '[chains.eth]\nupstreams = [{ url = { env = "ETH_URL" }, operator = "paid" }]\n',
    )
    told = [
        donations("check", *form, "--config", config, folder=tmp_path, ETH_URL=url)
        for form in ([], ["--json"])
    ]
    with served(config, port, ETH_URL=url) as service:
        service.process.wait_ready(lambda: "eth, paid" in service.log())
        seen = service.log() + service.page
    for text in [seen, *(done.stdout + done.stderr for done in told)]:
        assert "paid" in text or text == seen
        for key in ("passw0rd", "s3cretpath", "s3cretquery"):
            assert key not in text


def test_key_material_on_the_command_line_is_never_repeated(
    capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """Wherever it stands among the arguments: exit code 2, advice, and not a piece of it."""
    rng = random.Random(seed)
    for secret in [*secrets_of(seed, 80), *(bare_hex(rng) for _ in range(5))]:
        for words in (
            [secret],
            secret.split(),
            ["init", secret],
            ["serve", "--config", secret],
            ["serve", "--confg", secret],
            ["embed", "--form", secret],
            ["demo", "--seed", secret],
            ["check", f"--accept-certificate={secret}"],
        ):
            assert cli.main(words) == INPUT_WRONG
            told = capsys.readouterr()
            assert "Treat it as stolen" in told.err
            assert not any(piece in told.out + told.err for piece in pieces(secret))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["sreve"], "sreve"),
        (["serve", "--port", "65536"], "0 to 65535"),
        (["serve", "--port", "-1"], "port"),
        (["demo", "--speed", "nan"], "0.01 to 1000"),
        (["init"], "URL|FILE|-"),
    ],
)
def test_wrong_arguments_are_an_error_of_the_input(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Exit code 2 and a sentence that names the argument."""
    done = donations(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_every_command_explains_itself(tmp_path: Path) -> None:
    """`--help` of the program and of each command says what it does, in sentences."""
    overview = donations("--help", folder=tmp_path)
    assert overview.returncode == 0
    for command in ("init", "check", "serve", "totals", "embed", "demo"):
        assert f"\n    {command} " in overview.stdout
        done = donations(command, "--help", folder=tmp_path)
        assert done.returncode == 0
        assert done.stdout.count(".") >= 1


def test_a_reader_who_stops_reading_is_no_error(tmp_path: Path) -> None:
    """`donations check | head -1` ends quietly."""
    config = offline_config(tmp_path, 8080)
    done = donations_piped("check", "--config", str(config), folder=tmp_path)
    assert done == ""


def donations_piped(*arguments: str, folder: Path) -> str:
    """Run a command whose reader is gone already; what it complains about."""
    child = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    with child.stderr:
        complaint = child.stderr.read()
    child.wait(60)
    return complaint
