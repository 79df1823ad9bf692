"""What a configuration is made of: sections, and durations, sizes, secrets as their values.

Each is written as text and, in JSON mode, written back as text, with secrets as `<secret>`.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
)

from collector.model.durations import format_duration, parse_duration_ms
from collector.model.errors import InputError
from collector.model.secrets import Secret

MASK = "<secret>"
"""How Prometheus and Alertmanager write a secret back."""
_SIZE = re.compile(r"(\d+)\s*([KMGTPE]?)I?B?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


class Section(BaseModel):
    """A mapping in the file: unknown keys are errors, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration_ms(value)
    except InputError as error:
        raise ValueError(str(error)) from error


def _whole_duration(value: object) -> object:
    """A bare number is refused: nobody can tell whether it means seconds or milliseconds."""
    if isinstance(value, bool | float) or (isinstance(value, int) and value != 0):
        raise ValueError(f"not a duration: {value!r}; write a unit, like 15s or 1h30m")
    return _duration(value)


def _size(value: object) -> object:
    """Powers of 1024, as Prometheus reads `50MB`."""
    if value == 0:
        return 0
    match = _SIZE.fullmatch(str(value).strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"not a size: {value!r}; write a unit, like 512KB or 64MB")
    power: int = _POWERS[match[2].upper()]
    return int(match[1]) * 1024**power


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("a secret must be text")
    return Secret(value)


def _size_text(size_bytes: int) -> str:
    for unit in "EPTGMK":
        scale: int = 1024 ** _POWERS[unit]
        if size_bytes and not size_bytes % scale:
            return f"{size_bytes // scale}{unit}B"
    return f"{size_bytes}B"


def _refuse(value: object, info: ValidationInfo) -> None:
    if value is not None:
        raise ValueError(f"{info.field_name} is not supported yet; remove it")


DurationMs = Annotated[
    int,
    BeforeValidator(_whole_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
"""Written as `1h30m`, held in milliseconds."""
SizeBytes = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(_size_text, return_type=str, when_used="json"),
]
"""Written as `64MB` (powers of 1024), held in bytes."""
SecretText = Annotated[
    Secret,
    BeforeValidator(_secret),
    PlainSerializer(lambda _: MASK, return_type=str, when_used="json"),
]
NotYet = Annotated[object, AfterValidator(_refuse)]
"""A key that Prometheus has and tocsin does not serve: an error that says so."""


def at_most_one(**fields: object) -> None:
    """Raises ValueError when more than one of the fields is given."""
    given = [name for name, value in fields.items() if value]
    if len(given) > 1:
        raise ValueError(f"give only one of {', '.join(given)}")
