"""The functions that every Go template has: comparison, index, slice, len, print and escaping.

`and` and `or` stop early, so the evaluator has them. Source: https://pkg.go.dev/text/template
("Functions") and text/template/funcs.go.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping, Sequence

from collector.gotemplate.escape import html_text, js_text
from collector.gotemplate.format import sprint, sprintf, sprintln
from collector.gotemplate.values import (
    StringMap,
    Typed,
    byte_length,
    is_true,
    plain,
    type_name,
)

Function = Callable[..., object]


def not_(value: object) -> bool:
    """`not`."""
    return not is_true(value)


def eq(first: object, *others: object) -> bool:
    """`eq`: whether the first value equals any of the others."""
    if not others:
        raise ValueError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def ne(first: object, second: object) -> bool:
    """`ne`."""
    return not _equal(first, second)


def lt(first: object, second: object) -> bool:
    """`lt`."""
    left, right = plain(first), plain(second)
    kind = _kind(left)
    if kind not in ("int", "float", "string"):
        raise ValueError(f"invalid type for comparison: {type_name(first)}")
    if kind != _kind(right):
        raise ValueError("incompatible types for comparison")
    return left < right  # type: ignore[operator, no-any-return]


def le(first: object, second: object) -> bool:
    """`le`."""
    return lt(first, second) or _equal(first, second)


def gt(first: object, second: object) -> bool:
    """`gt`."""
    return not le(first, second)


def ge(first: object, second: object) -> bool:
    """`ge`."""
    return not lt(first, second)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "string"
    return "other"


def _equal(first: object, second: object) -> bool:
    left, right = plain(first), plain(second)
    if left is None or right is None:
        return left is right
    kinds = _kind(left), _kind(right)
    if "other" in kinds:
        if isinstance(left, Typed) and isinstance(right, Typed):
            return left == right
        odd = first if kinds[0] == "other" else second
        raise ValueError(f"non-comparable type {sprint([odd])}: {type_name(odd)}")
    if kinds[0] != kinds[1]:
        raise ValueError("incompatible types for comparison")
    return bool(left == right)


def len_(value: object) -> int:
    """`len`: bytes of a string, entries of a map or slice."""
    inner = plain(value)
    if isinstance(inner, str):
        return byte_length(inner)
    if isinstance(inner, Mapping | Sequence):
        return len(inner)
    if value is None:
        raise ValueError("len of nil pointer")
    raise ValueError(f"len of type {type_name(value)}")


def index(value: object, *keys: object) -> object:
    """`index`: `index x 1 2` is x[1][2]; a map answers its zero for a key that is absent."""
    for key in keys:
        value = _indexed(value, key)
    return value


def _indexed(value: object, key: object) -> object:
    inner = plain(value)
    if inner is None:
        raise ValueError("index of untyped nil")
    if isinstance(inner, Mapping):
        if not isinstance(key, str):
            raise ValueError(f"value has type {type_name(key)}; should be string")
        return inner.get(key, "" if isinstance(inner, StringMap) else None)
    data = inner.encode("utf-8", "surrogateescape") if isinstance(inner, str) else inner
    if not isinstance(data, Sequence):
        raise ValueError(f"can't index item of type {type_name(value)}")
    return data[_position(key, len(data) - 1)]


def _position(key: object, largest: int) -> int:
    if key is None:
        raise ValueError("cannot index slice/array with nil")
    if isinstance(key, bool) or not isinstance(key, int):
        raise ValueError(f"cannot index slice/array with type {type_name(key)}")
    if not 0 <= key <= largest:
        raise ValueError(f"index out of range: {key}")
    return key


def slice_(value: object, *bounds: object) -> object:
    """`slice`: `slice x 1 3` is x[1:3]; of a string, bytes."""
    inner = plain(value)
    if inner is None:
        raise ValueError("slice of untyped nil")
    if len(bounds) > 3:
        raise ValueError(f"too many slice indexes: {len(bounds)}")
    if isinstance(inner, str) and len(bounds) == 3:
        raise ValueError("cannot 3-index slice a string")
    is_text = isinstance(inner, str)
    data = inner.encode("utf-8", "surrogateescape") if isinstance(inner, str) else inner
    if not isinstance(data, Sequence):
        raise ValueError(f"can't slice item of type {type_name(value)}")
    places = [_position(bound, len(data)) for bound in bounds]
    low, high = (*places, *(0, len(data))[len(places) :])[:2]
    if low > high:
        raise ValueError(f"invalid slice index: {low} > {high}")
    part = data[low:high]
    return bytes(part).decode("utf-8", "surrogateescape") if is_text else part


def call(function: object, *arguments: object) -> object:
    """`call`: a value that is a function."""
    if function is None:
        raise ValueError("call of nil")
    if not callable(function):
        raise ValueError(f"non-function {sprint([function])} of type {type_name(function)}")
    return function(*arguments)


def html(*values: object) -> str:
    """`html`: text that HTML shows as it is."""
    return html_text(sprint(values))


def js(*values: object) -> str:
    """`js`: text for inside a JavaScript string."""
    return js_text(sprint(values))


def urlquery(*values: object) -> str:
    """`urlquery`: text for inside a URL's query."""
    return urllib.parse.quote_plus(sprint(values).encode("utf-8", "surrogateescape"))


def print_(*values: object) -> str:
    """`print`."""
    return sprint(values)


def printf(form: str, *values: object) -> str:
    """`printf`."""
    return sprintf(form, values)


def println(*values: object) -> str:
    """`println`."""
    return sprintln(values)


BUILTINS: Mapping[str, Function] = {
    "call": call,
    "eq": eq,
    "ge": ge,
    "gt": gt,
    "html": html,
    "index": index,
    "js": js,
    "le": le,
    "len": len_,
    "lt": lt,
    "ne": ne,
    "not": not_,
    "print": print_,
    "printf": printf,
    "println": println,
    "slice": slice_,
    "urlquery": urlquery,
}
SHORT_CIRCUIT = frozenset(("and", "or"))
