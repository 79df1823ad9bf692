"""Python values as Go's: which type a template sees, what is true, and values with methods.

None is nil, int int, float float64, str string, a list or tuple a slice, a dict a map of anything
and `StringMap` a map of strings. `Typed` gives a value methods and a type's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Method: TypeAlias = Callable[..., object]


class StringMap(dict[str, str]):
    """Go's map[string]string: a key that is absent has the value ""."""


class Html(str):
    """Text that is HTML already: the escaping variant prints it as it is (`safeHtml`)."""

    __slots__ = ()


@dataclass(frozen=True)
class Typed:
    """A value of a named Go type.

    `fields` make it a struct (else `value` is what it is made of: a map, a slice, …); `methods` are
    found before fields and keys; `text` is what its method String or Error would say.
    """

    type_name: str
    value: object = None
    fields: Mapping[str, object] | None = None
    methods: Mapping[str, Method] = field(default_factory=dict)
    text: str | None = None


def plain(value: object) -> object:
    """The value without its type's name and methods; a struct stays what it is."""
    return value.value if isinstance(value, Typed) and value.fields is None else value


def is_true(value: object) -> bool:
    """Go's truth: not zero, not nil, not empty; NaN and every struct are true."""
    value = plain(value)
    if isinstance(value, Typed):
        return True
    if value is None or isinstance(value, bool | int | str | Sequence | Mapping):
        return bool(value)
    return value != 0


def type_name(value: object) -> str:
    """The name of a value's Go type, for messages and `%T`."""
    match value:
        case Typed():
            return value.type_name
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case StringMap():
            return "map[string]string"
        case Mapping():
            return "map[string]interface {}"
        case Sequence():
            strings = all(isinstance(one, str) for one in value) and len(value) > 0
            return "[]string" if strings else "[]interface {}"
    return type(value).__name__


def member(value: object, name: str) -> object:
    """A method, field or entry by name; a map's zero, and of nil nil, where there is none.

    Raises LookupError, with Go's words, for a value that has no such field.
    """
    if isinstance(value, Typed):
        if name in value.methods:
            return value.methods[name]
        if value.fields is not None and name in value.fields:
            return value.fields[name]
        if value.fields is None:
            value = value.value
    if isinstance(value, Mapping):
        return value.get(name, "" if isinstance(value, StringMap) else None)
    if value is None:
        return None
    raise LookupError(f"can't evaluate field {name} in type {type_name(value)}")


def byte_length(text: str) -> int:
    """Bytes of a text in UTF-8: what Go's len counts."""
    return len(text.encode("utf-8", "surrogateescape"))
