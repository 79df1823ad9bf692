"""A native histogram as a family of float columns, and back.

The store keeps floats only. Each part of a histogram is a series of its own: the labels of the
histogram and the reserved label COMPONENT, which says what the column holds:

- `form`: schema and reset hint in one number (see `_form`);
- `count`, `sum`, `zero_count`, `zero_threshold`;
- `3+12`, `3-4`: the bucket of that schema, sign and index; `le0.25`: a custom bucket by its bound.

A row has a histogram where its `count` is a sample. Any other cell without a sample is 0, so only
buckets that have ever counted cost a column. Of custom buckets every bound has a cell, empty ones
too, since the bounds themselves are part of the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from collector.model.histograms import CUSTOM_BUCKETS, Buckets, NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.samples import Float64s, is_sample, is_stale

COMPONENT = "__histogram__"
"""The label that tells the columns of one histogram apart; refused on the way in."""

Parts = list[tuple[str, float]]
_HINTS = len(ResetHint)


def parts(histogram: NativeHistogram) -> Parts:
    """(component, value) of each column that one histogram fills."""
    found: Parts = [
        ("form", _form(histogram)),
        ("count", histogram.count),
        ("sum", histogram.sum),
    ]
    if histogram.has_custom_buckets:
        counts = dict(histogram.positive)
        bounds = (*histogram.custom_values, math.inf)
        found += [(f"le{bound!r}", counts.get(i, 0.0)) for i, bound in enumerate(bounds)]
        return found
    found.append(("zero_threshold", histogram.zero_threshold))
    found.append(("zero_count", histogram.zero_count))
    found += [(f"{histogram.schema}+{i}", count) for i, count in histogram.positive]
    found += [(f"{histogram.schema}-{i}", count) for i, count in histogram.negative]
    return found


def columns(labels: Labels, histogram: NativeHistogram) -> list[tuple[Labels, float]]:
    """The series and value of each column that one histogram of the series `labels` fills."""
    return [(labels.merged({COMPONENT: name}), value) for name, value in parts(histogram)]


def without_component(labels: Labels) -> Labels:
    """The labels of the histogram that a column belongs to; others as they are."""
    return labels.without(COMPONENT) if labels.get(COMPONENT) else labels


def assembled(components: Sequence[str], values: Float64s) -> list[NativeHistogram | float | None]:
    """The sample of each row: a histogram, the STALE marker, or None where there is no sample.

    `values` float64[n, t] has a row for each of the n `components` of one histogram series.
    """
    number = {name: i for i, name in enumerate(components)}
    count = values[number["count"]]
    stale, here = is_stale(count), is_sample(count)
    cells = np.where(is_sample(values), values, 0.0)
    present = is_sample(values)
    answer: list[NativeHistogram | float | None] = [None] * values.shape[1]
    for t in np.flatnonzero(here | stale).tolist():
        answer[t] = float(count[t]) if stale[t] else _one(number, cells[:, t], present[:, t])
    return answer


def _one(number: dict[str, int], cells: Float64s, present: Iterable[bool]) -> NativeHistogram:
    there = list(present)
    cell = {name: float(cells[i]) for name, i in number.items() if there[i]}
    schema, hint = _schema_and_hint(cell.get("form", 0.0))
    if schema == CUSTOM_BUCKETS:
        bounds = sorted(
            (float(name[2:]), value) for name, value in cell.items() if name[:2] == "le"
        )
        counts = tuple((i, value) for i, (_, value) in enumerate(bounds) if value)
        custom = tuple(bound for bound, _ in bounds if bound != math.inf)
        return NativeHistogram(
            schema, cell["count"], cell.get("sum", 0.0), 0.0, 0.0, counts, (), custom, hint
        )
    return NativeHistogram(
        schema,
        cell["count"],
        cell.get("sum", 0.0),
        cell.get("zero_threshold", 0.0),
        cell.get("zero_count", 0.0),
        _buckets(cell, f"{schema}+"),
        _buckets(cell, f"{schema}-"),
        (),
        hint,
    )


def _buckets(cell: dict[str, float], prefix: str) -> Buckets:
    found = ((name[len(prefix) :], n) for name, n in cell.items() if n and name.startswith(prefix))
    return tuple(sorted((int(index), count) for index, count in found))


def _form(histogram: NativeHistogram) -> float:
    """Schema and reset hint as one exact number: (schema + 64) * 4 + hint."""
    return float((histogram.schema + 64) * _HINTS + histogram.reset_hint)


def _schema_and_hint(form: float) -> tuple[int, ResetHint]:
    schema, hint = divmod(int(form), _HINTS)
    return schema - 64, ResetHint(hint)
