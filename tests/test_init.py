"""init: from a page to a configuration that loads, and never over one that is there."""

from __future__ import annotations

import gzip
import http.server
import io
import json
import random
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from donations.config import load
from donations.errors import ConfigError, SecretPasted, UpstreamError
from donations.init import run_init
from tests.chains.vectors import BCH, BTC, ETH
from tests.secret_material import bare_hex, pieces, secrets_of
from tests.test_footer import OTHER_ETH, SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20260207
PAGE = f"<html lang='fr'><title>Un \"blog\"\x07</title><pre>{SAMPLE}</pre></html>"
ALL = {"btc": BTC, "bch": BCH, "eth": ETH}


class _Site(http.server.BaseHTTPRequestHandler):
    """A web site with every misfortune of the web."""

    def do_GET(self) -> None:
        """Answer by path."""
        body, status, headers = PAGE.encode(), 200, {"Content-Type": "text/html; charset=utf-8"}
        match self.path.strip("/"):
            case "gzip":
                body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
            case "bomb":
                body, headers["Content-Encoding"] = gzip.compress(bytes(64 << 20)), "gzip"
            case "broken":
                headers["Content-Encoding"] = "gzip"
            case "brotli":
                headers["Content-Encoding"] = "br"
            case "huge":
                body = b"x" * (3 << 20)
            case "picture":
                headers["Content-Type"] = "image/png"
            case "missing":
                status = 404
            case "once":
                status, headers["Location"] = 302, "/"
            case "loop":
                status, headers["Location"] = 302, "/loop"
            case "away":
                status, headers["Location"] = 302, "file:///etc/passwd"
            case "latin":
                body = f"<meta charset=latin-1><title>\xe9t\xe9</title>{BTC}".encode("latin-1")
                headers["Content-Type"] = "text/html"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the site, on loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def addresses(target: Path) -> dict[str, str]:
    return {watched.chain: watched.address for watched in load(target).watched}


def test_from_a_file(tmp_path: Path) -> None:
    """The sample footer in a file becomes a configuration of its three addresses."""
    page, target = tmp_path / "footer.txt", tmp_path / "config.toml"
    page.write_text(SAMPLE, "utf-8")
    result = run_init(str(page), target)
    assert addresses(target) == ALL
    assert result.as_json()["enabled"] == ALL
    report = "\n".join(result.lines())
    for part in (BTC, BCH, ETH, "line 3, text, beside BTC", f"wrote {target}", "3 addresses"):
        assert part in report
    assert list(tmp_path.iterdir()) == [page, target] or set(tmp_path.iterdir()) == {page, target}


@pytest.mark.parametrize("path", ["/", "/once", "/gzip"])
def test_from_the_web(site: str, path: str, tmp_path: Path) -> None:
    """A page of the web does as well: plain, redirected, compressed; its title is kept."""
    target = tmp_path / "config.toml"
    run_init(site + path, target)
    assert addresses(target) == ALL
    assert load(target).title == 'Un "blog"'
    assert load(target).language == "fr"


def test_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SAMPLE.encode())))
    run_init("-", tmp_path / "config.toml")
    assert addresses(tmp_path / "config.toml") == ALL


def test_the_charset_of_the_page(site: str, tmp_path: Path) -> None:
    """Where the server names no charset the page's own is believed."""
    run_init(site + "/latin", tmp_path / "config.toml")
    assert load(tmp_path / "config.toml").title == "\xe9t\xe9"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/bomb", "larger than 2 MiB"),
        ("/huge", "larger than 2 MiB"),
        ("/broken", "not compressed as it says"),
        ("/brotli", "was not asked for"),
        ("/picture", "image/png"),
        ("/missing", "404"),
        ("/loop", "more than 3 redirects"),
        ("/away", "not a page of the web"),
    ],
)
def test_bad_weather(site: str, path: str, reason: str, tmp_path: Path) -> None:
    """A page too large, broken or elsewhere is refused in a sentence; nothing is written."""
    with pytest.raises(UpstreamError, match=reason):
        run_init(site + path, tmp_path / "config.toml")
    assert list(tmp_path.iterdir()) == []


def test_nobody_there(tmp_path: Path) -> None:
    """A server that is not there and a file that is not there are told apart."""
    with pytest.raises(UpstreamError):
        run_init("http://127.0.0.1:1/", tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="https://"):
        run_init("blog.example.org", tmp_path / "config.toml")
    with pytest.raises(ConfigError):
        run_init(str(tmp_path), tmp_path / "config.toml")


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    """A configuration that is there is replaced only by force."""
    page, target = tmp_path / "footer.txt", tmp_path / "config.toml"
    page.write_text(SAMPLE, "utf-8")
    target.write_text("mine")
    with pytest.raises(ConfigError, match="--force"):
        run_init(str(page), target)
    assert target.read_text() == "mine"
    run_init(str(page), target, force=True)
    assert addresses(target) == ALL


