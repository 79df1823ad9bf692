"""Calls a Python function as Go calls one: the number and the types of arguments are checked.

The annotations are the signature: `str`, `int`, `float` and `bool` take exactly that, anything else
takes all; `*args` makes it variadic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from collector.gotemplate.values import Html, plain, type_name

_GO = {str: "string", int: "int", float: "float64", bool: "bool"}
_BY_NAME: Mapping[str, type] = {kind.__name__: kind for kind in _GO}


@dataclass(frozen=True, slots=True)
class Signature:
    """`required` arguments of `types` (None: any); `rest` is the type of further ones."""

    types: tuple[type | None, ...]
    variadic: bool
    rest: type | None = None

    def type_at(self, position: int) -> type | None:
        """The type that an argument must have; None for any."""
        return self.types[position] if position < len(self.types) else self.rest

    def check_count(self, name: str, count: int) -> None:
        """Raises ValueError with Go's text for too few or too many arguments."""
        wanted = len(self.types)
        if self.variadic and count < wanted:
            raise ValueError(f"wrong number of args for {name}: want at least {wanted} got {count}")
        if not self.variadic and count != wanted:
            raise ValueError(f"wrong number of args for {name}: want {wanted} got {count}")


@lru_cache(maxsize=1024)
def signature_of(function: Callable[..., object]) -> Signature:
    """What a function takes, from its annotations."""
    types: list[type | None] = []
    variadic, rest = False, None
    for parameter in inspect.signature(function).parameters.values():
        kind = _type(parameter.annotation)
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            variadic, rest = True, kind
        else:
            types.append(kind)
    return Signature(tuple(types), variadic, rest)


def _type(annotation: object) -> type | None:
    if isinstance(annotation, str):
        return _BY_NAME.get(annotation)
    return annotation if isinstance(annotation, type) and annotation in _GO else None


def fitted(value: object, wanted: type | None) -> object:
    """The argument as the function takes it; raises ValueError when its type is another."""
    if wanted is None:
        return value
    inner = plain(value)
    if wanted is str and isinstance(inner, Html):
        return str(inner)
    if type(inner) is wanted:
        return inner
    if value is None:
        raise ValueError(f"invalid value; expected {_GO[wanted]}")
    raise ValueError(f"wrong type for value; expected {_GO[wanted]}; got {type_name(value)}")
