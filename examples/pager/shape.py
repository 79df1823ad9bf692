"""Says what is wrong with a JSON object: keys that are missing, unknown, or of another type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Problems = list[str]


def check_keys(
    value: Any, where: str, required: Mapping[str, type], optional: Mapping[str, type]
) -> Problems:
    """Problems of an object's keys; anything that the API does not document is one."""
    if not isinstance(value, dict):
        return [f"{where}: must be an object"]
    problems = [f"{where}: {key} is missing" for key in required if key not in value]
    for key, held in value.items():
        kind = {**required, **optional}.get(key)
        if kind is None:
            problems.append(f"{where}: unknown key {key}")
        elif not isinstance(held, kind) or (kind is int and isinstance(held, bool)):
            problems.append(f"{where}.{key}: must be {kind.__name__}")
    return problems


def check_length(value: Any, where: str, longest: int, shortest: int = 1) -> Problems:
    """Problems of a text's or a list's length."""
    if not isinstance(value, str | list):
        return []
    if len(value) < shortest:
        return [f"{where}: must not be empty"]
    return [f"{where}: {len(value)} is over {longest}"] if len(value) > longest else []


def check_each(values: Any, where: str) -> Iterable[tuple[str, Any]]:
    """(place, value) of each entry of what should be a list."""
    if isinstance(values, list):
        for i, value in enumerate(values):
            yield f"{where}[{i}]", value
