"""`Output`: the series that rules write, with stale markers for those that have vanished."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import STALE, Int64s, filled
from collector.rules.vector import Series
from collector.store.interface import Appender

log = logging.getLogger(__name__)

Written = tuple[Labels, ...]
"""The columns that a rule wrote at its last evaluation."""


class Output:
    """The way into the store for one group: all of its rules share a source, hence a stripe."""

    def __init__(self, appender: Appender, source: str) -> None:
        self._appender = appender
        self._source = source
        self._refs: dict[Written, Int64s] = {}

    def write(self, series: Sequence[Series], before: Written, at_ms: int) -> tuple[Written, int]:
        """Write a rule's series at one time, and the end of those of `before` that are not there.

        Answers what was written, and how many samples the store refused. Raises StorageError.
        """
        cells = [cell for one in series for cell in _cells(one)]
        written = tuple(labels for labels, _ in cells)
        present = set(written)
        vanished = tuple(labels for labels in before if labels not in present)
        labels = written + vanished
        if not labels:
            return written, 0
        values = filled(len(labels), STALE)
        values[: len(written)] = [value for _, value in cells]
        refs = self._refs_of(labels, before if vanished else written)
        refused = self._appender.append_row(self._source, at_ms, refs, values)
        if refused:
            log.warning("rules of %s: samples were refused: %s", self._source, refused.by_reason)
        return written, sum(refused.by_reason.values())

    def _refs_of(self, labels: Written, before: Written) -> Int64s:
        """Refs of the series; those of a rule that writes the same again are kept."""
        known = self._refs.get(labels)
        if known is None:
            self._refs.pop(before, None)
            known = np.asarray(self._appender.refs(self._source, labels))
            if len(self._refs) >= MAX_ROWS_KEPT:
                self._refs.clear()
            self._refs[labels] = known
        return known


def _cells(one: Series) -> list[tuple[Labels, float]]:
    """The columns of a series: one of a float, several of a native histogram."""
    if isinstance(one.value, NativeHistogram):
        return columns(one.labels, one.value)
    return [(one.labels, one.value)]


MAX_ROWS_KEPT = 1_000
"""Rows of a group whose refs are remembered: more than its rules, unless series churn."""
