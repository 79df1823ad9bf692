"""The metrics of people and incidents, declared once; means are over the last WINDOW_DAYS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from alerts.on_call.figures import Report
from alerts.on_call.heartbeats import Heartbeat
from alerts.on_call.rota import Duty

WINDOW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Standing:
    """What the metrics show: open incidents by (status, severity), and the rest."""

    open: Mapping[tuple[str, str], int]
    report: Report
    duties: Sequence[Duty]
    heartbeats: Sequence[Heartbeat]
    now_ms: int


class OnCallMetrics:
    """Gauges, shown anew every few seconds; a mean of nothing is NaN."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge(
            "tocsin_incidents_open",
            "Incidents that are open.",
            ("status", "severity"),
            registry=registry,
        )
        self.opened = Gauge(
            "tocsin_incidents_month",
            "Incidents that were opened in the last 30 days.",
            ("severity",),
            registry=registry,
        )
        self.never_acknowledged = Gauge(
            "tocsin_incidents_month_never_acknowledged",
            "Incidents of the last 30 days that ended by themselves, acknowledged by nobody.",
            registry=registry,
        )
        self.escalations = Gauge(
            "tocsin_incidents_month_escalations",
            "Steps of escalations that were taken in the last 30 days.",
            registry=registry,
        )
        self.times = Gauge(
            "tocsin_incident_mean_seconds",
            "Means of the last 30 days: to acknowledge (MTTA), to resolve (MTTR), between (MTBF).",
            ("time",),
            registry=registry,
        )
        self.pages = Gauge(
            "tocsin_oncall_pages_per_shift",
            "Pages that a shift of a person brought in the last 30 days.",
            ("person",),
            registry=registry,
        )
        self.covered = Gauge(
            "tocsin_oncall_covered",
            "Whether somebody is on call now.",
            ("schedule",),
            registry=registry,
        )
        self.missing = Gauge(
            "tocsin_heartbeat_missing",
            "Whether a heartbeat stays away.",
            ("heartbeat",),
            registry=registry,
        )
        self.last_beat = Gauge(
            "tocsin_heartbeat_last_timestamp_seconds",
            "When a heartbeat came last.",
            ("heartbeat",),
            registry=registry,
        )
        self.watchdog = Gauge(
            "tocsin_watchdog_last_success_timestamp_seconds",
            "When the watchdog's last sign of life was taken; 0 for never.",
            registry=registry,
        )

    def show(self, now: Standing) -> None:
        """Make the gauges what is now."""
        for gauge in (self.open, self.opened, self.pages, self.covered):
            gauge.clear()
        for gauge in (self.missing, self.last_beat):
            gauge.clear()
        for key, count in now.open.items():
            self.open.labels(*key).set(count)
        self._show_report(now.report)
        for duty in now.duties:
            self.covered.labels(duty.schedule).set(bool(duty.person))
        for beat in now.heartbeats:
            self.missing.labels(beat.name).set(beat.is_missing(now.now_ms))
            self.last_beat.labels(beat.name).set(beat.last_ms / 1000)

    def _show_report(self, report: Report) -> None:
        for severity, count in report.by_severity.items():
            self.opened.labels(severity).set(count)
        self.never_acknowledged.set(report.never_acknowledged)
        self.escalations.set(report.escalations)
        for name, spread in (
            ("acknowledge", report.to_acknowledge),
            ("resolve", report.to_resolve),
            ("between", report.between),
        ):
            mean = spread.mean_seconds
            self.times.labels(name).set(float("nan") if mean is None else mean)
        for load in report.loads:
            self.pages.labels(load.person).set(load.pages_per_shift)
