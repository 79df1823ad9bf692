"""The bytes of one series in an exposition, `name{label="value",…}`, to `Labels`.

The slow path of the text formats: a series comes here once in a target's life. Takes Prometheus
3's grammar: names in quotes are UTF-8, a metric name may stand in the braces, and the comma between
two labels may be missing (Prometheus has it so in its own format, not in OpenMetrics).
"""

from __future__ import annotations

import math
import re

from collector.ingest.formats.go_float import normalize_bound
from collector.ingest.formats.reserved_label import moved_aside
from collector.model.errors import InputError
from collector.model.labels import METRIC_NAME, Labels

MAX_SECONDS = 1e12
"""What is further from 1970 is no time in seconds."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_QUOTED = r'"((?:[^"\\\n]|\\.)*)"'
_TERM = re.compile(
    rf"[ \t]*(?:([a-zA-Z_][a-zA-Z0-9_]*)|{_QUOTED})[ \t]*(?:=[ \t]*{_QUOTED})?[ \t]*(,|$)?"
)
_ESCAPE = re.compile(r'\\([\\n"])')
_ESCAPED = {"\\": "\\", "n": "\n", '"': '"'}


class SeriesError(InputError):
    """The series' text breaks the grammar."""


def parse_series(raw: bytes, bound: str = "") -> Labels:
    """Labels of one series, its name as `__name__`; raises SeriesError.

    `bound` names the label that is written as a float, if the series has it.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise SeriesError("not UTF-8", advice="the exposition must be UTF-8 throughout") from error
    name, brace, rest = text.partition("{")
    name = name.strip(" \t")
    if name and not _NAME.fullmatch(name):
        raise SeriesError(
            f"not a metric name: {name!r}", advice="put a name with other characters in quotes"
        )
    labels = _parse_terms(rest[:-1], name) if brace else {METRIC_NAME: name}
    if METRIC_NAME not in labels:
        raise SeriesError("a sample without a metric name", advice='write name{…} or {"name",…}')
    if bound in labels:
        labels[bound] = normalize_bound(labels[bound])
    return Labels(moved_aside(labels))


def parse_exemplar(raw: bytes) -> tuple[Labels, float, int | None]:
    """Labels, value and time in milliseconds of `# {…} value [seconds]`; raises SeriesError.

    The scanner has seen that the braces close and that the numbers are some.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise SeriesError("not UTF-8", advice="the exposition must be UTF-8 throughout") from error
    inner, _, numbers = text.partition("{")[2].rpartition("}")
    labels = _parse_terms(inner, "")
    if METRIC_NAME in labels:
        raise SeriesError("a metric name in an exemplar", advice="an exemplar has labels only")
    value, *seconds = map(float, numbers.split())
    if math.isinf(value) and "inf" not in numbers.lower():
        raise SeriesError(f"an exemplar of {numbers.split()[0]}", advice="no float is so large")
    if seconds and not abs(seconds[0]) < MAX_SECONDS:
        raise SeriesError(f"an exemplar at {seconds[0]!r} s", advice="give seconds since 1970")
    return Labels(labels), value, math.floor(seconds[0] * 1000 + 0.5) if seconds else None


def _parse_terms(text: str, name: str) -> dict[str, str]:
    labels = {METRIC_NAME: name} if name else {}
    position = 0
    while text[position:].strip(" \t"):
        match = _TERM.match(text, position)
        if match is None or (match[3] is None and match[4] is None):
            raise SeriesError(
                f"not a label: {text[position : position + 40]!r}",
                advice='write label="value", with a backslash before \\ and " in the value',
            )
        key, value = _key_and_value(match)
        if key in labels:
            raise SeriesError(f"the label {key} stands twice", advice="give each label once")
        labels[key] = value
        position = match.end()
    return labels


def _key_and_value(match: re.Match[str]) -> tuple[str, str]:
    """A term with `=` is a label; a quoted one without is the metric name."""
    bare, quoted, value = match[1], match[2], match[3]
    if value is None:
        if not quoted:
            raise SeriesError(f"the label {bare or ''} has no value", advice='write label="value"')
        return METRIC_NAME, unescape(quoted)
    key = bare if quoted is None else unescape(quoted)
    if not key or key == METRIC_NAME:
        raise SeriesError(f"not a label name: {key!r}", advice="name the label")
    return key, unescape(value)


def unescape(text: str) -> str:
    r"""Undo `\\`, `\"` and `\n`; any other backslash stays."""
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], text) if "\\" in text else text
