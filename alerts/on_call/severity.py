"""How bad an incident is: critical, warning or info, by what its alerts say in `severity`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from alerts.message import severity_of
from collector.model.alert import Alert

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
_OF_ALERT: dict[str, Severity] = {
    "critical": "critical",
    "error": "critical",
    "warning": "warning",
    "info": "info",
}
NONE = "none"
"""The severity of alerts that always fire, such as a dead-man's switch: never an incident."""


def incident_severity(alerts: Iterable[Alert]) -> Severity:
    """The worst of some alerts: `page` is critical, `ticket` a warning, and what nobody knows is
    critical, as PagerDuty takes it.
    """
    found = {_OF_ALERT[severity_of(alert)] for alert in alerts}
    return next((one for one in SEVERITIES if one in found), "info")


def worse(one: Severity, other: Severity) -> Severity:
    """The worse of two."""
    return min(one, other, key=SEVERITIES.index)


def is_no_incident(alert: Alert) -> bool:
    """Whether an alert is none that people deal with."""
    return alert.labels.get("severity", "").lower() == NONE
