"""Rules about Loki's queries. tocsin has no LogQL parser: what is looked at is their outline."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dashboards.lint.document import Document, Target
from dashboards.lint.finding import Finding

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
_FIXED_RANGE = re.compile(r"\[\s*\d[\w.]*\s*\]")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def logql(document: Document) -> Iterator[Finding]:
    """Every query selects a stream, closes its strings, and its brackets as they were opened."""
    for target in _loki(document):
        if wrong := _wrong_outline(target.expanded):
            yield document.found_in(target, f"invalid LogQL: {wrong}")


def logql_auto(document: Document) -> Iterator[Finding]:
    """Ranges are `$__auto`, that fits the resolution."""
    for target in _loki(document):
        if _FIXED_RANGE.search(_STRING.sub('""', target.expr)):
            yield document.found_in(target, "a fixed range: should use $__auto")


def _wrong_outline(expr: str) -> str:
    bare = _STRING.sub("", expr)
    if '"' in bare or "`" in bare:
        return "a string is not closed"
    open_: list[str] = []
    for char in bare:
        if char in _CLOSING.values():
            open_.append(char)
        elif char in _CLOSING and (not open_ or open_.pop() != _CLOSING[char]):
            return f"{char!r} closes nothing"
    if open_:
        return f"{open_[-1]!r} is not closed"
    return "" if "{" in bare else "no stream is selected"


def _loki(document: Document) -> Iterator[Target]:
    return (one for one in document.targets if one.datasource_type == "loki")
