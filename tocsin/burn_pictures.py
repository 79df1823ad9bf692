"""An objective's alert on its way to `alerts` gets the points of its burn rate, for a picture.

The curve is that of the long window that made the judge speak, over the hours before now. It is
asked for once a minute and alert; an alert without a curve goes its way without one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alerts.sparkline import EVIDENCE
from collector.model.alert import Alert, AlertSink
from collector.model.clock import Clock
from collector.model.errors import TocsinError
from collector.query.interface import QueryEngine
from collector.query.values import Matrix
from slo.published import BURN_RATE

log = logging.getLogger(__name__)

SPAN_MS = 3 * 3_600_000
POINTS = 120
FRESH_MS = 60_000
MAX_ASKED = 20
"""Curves that one emission asks for: a thousand alerts at once have other troubles."""
MAX_KEPT = 2_000
NOT_OF_A_GROUP = ("__name__", "slo", "service", "window")


class BurnPictures:
    """An `AlertSink` that fills evidence's `burn_points` where an objective speaks."""

    def __init__(self, sink: AlertSink, engine: QueryEngine, clock: Clock) -> None:
        self._sink = sink
        self._engine = engine
        self._clock = clock
        self._kept: dict[str, tuple[int, list[float]]] = {}

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Pass the alerts on with their curves."""
        now_ms = self._clock.now_ms()
        self._asked = 0
        self._sink.emit([self._drawn(alert, now_ms) for alert in alerts])
        if len(self._kept) > MAX_KEPT:
            self._kept.clear()

    def _drawn(self, alert: Alert, now_ms: int) -> Alert:
        if "burn_rate" not in alert.evidence or EVIDENCE in alert.evidence:
            return alert
        points = self._points(alert, now_ms)
        if not points:
            return alert
        return replace(alert, evidence={**alert.evidence, EVIDENCE: points})

    def _points(self, alert: Alert, now_ms: int) -> list[float]:
        at_ms, points = self._kept.get(alert.fingerprint, (0, []))
        if now_ms - at_ms < FRESH_MS or self._asked >= MAX_ASKED:
            return points
        self._asked += 1
        try:
            points = self._ask(alert, now_ms)
        except TocsinError as error:
            log.info("no curve for an alert: %s", error)
        self._kept[alert.fingerprint] = (now_ms, points)
        return points

    def _ask(self, alert: Alert, now_ms: int) -> list[float]:
        window = str(alert.evidence.get("long_window") or "1h")
        names = {"slo": alert.labels.get("slo", ""), "window": window}
        names["service"] = str(alert.evidence.get("service") or alert.labels.get("service", ""))
        wanted = ",".join(f'{name}="{_quoted(value)}"' for name, value in names.items() if value)
        found = self._engine.range(
            f"{BURN_RATE}{{{wanted}}}", now_ms - SPAN_MS, now_ms, SPAN_MS // POINTS
        ).value
        if not isinstance(found, Matrix):
            return []
        own = set(alert.labels.pairs)
        for labels, values in zip(found.labels, found.values, strict=True):
            # of an objective with groups, the curve of the alert's own group
            if own.issuperset(labels.without(*NOT_OF_A_GROUP).pairs):
                return [float(f"{value:.3g}") for value in values[np.isfinite(values)]]
        return []


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
