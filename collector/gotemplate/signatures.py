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
    """Arguments of `types` (None: any), of which `required` must be given; `rest` of more."""

    types: tuple[type | None, ...]
    required: int
    variadic: bool
    rest: type | None = None

    def type_at(self, position: int) -> type | None:
        """The type that an argument must have; None for any."""
        return self.types[position] if position < len(self.types) else self.rest

    def check_count(self, name: str, count: int) -> None:
        """Raises ValueError with Go's text for too few or too many arguments."""
        open_ended = self.variadic or self.required < len(self.types)
        if count < self.required or (count > len(self.types) and not self.variadic):
            least = "at least " if open_ended else ""
            raise ValueError(
                f"wrong number of args for {name}: want {least}{self.required} got {count}"
            )


@lru_cache(maxsize=1024)
def signature_of(function: Callable[..., object]) -> Signature:
    """What a function takes, from its annotations."""
    types: list[type | None] = []
    variadic, rest, required = False, None, 0
    for parameter in inspect.signature(function).parameters.values():
        kind = _type(parameter.annotation)
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            variadic, rest = True, kind
        else:
            types.append(kind)
            required += parameter.default is inspect.Parameter.empty
    return Signature(tuple(types), required, variadic, rest)


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
