"""Reads Prometheus's test notation of series: `1+2x3 _ stale {{schema:0 sum:1 buckets:[2]}}x2`.

Source: "Series" in Prometheus's unit testing documentation, and promql/promqltest/README.md. Text
in, values out; used by unit tests of rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collector.model.errors import InputError
from collector.model.histogram_arithmetic import add, subtract
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram, ResetHint
from collector.model.labels import METRIC_NAME, NO_LABELS, Labels
from collector.model.samples import STALE
from collector.query.ast import VectorSelector
from collector.query.parser import parse

Sample = float | NativeHistogram | None
"""One item of a series; None where there is no sample."""

MAX_ITEMS = 1_000_000
"""Items of one series: `1x9999999999` is a mistake."""

_ITEM = re.compile(r"\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x\d+)?|\S+", re.DOTALL)
_NUMBER = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|[nN]a[nN])"
_SEQUENCE = re.compile(
    rf"(?P<first>[+-]?{_NUMBER}|stale)(?:(?P<sign>[+-])(?P<by>{_NUMBER}))?x(?P<times>\d+)"
)
_HISTOGRAMS = re.compile(
    r"\{\{(?P<first>.*?)\}\}(?:(?P<sign>[+-])\{\{(?P<by>.*?)\}\})?(?:x(?P<times>\d+))?", re.DOTALL
)
_PART = re.compile(r"(\w+):\s*(\[[^\]]*\]|\S+)")
_HINTS = {
    "unknown": ResetHint.UNKNOWN,
    "reset": ResetHint.RESET,
    "not_reset": ResetHint.NOT_RESET,
    "gauge": ResetHint.GAUGE,
}


def read_labels(text: str) -> Labels:
    """`name{a="b"}` or `{a="b"}` as a label set; raises InputError for anything else."""
    stripped = text.strip()
    if stripped in ("", "{}"):
        return NO_LABELS
    expr = parse(stripped)
    if not isinstance(expr, VectorSelector) or any(one.kind != "=" for one in expr.matchers):
        raise InputError(f"not a series: {text!r}", advice='write it like name{label="value"}')
    pairs = {one.name: one.value for one in expr.matchers}
    return Labels({METRIC_NAME: expr.name, **pairs} if expr.name else pairs)


def read_items(text: str) -> list[Sample]:
    """The items of a series, one a step. Raises InputError for what is no item."""
    items: list[Sample] = []
    for item in _ITEM.findall(text):
        items += _expanded(item)
        if len(items) > MAX_ITEMS:
            raise InputError(f"a series of over {MAX_ITEMS:,} items", advice="write fewer")
    return items


def _expanded(item: str) -> Iterator[Sample]:
    if item.startswith("{{"):
        return _histograms(item)
    if match := re.fullmatch(r"_(?:x(\d+))?", item):
        return iter([None] * _times(match[1] or "1"))
    if match := _SEQUENCE.fullmatch(item):
        return _sequence(match)
    return iter([_number(item)])


def _times(digits: str) -> int:
    if len(digits) > len(str(MAX_ITEMS)):
        raise InputError(f"a series of over {MAX_ITEMS:,} items", advice="write fewer")
    return int(digits)


def _sequence(match: re.Match[str]) -> Iterator[Sample]:
    value = _number(match["first"])
    by = _number(match["by"]) if match["by"] else 0.0
    by = -by if match["sign"] == "-" else by
    for _ in range(_times(match["times"]) + 1):
        yield value
        if match["by"]:
            value += by


def _number(text: str) -> float:
    if text == "stale":
        return STALE
    try:
        if re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", text):
            return float(int(text, 16))
        return float(text.replace("_", "x"))
    except ValueError as error:
        raise InputError(
            f"not a value of a series: {text!r}",
            advice="write numbers like 1, 1x3, 1+2x3, _, stale",
        ) from error


# -- native histograms ----------------------------------------------------------------------------


def _histograms(item: str) -> Iterator[Sample]:
    match = _HISTOGRAMS.fullmatch(item)
    if match is None:
        raise InputError(f"not a histogram: {item!r}")
    value = read_histogram(match["first"])
    if match["times"] is None and match["by"] is None:
        yield value
        return
    by = read_histogram(match["by"]) if match["by"] else None
    for _ in range(_times(match["times"] or "0") + 1):
        yield value
        if by is not None:
            value = (subtract if match["sign"] == "-" else add)(value, by).histogram


def read_histogram(text: str) -> NativeHistogram:
    """What stands between `{{` and `}}`; raises InputError for an unknown part."""
    parts = dict(_PART.findall(text))
    known = {*_NUMBERS, "schema", "buckets", "offset", "n_buckets", "n_offset"}
    known |= {"custom_values", "counter_reset_hint"}
    if unknown := set(parts) - known:
        raise InputError(f"a histogram has no part {sorted(unknown)[0]!r}")
    numbers = {name: _number(parts.get(short, "0")) for short, name in _NUMBERS.items()}
    custom = tuple(_list(parts.get("custom_values", "")))
    return NativeHistogram(
        schema=int(parts.get("schema", CUSTOM_BUCKETS if custom else 0)),
        positive=_buckets(parts.get("buckets", ""), parts.get("offset", "0")),
        negative=_buckets(parts.get("n_buckets", ""), parts.get("n_offset", "0")),
        custom_values=custom,
        reset_hint=_HINTS.get(parts.get("counter_reset_hint", ""), ResetHint.UNKNOWN),
        **numbers,
    )


_NUMBERS = {
    "count": "count",
    "sum": "sum",
    "z_bucket": "zero_count",
    "z_bucket_w": "zero_threshold",
}


def _list(text: str) -> list[float]:
    return [_number(one) for one in text.strip("[]").replace(",", " ").split()]


def _buckets(text: str, offset: str) -> tuple[tuple[int, float], ...]:
    first = int(offset)
    return tuple((first + at, count) for at, count in enumerate(_list(text)) if count)
