"""Finds what no one wrote a rule for: query -> features -> forest -> tail probability -> score.

`AnomalyWatch` asks a `QueryEngine`, writes `tocsin_anomaly_score` back as a series, and emits
alerts into the `AlertSink` that it was given; it knows neither the store nor who is notified.
"""

from anomaly.config import AnomalyConfig
from anomaly.detector import Detector
from anomaly.self_metrics import AnomalyMetrics
from anomaly.states import SeriesState
from anomaly.track import Watch
from anomaly.watch import AnomalyWatch

__all__ = ["AnomalyConfig", "AnomalyMetrics", "AnomalyWatch", "Detector", "SeriesState", "Watch"]
