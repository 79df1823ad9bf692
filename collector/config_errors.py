"""pydantic's findings in the words of a person who edits YAML: file, line, field, what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from collector.model.errors import ConfigError
from collector.model.yaml_document import Path, YamlDocument

_MAPPING = ("must be a mapping of fields", "write `field: value` lines below it")
_LIST = ("must be a list", "write `- item` lines below it, or [item, item]")
_TEXT = ("must be text", "put it in quotes")
_WHOLE = ("must be a whole number", "write digits only")
_IN_PLAIN_WORDS = {
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": ("must be true or false", "write one of the two"),
    "bool_parsing": ("must be true or false", "write one of the two"),
}
"""What pydantic calls by the names of Python's types: error type -> message and advice."""


class ManyConfigErrors(ConfigError):  # noqa: N818 - it holds errors, so a plural
    """Every error of one configuration; `errors` has them in the order of the file."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        once = {str(error): error for error in errors}.values()
        self.errors = sorted(once, key=lambda error: (error.where.file, error.where.line))
        super().__init__("\n".join(str(error) for error in self.errors))


def explain(
    error: ValidationError, document: YamlDocument, at: Path, model: type[BaseModel]
) -> list[ConfigError]:
    """One ConfigError for each finding; `at` is the section's path in the document."""
    names = sorted(set(field_names(model)))
    return [_explain_one(details, document, at, names) for details in error.errors()]


def _explain_one(
    details: ErrorDetails, document: YamlDocument, at: Path, names: Sequence[str]
) -> ConfigError:
    path = (*at, *_path_in_file(details["loc"], document, at))
    message, advice = details["msg"], ""
    if details["type"] == "extra_forbidden":
        message = f"no such field: {path[-1]!r}"
        near = difflib.get_close_matches(str(path[-1]), names, n=1)
        advice = f"did you mean {near[0]!r}?" if near else "remove it, or see docs/configuration.md"
    elif details["type"] == "missing":
        message = f"the field {path[-1]!r} is missing"
        advice = "add it"
    elif details["type"] in _IN_PLAIN_WORDS:
        message, advice = _IN_PLAIN_WORDS[details["type"]]
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError | ValueError):
        message = str(cause)
    message = message.replace("Input should be", "must be")
    if not advice and not message.endswith(")"):  # else the advice is in it already
        advice = "see docs/configuration.md"
    return ConfigError(message, where=document.where(path), advice=advice)


def _path_in_file(loc: Path, document: YamlDocument, at: Path) -> Path:
    """pydantic's `loc` without the parts that it adds for unions and functions."""
    path: Path = ()
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if last or isinstance(part, int) or (*at, *path, part) in document.lines:
            path = (*path, part)
    return path


def field_names(model: type[BaseModel]) -> Iterator[str]:
    """Names that may be written in a section: its fields and those of the models inside."""
    seen: set[type[BaseModel]] = set()
    waiting = [model]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for name, field in current.model_fields.items():
            yield field.alias or name
            waiting.extend(_models_in(field.annotation))


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
