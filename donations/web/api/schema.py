"""Types -> JSON Schema (draft 2020-12, as OpenAPI 3.1 has it): one form for mypy and for readers.

A form is a TypedDict, an enumeration, or a plain type with `Says` for what a type cannot say. The
modules that define forms do without postponed annotations, so that they can be read here.
"""

from __future__ import annotations

import inspect
import types
from dataclasses import dataclass
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Json = dict[str, Any]

_PLAIN: dict[object, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


@dataclass(frozen=True, slots=True)
class Says:
    """What stands beside a type in its schema: keywords of JSON Schema by name."""

    about: str = ""
    pattern: str | None = None
    lowest: int | None = None
    highest: int | None = None
    longest: int | None = None
    example: str | int | None = None

    def keywords(self) -> Json:
        """The keywords that are given."""
        said = {
            "description": self.about or None,
            "pattern": self.pattern,
            "minimum": self.lowest,
            "maximum": self.highest,
            "maxLength": self.longest,
            "examples": None if self.example is None else [self.example],
        }
        return {name: value for name, value in said.items() if value is not None}


class Schemas:
    """Makes schemas, and collects those that have a name."""

    def __init__(self) -> None:
        self.named: dict[str, Json] = {}

    def of(self, form: Any) -> Json:
        """The schema of a form. Raises TypeError for a type that has none."""
        if form in _PLAIN:
            return dict(_PLAIN[form])
        if is_typeddict(form):
            return self._record(form)
        if isinstance(form, type) and issubclass(form, Enum):
            return {"type": "string", "enum": [member.value for member in form]}
        arguments = get_args(form)
        match get_origin(form):
            case origin if origin is Annotated:
                return self._annotated(*arguments)
            case origin if origin is Literal:
                kinds = {bool: "boolean", int: "integer", str: "string"}
                return {"type": kinds[type(arguments[0])], "enum": [*arguments]}
            case origin if origin in (Union, types.UnionType):
                return self._either([self.of(one) for one in arguments])
            case origin if origin is list:
                return {"type": "array", "items": self.of(arguments[0])}
            case origin if origin is dict:
                return {"type": "object", "additionalProperties": self.of(arguments[1])}
        raise TypeError(f"{form} has no schema")

    def _annotated(self, kind: Any, *says: Says) -> Json:
        schema = self.of(kind)
        for one in says:
            schema |= one.keywords()
        return schema

    @staticmethod
    def _either(schemas: list[Json]) -> Json:
        types_of = [schema.get("type") for schema in schemas]
        plain = [s for s in schemas if s != {"type": "null"}]
        if len(plain) == 1 and len(schemas) == 2 and isinstance(plain[0].get("type"), str):
            nullable = {**plain[0], "type": [plain[0]["type"], "null"]}
            if "enum" in nullable:
                nullable["enum"] = [*nullable["enum"], None]
            return nullable
        if all(isinstance(kind, str) for kind in types_of) and all(len(s) == 1 for s in schemas):
            return {"type": types_of}
        return {"anyOf": schemas}

    def _record(self, form: Any) -> Json:
        name = form.__name__.removesuffix("Form")
        if name not in self.named:
            self.named[name] = {}  # it may hold itself
            hints = get_type_hints(form, include_extras=True)
            fields = {field: self.of(_bare(hint)) for field, hint in hints.items()}
            # With an open world a reader could not tell a misspelt name from a new one; new names
            # come with a new document.
            self.named[name] |= {
                "type": "object",
                "description": inspect.getdoc(form) or "",
                "properties": fields,
                "required": sorted(form.__required_keys__),
                "additionalProperties": False,
            }
        return {"$ref": f"#/components/schemas/{name}"}


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is NotRequired else hint
