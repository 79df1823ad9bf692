"""`ExternalSink`: an `AlertSink` whose alerts go to Alertmanagers, each with its own thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerts.alertmanager_json import timestamp
from alerts.channels.http import HttpSender, refusal
from alerts.external.book import AlertBook
from alerts.external.config import AlertingConfig, AlertmanagerConfig
from alerts.self_metrics import AlertMetrics
from collector.model.alert import Alert
from collector.model.clock import Clock
from collector.model.errors import LimitError, TocsinError
from collector.model.secrets import Secret

log = logging.getLogger(__name__)

BATCH = 500
"""Alerts in one request."""
RETRY_SECONDS = 5.0
STOP_PATIENCE_SECONDS = 20.0


class ExternalSink:
    """Sends alerts to every Alertmanager of the section `alerting`.

    `labels` are the external labels, which every alert gets that has none of that name. What is
    told is held in memory: after a restart judges that still find an alert tell of it again, and
    the end of one that ended meanwhile comes by its lease.
    """

    def __init__(
        self,
        config: AlertingConfig,
        labels: Mapping[str, str],
        clock: Clock,
        metrics: AlertMetrics,
    ) -> None:
        self._labels = dict(labels)
        self._clock = clock
        self._managers = [
            _Alertmanager(url, one, clock, metrics)
            for one in config.alertmanagers
            for url in one.urls()
        ]

    @property
    def urls(self) -> list[str]:
        """Where alerts go."""
        return [one.url for one in self._managers]

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Queue alerts for every Alertmanager; raises LimitError when there are too many."""
        labelled = [self._labelled(alert) for alert in alerts]
        errors = []
        for manager in self._managers:
            try:
                manager.put(labelled)
            except LimitError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def start(self) -> None:
        """Begin to send."""
        for manager in self._managers:
            manager.start()

    def close(self) -> None:
        """Say what is due and stop."""
        for manager in self._managers:
            manager.stop()

    def _labelled(self, alert: Alert) -> Alert:
        missing = {name: v for name, v in self._labels.items() if name not in alert.labels}
        if not missing:
            return alert
        return replace(alert, labels=alert.labels.merged(missing))


class _Alertmanager:
    """One Alertmanager: what it is to be told, and the thread that tells it."""

    def __init__(
        self, url: str, config: AlertmanagerConfig, clock: Clock, metrics: AlertMetrics
    ) -> None:
        self.url = url
        self._http = HttpSender(config, config.timeout, clock)
        self._clock = clock
        self._sent = metrics.external_sent.labels(url)
        self._failed = metrics.external_failures.labels(url)
        self._book = AlertBook()
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tocsin-alertmanager", daemon=True)

    def put(self, alerts: Sequence[Alert]) -> None:
        with self._changed:
            self._book.take(alerts, self._clock.now_ms())
            self._changed.notify()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_SECONDS)
        self._http.close()

    def _run(self) -> None:
        while True:
            failed = not self._tell()
            with self._changed:
                if self._stopping:
                    return
                wait = RETRY_SECONDS if failed else self._seconds_to_next()
                if wait is None or wait > 0:
                    self._changed.wait(wait)

    def _seconds_to_next(self) -> float | None:
        due_ms = self._book.next_due_ms()
        return None if due_ms is None else (due_ms - self._clock.now_ms()) / 1000

    def _tell(self) -> bool:
        with self._changed:
            due = self._book.due(self._clock.now_ms())
        for start in range(0, len(due), BATCH):
            some = due[start : start + BATCH]
            try:
                answer = self._http.post(Secret(self.url), [alert_body(one) for one in some])
                error = refusal(answer, self.url)
                if error is not None:
                    raise error
            except TocsinError as failure:
                self._failed.inc()
                log.warning("%s takes no alerts, %d wait: %s", self.url, len(due), failure)
                return False
            self._sent.inc(len(some))
            with self._changed:
                self._book.told(some, self._clock.now_ms())
        return True


def alert_body(alert: Alert) -> dict[str, object]:
    """An alert as Alertmanager's API v2 takes it."""
    return {
        "labels": dict(alert.labels.pairs),
        "annotations": dict(alert.annotations),
        "startsAt": timestamp(alert.starts_at_ms),
        "endsAt": timestamp(alert.ends_at_ms),
        "generatorURL": alert.generator_url,
    }
