"""Inverted index from label pairs to series refs, and the answers it gave before.

A matcher is a set of label values, so a regular expression is tried once per distinct value, never
per series. An answer is remembered with the number of series it knew: series are only ever added,
so asking again tries no more than those that came since.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.samples import Bools, Int64s

MAX_REMEMBERED_REFS = 4_000_000
"""Refs in all remembered answers together: 32 MB."""
ANSWER_WEIGHT = 100
"""What an answer without refs counts for."""
MAX_TRIED_ANEW = 2_000
"""Series newer than a remembered answer; with more it is cheaper to ask the index."""


class Postings:
    """Which series have which label value; refs are added in ascending order and stay for ever."""

    def __init__(self) -> None:
        self._refs_of: dict[str, dict[str, array[int]]] = {}
        self._labels: list[Labels] = []
        self._answers: OrderedDict[tuple[Matcher, ...], tuple[int, Int64s]] = OrderedDict()
        self._remembered = 0

    def add(self, labels: Labels) -> None:
        """Enter one series; its ref is the number of those before it."""
        ref = len(self._labels)
        self._labels.append(labels)
        for name, value in labels.pairs:
            values = self._refs_of.setdefault(name, {})
            refs = values.get(value)
            if refs is None:
                values[value] = array("I", (ref,))
            else:
                refs.append(ref)

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """Refs (ascending, read-only) of the series that satisfy every matcher."""
        key, count = tuple(matchers), len(self._labels)
        known, refs = self._answers.get(key, (0, None))
        if refs is None or count - known > MAX_TRIED_ANEW:
            refs = self._ask(matchers)
        elif known < count:
            late = [r for r in range(known, count) if matches_all(matchers, self._labels[r])]
            refs = np.concatenate([refs, np.array(late, np.int64)]) if late else refs
        else:
            self._answers.move_to_end(key)
            return refs
        self._remember(key, count, refs)
        return refs

    def _ask(self, matchers: Sequence[Matcher]) -> Int64s:
        chosen: Bools = np.ones(len(self._labels), np.bool_)
        for matcher in sorted(matchers, key=lambda matcher: matcher.literals() is None):
            chosen &= self._mask(matcher)
            if not chosen.any():
                break
        return np.flatnonzero(chosen)

    def _mask(self, matcher: Matcher) -> Bools:
        """Which series satisfy one matcher; those that lack the label when it matches ""."""
        values = self._refs_of.get(matcher.name, {})
        if matcher.matches_empty():
            return ~self._having(values, (v for v in values if not matcher.matches(v)))
        literals = matcher.literals()
        candidates: Iterable[str] = values if literals is None else literals & values.keys()
        return self._having(values, (v for v in candidates if matcher.matches(v)))

    def _having(self, refs_of: dict[str, array[int]], values: Iterable[str]) -> Bools:
        mask: Bools = np.zeros(len(self._labels), np.bool_)
        for value in values:
            refs = refs_of[value]
            if len(refs) == 1:
                mask[refs[0]] = True
            else:
                mask[np.array(refs, np.int64)] = True
        return mask

    def _remember(self, key: tuple[Matcher, ...], count: int, refs: Int64s) -> None:
        refs.flags.writeable = False
        is_known = key in self._answers
        _, before = self._answers.pop(key, (0, refs[:0]))
        self._answers[key] = (count, refs)
        self._remembered += len(refs) - len(before) + (0 if is_known else ANSWER_WEIGHT)
        while self._remembered > MAX_REMEMBERED_REFS and len(self._answers) > 1:
            _, (_, dropped) = self._answers.popitem(last=False)
            self._remembered -= len(dropped) + ANSWER_WEIGHT
