"""Builds the ruler from the configuration; rule files are read with it, at each reload."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from collector.model.alert import AlertSink
from collector.model.clock import Clock
from collector.query.interface import QueryEngine
from collector.rules.group import Parts, RuleOptions
from collector.rules.ruler import Ruler
from collector.rules.self_metrics import RuleMetrics
from collector.store.interface import Appender
from collector.store.tsdb import Tsdb
from tocsin.config import Config


def rule_options(config: Config, external_url: str) -> RuleOptions:
    """The block `global` as rules take it."""
    return RuleOptions(
        interval_ms=config.global_.evaluation_interval,
        query_offset_ms=config.global_.rule_query_offset,
        external_labels=config.global_.external_labels,
        external_url=external_url,
    )


def build_ruler(
    config: Config,
    engine: QueryEngine,
    store: Tsdb,
    appender: Appender,
    sink: AlertSink,
    clock: Clock,
    registry: CollectorRegistry,
    external_url: str,
) -> Ruler:
    """The ruler over the configuration's groups, not started."""
    parts = Parts(engine, store, appender, sink, clock, RuleMetrics(registry))
    return Ruler(config.rule_groups, rule_options(config, external_url), parts)
