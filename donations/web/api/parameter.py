"""One parameter of a request: read and documented by the same words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from donations.web.api.problem import Problem
from donations.web.api.schema import Says

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from aiohttp import web

T = TypeVar("T")
Choice = TypeVar("Choice", bound="Enum")

_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """One parameter, of the query or of the path. ``form`` is its type; ``parse`` raises ValueError
    that says what should stand there.
    """

    name: str
    about: str
    form: Any
    parse: Callable[[str], T]
    in_path: bool = False
    required: bool = False
    example: str | int | None = None

    def read(self, request: web.Request) -> T | None:
        """Its value; None where it is not given. Raises Problem (400) that names it."""
        given = request.match_info if self.in_path else request.query
        text = given.get(self.name)
        if text is None:
            if self.required:
                raise Problem(400, f"{self.name} is missing", parameter=self.name)
            return None
        try:
            return self.parse(text)
        except ValueError as error:
            raise Problem(400, f"{self.name}: {error}", parameter=self.name) from None


def whole(
    name: str, about: str, *, lowest: int, highest: int, example: int | None = None
) -> Parameter[int]:
    """A whole number in decimal digits, without sign and leading zeros."""

    def parse(text: str) -> int:
        if _WHOLE.fullmatch(text) is None or not lowest <= int(text) <= highest:
            raise ValueError(f"give a whole number from {lowest} to {highest}")
        return int(text)

    form: Any = Annotated[int, Says(lowest=lowest, highest=highest)]
    return Parameter(name, about, form, parse, example=example)


def word(
    name: str,
    about: str,
    pattern: str,
    *,
    in_path: bool = False,
    required: bool = False,
    example: str | None = None,
) -> Parameter[str]:
    """A text that ``pattern`` matches as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def parse(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"give {about[0].lower()}{about[1:].rstrip('.')}")
        return text

    form: Any = Annotated[str, Says(pattern=f"^(?:{pattern})$")]
    return Parameter(name, about, form, parse, in_path, in_path or required, example)


def any_text(name: str, about: str, *, required: bool = False) -> Parameter[str]:
    """A text that is looked up or compared, whatever it is."""
    return Parameter(name, about, str, str, required=required)


def one_of(name: str, about: str, choices: type[Choice]) -> Parameter[Choice]:
    """One word of a closed list."""

    def parse(text: str) -> Choice:
        try:
            return choices(text)
        except ValueError:
            known = ", ".join(str(choice.value) for choice in choices)
            raise ValueError(f"give one of: {known}") from None

    return Parameter(name, about, choices, parse)


def text_up_to(name: str, about: str, longest: int) -> Parameter[str]:
    """Any text of so many characters at most."""

    def parse(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"at most {longest} characters")
        return text

    form: Any = Annotated[str, Says(longest=longest)]
    return Parameter(name, about, form, parse)


def yes_or_no(name: str, about: str) -> Parameter[bool]:
    """`true` or `false`."""

    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("give true or false")
        return text == "true"

    return Parameter(name, about, bool, parse)
