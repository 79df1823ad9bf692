"""What a notification's template sees: Alertmanager's Data, from a `Notification`. Pure.

Fields and methods are those of template/template.go of Alertmanager 0.34. What an SLO knows stands
among the annotations, as in the webhook's JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from alerts.evidence import with_evidence
from alerts.notification import Notification
from collector.gotemplate import StringMap, Typed
from collector.gotemplate.times import MILLISECOND, ZERO_TIME_NS, time_value
from collector.model.alert import Alert

FIRST_LABEL = "alertname"
"""Stands before all others in SortedPairs."""


def data_of(notification: Notification) -> Typed:
    """The value of `.` and `$` in a notification's templates."""
    told = with_evidence(notification)
    return Typed(
        "*template.Data",
        fields={
            "Receiver": quote_meta(told.receiver),
            "Status": told.status,
            "Alerts": alerts_value([alert_value(alert) for alert in told.alerts]),
            "NotificationReason": str(told.reason),
            "GroupLabels": kv(told.group_labels),
            "CommonLabels": kv(told.common_labels),
            "CommonAnnotations": kv(told.common_annotations),
            "ExternalURL": told.external_url,
        },
    )


def alert_value(alert: Alert) -> Typed:
    """One alert; while it fires its end is Go's zero time."""
    end = alert.ends_at_ms
    return Typed(
        "template.Alert",
        fields={
            "Status": "firing" if end is None else "resolved",
            "Labels": kv(alert.labels),
            "Annotations": kv(alert.annotations),
            "StartsAt": time_value(alert.starts_at_ms * MILLISECOND),
            "EndsAt": time_value(ZERO_TIME_NS if end is None else end * MILLISECOND),
            "GeneratorURL": alert.generator_url,
            "Fingerprint": alert.fingerprint,
        },
    )


def alerts_value(alerts: Sequence[Typed]) -> Typed:
    """A list of alerts with its methods Firing and Resolved."""

    def having(status: str) -> list[Typed]:
        return [one for one in alerts if one.fields and one.fields["Status"] == status]

    return Typed(
        "template.Alerts",
        value=list(alerts),
        methods={"Firing": lambda: having("firing"), "Resolved": lambda: having("resolved")},
    )


def kv(values: Mapping[str, str]) -> Typed:
    """A set of names and values with Alertmanager's methods."""
    names = sorted(values, key=lambda name: (name != FIRST_LABEL, name))
    pairs = [(name, values[name]) for name in names]

    def remove(gone: object) -> Typed:
        without = set(cast(Iterable[str], gone)) if isinstance(gone, Sequence) else set()
        return kv({name: value for name, value in pairs if name not in without})

    return Typed(
        "template.KV",
        value=StringMap(values),
        methods={
            "SortedPairs": lambda: pairs_value(pairs),
            "Remove": remove,
            "Names": lambda: [name for name, _ in pairs],
            "Values": lambda: [value for _, value in pairs],
            "String": lambda: pairs_text(pairs),
        },
        text=pairs_text(pairs),
    )


def pairs_value(pairs: Sequence[tuple[str, str]]) -> Typed:
    """Names and values in order."""
    return Typed(
        "template.Pairs",
        value=[
            Typed("template.Pair", fields={"Name": name, "Value": value}) for name, value in pairs
        ],
        methods={
            "Names": lambda: [name for name, _ in pairs],
            "Values": lambda: [value for _, value in pairs],
            "String": lambda: pairs_text(pairs),
        },
        text=pairs_text(pairs),
    )


def pairs_text(pairs: Iterable[tuple[str, str]]) -> str:
    """`a=b, c=d`."""
    return ", ".join(f"{name}={value}" for name, value in pairs)


def quote_meta(text: str) -> str:
    """The text as a regular expression that matches it: how Alertmanager shows a receiver."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)
