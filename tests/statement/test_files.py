"""The folder of the statement: what is good is shown and served, what is not is named."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import coincurve
import pytest
from aiohttp import ClientSession
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from eth_hash.auto import keccak

from donations import cli
from donations.app import running
from donations.chains import CHAINS, base58, bech32, cashaddr
from donations.chains.cashaddr import CashAddress
from donations.chains.eth import checksummed
from donations.config import parse
from donations.errors import ConfigError
from donations.own_word import own_word, text_to_sign
from donations.statement.bitcoin_message import hash160, message_hash
from donations.statement.files import MINISIG, SIGS, TEXT, read_statement
from donations.statement.text import date_of, statement_text
from tests.running import scene

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config

TODAY = datetime.now(UTC).date()


class Author:
    """Throwaway keys, made in this process, with the addresses that they spend."""

    def __init__(self) -> None:
        self.key = coincurve.PrivateKey()
        public = self.key.public_key
        digest = hash160(public.format())
        self.legacy = base58.encode_check(b"\0" + digest)
        self.segwit = bech32.encode_witness("bc", 0, digest)
        self.nested = base58.encode_check(b"\5" + hash160(b"\0\x14" + digest))
        self.bch = cashaddr.encode(CashAddress("bitcoincash", 0, digest))
        self.eth = checksummed("0x" + keccak(public.format(compressed=False)[1:])[-20:].hex())
        self.minisign = ECC.generate(curve="Ed25519")
        self.number = os.urandom(8)

    def bitcoin(self, message: str, header: int = 31) -> str:
        signature = self.key.sign_recoverable(message_hash(message.encode()), None)
        return base64.b64encode(bytes([header + signature[64]]) + signature[:64]).decode()

    def ethereum(self, message: str) -> str:
        data = message.encode()
        digest = keccak(b"\x19Ethereum Signed Message:\n%d" % len(data) + data)
        signature = self.key.sign_recoverable(digest, None)
        return f"0x{signature[:64].hex()}{27 + signature[64]:02x}"

    @property
    def minisign_key(self) -> str:
        public = self.minisign.public_key().export_key(format="raw")
        return base64.b64encode(b"Ed" + self.number + public).decode()

    def minisig(self, message: str, comment: str = "timestamp:1") -> str:
        signer = eddsa.new(self.minisign, "rfc8032")
        own = signer.sign(hashlib.blake2b(message.encode()).digest())
        whole = signer.sign(own + comment.encode())
        lines = [
            "untrusted comment: my laptop",
            base64.b64encode(b"ED" + self.number + own).decode(),
            f"trusted comment: {comment}",
            base64.b64encode(whole).decode(),
        ]
        return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def author() -> Author:
    return Author()


def settings(author: Author, path: Path, *, btc: str = "") -> Config:
    text = (
        'public_url = "https://dons.example.org"\n'
        f'[addresses]\nbtc = "{btc or author.legacy}"\nbch = "{author.bch}"\neth = "{author.eth}"\n'
        f'[statement]\nfolder = "statement"\nminisign = "{author.minisign_key}"\n'
        "[prices]\nenabled = false\n"
    )
    (path / "statement").mkdir(exist_ok=True)
    return parse(text, path / "config.toml", {})


def lay(path: Path, **files: str) -> None:
    names = {"text": TEXT, "minisig": MINISIG, "sigs": SIGS}
    for name, content in files.items():
        (path / "statement" / names[name]).write_bytes(content.encode())


def text_of(config: Config, day: date = TODAY) -> str:
    return statement_text("dons.example.org", config.watched, day)


def test_the_text_says_all_that_is_claimed(author: Author, tmp_path: Path) -> None:
    """Site, every address and date, in lines that end like those of any text file."""
    config = settings(author, tmp_path)
    text = text_to_sign(config)
    assert text == text_of(config, datetime.now(UTC).date())
    for word in ("dons.example.org", author.legacy, author.bch, author.eth, TODAY.isoformat()):
        assert word in text
    assert text.isascii()
    assert text.endswith("\n")
    assert date_of(text) == TODAY


def test_everything_good_is_shown_and_served(author: Author, tmp_path: Path) -> None:
    """Minisign and the keys of all three addresses; the file's last line break may be lost."""
    config = settings(author, tmp_path)
    text = text_of(config)
    sigs = (
        f"# made offline\n{author.legacy} {author.bitcoin(text)}\n\n"
        f"{author.bch.partition(':')[2]} {author.bitcoin(text.rstrip())}\n"
        f"{author.eth.lower()}  {author.ethereum(text)}\n"
    )
    lay(tmp_path, text=text, sigs=sigs, minisig=author.minisig(text))
    statement = read_statement(config, TODAY)
    assert statement is not None
    assert statement.signed.by == ("Bitcoin", "Bitcoin Cash", "Ethereum", "minisign")
    assert statement.signed.day == TODAY.isoformat()
    assert set(statement.files) == {TEXT, MINISIG, SIGS}
    served = b"".join(statement.files.values()).decode()
    assert "offline" not in served
    assert "laptop" not in served
    # What is served is a good statement again.
    for name, body in statement.files.items():
        (tmp_path / "statement" / name).write_bytes(body)
    assert read_statement(config, TODAY) == statement


