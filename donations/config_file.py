"""Reads a TOML text into tables that know their place, so that every error can name it."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from donations.errors import ConfigError
from donations.secrets import refuse_secrets
from donations.toml_lines import KeyPath, key_lines, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_MAX_BYTES = 1 << 20
_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Values that are meant to hold 64 hexadecimal digits, or a service's own key inside a URL.
_HEX_KEYS = frozenset({"genesis", "url", "upstreams", "contract", "pages", "secret", "sha256"})


class Table:
    """One table of the file. Every reading method names file, line and key in its ConfigError."""

    def __init__(
        self, source: Source, path: KeyPath, values: Mapping[str, object], known: Sequence[str]
    ) -> None:
        self._source, self.path, self._values = source, path, values
        for key in values:
            if key not in known:
                raise self.error(_unknown(key, known), key)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def error(self, reason: str, *keys: str | int) -> ConfigError:
        """The error to raise about a key of this table, or about the table."""
        return self._source.error(reason, (*self.path, *keys))

    def text(self, key: str, default: str) -> str:
        """A text that is not empty, given as it is or as { env = "NAME" }."""
        found = self.optional_text(key)
        return default if found is None else found

    def optional_text(self, key: str) -> str | None:
        """As ``text``, None when the key is not there."""
        return self._text(self._values[key], key) if key in self._values else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one; empty when the key is not there."""
        return tuple(self._text(item, key, *index) for item, *index in self._items(key))

    def integer(self, key: str, default: int, lowest: int, highest: int) -> int:
        """A whole number of the given range."""
        value = self._values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"{_kind(value)} stands where a whole number is expected", key)
        if not lowest <= value <= highest:
            raise self.error(f"the number must be from {lowest} to {highest}", key)
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{_kind(value)} stands where true or false is expected", key)
        return value

    def table(self, key: str, known: Sequence[str]) -> Table:
        """A table inside this one, empty when the key is not there."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{_kind(value)} stands where a table is expected", key)
        return Table(self._source, (*self.path, key), value, known)

    def tables(self, key: str, known: Sequence[str]) -> tuple[Table, ...]:
        """A list of tables ([[key]]); one alone ([key]) is a list of one."""
        found = []
        for item, *index in self._items(key) if key in self._values else ():
            if not isinstance(item, dict):
                raise self.error(f"{_kind(item)} stands where a table is expected", key, *index)
            found.append(Table(self._source, (*self.path, key, *index), item, known))
        return tuple(found)

    def optional_date(self, key: str) -> date | None:
        """A day, as a date of TOML or as the same in quotes; None when the key is not there."""
        value = self._values.get(key)
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        reason = "a day is written like 2026-12-31"
        if isinstance(value, str | dict):
            text = self._text(value, key)
            if _DAY.fullmatch(text) is None:
                raise self.error(reason, key)
            with suppress(ValueError):
                return date.fromisoformat(text)
            raise self.error("there is no such day", key)
        raise self.error(reason, key)

    def texts_or_tables(self, key: str, known: Sequence[str]) -> tuple[str | Table, ...]:
        """A list of texts or of tables with the given keys; one alone is a list of one."""
        return tuple(
            Table(self._source, (*self.path, key, *index), item, known)
            if isinstance(item, dict) and set(item) != {"env"}
            else self._text(item, key, *index)
            for item, *index in self._items(key)
        )

    def _items(self, key: str) -> Iterator[tuple[object, *tuple[int, ...]]]:
        value = self._values.get(key, [])
        if not isinstance(value, list):
            yield (value,)
            return
        for index, item in enumerate(value):
            yield item, index

    def _text(self, value: object, *keys: str | int) -> str:
        if isinstance(value, dict) and set(value) == {"env"}:
            value = self._from_environment(value["env"], *keys)
        if not isinstance(value, str):
            raise self.error(f"{_kind(value)} stands where a text is expected", *keys)
        if not value.strip():
            raise self.error("the text is empty", *keys)
        return value

    def _from_environment(self, name: object, *keys: str | int) -> str:
        if not isinstance(name, str) or not name:
            raise self.error("env takes the name of an environment variable", *keys)
        value = self._source.environment.get(name)
        if value is None:
            raise self.error(f"the environment variable {shown(name)} is not set", *keys)
        refuse_secrets(
            value,
            place=f"environment variable {shown(name)}",
            key=dotted((*self.path, *keys)),
            bare_hex=_expects_no_hex(keys),
        )
        return value


class Source:
    """A configuration text: where it came from, and where its keys stand."""

    def __init__(self, text: str, file: Path | str | None, environment: Mapping[str, str]) -> None:
        self.file, self.environment = file, environment
        refuse_secrets(text, place=file)
        self._values = _parsed(text, file)
        self._lines = key_lines(text)
        for path, word in _words(self._values, ()):
            # Again without the file's spelling: "\\u004b" is a letter too.
            refuse_secrets(
                word,
                place=file,
                line=line_of(self._lines, path),
                bare_hex=_expects_no_hex(path),
            )

    def root(self, known: Sequence[str]) -> Table:
        """The table of the whole file."""
        return Table(self, (), self._values, known)

    def error(self, reason: str, path: KeyPath) -> ConfigError:
        """The error to raise about the value at ``path``."""
        if path not in self._lines and path and isinstance(path[-1], int):
            path = path[:-1]  # a value that may be a list and stands there alone
        return ConfigError(
            reason, file=self.file, line=line_of(self._lines, path), key=dotted(path) or None
        )

    def line(self, path: KeyPath) -> int | None:
        """The line (from 1) where ``path`` stands."""
        return line_of(self._lines, path)


def read_text(path: Path) -> str:
    """The text of a configuration file. Raises ConfigError in one sentence."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from error
    if len(data) > _MAX_BYTES:
        raise ConfigError("is larger than 1 MiB, which no configuration is", file=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    # Outside the handler: the error of the codec carries the whole file.
    raise ConfigError("is not UTF-8 text; save it as UTF-8", file=path, line=line)


def dotted(path: KeyPath) -> str:
    """("addresses", "btc", 1) -> "addresses.btc[1]"."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path]
    return "".join(parts).removeprefix(".")


def shown(word: str, longest: int = 40) -> str:
    """A word of the file, fit for one line of an error."""
    plain = "".join(character if character.isprintable() else "?" for character in word)
    return plain if len(plain) <= longest else f"{plain[:longest]}..."


def _parsed(text: str, file: Path | str | None) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
    except RecursionError:
        told = "Brackets are nested too deeply"
    # Outside the handler: newer versions of that error carry the whole file.
    match = _SYNTAX.fullmatch(told)
    reason, line = match.groups() if match else (told, None)
    last = text.count("\n", 0, len(text.rstrip())) + 1
    raise ConfigError(
        f"this is not valid TOML: {shown(reason, 120)}", file=file, line=int(line or last)
    )


def _words(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every key and every text, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _words(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield (*path, key), key
            yield from _words(item, (*path, key))


def _expects_no_hex(path: KeyPath) -> bool:
    return _HEX_KEYS.isdisjoint(part for part in path if isinstance(part, str))


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number with a fraction"}
    names |= {str: "a text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")


def _unknown(key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; known here: {', '.join(known)}" if known else "unknown key"
