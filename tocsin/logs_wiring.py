"""Builds the part that keeps logs: local files, or Elasticsearch when one is configured."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from collector.ingest.limits import MAX_OTLP_BODY_BYTES
from collector.ingest.receivers.otlp_logs import LogsReceiver
from collector.ingest.receivers.own_logs import OwnLogs
from collector.ingest.record_counters import RecordCounters
from collector.ingest.redact import Redactor
from collector.logs_config import LogsConfig
from collector.model.clock import Clock
from collector.model.errors import ConfigError
from collector.model.secrets import Secret
from collector.store.documents.interface import LogStore
from collector.store.documents.local import LocalLogStore
from collector.store.documents.self_metrics import LogMetrics


@dataclass(frozen=True, slots=True)
class Logs:
    """Where logs are kept, how they come in over OTLP, and tocsin's own."""

    store: LogStore
    receiver: LogsReceiver
    own: OwnLogs


def build_logs(
    config: LogsConfig,
    directory: Path,
    clock: Clock,
    registry: CollectorRegistry,
    max_body_bytes: int = MAX_OTLP_BODY_BYTES,
    counters: RecordCounters | None = None,
) -> Logs:
    """The log store and what feeds it; nothing is started yet."""
    metrics = LogMetrics(registry)
    store = _store(config, directory / "logs", clock, metrics)
    redactor = Redactor()
    receiver = LogsReceiver(store, redactor, clock, metrics, max_body_bytes, counters)
    return Logs(store, receiver, OwnLogs(store, redactor, metrics))


def _store(config: LogsConfig, directory: Path, clock: Clock, metrics: LogMetrics) -> LogStore:
    retention = config.retention.retention()
    if config.elasticsearch is None:
        return LocalLogStore(directory, clock, metrics, retention, config.max_size)
    # the client is an extra and takes a while to import: only those who use it pay for it
    from collector.store.documents.elasticsearch import ElasticsearchLogStore, ElasticsearchTarget

    elastic = config.elasticsearch
    target = ElasticsearchTarget(
        url=elastic.url,
        username=elastic.username,
        password=_secret(elastic.password, elastic.password_file),
        api_key=_secret(elastic.api_key, elastic.api_key_file),
        verify=elastic.verify,
        ca_file=elastic.ca_file,
    )
    return ElasticsearchLogStore(target, clock, metrics, threading.Event().wait, retention)


def _secret(inline: Secret | None, file: str) -> Secret | None:
    if not file:
        return inline
    try:
        return Secret(Path(file).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ConfigError(
            f"logs.elasticsearch: {file} can't be read: {error.strerror}",
            advice="check the path and its mode",
        ) from error
