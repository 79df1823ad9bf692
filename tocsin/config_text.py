"""The configuration that holds, written back as YAML: only what was set, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

import yaml
from pydantic import BaseModel

from collector.config_values import MASK
from tocsin.config import Config

SPREAD = ("global_", "alerts_global", "alerts")
"""Models whose fields are not a section of that name."""
_PASSWORD = re.compile(r"(?<=://)([^/?#\s:@]*):[^/?#\s@]*@")


def config_text(config: Config) -> str:
    """YAML that tocsin reads, but for its secrets; those in URLs are masked too."""
    global_ = {**_set_in(config.global_), **_set_in(config.alerts_global)}
    sections = {one.name: getattr(config, one.name) for one in fields(config)}
    document: dict[str, object] = {
        "global": global_,
        **{
            name: _set_in(section)
            for name, section in sections.items()
            if isinstance(section, BaseModel) and name not in SPREAD
        },
        "scrape_configs": [_set_in(one) for one in config.scrape_configs],
        **_set_in(config.alerts),
    }
    kept = {name: _masked(value) for name, value in document.items() if value}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True) if kept else ""


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
