"""The folder with the statement and its signatures -> what may be shown and served, or an error.

donations.txt           the text, as `donations statement` prints it
donations.txt.minisig   its signature by minisign, if there is one
donations.txt.sigs      signatures by the addresses' own keys, a line each: ADDRESS SIGNATURE
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from donations.chains import CHAINS
from donations.chains.base import Protocol
from donations.errors import ConfigError
from donations.signed import Signed
from donations.statement import bip322, bitcoin_message, ethereum_message
from donations.statement.minisign import check_minisign, parse_key
from donations.statement.text import date_of, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from donations.config import ChainSettings, Config, StatementSettings

TEXT, MINISIG, SIGS = "donations.txt", "donations.txt.minisig", "donations.txt.sigs"
logger = logging.getLogger(__name__)

_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose every signature is good. ``files`` are served, by name."""

    signed: Signed
    files: Mapping[str, bytes]


def read_statement(config: Config, today: date) -> Statement | None:
    """Check the statement of the configuration; None where none is configured.

    Raises ConfigError that names the file and the cure. One bad signature spoils the whole:
    somebody has changed something.
    """
    settings = config.statement
    if settings is None:
        return None
    text = _read(settings.folder / TEXT)
    if text is None:
        raise ConfigError(
            "there is no such file: donations statement prints the text to sign",
            file=settings.folder / TEXT,
        )
    wrong = what_is_wrong(text, config, today)
    day = date_of(text)
    if wrong is not None or day is None:
        raise ConfigError(wrong or "has no date", file=settings.folder / TEXT)
    by, files = _addresses(config, settings, text)
    minisig = _minisign(settings, text)
    if minisig is not None:
        by, files = (*by, "minisign"), {**files, MINISIG: minisig}
    if not by:
        raise ConfigError(
            f"nothing signs it: put {MINISIG} or {SIGS} beside it", file=settings.folder / TEXT
        )
    return Statement(Signed(day.isoformat(), by), {TEXT: text.encode(), **files})


def statement_to_show(config: Config) -> Statement | None:
    """The statement if it is good today. What is wrong is a warning: gifts arrive without it."""
    try:
        return read_statement(config, datetime.now(UTC).date())
    except ConfigError as error:
        logger.warning("nothing is shown as signed by the author: %s", error)
        return None


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from error
    if len(data) > _MAX_BYTES:
        raise ConfigError("is larger than any statement", file=path)
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigError("is not plain ASCII text", file=path) from None


def _minisign(settings: StatementSettings, text: str) -> bytes | None:
    path = settings.folder / MINISIG
    signature = _read(path)
    if signature is None:
        return None
    if settings.minisign is None:
        raise ConfigError(
            'whose is it? name your public key: [statement] minisign = "RW..."', file=path
        )
    try:
        checked = check_minisign(parse_key(settings.minisign), text.encode(), signature)
    except ValueError as error:
        cure = f"sign {TEXT} again: minisign -S -m {TEXT}"
        raise ConfigError(f"{error}; {cure}", file=path) from None
    return checked.text.encode()


def _addresses(
    config: Config, settings: StatementSettings, text: str
) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """The titles of the chains whose addresses signed, and the file of their signatures."""
    path = settings.folder / SIGS
    lines = [
        (number, line.split())
        for number, line in enumerate((_read(path) or "").splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    signed: dict[str, None] = {}
    kept = []
    for number, words in lines:
        try:
            if len(words) != 2:
                raise ValueError("a line is an address, a blank and its signature")
            chain, address = _whose(config, words[0])
            _check(chain, address, text, words[1])
        except ValueError as error:
            raise ConfigError(str(error), file=path, line=number) from None
        signed[chain.chain.title] = None
        kept.append(f"{address} {words[1]}\n")
    return tuple(signed), {SIGS: "".join(kept).encode()} if kept else {}


def _whose(config: Config, spelled: str) -> tuple[ChainSettings, str]:
    for settings in config.chains.values():
        try:
            address = settings.chain.parse(spelled, settings.network)
        except ConfigError:
            continue
        if address in settings.addresses:
            return settings, address
    raise ValueError("it is no signature of an address that is watched")


def _check(settings: ChainSettings, address: str, text: str, signature: str) -> None:
    """Wallets take the text from a field, where the last line break is easily lost."""
    messages = [text.encode(), text.rstrip("\n").encode()]
    if settings.chain.protocol is Protocol.ETHEREUM:
        good = any(ethereum_message.signer(m, signature) == address for m in messages)
    else:
        good = any(_check_script(settings, address, m, signature) for m in messages)
    if not good:
        raise ValueError(
            f"the signature is not of {TEXT} by the key of {address}: "
            "paste the text of that file, unchanged, into the wallet and sign again"
        )


def _check_script(settings: ChainSettings, address: str, message: bytes, text: str) -> bool:
    chain = CHAINS[settings.chain.name]
    if chain.script is None:
        raise TypeError(f"{chain.name} has no locking scripts")
    script = chain.script(address, settings.network)
    signature = bitcoin_message.decoded(text)
    if bitcoin_message.is_recoverable(signature):
        return bitcoin_message.signed_by_script(message, signature, script)
    if settings.chain.name == "btc" and bip322.supports(script):
        return bip322.signed_by_script(message, signature, script)
    raise ValueError(
        "this kind of signature cannot be checked for such an address: known are BIP-137, "
        "and BIP-322 in its simple form for bc1q... of one key and bc1p..."
    )
