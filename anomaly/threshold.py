"""The alarm threshold, stated as expected false alarms per series and week; and the score's scale.

A series is judged once a tick, so F false alarms a week at interval d allow the tail probability
p = F * d / week per tick. The score is s / (s + s_alarm) with s = -ln of the tail probability: it
lies in [0, 1), is 0 for the most ordinary value, about 0.06 for a middling one, and exactly 0.5 at
the threshold, whatever F and d are. So `tocsin_anomaly_score > 0.5` means the same for every watch.
"""

from __future__ import annotations

import numpy as np

from collector.model.samples import Float64s

WEEK_MS = 7 * 24 * 3600 * 1000
THRESHOLD = 0.5
MAX_ALARM_PROBABILITY = 0.1
"""An alarm at more than every tenth tick is no alarm."""


def alarm_probability(false_alarms_per_week: float, interval_ms: int) -> float:
    """The tail probability at which a tick is an alarm."""
    return min(false_alarms_per_week * interval_ms / WEEK_MS, MAX_ALARM_PROBABILITY)


def scores_of(probability: Float64s, alarm: float) -> Float64s:
    """Scores (float64[n]) of tail probabilities (float64[n] in (0, 1])."""
    distance = np.abs(np.log(probability))
    return np.asarray(distance / (distance - np.log(alarm)))
