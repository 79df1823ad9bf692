"""PagerDuty's published rules for events of the Events API v2.

Source: https://developer.pagerduty.com/docs/send-alert-event and .../events-api-v2-overview
"""

from __future__ import annotations

import re
from typing import Any

from examples.pager.shape import Problems, check_each, check_keys, check_length

MAX_BYTES = 512 * 1024
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")
EVENT: dict[str, type] = {
    "dedup_key": str, "payload": dict, "images": list, "links": list, "client": str,
    "client_url": str,
}  # fmt: skip
PAYLOAD: dict[str, type] = {
    "timestamp": str, "component": str, "group": str, "class": str, "custom_details": dict,
}  # fmt: skip


def check_event(event: Any, size_bytes: int) -> Problems:
    """Problems of an event of `size_bytes` on the wire."""
    problems = check_keys(event, "event", {"routing_key": str, "event_action": str}, EVENT)
    if not isinstance(event, dict):
        return problems
    if size_bytes > MAX_BYTES:
        problems.append(f"event: {size_bytes} bytes are over {MAX_BYTES}")
    if len(str(event.get("routing_key", ""))) != 32:
        problems.append("routing_key: must be 32 characters")
    action = event.get("event_action")
    if action not in ACTIONS:
        problems.append(f"event_action: must be one of {ACTIONS}")
    problems += check_length(event.get("dedup_key", "x"), "dedup_key", 255)
    if action in ("acknowledge", "resolve") and "dedup_key" not in event:
        problems.append("dedup_key: needed to acknowledge or resolve")
    if action == "trigger" or "payload" in event:
        problems += check_payload(event.get("payload"))
    for where, link in check_each(event.get("links"), "links"):
        problems += check_keys(link, where, {"href": str}, {"text": str})
    for where, image in check_each(event.get("images"), "images"):
        problems += check_keys(image, where, {"src": str}, {"href": str, "alt": str})
        if isinstance(image, dict) and not str(image.get("src")).startswith("https://"):
            problems.append(f"{where}.src: must be HTTPS")
    return problems


def check_payload(payload: Any) -> Problems:
    """Problems of the part that describes what happened."""
    required: dict[str, type] = {"summary": str, "source": str, "severity": str}
    problems = check_keys(payload, "payload", required, PAYLOAD)
    if not isinstance(payload, dict):
        return problems
    problems += check_length(payload.get("summary"), "payload.summary", 1_024)
    problems += check_length(payload.get("source"), "payload.source", 1_024)
    if payload.get("severity") not in SEVERITIES:
        problems.append(f"payload.severity: must be one of {SEVERITIES}")
    if "timestamp" in payload and not _TIMESTAMP.fullmatch(str(payload["timestamp"])):
        problems.append("payload.timestamp: not ISO 8601")
    return problems


def check_change(event: Any) -> Problems:
    """Problems of a change event: links, no pictures, no severity."""
    problems = check_keys(event, "event", {"routing_key": str, "payload": dict}, {"links": list})
    if not isinstance(event, dict):
        return problems
    optional: dict[str, type] = {"source": str, "timestamp": str, "custom_details": dict}
    payload = event.get("payload")
    problems += check_keys(payload, "payload", {"summary": str}, optional)
    if isinstance(payload, dict):
        problems += check_length(payload.get("summary"), "payload.summary", 1_024)
        if "timestamp" in payload and not _TIMESTAMP.fullmatch(str(payload["timestamp"])):
            problems.append("payload.timestamp: not ISO 8601")
    for where, link in check_each(event.get("links"), "links"):
        problems += check_keys(link, where, {"href": str}, {"text": str})
    return problems