def test_several_candidates_are_left_to_the_author(tmp_path: Path) -> None:
    """Where a chain has two candidates none is enabled; both stand as comments, ranked."""
    page, target = tmp_path / "page.html", tmp_path / "config.toml"
    page.write_text(f"<div id=comments>{OTHER_ETH}</div><pre>{SAMPLE}</pre>", "utf-8")
    result = run_init(str(page), target)
    assert addresses(target) == {"btc": BTC, "bch": BCH}
    text = target.read_text("utf-8")
    assert text.index(f'# eth = "{ETH}"') < text.index(f'# eth = "{OTHER_ETH}"')
    assert "2 candidates" in "\n".join(result.lines())
    target.write_text(text.replace(f'# eth = "{ETH}"', f'eth = "{ETH}"'))
    assert addresses(target) == ALL


def test_a_commenter_alone_is_not_enabled(tmp_path: Path) -> None:
    """An address that stands among comments only is never watched unasked."""
    page, target = tmp_path / "page.html", tmp_path / "config.toml"
    page.write_text(f"<div id=comments>{OTHER_ETH}</div><p>{BTC}", "utf-8")
    run_init(str(page), target)
    assert addresses(target) == {"btc": BTC}


def test_near_misses_are_reported_and_written(tmp_path: Path) -> None:
    """A wrong checksum is told with its line, in the report and in the file."""
    page, target = tmp_path / "page.txt", tmp_path / "config.toml"
    page.write_text(f"BTC {BTC}\nETH {ETH[:-2]}D8\n", "utf-8")
    result = run_init(str(page), target)
    for told in (
        "\n".join(result.lines()),
        target.read_text("utf-8"),
        json.dumps(result.as_json()),
    ):
        assert "looks like ETH, but the checksum is wrong" in told
    assert addresses(target) == {"btc": BTC}


def test_no_address_writes_nothing(tmp_path: Path) -> None:
    """A page without an address leaves no file, and says so."""
    page = tmp_path / "page.txt"
    page.write_text("hello\n")
    result = run_init(str(page), tmp_path / "config.toml")
    assert (result.written, result.enabled) == (None, ())
    assert "nothing written" in result.lines()[-1]
    assert list(tmp_path.iterdir()) == [page]


def test_text_of_the_page_cannot_leave_its_comment(tmp_path: Path) -> None:
    """Line breaks and quotes of a hostile page never become keys of the configuration."""
    page, target = tmp_path / "page.html", tmp_path / "config.toml"
    evil = 'x\u2028\x85\r\npublic_url = "https://evil.example"\n"""\u202e'
    page.write_text(
        f"<title>{evil}</title><p>{evil} BTC {BTC} {evil}<a title='{evil}' data-x='{BTC}'>"
    )
    run_init(str(page), target)
    config = load(target)
    assert config.public_url is None
    assert addresses(target) == {"btc": BTC}


def test_a_title_that_readers_would_be_warned_of_is_left_out(tmp_path: Path) -> None:
    """A word as long as an address, which the configuration refuses, is kept as a comment."""
    page, target = tmp_path / "page.html", tmp_path / "config.toml"
    page.write_text(f"<title>{'Dampfschiff' * 3}</title><p>BTC {BTC}")
    run_init(str(page), target)
    assert load(target).title == ""
    assert f'# title = "{"Dampfschiff" * 3}"' in target.read_text()


def test_secrets_are_refused_on_every_way_in(tmp_path: Path) -> None:
    """Key material as argument or on the page is refused; no file and no error holds any of it."""
    rng = random.Random(SEED)
    for number, secret in enumerate([*secrets_of(SEED, 80), bare_hex(rng)]):
        page = tmp_path / "page.html"
        page.write_text(f"<p>{BTC}</p><p>{secret}</p>")
        sources = [secret] if number == 80 else [secret, str(page)]
        for source in sources:
            with pytest.raises(SecretPasted) as refused:
                run_init(source, tmp_path / "config.toml")
            assert not any(piece in str(refused.value) for piece in pieces(secret)), f"seed {SEED}"
        assert list(tmp_path.iterdir()) == [page]


def test_a_commenters_phrase_does_not_stop_the_author(tmp_path: Path) -> None:
    """A phrase posted as bait in a comment is ignored, told, and neither written nor shown."""
    for secret in secrets_of(SEED, 40):
        page, target = tmp_path / "page.html", tmp_path / "config.toml"
        page.write_text(f"<p>{BTC}</p>\n<div class=comments>{ETH} {secret}</div>")
        result = run_init(str(page), target, force=True)
        told = "\n".join(result.lines()) + target.read_text() + json.dumps(result.as_json())
        assert "it was ignored" in told
        assert not any(piece in told for piece in pieces(secret)), f"seed {SEED}"
