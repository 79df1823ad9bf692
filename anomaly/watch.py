"""`AnomalyWatch`: on each tick query, score, publish the scores as series, emit alerts.

`tick` and `fit_due` are called by whoever keeps time, `fit_due` in a thread of its own: importing
pyod and growing trees takes seconds that no tick may wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anomaly.config import AnomalyConfig
from anomaly.model_files import ModelFiles
from anomaly.published import SCORE, score_labels
from anomaly.self_metrics import AnomalyMetrics
from anomaly.states import SeriesState
from anomaly.threshold import THRESHOLD
from anomaly.track import Watch
from anomaly.watched_query import WatchedQuery
from collector.model.alert import Alert, AlertSink
from collector.model.clock import Clock
from collector.model.errors import TocsinError
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import STALE, Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Appender

log = logging.getLogger(__name__)

SOURCE = "tocsin/anomaly"
FITS_A_ROUND = 20
"""About 0.3 s of work: a round of fits leaves the processor to others in between."""


class AnomalyWatch:
    """Watches the series of many queries; `states()` says what it thinks of each."""

    def __init__(
        self,
        engine: QueryEngine,
        appender: Appender,
        sink: AlertSink,
        clock: Clock,
        directory: Path,
        config: AnomalyConfig,
        watches: Sequence[Watch],
        metrics: AnomalyMetrics,
    ) -> None:
        self.interval_ms = config.interval
        self._appender = appender
        self._sink = sink
        self._max_series = config.max_series
        self._metrics = metrics
        self._files = ModelFiles(directory)
        self._files.remove_old(clock.now_ms())
        self._queries = [
            WatchedQuery(watch, engine, self._files, metrics, config.interval, config.history)
            for watch in watches
        ]
        self._scored: tuple[Labels, ...] = ()
        self._appended: tuple[Labels, ...] = ()
        self._refs: Int64s = np.zeros(0, dtype=np.int64)
        appender.set_metadata(
            SCORE,
            Metadata("gauge", f"How odd a series is, 0 to 1; {THRESHOLD} is the alarm threshold."),
        )

    def tick(self, now_ms: int) -> None:
        """Judge every watched series at `now_ms`, append the scores, emit the alerts."""
        left_out = 0
        alerts: list[Alert] = []
        for query in self._queries:
            others = sum(len(other) for other in self._queries if other is not query)
            try:
                left_out += query.tick(now_ms, self._max_series - others)
            except TocsinError as error:
                self._note_failure(query, error)
                continue
            alerts += query.alerts(now_ms)
        self._metrics.over_limit.set(left_out)
        self._publish(now_ms)
        if alerts:
            self._sink.emit(alerts)
        self._count_states()

    def fit_due(self, now_ms: int) -> int:
        """Fit some of the models that are due, the most overdue first; returns how many."""
        fitted = 0
        for query in self._queries:
            try:
                fitted += query.fit(now_ms, FITS_A_ROUND - fitted)
            except TocsinError as error:
                self._note_failure(query, error)
        return fitted

    def states(self) -> list[SeriesState]:
        """Every watched series: the highest score first, then those that are learning."""
        states = [state for query in self._queries for state in query.states()]
        return sorted(states, key=lambda s: -1 if s.score is None else s.score, reverse=True)

    def _note_failure(self, query: WatchedQuery, error: TocsinError) -> None:
        self._metrics.failures.labels(query.watch.name).inc()
        log.warning("the watch %s has no answer to its query: %s", query.watch.name, error)

    def _publish(self, now_ms: int) -> None:
        scores = {
            score_labels(state.labels, state.watch): state.score
            for query in self._queries
            for state in query.states()
            if state.score is not None
        }
        ended = [labels for labels in self._scored if labels not in scores]
        values = np.array([*scores.values(), *(STALE for _ in ended)], dtype=np.float64)
        self._append(now_ms, (*scores, *ended), values)
        self._scored = tuple(scores)

    def _append(self, now_ms: int, row: tuple[Labels, ...], values: Float64s) -> None:
        if not row:
            return
        if row != self._appended:
            self._appended, self._refs = row, self._appender.refs(SOURCE, row)
        refused = self._appender.append_row(SOURCE, now_ms, self._refs, values)
        for reason, count in refused.by_reason.items():
            self._metrics.scores_refused.labels(reason).inc(count)

    def _count_states(self) -> None:
        states = [state.state for query in self._queries for state in query.states()]
        for name in ("learning", "ready", "no data"):
            self._metrics.series.labels(name.replace(" ", "_")).set(states.count(name))
