"""Columns of many histogram series put together as one array, where all have one layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collector.model.histograms import CUSTOM_BUCKETS, ResetHint
from collector.model.samples import Bools, Float64s, is_sample
from collector.query.dense_histograms import DenseHistograms, Layout
from collector.store.interface import Slice

Rows = Mapping[str, int]
"""The rows of a slice that make one series, by component."""

_HINTS = len(ResetHint)


def dense_family(part: Slice, families: Sequence[Rows]) -> DenseHistograms | None:
    """The histograms of these series; None where they have no common layout."""
    if not all("form" in rows and "count" in rows and "sum" in rows for rows in families):
        return None
    there = is_sample(np.ascontiguousarray(part.values[[rows["count"] for rows in families]]))
    forms = part.values[[rows["form"] for rows in families]]
    if not there.any() or not is_sample(np.ascontiguousarray(forms))[there].all():
        return None
    codes = np.where(there, forms, 0.0).astype(np.int64)
    schemas = np.unique(codes[there] // _HINTS)
    if len(schemas) != 1:
        return None
    names = sorted({name for rows in families for name in rows})
    layout = _layout(int(schemas[0]) - 64, names, part, families, there)
    if layout is None:
        return None
    parts = ["count", "sum", "zero_count", *_names(layout)]
    data = np.zeros((*there.shape, len(parts)))
    for place, name in enumerate(parts):
        rows = [i for i, one in enumerate(families) if name in one]
        cells = np.ascontiguousarray(part.values[[families[i][name] for i in rows]])
        data[rows, :, place] = np.where(is_sample(cells) & there[rows], cells, 0.0)
    return DenseHistograms(layout, data, there, np.where(there, codes % _HINTS, 0))


def _layout(
    schema: int, names: Sequence[str], part: Slice, families: Sequence[Rows], there: Bools
) -> Layout | None:
    if schema == CUSTOM_BUCKETS:
        return _custom_layout(names, part, families, there)
    known = (f"{schema}+", f"{schema}-")
    buckets = [name for name in names if name[-1:].isdigit() or name.startswith("le")]
    if not all(name.startswith(known) for name in buckets):
        return None
    thresholds = np.unique(_cells("zero_threshold", part, families, there))
    if len(thresholds) != 1:
        return None
    positive, negative = (
        tuple(sorted(int(name[len(sign) :]) for name in buckets if name.startswith(sign)))
        for sign in known
    )
    return Layout(schema, float(thresholds[0]), (), positive, negative)


def _custom_layout(
    names: Sequence[str], part: Slice, families: Sequence[Rows], there: Bools
) -> Layout | None:
    """Every histogram must have a cell for every bound."""
    bounds = sorted((float(name[2:]), name) for name in names if name.startswith("le"))
    for _, name in bounds:
        if not all(name in rows for rows in families):
            return None
        cells = np.ascontiguousarray(part.values[[rows[name] for rows in families]])
        if not is_sample(cells)[there].all():
            return None
    if not bounds or bounds[-1][0] != np.inf:
        return None
    custom = tuple(bound for bound, _ in bounds[:-1])
    return Layout(CUSTOM_BUCKETS, 0.0, custom, tuple(range(len(bounds))), ())


def _cells(name: str, part: Slice, families: Sequence[Rows], there: Bools) -> Float64s:
    """The cells of one component wherever there is a histogram; 0 where it has none."""
    found = np.zeros(there.shape)
    for i, rows in enumerate(families):
        if name in rows:
            cells = part.values[rows[name]]
            found[i] = np.where(is_sample(np.ascontiguousarray(cells)), cells, 0.0)
    return np.asarray(found[there])


def _names(layout: Layout) -> list[str]:
    """The components of a layout's buckets, in its order."""
    if layout.is_custom:
        return [f"le{bound!r}" for bound in (*layout.custom_values, float("inf"))]
    negative = [f"{layout.schema}-{i}" for i in reversed(layout.negative)]
    return negative + [f"{layout.schema}+{i}" for i in layout.positive]
