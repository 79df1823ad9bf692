"""numba kernels of the query engine. `warm()` compiles them, or loads them from numba's cache."""

from __future__ import annotations

import numpy as np

from collector.model.samples import filled


def warm() -> None:
    """Make every kernel ready, in the calling thread; for a background thread at start.

    The first run on a machine compiles (tens of seconds of CPU), later ones load the cache
    (about a second). A query that comes meanwhile waits for the kernels that it needs only.
    """
    from collector.query.kernels import (
        aggregate,
        buckets,
        dense_histograms,
        extended,
        float_digits,
        histogram_quantile,
        over_time,
        rate,
        regression,
        started,
        windows,
    )

    values = windows.read_only(np.array([[1.0, 2.0, 3.0]]))
    bits = values.view(np.int64)
    times = windows.read_only(np.array([0, 1000, 2000], np.int64))
    lo, hi = np.array([0], np.int64), np.array([3], np.int64)
    ends, one = np.array([2000], np.int64), np.ones(1)
    out = filled((1, 1))
    into = (out, out.view(np.int64))
    common = (times, values, bits, lo, hi)
    windows.latest(bits, lo, hi, into[1])
    windows.rows_with_cells(windows.read_only(into[1]))
    rate.extrapolated(*common, lo, ends, True, 1.0, *into)
    windows.latest_columns(bits, lo, hi, np.empty((1, 1), np.int64))
    cell = np.ones((1, 1))
    counter = (cell, cell, cell, cell, cell, cell)
    buckets.extrapolated(1, ends, *counter, lo, lo + 1, one, *into)
    rate.last_two(*common, True, *into)
    extended.extended(0, *common, lo, ends, True, True, 1.0, *into)
    extended.interpolated(times, values, bits, lo, lo, hi, ends, *into)
    began = windows.read_only(np.zeros(values.shape, np.int64))
    contradicts = np.zeros(1, np.int64)
    started.started(0, times, values, bits, began, lo, hi, lo, ends, 1.0, *into, contradicts)
    over_time.over_time(0, *common, 1, one, one, *into)
    regression.regressions(*common, ends, one, True, *into)

    wide = filled((1, 3))
    grouped = (wide, wide.view(np.int64))
    ids = np.zeros(1, np.int64)
    aggregate.sums(values, bits, ids, *grouped)
    aggregate.averages(values, bits, ids, *grouped)
    aggregate.extremes(values, bits, ids, True, *grouped)
    aggregate.counts(bits, ids, False, *grouped)
    aggregate.variances(values, bits, ids, True, *grouped)
    aggregate.quantiles(values, bits, ids, np.full(3, 0.5), *grouped)
    aggregate.keep_first(values, bits, ids, 1, np.ones(3, np.int64), 1, grouped[1])
    histogram_quantile.classic(
        values,
        bits,
        np.array([np.inf]),
        np.array([0, 1], np.int64),
        True,
        np.full(3, 0.5),
        np.ones(3),
        *grouped,
        np.zeros(1, np.int64),
    )
    cells = windows.read_only(np.ones((1, 3, 4)))
    there = windows.read_only(np.ones((1, 3), np.bool_))
    falls, some = np.zeros((1, 3), np.bool_), np.zeros((1, 1), np.bool_)
    hints = windows.read_only(np.zeros((1, 3), np.int64))
    dense_histograms.resets(cells, there, hints, falls)
    known = (times, cells, there, windows.read_only(falls), lo, hi, lo, ends)
    dense_histograms.extrapolated(*known, 1.0, np.zeros((1, 1, 4)), some)
    zeros, members = np.zeros((1, 3, 4)), np.zeros((1, 3), np.int64)
    dense_histograms.sums(cells, there, ids, zeros, zeros.copy(), members)
    edges = (np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    q = windows.read_only(np.full(3, 0.5))
    dense_histograms.quantiles(q, cells, there, *edges, 0, False, np.zeros((1, 3)))
    stamps = np.frombuffer(b"0", np.uint8)
    one_value = windows.read_only(one)
    into_bytes = np.empty(64, np.uint8)
    steps, ends = np.zeros(1, np.int64), np.ones(1, np.int64)
    float_digits.write_points(one_value, one_value.view(np.int64), steps, stamps, ends, into_bytes)
    texts = (stamps, ends, windows.read_only(np.frombuffer(b"000", np.uint8)), np.arange(1, 4))
    float_digits.write_rows(values, bits, *texts, np.empty(256, np.uint8))
