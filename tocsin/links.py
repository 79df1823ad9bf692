"""An alert on its way to `alerts` gets a link to the page that explains it.

Judges don't know where tocsin is served; only the application does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from collector.model.alert import Alert, AlertSink


class LinkingSink:
    """An `AlertSink` that fills `generator_url` and evidence's `dashboard_url` where empty."""

    def __init__(self, sink: AlertSink, external_url: str) -> None:
        self._sink = sink
        self._external_url = external_url.rstrip("/")

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Pass the alerts on with their links."""
        self._sink.emit([self._linked(alert) for alert in alerts])

    def _linked(self, alert: Alert) -> Alert:
        slo, service = alert.evidence.get("slo"), alert.evidence.get("service")
        path = quote(f"/slos/{service}/{slo}") if slo else "/"
        url = f"{self._external_url}{path}"
        evidence = {**alert.evidence}
        if not evidence.get("dashboard_url"):
            evidence["dashboard_url"] = url
        return replace(alert, generator_url=alert.generator_url or url, evidence=evidence)
