"""Builds the part that counts spans and log records for the objectives that ask."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from collector.ingest.receivers.otlp_traces import TracesReceiver
from collector.ingest.record_counters import RecordCounters, newest_count_ms
from collector.ingest.self_metrics import RecordMetrics
from collector.model.clock import Clock
from collector.store.interface import Appender, Querier
from slo.record_rules import record_rules
from tocsin.config import Config


@dataclass(frozen=True, slots=True)
class Records:
    """The counters of records, and how traces come in."""

    counters: RecordCounters
    traces: TracesReceiver

    def apply(self, config: Config) -> None:
        """Count by the objectives of a configuration from now on."""
        self.counters.apply(record_rules(config.objectives))


def build_records(
    config: Config, querier: Querier, appender: Appender, clock: Clock, registry: CollectorRegistry
) -> Records:
    """The counters, by the rules of now."""
    metrics = RecordMetrics(registry)
    counters = RecordCounters(appender, clock, metrics, newest_count_ms(querier))
    made = Records(counters, TracesReceiver(counters, metrics, config.otlp.max_body_size))
    made.apply(config)
    return made
