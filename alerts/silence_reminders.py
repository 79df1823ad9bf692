"""Reminders of long silences: `SilenceStillHides` fires while one that is old hides an alert.

Ordinary alerts, through the sink: routes say who is told, and how often again. Occurrences of
recurring silences are as long as they were meant to be: nobody is reminded of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from alerts.matchers import write_matchers
from alerts.silence import Silence
from alerts.silence_book import SilenceBook
from alerts.silence_recurring import is_recurring
from alerts.views import AlertView
from collector.model.alert import Alert, AlertSink
from collector.model.durations import format_duration
from collector.model.labels import Labels

ALERT_NAME = "SilenceStillHides"


class SilenceReminders:
    """Called by one thread every few seconds; `after_ms` is replaced by a reload, 0 for never."""

    def __init__(
        self,
        silences: SilenceBook,
        views: Callable[[], Sequence[AlertView]],
        sink: AlertSink,
        after_ms: int,
    ) -> None:
        self.after_ms = after_ms
        self._silences = silences
        self._views = views
        self._sink = sink
        self._raised: dict[str, Alert] = {}

    def tick(self, now_ms: int, acts: bool = True) -> None:
        """Tell of those that still hide something, and of the end of those that do no more.

        An instance that does not act (`acts` False) leaves it to the one that does.
        """
        if not acts:
            self._raised = {}
            return
        overdue = self._overdue(now_ms)
        hidden = _hidden(self._views()) if overdue else Counter[str]()
        found = [_alert(one, hidden[one.id], self.after_ms) for one in overdue if hidden[one.id]]
        firing = {alert.fingerprint: alert for alert in found}
        over = [
            replace(alert, ends_at_ms=now_ms)
            for fingerprint, alert in self._raised.items()
            if fingerprint not in firing
        ]
        if found or over:
            self._sink.emit([*found, *over])
        self._raised = firing

    def _overdue(self, now_ms: int) -> list[Silence]:
        return [
            one
            for one in self._silences.all()
            if self.after_ms
            and one.state(now_ms) == "active"
            and now_ms - one.starts_at_ms >= self.after_ms
            and not is_recurring(one.id)
        ]


def _hidden(views: Sequence[AlertView]) -> Counter[str]:
    """How many firing alerts each silence hides; a reminder keeps no silence alive."""
    return Counter(
        silence
        for view in views
        if view.stored.alert.name != ALERT_NAME
        for silence in view.silenced_by
    )


def _alert(silence: Silence, hidden: int, after_ms: int) -> Alert:
    matchers = write_matchers(silence.matchers)
    plural = "alert" if hidden == 1 else "alerts"
    labels = {
        "alertname": ALERT_NAME,
        "severity": "info",
        "silence": silence.id,
        "created_by": silence.created_by,
    }
    annotations = {
        "summary": f"a silence of {matchers} hides {hidden:,} firing {plural}",
        "description": f"It has been there for more than {format_duration(after_ms)}: "
        f"{silence.comment or 'nobody said why'}. Expire it, or mend what it hides.",
    }
    return Alert(Labels(labels), annotations, silence.starts_at_ms + after_ms)
