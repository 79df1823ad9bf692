"""`WatchedQuery`: one watch at work: its query, the series that it gave, their models and alarms.

Asks the engine at each tick for the short context that features need (so a restart or a late sample
changes nothing), and for the whole history when models are due to be fitted.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence

import numpy as np

from anomaly.alarm import step
from anomaly.explain import told
from anomaly.features import CONTEXT_TICKS
from anomaly.model_files import ModelFiles
from anomaly.published import alert_of
from anomaly.self_metrics import AnomalyMetrics
from anomaly.series_model import MIN_POINTS, ModelBank, SeriesModel, fit_series, judge_last
from anomaly.states import SeriesState, State
from anomaly.threshold import alarm_probability, scores_of
from anomaly.track import Track, Watch
from collector.model.alert import Alert
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.query.values import Matrix

log = logging.getLogger(__name__)

MAX_TRAINING_TICKS = 10_000
"""Steps of one history query: under the 11,000 that Prometheus's API allows."""
MAX_TRAINING_CELLS = 4_000_000
"""32 MB: what one history query may hold in memory."""


class WatchedQuery:
    """The series of one watch. `tick` runs in one thread, `fit` in another."""

    def __init__(
        self,
        watch: Watch,
        engine: QueryEngine,
        files: ModelFiles,
        metrics: AnomalyMetrics,
        interval_ms: int,
        history_ms: int,
    ) -> None:
        self.watch = watch
        self._engine = engine
        self._files = files
        self._metrics = metrics
        self._interval_ms = interval_ms
        self._history_ms = history_ms
        self._alarm_probability = alarm_probability(watch.false_alarms_per_week, interval_ms)
        self._tracks: dict[Labels, Track] = {}
        self._gone: list[Track] = []
        self._bank = ModelBank()
        self._slots = 0
        self._free: list[int] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._tracks)

    def tick(self, now_ms: int, room: int) -> int:
        """Judge the newest values, watching at most `room` series.

        Series that gave no value for the whole context are watched no longer. Returns how many were
        left out for want of room. Raises what the engine raises.
        """
        matrix = self._ask(now_ms, CONTEXT_TICKS - 1)
        with self._lock:
            self._forget(set(matrix.labels))
            left_out = self._watch_new(matrix.labels, room)
            rows = [i for i, labels in enumerate(matrix.labels) if labels in self._tracks]
            tracks = [self._tracks[matrix.labels[i]] for i in rows]
            values = np.asarray(matrix.values[rows])
            self._note_values(tracks, values)
            self._judge(tracks, values, matrix.timestamps_ms, now_ms)
        return left_out

    def fit(self, now_ms: int, at_most: int) -> int:
        """Fit the models that are most overdue; returns how many were tried."""
        due = self._due(now_ms)[:at_most]
        if not due:
            return 0
        ticks = min(
            self._history_ms // self._interval_ms,
            MAX_TRAINING_TICKS,
            max(MAX_TRAINING_CELLS // len(self), CONTEXT_TICKS),
        )
        history = self._ask(now_ms, ticks)
        rows = {labels: i for i, labels in enumerate(history.labels)}
        for track in due:
            if track.labels in rows:
                values = history.values[rows[track.labels]]
                with self._metrics.fit_seconds.time():
                    self._fit_one(track, values, history.timestamps_ms, now_ms)
        return len(due)

    def states(self) -> list[SeriesState]:
        """Every series as it was at the last tick."""
        with self._lock:
            return [self._state(track) for track in self._tracks.values()]

    def alerts(self, now_ms: int) -> list[Alert]:
        """Those that fire, and those that ended at this tick, if the watch is to alert at all."""
        if not self.watch.alert:
            return []
        with self._lock:
            tracks = [*self._tracks.values(), *self._gone]
            return [alert for track in tracks if (alert := self._alert(track, now_ms))]

    def _alert(self, track: Track, now_ms: int) -> Alert | None:
        alarm = track.alarm
        if alarm.since_ms is not None:
            ends_at_ms = now_ms if track in self._gone else None
            return alert_of(self.watch, self._state(track), alarm.since_ms, ends_at_ms)
        if alarm.ended_ms == now_ms:
            return alert_of(self.watch, self._state(track), alarm.started_ms, now_ms)
        return None

    def _ask(self, now_ms: int, ticks: int) -> Matrix:
        start_ms = now_ms - ticks * self._interval_ms
        value = self._engine.range(self.watch.query, start_ms, now_ms, self._interval_ms).value
        if not isinstance(value, Matrix):
            raise TypeError("a range query must answer with a matrix")
        return value

    def _forget(self, present: set[Labels]) -> None:
        self._gone = [track for labels, track in self._tracks.items() if labels not in present]
        for track in self._gone:
            del self._tracks[track.labels]
            if track.slot >= 0:
                self._free.append(track.slot)

    def _watch_new(self, found: Sequence[Labels], room: int) -> int:
        unknown = [labels for labels in found if labels not in self._tracks]
        taken = unknown[: max(room - len(self._tracks), 0)]
        for labels in taken:
            track = self._tracks[labels] = Track(labels)
            model = self._load(labels)
            if model is not None:
                self._use(track, model)
        return len(unknown) - len(taken)

    def _note_values(self, tracks: Sequence[Track], values: Float64s) -> None:
        points = np.isfinite(values).sum(axis=1)
        for track, count, newest in zip(tracks, points, values[:, -1], strict=True):
            track.points = int(count)
            track.value = float(newest) if np.isfinite(newest) else None
            track.score, track.features = None, ()

    def _judge(
        self, tracks: Sequence[Track], values: Float64s, timestamps_ms: Int64s, now_ms: int
    ) -> None:
        able = [i for i, track in enumerate(tracks) if track.slot >= 0]
        if able:
            slots = np.array([tracks[i].slot for i in able], dtype=np.int64)
            judged, ready = judge_last(self._bank, slots, values[able], timestamps_ms)
            scores = scores_of(judged.probability, self._alarm_probability)
            for position, i in enumerate(able):
                if ready[position]:
                    tracks[i].score = float(scores[position])
                    tracks[i].features = told(judged.distances[position])
        for track in tracks:
            track.alarm = step(track.alarm, track.score, now_ms)

    def _due(self, now_ms: int) -> list[Track]:
        with self._lock:
            tracks = list(self._tracks.values())
        due = [(track.due_ms(self._interval_ms), track) for track in tracks]
        ready = [(at_ms, track) for at_ms, track in due if at_ms is not None and at_ms <= now_ms]
        return [track for _, track in sorted(ready, key=lambda pair: pair[0])]

    def _fit_one(self, track: Track, values: Float64s, timestamps_ms: Int64s, now_ms: int) -> None:
        seed = track.labels.stable_hash() % 2**32
        model = fit_series(values, timestamps_ms, seed, now_ms)
        self._metrics.fits.labels("fitted" if model else "too_few_points").inc()
        if model is None:
            return
        with self._lock:
            if track.labels in self._tracks:
                self._use(track, model)
        try:
            self._files.save(self._key(track.labels), model)
        except StorageError as error:
            self._metrics.model_file_failures.inc()
            log.warning("%s", error)

    def _use(self, track: Track, model: SeriesModel) -> None:
        slot = track.slot
        if slot < 0:
            slot = self._free.pop() if self._free else self._slots
            self._slots = max(self._slots, slot + 1)
        self._bank.put(slot, model)
        track.learned(model, slot)

    def _load(self, labels: Labels) -> SeriesModel | None:
        try:
            return self._files.load(self._key(labels))
        except StorageError as error:
            self._metrics.model_file_failures.inc()
            log.warning("%s", error)
            return None

    def _key(self, labels: Labels) -> str:
        """A model is of use to the same series of the same query at the same interval only."""
        facts = (self.watch.query, str(self._interval_ms), f"{labels.stable_hash():016x}")
        return hashlib.blake2b("\0".join(facts).encode(), digest_size=16).hexdigest()

    def _state(self, track: Track) -> SeriesState:
        state: State = "ready" if track.slot >= 0 else "learning"
        if state == "ready" and track.score is None:
            state = "no data"
        return SeriesState(
            watch=self.watch.name,
            query=self.watch.query,
            labels=track.labels,
            state=state,
            points=min(track.points, MIN_POINTS),
            points_needed=MIN_POINTS,
            value=track.value,
            score=track.score,
            features=track.features,
            fitted_at_ms=track.fitted_at_ms,
            is_firing=track.alarm.is_firing,
            interval_ms=self._interval_ms,
            false_alarms_per_week=self.watch.false_alarms_per_week,
        )
