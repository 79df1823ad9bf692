"""What a selector reads: float series as the store has them, histograms put together again.

The store keeps a native histogram as a family of columns; here the columns of one series meet, and
meet its floats, if it had any. A series that is only floats goes through untouched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from collector.model.histogram_arithmetic import was_reset
from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import (
    STALE,
    Float64s,
    Int64s,
    filled,
    is_missing,
    is_sample,
    is_stale,
)
from collector.query.block import Cells, are_histograms, no_histograms
from collector.query.dense_histograms import DenseHistograms
from collector.query.operators.dense_families import dense_family
from collector.query.operators.interface import SampleReader
from collector.store.interface import Slice

MAX_REMEMBERED_COLUMNS = 1 << 18
"""Columns of histograms whose series is remembered (some 300 bytes each)."""
COLUMNS = (Matcher("!=", COMPONENT, ""),)
"""What all columns of histograms have."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Series over one column of timestamps, as a `Slice`, with their histograms.

    `values` float64[n, m] is MISSING where `cells` (n, m) has a histogram; `cells` is None where
    there is none at all. `began_ms` int64[n, m]: start timestamps, 0 where unknown. `refs`
    are the store's, None for series that were put together.
    """

    labels: Sequence[Labels]
    timestamps_ms: Int64s
    values: Float64s
    cells: Cells | None = None
    began_ms: Int64s | None = None
    refs: Int64s | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a slice that is a part of a series with histograms; "" for its floats."""

    component: str
    part: Slice
    row: int


def read_samples(
    querier: SampleReader, matchers: tuple[Matcher, ...], after_ms: int, until_ms: int
) -> list[Samples]:
    """All samples in `(after_ms, until_ms]` of the series that match; each series is in one."""
    slices = querier.select(matchers, after_ms, until_ms)
    families: dict[Labels, list[_Row]] = defaultdict(list)
    columns = _component_rows(querier, slices)
    if not any(columns):
        return [_plain(part) for part in slices]
    for part, rows in zip(slices, columns, strict=True):
        for row in rows:
            labels, component = _split(part.labels[row])
            families[labels].append(_Row(component, part, row))
    found = []
    for part, rows in zip(slices, columns, strict=True):
        apart = set(rows)
        for row, labels in enumerate(part.labels):
            if row not in apart and labels in families:
                families[labels].append(_Row("", part, row))
                apart.add(row)
        if len(apart) < len(part.labels):
            found.append(_without(part, apart))
    return found + _put_together(families)


@lru_cache(maxsize=MAX_REMEMBERED_COLUMNS)
def _split(labels: Labels) -> tuple[Labels, str]:
    """The series that a column belongs to, and which of its columns it is."""
    return without_component(labels), labels[COMPONENT]


def _put_together(families: Mapping[Labels, list[_Row]]) -> list[Samples]:
    """Series of one slice and layout together, any others one by one."""
    alike: dict[int, list[Labels]] = defaultdict(list)
    for labels, rows in families.items():
        in_one = all(one.component and one.part is rows[0].part for one in rows)
        alike[id(rows[0].part) if in_one else -1].append(labels)
    found = []
    for key, members in alike.items():
        dense = None if key == -1 else _dense(members, families)
        alone = [_family(labels, families[labels]) for labels in members] if not dense else []
        found += [dense] if dense else alone
    return found


def _dense(members: list[Labels], families: Mapping[Labels, list[_Row]]) -> Samples | None:
    part = families[members[0]][0].part
    rows = [{one.component: one.row for one in families[labels]} for labels in members]
    found = dense_family(part, rows)
    if found is None:
        return None
    counts = [one["count"] for one in rows]
    values = filled(found.there.shape)
    stale = is_stale(part.values[counts])
    values[stale] = STALE
    began = None if part.start_ms is None else np.where(found.there, part.start_ms[counts], 0)
    return Samples(members, part.timestamps_ms, values, found, began, part.refs[counts])


def _component_rows(querier: SampleReader, slices: Sequence[Slice]) -> list[list[int]]:
    """The rows of each slice that are columns of histograms; by ref, as labels are slow to ask."""
    refs = querier.match(COLUMNS)
    if not len(refs):
        return [[] for _ in slices]
    return [np.flatnonzero(np.isin(part.refs, refs)).tolist() for part in slices]


def _plain(part: Slice) -> Samples:
    return Samples(part.labels, part.timestamps_ms, part.values, None, part.start_ms, part.refs)


def _without(part: Slice, rows: set[int]) -> Samples:
    keep = np.array([row for row in range(len(part.labels)) if row not in rows], np.int64)
    labels = [part.labels[row] for row in keep]
    began = None if part.start_ms is None else part.start_ms[keep]
    return Samples(labels, part.timestamps_ms, part.values[keep], None, began, part.refs[keep])


def _family(labels: Labels, rows: list[_Row]) -> Samples:
    """One series from all its rows, over the union of their timestamps."""
    times = rows[0].part.timestamps_ms
    if any(one.part is not rows[0].part for one in rows):
        times = np.unique(np.concatenate([one.part.timestamps_ms for one in rows]))
    cells = np.stack([_spread(one, times) for one in rows])
    parts = [i for i, one in enumerate(rows) if one.component]
    values, histograms = filled(len(times)), no_histograms((len(times),))
    for i, one in enumerate(rows):
        if not one.component:
            values = cells[i]
    for t, sample in enumerate(assembled([rows[i].component for i in parts], cells[parts])):
        if isinstance(sample, NativeHistogram):
            histograms[t] = sample
            values[t : t + 1] = filled(1)
        elif sample is not None and not is_sample(values[t : t + 1])[0]:
            values[t] = sample
    began = _began(rows, times)
    return Samples([labels], times, values[np.newaxis], histograms[np.newaxis], began)


def _spread(one: _Row, times: Int64s) -> Float64s:
    """A row's cells at other times, MISSING where it has none."""
    values: Float64s = one.part.values[one.row]
    if len(times) == len(values):
        return values.copy()
    cells = filled(len(times))
    cells[np.searchsorted(times, one.part.timestamps_ms)] = values
    return cells


def _began(rows: list[_Row], times: Int64s) -> Int64s | None:
    """The start timestamp of each sample (int64[1, m]), of floats and of histograms' counts."""
    began = np.zeros((1, len(times)), np.int64)
    known = False
    for one in rows:
        if one.part.start_ms is None or one.component not in ("", "count"):
            continue
        known = True
        here = ~is_missing(one.part.values[one.row])
        places = np.searchsorted(times, one.part.timestamps_ms[here])
        began[0, places] = one.part.start_ms[one.row, here]
    return began if known else None


def with_resets_noted(histograms: Cells | None) -> Cells | None:
    """Each histogram of unknown kind told to be a counter reset or not, by the one before it."""
    if histograms is None or isinstance(histograms, DenseHistograms):
        return None if histograms is None else histograms.with_resets_noted()
    noted = histograms.copy()
    for row in range(len(histograms)):
        previous = None
        for column in np.flatnonzero(are_histograms(histograms[row])).tolist():
            current: NativeHistogram = histograms[row, column]
            if previous is not None and current.reset_hint == ResetHint.UNKNOWN:
                reset = was_reset(current, previous)
                hint = ResetHint.RESET if reset else ResetHint.NOT_RESET
                noted[row, column] = current.with_hint(hint)
            previous = current
    return noted
