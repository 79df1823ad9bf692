"""What an incident is called, and the labels that its alerts share. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.message import subject_of
from collector.model.alert import Alert
from collector.model.labels import NO_LABELS, Labels

MAX_TITLE_CHARS = 200
NAMES_SHOWN = 3


def title_of(alerts: Sequence[Alert]) -> str:
    """One line: what they are about, with the summary where all say the same."""
    subjects = list(dict.fromkeys(map(subject_of, alerts)))
    more = f" and {len(subjects) - NAMES_SHOWN} more" if len(subjects) > NAMES_SHOWN else ""
    about = ", ".join(subjects[:NAMES_SHOWN]) + more
    summaries = {alert.annotations.get("summary", "") for alert in alerts}
    summary = next(iter(summaries)) if len(summaries) == 1 else ""
    title = f"{about}: {summary}" if summary and summary != about else about
    return " ".join(title.split())[:MAX_TITLE_CHARS]


def shared_labels(alerts: Sequence[Alert]) -> Labels:
    """The labels that all alerts have with the same value."""
    if not alerts:
        return NO_LABELS
    shared = set(alerts[0].labels.pairs)
    for alert in alerts[1:]:
        shared.intersection_update(alert.labels.pairs)
    return Labels(shared)
