"""Builds what sends samples on, and the store's way in that feeds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from collector.forward.forwarder import Forwarder, Wanted
from collector.forward.self_metrics import ForwardMetrics
from collector.forward.tee import ForwardingAppender
from collector.model.clock import Clock
from collector.store.interface import Appender
from collector.store.tsdb import Tsdb
from tocsin.config import Config


@dataclass(frozen=True, slots=True)
class Forwarding:
    """`appender` is the way in for all who write samples."""

    forwarder: Forwarder
    appender: Appender


def build_forwarding(
    config: Config, store: Tsdb, directory: Path, clock: Clock, registry: CollectorRegistry
) -> Forwarding:
    """The endpoints of `remote_write` at work.

    Raises ConfigError when one can't be used, StorageError when the queue can't be written.
    """
    metrics = ForwardMetrics(registry)
    forwarder = Forwarder(
        directory / "forward",
        store.labels_of,
        store.metadata,
        clock,
        metrics,
        config.storage.remote_write_queue_size,
    )
    forwarder.apply(wanted_endpoints(config))
    appender = ForwardingAppender(store, lambda: forwarder.journal, metrics.unqueued.inc)
    return Forwarding(forwarder, appender)


def wanted_endpoints(config: Config) -> Wanted:
    """What a configuration asks for."""
    labels = tuple(sorted(config.global_.external_labels.items()))
    return Wanted(tuple(config.remote_write), labels)
