"""Inverted index from label pairs to series refs, and the answers it gave before.

A matcher is a set of label values, so a regular expression is tried once per distinct value, never
per series; where fewer series are left than the label has values, once per value that these have.
An answer is remembered with the number of series it knew: asking again tries no more than those
that came since. When series are forgotten, so are all answers.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.samples import Bools, Int64s
from collector.store.series_table import SeriesTable

MAX_REMEMBERED_REFS = 4_000_000
"""Refs in all remembered answers together: 32 MB."""
ANSWER_WEIGHT = 100
"""What an answer without refs counts for."""
MAX_TRIED_ANEW = 2_000
"""Series newer than a remembered answer; with more it is cheaper to ask the index."""
LABEL_COST = 4
"""Trying a series by its labels costs as much as trying so many values of the index."""

Pair = tuple[str, str]


class Postings:
    """Which living series of a table have which label value; refs are added in ascending order."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._refs_of: dict[str, dict[str, array[int]]] = {}
        self._answers: OrderedDict[tuple[Matcher, ...], tuple[int, Int64s]] = OrderedDict()
        self._remembered = 0

    def add(self, ref: int, labels: Labels) -> None:
        """Enter one series of the table."""
        for name, value in labels.pairs:
            values = self._refs_of.get(name)
            if values is None:
                values = self._refs_of[name] = {}
            refs = values.get(value)
            if refs is None:
                values[value] = array("I", (ref,))
            else:
                refs.append(ref)

    def forget(self, labels: Iterable[Labels]) -> list[Pair]:
        """Take out the dead series that had these labels; gives the pairs that none has now."""
        self._answers.clear()
        self._remembered = 0
        alive = self._table.alive
        gone: list[Pair] = []
        for name, value in {pair for one in labels for pair in one.pairs}:
            values = self._refs_of[name]
            refs = np.array(values[value], np.uint32)
            left = refs[alive[refs]]
            if len(left):
                values[value] = array("I", left.tobytes())
                continue
            gone.append((name, value))
            del values[value]
            if not values:
                del self._refs_of[name]
        return gone

    def lists(self) -> dict[str, dict[str, array[int]]]:
        """The posting list of each value, by label name; a copy down to the lists, which grow."""
        return {name: values.copy() for name, values in self._refs_of.items()}

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """Refs (ascending, read-only) of the living series that satisfy every matcher."""
        key, count = tuple(matchers), len(self._table)
        known, refs = self._answers.get(key, (0, None))
        if refs is None or count - known > MAX_TRIED_ANEW:
            refs = self._ask(matchers)
        elif known < count:
            table = self._table
            late = [r for r in range(known, count) if matches_all(matchers, table[r])]
            refs = np.concatenate([refs, np.array(late, np.int64)]) if late else refs
        else:
            self._answers.move_to_end(key)
            return refs
        self._remember(key, count, refs)
        return refs

    def _ask(self, matchers: Sequence[Matcher]) -> Int64s:
        chosen = self._table.alive
        untried = sorted(matchers, key=self._cost)
        while untried:
            left = int(np.count_nonzero(chosen))
            if left * LABEL_COST < self._cost(untried[0]):
                return self._try(untried, np.flatnonzero(chosen))
            chosen &= self._mask(untried.pop(0))
        return np.flatnonzero(chosen)

    def _cost(self, matcher: Matcher) -> int:
        """How many values of the label have to be tried."""
        literals = matcher.literals()
        return len(self._refs_of.get(matcher.name, ())) if literals is None else len(literals)

    def _try(self, matchers: Sequence[Matcher], refs: Int64s) -> Int64s:
        """Few series are left: ask their labels, each value once."""
        table = self._table
        for matcher in matchers:
            name = matcher.name
            values = [table[ref].get(name, "") for ref in refs.tolist()]
            fits = {value: matcher.matches(value) for value in set(values)}
            refs = refs[np.fromiter((fits[value] for value in values), np.bool_, len(values))]
        return refs

    def _mask(self, matcher: Matcher) -> Bools:
        """Which series satisfy one matcher; those that lack the label when it matches ""."""
        values = self._refs_of.get(matcher.name, {})
        if matcher.matches_empty():
            fitting = set(matcher.matching(values))
            return ~self._having(values, values.keys() - fitting)
        literals = matcher.literals()
        candidates: Iterable[str] = values if literals is None else literals & values.keys()
        return self._having(values, matcher.matching(candidates))

    def _having(self, refs_of: dict[str, array[int]], values: Iterable[str]) -> Bools:
        mask: Bools = np.zeros(len(self._table), np.bool_)
        found = b"".join(map(refs_of.__getitem__, values))
        mask[np.frombuffer(found, np.uint32)] = True
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