@pytest.mark.parametrize("kind", ["legacy", "segwit", "nested"])
@pytest.mark.parametrize("header", [31, 35, 39])
def test_every_address_of_a_key(author: Author, tmp_path: Path, kind: str, header: int) -> None:
    """BIP-137 headers for P2PKH, P2SH-P2WPKH and P2WPKH, and the one that wallets use for all."""
    address = getattr(author, kind)
    config = settings(author, tmp_path, btc=address)
    text = text_of(config)
    lay(tmp_path, text=text, sigs=f"{address} {author.bitcoin(text, header)}\n")
    statement = read_statement(config, TODAY)
    assert statement is not None
    assert statement.signed.by == ("Bitcoin",)


def test_an_uncompressed_key_has_another_address(author: Author, tmp_path: Path) -> None:
    """The old headers mean the long form of the key."""
    digest = hash160(author.key.public_key.format(compressed=False))
    address = base58.encode_check(b"\0" + digest)
    config = settings(author, tmp_path, btc=address)
    text = text_of(config)
    lay(tmp_path, text=text, sigs=f"{address} {author.bitcoin(text, 27)}\n")
    assert read_statement(config, TODAY) is not None
    lay(tmp_path, sigs=f"{address} {author.bitcoin(text, 31)}\n")
    with pytest.raises(ConfigError, match="not of"):
        read_statement(config, TODAY)


def test_nothing_configured_is_nothing_wrong(author: Author, tmp_path: Path) -> None:
    """Without the table there is no statement and no warning."""
    config = parse(f'[addresses]\nbtc = "{author.legacy}"\n', tmp_path / "config.toml", {})
    assert read_statement(config, TODAY) is None
    assert own_word(config).lines() == []


def test_what_is_wrong_names_file_and_cure(author: Author, tmp_path: Path) -> None:
    """Every way a statement can be bad is an error that says where, and what to do."""
    config = settings(author, tmp_path)
    text, stranger = text_of(config), Author()
    good = {"text": text, "minisig": author.minisig(text), "sigs": ""}
    cases = [
        ({"text": text.replace(author.eth, stranger.eth)}, TEXT, "print it anew"),
        ({"text": text + "P.S. also here: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2\n"}, TEXT, "anew"),
        ({"text": text.replace("dons.example", "evil.example")}, TEXT, "anew"),
        ({"text": text.replace("\n", "\r\n")}, TEXT, "Date"),
        ({"text": text.replace("Date: ", "Day: ")}, TEXT, "Date"),
        ({"text": text.replace(str(TODAY), "2026-02-30")}, TEXT, "Date"),
        ({"text": text_of(config, TODAY + timedelta(days=30))}, TEXT, "to come"),
        ({"text": "é" + text}, TEXT, "ASCII"),
        ({"text": "x" * 70_000}, TEXT, "larger"),
        ({"minisig": stranger.minisig(text)}, MINISIG, "another key"),
        ({"minisig": author.minisig(text + " ")}, MINISIG, "minisign -S"),
        ({"minisig": author.minisig(text).replace(":1", ":2")}, MINISIG, "changed"),
        ({"minisig": "hello\n"}, MINISIG, "four lines"),
        ({"sigs": f"{author.legacy} {stranger.bitcoin(text)}\n"}, SIGS, "sign again"),
        ({"sigs": f"{author.legacy} {author.bitcoin(text + 'x')}\n"}, SIGS, "sign again"),
        ({"sigs": f"{author.legacy} {author.ethereum(text)}\n"}, SIGS, "base64|cannot be checked"),
        ({"sigs": f"{author.eth} {author.bitcoin(text)}\n"}, SIGS, "hexadecimal"),
        ({"sigs": f"{author.eth} {stranger.ethereum(text)}\n"}, SIGS, "sign again"),
        ({"sigs": f"{stranger.legacy} {stranger.bitcoin(text)}\n"}, SIGS, "watched"),
        ({"sigs": f"{author.legacy}\n"}, SIGS, "a line is"),
        ({"sigs": f"{author.legacy} !!!!\n"}, SIGS, "base64"),
        ({"sigs": f"{author.legacy} AAAA\n"}, SIGS, "cannot be checked"),
    ]  # fmt: skip
    for change, file, cure in cases:
        lay(tmp_path, **{**good, **change})
        with pytest.raises(ConfigError, match=cure) as told:
            read_statement(config, TODAY)
        assert str(told.value.file).endswith(file), change
    lay(tmp_path, **good)
    assert read_statement(config, TODAY) is not None


