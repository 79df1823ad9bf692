"""`Watch` and `Track`: what is watched, and what is known of one of its series between ticks."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.alarm import QUIET, Alarm
from anomaly.explain import FeatureDistance
from anomaly.series_model import MIN_POINTS, SeriesModel
from collector.model.labels import Labels

REFIT_MS = 6 * 3600 * 1000
STAGGER_RATIO = 0.25
"""Up to this much later, by the series' hash, so that models of one age are not fitted at once."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What to watch: each series of `query` by itself; `alert`: whether to emit alerts for it."""

    name: str
    query: str
    alert: bool = False
    false_alarms_per_week: float = 1.0


@dataclass(slots=True)
class Track:
    """One watched series; `slot` is its place in the bank, -1 before its first model.

    `points` counts values in the context while learning; `score` and `value` are those of the last
    tick, None when it had none.
    """

    labels: Labels
    slot: int = -1
    points: int = 0
    span_ms: int = 0
    fitted_at_ms: int | None = None
    value: float | None = None
    score: float | None = None
    features: tuple[FeatureDistance, ...] = ()
    alarm: Alarm = QUIET

    def learned(self, model: SeriesModel, slot: int) -> None:
        """Note that `model` now judges this series."""
        self.slot = slot
        self.span_ms = model.span_ms
        self.fitted_at_ms = model.fitted_at_ms

    def due_ms(self, interval_ms: int) -> int | None:
        """When its model is to be fitted; None while there are too few points.

        Again when as much time has passed as it learned from, so a young model grows fast; after
        six hours at the latest.
        """
        if self.fitted_at_ms is None:
            return 0 if self.points >= MIN_POINTS else None
        wait = min(max(self.span_ms, MIN_POINTS * interval_ms), REFIT_MS)
        share = (self.labels.stable_hash() % 1000) / 1000 * STAGGER_RATIO
        return self.fitted_at_ms + int(wait * (1 + share))
