"""The metrics that tocsin's alerting has about itself, declared once."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class AlertMetrics:
    """What came in, what waits, what went out and what failed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.received = Counter(
            "tocsin_alerts_received",
            "Alerts that judges and the API handed in.",
            ("status",),
            registry=registry,
        )
        self.invalid = Counter(
            "tocsin_alerts_invalid", "Alerts that were refused as wrong.", registry=registry
        )
        self.held = Gauge(
            "tocsin_alerts", "Alerts that are held, by state.", ("state",), registry=registry
        )
        self.groups = Gauge("tocsin_alert_groups", "Groups of alerts.", registry=registry)
        self.silences = Gauge(
            "tocsin_silences", "Silences that are kept, by state.", ("state",), registry=registry
        )
        self._declare_sending(registry)
        self._declare_outside(registry)

    def _declare_sending(self, registry: CollectorRegistry) -> None:
        self.sent = Counter(
            "tocsin_notifications_sent",
            "Messages that a receiver took.",
            ("receiver", "channel"),
            registry=registry,
        )
        self.digested = Counter(
            "tocsin_notifications_digested",
            "Messages that were told within a digest, since there were too many at once.",
            ("receiver", "channel"),
            registry=registry,
        )
        self.failed_attempts = Counter(
            "tocsin_notification_attempts_failed",
            "Attempts to send that failed; permanent ones are not tried again as they are.",
            ("receiver", "channel", "permanent"),
            registry=registry,
        )
        self.template_failures = Counter(
            "tocsin_notification_template_failures",
            "Texts of a receiver that failed on their data; tocsin's own took their place.",
            ("receiver", "channel"),
            registry=registry,
        )
        self.queued = Gauge(
            "tocsin_notifications_queued",
            "Messages that wait to be sent.",
            ("receiver", "channel"),
            registry=registry,
        )
        self.healthy = Gauge(
            "tocsin_notification_channel_healthy",
            "Whether the last attempt of a channel worked (1 before the first).",
            ("receiver", "channel"),
            registry=registry,
        )
        self.send_seconds = Histogram(
            "tocsin_notification_send_duration_seconds",
            "Time that one attempt to send took.",
            ("channel",),
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
            registry=registry,
        )
        self.step_failures = Counter(
            "tocsin_alert_step_failures",
            "Rounds of grouping and deciding that failed; the groups are asked again.",
            registry=registry,
        )

    def _declare_outside(self, registry: CollectorRegistry) -> None:
        self.external_sent = Counter(
            "tocsin_alertmanager_alerts_sent",
            "Alerts that an Alertmanager outside took.",
            ("alertmanager",),
            registry=registry,
        )
        self.external_failures = Counter(
            "tocsin_alertmanager_requests_failed",
            "Requests that an Alertmanager outside did not take; they are made again.",
            ("alertmanager",),
            registry=registry,
        )

    def show(self, firing: int, ended: int, groups: int, silences: Mapping[str, int]) -> None:
        """Set what is held: alerts, groups, and silences by their state."""
        self.held.labels("firing").set(firing)
        self.held.labels("resolved").set(ended)
        self.groups.set(groups)
        for name in ("pending", "active", "expired"):
            self.silences.labels(name).set(silences.get(name, 0))