def test_a_statement_without_signature_is_none(author: Author, tmp_path: Path) -> None:
    """Files that lack are named: the text, its signatures, and the key that judges one."""
    config = settings(author, tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        read_statement(config, TODAY)
    lay(tmp_path, text=text_of(config))
    with pytest.raises(ConfigError, match="nothing signs it"):
        read_statement(config, TODAY)
    lay(tmp_path, minisig=author.minisig(text_of(config)))
    bare = parse(
        f'public_url = "https://dons.example.org"\n[addresses]\nbtc = "{author.legacy}"\n'
        f'bch = "{author.bch}"\neth = "{author.eth}"\n[statement]\nfolder = "statement"\n',
        tmp_path / "config.toml", {},
    )  # fmt: skip
    with pytest.raises(ConfigError, match="whose is it"):
        read_statement(bare, TODAY)


def test_a_secret_key_in_the_folder_stays_there(author: Author, tmp_path: Path) -> None:
    """Only three names are read: whatever else lies in the folder is not served."""
    config = settings(author, tmp_path)
    text = text_of(config)
    lay(tmp_path, text=text, minisig=author.minisig(text))
    (tmp_path / "statement" / "minisign.key").write_text("secret")
    statement = read_statement(config, TODAY)
    assert statement is not None
    assert set(statement.files) == {TEXT, MINISIG}


def alone(config: Config) -> Config:
    """The same on any port, without anybody to ask."""
    offline = {name: replace(each, upstreams=(), agree=1) for name, each in config.chains.items()}
    return replace(config, server=replace(config.server, port=0), chains=offline)


@scene
async def test_the_service_serves_it_and_says_so(tmp_path: Path) -> None:
    """The hosted page and the JSON say who signed; the files are text, and nothing else is."""
    author = Author()
    config = settings(author, tmp_path)
    text = text_of(config)
    lay(tmp_path, text=text, minisig=author.minisig(text))
    config = alone(config)
    async with running(config) as (service, port), ClientSession() as session:
        base, host = f"http://127.0.0.1:{port}", {"Host": "dons.example.org"}

        async def get(path: str) -> tuple[int, str, str]:
            async with session.get(base + path, headers=host) as answer:
                return answer.status, await answer.text(), answer.headers.get("Content-Type", "")

        assert await get(f"/.well-known/{TEXT}") == (200, text, "text/plain; charset=utf-8")
        assert (await get(f"/.well-known/{MINISIG}"))[0] == 200
        for path in (SIGS, "", "../config.toml", "%2e%2e/config.toml", f"{TEXT}/", "minisign.key"):
            assert (await get(f"/.well-known/{path}"))[0] == 404, path
        for tag in ("en", "fr", "ar"):
            _, page, _ = await get(f"/?lang={tag}")
            assert 'href=".well-known/donations.txt"' in page
            assert "(minisign)" in page
        assert "signé" in (await get("/?lang=fr"))[1]
        for path in ("/fragment", "/frame", "/card", "/compact"):
            assert "well-known" not in (await get(path))[1]
        _, document, _ = await get("/snapshot.json")
        assert '"by": [\n   "minisign"' in document
        assert '"alarms"' not in (await get("/readyz"))[1]
        assert service.statement is not None


@scene
async def test_a_bad_statement_stops_no_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The service runs, warns once, claims nothing, and /readyz names the alarm."""
    author = Author()
    config = settings(author, tmp_path)
    lay(tmp_path, text=text_of(config), minisig=author.minisig("another text"))
    config = alone(config)
    async with running(config) as (_, port), ClientSession() as session:
        base, host = f"http://127.0.0.1:{port}", {"Host": "dons.example.org"}
        async with session.get(f"{base}/.well-known/{TEXT}", headers=host) as answer:
            assert answer.status == 404
        async with session.get(base, headers=host) as answer:
            assert "well-known" not in await answer.text()
        async with session.get(f"{base}/readyz", headers=host) as answer:
            assert (await answer.json())["alarms"] == ["statement"]
    assert "nothing is shown as signed" in caplog.text
    assert MINISIG in caplog.text


def test_the_command_prints_what_is_signed(
    author: Author, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`donations statement` prints the text alone; without public_url it says what it needs."""
    file = tmp_path / "config.toml"
    table = f'[addresses]\nbtc = "{author.legacy}"\n'
    file.write_text(f'public_url = "https://dons.example.org"\n{table}')
    assert cli.main(["statement", "--config", str(file)]) == 0
    printed = capsys.readouterr().out
    assert printed == statement_text(
        "dons.example.org", parse(file.read_text(), file, {}).watched, datetime.now(UTC).date()
    )
    file.write_text(table)
    assert cli.main(["statement", "--config", str(file)]) == 2
    assert "public_url" in capsys.readouterr().err
    assert set(CHAINS) == {"btc", "bch", "eth"}
