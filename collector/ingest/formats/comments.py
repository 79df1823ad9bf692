"""TYPE, HELP and UNIT lines to `Metadata`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import cast, get_args

from collector.ingest.formats.series_text import unescape
from collector.model.errors import InputError
from collector.model.metadata import Metadata, MetricType

_LINE = re.compile(
    r'#[ \t]+(TYPE|HELP|UNIT)[ \t]+(?:"((?:[^"\\]|\\.)*)"|([^ \t"]+))(?:[ \t]+(.*))?'
)
_TYPES = frozenset(get_args(MetricType))


def parse_comments(lines: Iterable[str]) -> dict[str, Metadata]:
    """Metadata by family name; comments that say nothing of a family are passed over.

    Raises InputError for a type that does not exist.
    """
    families: dict[str, Metadata] = {}
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name = unescape(match[2]) if match[2] is not None else match[3]
        text = match[4] or ""
        families[name] = _with(families.get(name, Metadata()), match[1], text, line)
    return families


def type_of(line: str) -> str | None:
    """What a TYPE line says, None for any other comment."""
    match = _LINE.fullmatch(line.strip())
    return match[4] or "" if match is not None and match[1] == "TYPE" else None


def _with(metadata: Metadata, keyword: str, text: str, line: str) -> Metadata:
    if keyword == "HELP":
        return replace(metadata, help=unescape(text))
    if keyword == "UNIT":
        return replace(metadata, unit=text)
    kind = "unknown" if text == "untyped" else text
    if kind not in _TYPES:
        raise InputError(
            f"not a metric type: {text!r}, in {line!r}",
            advice="one of counter, gauge, histogram, summary, untyped",
        )
    return replace(metadata, type=cast(MetricType, kind))
