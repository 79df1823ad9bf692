"""Inverted index from label pairs to series refs: intersect, union, subtract on sorted arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Int64s

_NONE: Int64s = np.empty(0, dtype=np.int64)


class Postings:
    """Which series have which label value; refs are added in ascending order and stay for ever."""

    def __init__(self) -> None:
        self._refs_by_value: dict[str, dict[str, list[int]]] = {}
        self._arrays: dict[tuple[str, str], Int64s] = {}
        self._count = 0

    def add(self, ref: int, labels: Labels) -> None:
        """Enter one series; `ref` is the next integer."""
        self._count = ref + 1
        for name, value in labels.pairs:
            self._refs_by_value.setdefault(name, {}).setdefault(value, []).append(ref)

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """Refs (ascending) of the series that satisfy every matcher."""
        chosen: Int64s | None = None
        for matcher in sorted(matchers, key=lambda matcher: matcher.literals() is None):
            found = self._one(matcher)
            chosen = found if chosen is None else np.intersect1d(chosen, found, assume_unique=True)
            if not len(chosen):
                break
        return np.arange(self._count, dtype=np.int64) if chosen is None else chosen

    def _one(self, matcher: Matcher) -> Int64s:
        values = self._refs_by_value.get(matcher.name, {})
        if matcher.matches_empty():
            refused = [value for value in values if not matcher.matches(value)]
            everyone = np.arange(self._count, dtype=np.int64)
            return np.setdiff1d(everyone, self._union(matcher.name, refused), assume_unique=True)
        literals = matcher.literals()
        candidates = values if literals is None else literals.intersection(values)
        return self._union(matcher.name, [v for v in candidates if matcher.matches(v)])

    def _union(self, name: str, values: Sequence[str]) -> Int64s:
        arrays = [self._array(name, value) for value in values]
        if len(arrays) <= 1:
            return arrays[0] if arrays else _NONE
        return np.sort(np.concatenate(arrays))

    def _array(self, name: str, value: str) -> Int64s:
        refs = self._refs_by_value[name][value]
        array = self._arrays.get((name, value))
        if array is None or len(array) != len(refs):
            array = self._arrays[name, value] = np.array(refs, dtype=np.int64)
        return array
