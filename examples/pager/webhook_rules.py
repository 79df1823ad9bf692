"""The rules of Alertmanager's webhook body, version 4.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import re
from typing import Any

from examples.pager.shape import Problems, check_each, check_keys

BODY: dict[str, type] = {
    "version": str, "groupKey": str, "truncatedAlerts": int, "status": str, "receiver": str,
    "groupLabels": dict, "commonLabels": dict, "commonAnnotations": dict, "externalURL": str,
    "alerts": list,
}  # fmt: skip
ALERT: dict[str, type] = {
    "status": str, "labels": dict, "annotations": dict, "startsAt": str, "endsAt": str,
    "generatorURL": str, "fingerprint": str,
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
STATUSES = ("firing", "resolved")


def check_body(body: Any) -> Problems:
    """Problems of a webhook's body."""
    problems = check_keys(body, "body", BODY, {"notification_reason": str})
    if not isinstance(body, dict):
        return problems
    if body.get("version") != "4":
        problems.append("version: must be 4")
    if body.get("status") not in STATUSES:
        problems.append(f"status: must be one of {STATUSES}")
    if not body.get("alerts"):
        problems.append("alerts: empty")
    for where, alert in check_each(body.get("alerts"), "alerts"):
        problems += _check_alert(alert, where)
    for key in ("groupLabels", "commonLabels", "commonAnnotations"):
        problems += _check_texts(body.get(key), key)
    return problems


def _check_alert(alert: Any, where: str) -> Problems:
    problems = check_keys(alert, where, ALERT, {})
    if not isinstance(alert, dict):
        return problems
    for key in ("startsAt", "endsAt"):
        if not _TIME.fullmatch(str(alert.get(key))):
            problems.append(f"{where}.{key}: not RFC 3339")
    if alert.get("status") not in STATUSES:
        problems.append(f"{where}.status: must be one of {STATUSES}")
    if not re.fullmatch(r"[0-9a-f]{16}", str(alert.get("fingerprint"))):
        problems.append(f"{where}.fingerprint: 16 hex digits")
    return problems + _check_texts(alert.get("labels"), f"{where}.labels")


def _check_texts(values: Any, where: str) -> Problems:
    held = values.items() if isinstance(values, dict) else ()
    return [f"{where}.{key}: must be text" for key, value in held if not isinstance(value, str)]
