"""What of on call meets other parts: heartbeats, the watchdog, what stood around incidents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from prometheus_client import CollectorRegistry

from alerts.on_call.context import Sight
from alerts.on_call.heartbeats import Heartbeats
from alerts.on_call.self_metrics import WINDOW_DAYS, OnCallMetrics, Standing
from alerts.on_call.watchdog import Watchdog, a_channel_works, database_keeps, rounds_are_made
from alerts.service import AlertService
from anomaly.states import SeriesState
from collector.model.alert import AlertSink
from collector.model.clock import Clock
from collector.model.deploy import Deploys
from collector.model.labels import Labels

DAY_MS = 24 * 3_600_000
SHARED_NAMES = ("service", "job", "instance")
"""An anomaly near an incident is told with it when one of these labels is the same."""


@dataclass(slots=True)
class OnCallParts:
    """The parts beside the service, each called in turn by a ticker of its own."""

    service: AlertService
    heartbeats: Heartbeats
    watchdog: Watchdog
    surroundings: KnownSurroundings
    metrics: OnCallMetrics
    clock: Clock

    def tick(self, now_ms: int) -> None:
        """Look around incidents, where this instance is the one that acts."""
        if self.service.leadership.epoch > 0:
            self.service.on_call.look_around(self.surroundings, self.service.live)

    def show_figures(self, now_ms: int) -> None:
        """What incidents, duties and heartbeats are like, as metrics."""
        station = self.service.on_call
        standing = Standing(
            station.count_open(),
            station.report(now_ms - WINDOW_DAYS * DAY_MS, now_ms),
            station.rota.duties(now_ms),
            self.heartbeats.states(),
            now_ms,
        )
        self.metrics.show(standing)
        self.metrics.watchdog.set(self.watchdog.last_success_ms / 1000)

    def guard(self, now_ms: int) -> None:
        """Give a sign of life, where this instance is the one that acts."""
        if self.service.leadership.epoch > 0:
            self.watchdog.tick(now_ms)


class KnownSurroundings:
    """Implements `alerts.on_call.context.Surroundings` by deploys and anomalies."""

    def __init__(
        self, deploys: Deploys, anomalies: Callable[[], Sequence[SeriesState]], clock: Clock
    ) -> None:
        self._deploys = deploys
        self.anomalies = anomalies
        """What is odd now; replaced when a reload builds another watch."""
        self._clock = clock

    def near(self, labels: Labels, from_ms: int, until_ms: int) -> Sequence[Sight]:
        """Deploys of the service (of all, where it is not known), and what is odd now."""
        deploys = self._deploys.between(from_ms, until_ms, labels.get("service", ""))
        found = [Sight("deploy", one.at_ms, one.title, one.url) for one in deploys]
        now_ms = self._clock.now_ms()
        if from_ms < now_ms <= until_ms:
            found += [
                Sight("anomaly", now_ms, _title(one), f"/graph?g0.expr={quote(one.query)}")
                for one in self.anomalies()
                if one.is_firing and _is_related(labels, one.labels)
            ]
        return found


def build_on_call(
    service: AlertService,
    sink: AlertSink,
    deploys: Deploys,
    anomalies: Callable[[], Sequence[SeriesState]],
    clock: Clock,
    registry: CollectorRegistry,
) -> OnCallParts:
    """The parts over a running service; what a reload changes is asked for at each use."""
    database = service.on_call.database
    checks = (
        rounds_are_made(lambda: service.last_round_ms, clock),
        database_keeps(database, clock),
        a_channel_works(service.channel_health),
    )
    return OnCallParts(
        service,
        Heartbeats(lambda: service.on_call.config.heartbeats, database, clock, sink),
        Watchdog(lambda: service.on_call.config.watchdog, checks, clock),
        KnownSurroundings(deploys, anomalies, clock),
        OnCallMetrics(registry),
        clock,
    )


def _title(state: SeriesState) -> str:
    name = state.labels.metric_name or state.watch
    return f"{name} behaves unlike its past"


def _is_related(labels: Labels, other: Labels) -> bool:
    return any(labels.get(name, "") and labels[name] == other.get(name) for name in SHARED_NAMES)
