"""The configuration that holds, written back as YAML: only what was set, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

import yaml
from pydantic import BaseModel

from collector.config_values import MASK
from tocsin.config import Config

GLOBAL = ("global_", "alerts_global")
"""Models that share the block `global`."""
SPREAD = ("alerts",)
"""Models whose fields are top-level keys."""
NAMES = {"alerts_section": "alerts"}
"""Sections that the file names otherwise."""
_PASSWORD = re.compile(r"(?<=://)([^/?#\s:@]*):[^/?#\s@]*@")


def config_text(config: Config) -> str:
    """YAML that tocsin reads, but for its secrets; those in URLs are masked too.

    What was made of the configuration, such as the objectives in its files, is not written.
    """
    document: dict[str, object] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name in GLOBAL:
            document["global"] = {**_mapping(document.get("global")), **_set_in(value)}
        elif field.name in SPREAD:
            document |= _set_in(value)
        else:
            document[NAMES.get(field.name, field.name)] = _written(value)
    kept = {name: _masked(value) for name, value in document.items() if value}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True) if kept else ""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _written(value: object) -> object:
    """A section, a list of sections or of texts; None for anything else."""
    if isinstance(value, BaseModel):
        return _set_in(value)
    if not isinstance(value, list | tuple):
        return None
    known = [_set_in(one) if isinstance(one, BaseModel) else one for one in value]
    return known if all(isinstance(one, dict | str) for one in known) else None


def _set_in(model: BaseModel) -> dict[str, object]:
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def _masked(value: object) -> object:
    match value:
        case str():
            return _PASSWORD.sub(rf"\1:{MASK}@", value)
        case Mapping():
            return {key: _masked(inner) for key, inner in value.items()}
        case list():
            return [_masked(inner) for inner in value]
        case _:
            return value
