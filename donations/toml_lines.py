"""Where the keys of a TOML text stand: ``tomllib`` reads values and forgets their lines.

The text has been read by ``tomllib`` before, so it is known to be well-formed and a short scan is
enough. A path is what leads to a value: ("chains", "btc", "upstreams", 0, "url").
"""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]

_GAP = re.compile(r"(?:\s|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key, table and array element of a well-formed TOML text."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """The line of the path, or of the nearest thing around it; None for the whole file."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[KeyPath, int] = {}
        self._counted = (0, 1)  # position and its line: the scan only moves forwards

    def document(self) -> None:
        table: KeyPath = ()
        arrays: dict[KeyPath, int] = {}
        self._gap()
        while self.position < len(self.text):
            brackets = 2 if self.text.startswith("[[", self.position) else 1
            if self.text[self.position] != "[":
                self._assignment(table)
            else:
                self.position += brackets
                start = self.position
                table = self._path()
                if brackets == 2:
                    self._note(table, start)
                    index = arrays[table] = arrays.get(table, -1) + 1
                    table = (*table, index)
                self._note(table, start)
                self.position += brackets
            self._gap()

    def _assignment(self, table: KeyPath) -> None:
        start = self.position
        path = (*table, *self._path())
        self._note(path, start)
        self.position += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._gap()
        opening = self.text[self.position]
        if opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            match = _STRING.match(self.text, self.position) or _BARE_VALUE.match(
                self.text, self.position
            )
            self.position = match.end() if match else len(self.text)

    def _list(self, path: KeyPath) -> None:
        self.position += 1
        index = 0
        self._gap()
        while self.text[self.position] != "]":
            self._note((*path, index), self.position)
            self._value((*path, index))
            index += 1
            self._comma()
        self.position += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.position += 1
        self._gap()
        while self.text[self.position] != "}":
            self._assignment(path)
            self._comma()
        self.position += 1

    def _comma(self) -> None:
        self._gap()
        if self.text[self.position] == ",":
            self.position += 1
            self._gap()

    def _path(self) -> KeyPath:
        """A key with its dots, up to the equals sign or bracket that follows."""
        parts: list[str] = []
        while True:
            self._gap()
            quoted = _STRING.match(self.text, self.position)
            bare = _BARE_KEY.match(self.text, self.position)
            if quoted:
                parts.append(str(tomllib.loads(f"key = {quoted.group()}")["key"]))
                self.position = quoted.end()
            elif bare:
                parts.append(bare.group())
                self.position = bare.end()
            self._gap()
            if self.text[self.position] != ".":
                return tuple(parts)
            self.position += 1

    def _gap(self) -> None:
        match = _GAP.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def _note(self, path: KeyPath, position: int) -> None:
        counted, line = self._counted
        line += self.text.count("\n", counted, position)
        self._counted = (position, line)
        self.lines.setdefault(path, line)
