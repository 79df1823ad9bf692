"""`DETECTORS`: name -> class; adding one is one file and one line, and the laws run over it."""

from collections.abc import Mapping

from anomaly.detector import Detector
from anomaly.detectors.isolation_forest import IsolationForest

DETECTORS: Mapping[str, type[Detector]] = {
    "isolation_forest": IsolationForest,
}
