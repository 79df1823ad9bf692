"""The newest exemplars of all series, in a ring of bounded size.

The rules are those of Prometheus (tsdb/exemplar.go): a repetition of the newest exemplar of its
series is passed over in silence, since a target shows its exemplar at every scrape; one that is
older than that is refused; the ring drops what came first, whosever it is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.store.set_back import MAX_AHEAD_MS

DEFAULT_MAX_EXEMPLARS = 100_000
"""Prometheus's default: 100 bytes each, or some 10 MB."""

_NEVER_AHEAD_MS = 2**62


class ExemplarRing:
    """Knows no files: who writes them to the log asks `admitted` first, then calls `add`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ring: deque[Exemplar] = deque()
        self._of_series: dict[Labels, deque[Exemplar]] = {}

    def __len__(self) -> int:
        return len(self._ring)

    def __iter__(self) -> Iterator[Exemplar]:
        """All of them in the order in which they came; over a copy."""
        return iter(list(self._ring))

    def admitted(
        self, exemplars: Sequence[Exemplar], newest_row_ms: int = -1
    ) -> tuple[list[Exemplar], Counter[str]]:
        """Those that `add` should get, and how many were refused, by reason.

        `newest_row_ms`: time of the store's newest row, -1 without any. What is kept and much later
        came while the clock was ahead: none is late by it.
        """
        taken: list[Exemplar] = []
        refused: Counter[str] = Counter()
        newest: dict[Labels, Exemplar] = {}
        ahead_ms = newest_row_ms + MAX_AHEAD_MS if newest_row_ms >= 0 else _NEVER_AHEAD_MS
        for one in exemplars if self._limit else ():
            reason = _refusal(one, newest.get(one.series) or self._newest(one.series, ahead_ms))
            if reason is None:
                taken.append(one)
                newest[one.series] = one
            elif reason:
                refused[reason] += 1
        return taken, refused

    def _newest(self, series: Labels, ahead_ms: int) -> Exemplar | None:
        mine = self._of_series.get(series)
        return mine[-1] if mine and mine[-1].timestamp_ms <= ahead_ms else None

    def add(self, exemplars: Iterable[Exemplar]) -> None:
        """Keep exemplars that were admitted; the oldest ones make room."""
        for one in exemplars:
            self._ring.append(one)
            self._of_series.setdefault(one.series, deque()).append(one)
            if len(self._ring) > self._limit:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        series = self._ring.popleft().series
        mine = self._of_series[series]
        mine.popleft()
        if not mine:
            del self._of_series[series]

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Exemplar]:
        """Those of the matching series in `(after_ms, until_ms]`, by series, then by time."""
        found = sorted(one for one in self._of_series if matches_all(matchers, one))
        return [
            exemplar
            for series in found
            for exemplar in self._of_series[series]
            if after_ms < exemplar.timestamp_ms <= until_ms
        ]


def _refusal(one: Exemplar, newest: Exemplar | None) -> str | None:
    """Why an exemplar is not taken; "" when it is but a repetition, None when it is taken."""
    if one.is_too_long:
        return "exemplar_label_length"
    if newest is None:
        return None
    if one.repeats(newest):
        return ""
    return "exemplar_out_of_order" if _order(one) < _order(newest) else None


def _order(one: Exemplar) -> tuple[int, float, tuple[tuple[str, str], ...]]:
    """A histogram may have exemplars of several buckets at one time."""
    return one.timestamp_ms, one.value, one.labels.pairs
