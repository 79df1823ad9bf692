"""Builds every part once, in order, by constructor arguments; only here do judges meet alerts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from alerts.external.sink import ExternalSink
from alerts.service import AlertService
from anomaly.self_metrics import AnomalyMetrics
from anomaly.track import Watch
from anomaly.watch import AnomalyWatch
from collector.api.ingest import metrics_receiver
from collector.api.remote_write import remote_write_receiver
from collector.ingest.receivers.otlp_metrics import MetricsReceiver
from collector.ingest.receivers.remote_write import RemoteWriteReceiver
from collector.ingest.scrape.pool import ScrapePool
from collector.ingest.series_gate import SeriesGate
from collector.ingest.stored_totals import StoredTotals
from collector.ingest.write import SampleWriter
from collector.model.clock import Clock
from collector.query.active import ActiveQueries
from collector.query.interface import QueryEngine
from collector.rules.ruler import Ruler
from collector.self_metrics import IngestMetrics
from collector.store.interface import Appender
from collector.store.options import HOUR_MS, StoreOptions, TierOptions
from collector.store.tsdb import Tsdb
from slo.backtest import Source
from slo.evaluate import SloEngine
from slo.self_metrics import SloMetrics
from tocsin.burn_pictures import BurnPictures
from tocsin.config import Config
from tocsin.deploy_log import DeployLog
from tocsin.forward_wiring import Forwarding, build_forwarding
from tocsin.interactions_wiring import Interactions
from tocsin.links import LinkingSink
from tocsin.logs_wiring import Logs, build_logs
from tocsin.on_call_wiring import OnCallParts, build_on_call
from tocsin.query_wiring import Queries, build_queries
from tocsin.records_wiring import Records, build_records
from tocsin.rules_wiring import build_ruler
from tocsin.silence_wiring import SilenceParts, build_silences
from tocsin.ticker import TickMetrics

INDICATOR_WATCH = Watch("slo", '1 - tocsin_slo_sli_ratio{window="5m"}')
"""What is watched without being named: how bad each objective's events are."""


@dataclass(slots=True)
class Parts:
    """Everything that runs. What a reload builds anew is replaced here, so it is asked for here."""

    config: Config
    clock: Clock
    registry: CollectorRegistry
    ticks: TickMetrics
    store: Tsdb
    engine: QueryEngine
    queries: ActiveQueries
    pool: ScrapePool
    gate: SeriesGate
    otlp: MetricsReceiver
    remote_write: RemoteWriteReceiver
    forwarding: Forwarding
    logs: Logs
    records: Records
    alerts: AlertService
    interactions: Interactions
    slos: SloEngine
    past: Source
    deploys: DeployLog
    anomalies: AnomalyWatch
    on_call: OnCallParts
    silences: SilenceParts
    anomaly_metrics: AnomalyMetrics
    outside: ExternalSink
    sink: LinkingSink
    rules: Ruler
    external_url: str
    directory: Path


def build(config: Config, directory: Path, clock: Clock, external_url: str) -> Parts:
    """All parts on one data directory, nothing started yet.

    Raises StorageError when the directory can't be used, ConfigError for what only shows here.
    """
    registry = process_registry()
    store = Tsdb.open(directory / "metrics", clock, store_options(config), registry)
    forwarding = build_forwarding(config, store, directory, clock, registry)
    appender = forwarding.appender
    asked = build_queries(config, store, clock, registry)
    engine = asked.engine
    ingest = IngestMetrics(registry)
    gate = SeriesGate(appender, config.limits.guards(), clock)
    pool = ScrapePool(appender, ingest, clock, gate)
    pool.apply(config.scrape_configs, config.global_)
    records = build_records(config, store, appender, clock, registry)
    alerts = build_alerts(config, directory, clock, registry, external_url)
    outside = ExternalSink(config.alerting, config.global_.external_labels, clock, alerts.metrics)
    sent_to = outside if outside.urls else alerts
    sink = LinkingSink(BurnPictures(sent_to, engine, clock), external_url)
    deploys = DeployLog(directory)
    slos = build_slos(config, appender, asked, sink, clock, directory, registry)
    anomaly_metrics = AnomalyMetrics(registry)
    anomalies = build_anomalies(config, engine, appender, sink, clock, directory, anomaly_metrics)
    return Parts(
        config=config,
        clock=clock,
        registry=registry,
        ticks=TickMetrics(registry),
        store=store,
        engine=engine,
        queries=asked.active,
        pool=pool,
        gate=gate,
        otlp=build_otlp(config, appender, ingest, store, clock, gate),
        remote_write=remote_write_receiver(
            SampleWriter(appender, ingest, "remote_write", clock, gate), ingest
        ),
        forwarding=forwarding,
        logs=build_logs(
            config.logs, directory, clock, registry, config.otlp.max_body_size, records.counters
        ),
        records=records,
        alerts=alerts,
        interactions=Interactions(alerts, clock, config.alerts_global),
        slos=slos,
        past=past_source(asked, store, slos),
        deploys=deploys,
        anomalies=anomalies,
        on_call=build_on_call(alerts, sink, deploys, anomalies.states, clock, registry),
        silences=build_silences(alerts, sink, config.alerts_section.silences),
        anomaly_metrics=anomaly_metrics,
        outside=outside,
        sink=sink,
        rules=build_ruler(config, engine, store, appender, sink, clock, registry, external_url),
        external_url=external_url,
        directory=directory,
    )


def build_otlp(
    config: Config,
    appender: Appender,
    ingest: IngestMetrics,
    store: Tsdb,
    clock: Clock,
    gate: SeriesGate,
) -> MetricsReceiver:
    """OTLP's metrics, whose deltas go on from the totals that the store holds."""
    writer = SampleWriter(appender, ingest, "otlp", clock, gate)
    return metrics_receiver(writer, ingest, config.otlp, StoredTotals(store, clock))


def process_registry() -> CollectorRegistry:
    """A registry with the figures of the process itself."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


def build_alerts(
    config: Config, directory: Path, clock: Clock, registry: CollectorRegistry, external_url: str
) -> AlertService:
    """Routes, groups and channels on the database named, or on a file of the data directory."""
    return AlertService(
        config.alerts,
        config.alerts_section.database_url or directory / "alerts.sqlite",
        clock,
        registry,
        global_=config.alerts_global,
        templates=config.alert_templates,
        external_url=external_url,
        on_call=config.alerts_section.on_call,
    )


def build_slos(
    config: Config,
    appender: Appender,
    asked: Queries,
    sink: LinkingSink,
    clock: Clock,
    directory: Path,
    registry: CollectorRegistry,
) -> SloEngine:
    """The SLO engine on its part of the data directory."""
    return SloEngine(
        config.objectives,
        asked.counted,
        appender,
        sink,
        clock,
        directory / "slo",
        config.slos,
        SloMetrics(registry),
        asked.engine,
    )


def past_source(asked: Queries, store: Tsdb, slos: SloEngine) -> Source:
    """Where the past of objectives is read."""
    totals = store.counter_totals if asked.counted is store else None
    return Source(asked.counted, totals, asked.engine, slos.corrections.in_force)


def build_anomalies(
    config: Config,
    engine: QueryEngine,
    appender: Appender,
    sink: LinkingSink,
    clock: Clock,
    directory: Path,
    metrics: AnomalyMetrics,
) -> AnomalyWatch:
    """The anomaly watch; a reload builds another one, which finds its models on disk."""
    return AnomalyWatch(
        engine,
        appender,
        sink,
        clock,
        directory / "anomaly",
        config.anomaly,
        watches(config),
        metrics,
    )


def store_options(config: Config) -> StoreOptions:
    """The section `storage` as the store takes it."""
    return StoreOptions(
        retention_ms=config.storage.retention_time,
        tiers=store_tiers(config),
        retention_bytes=config.storage.retention_size,
        retention_percentage=config.storage.retention_percentage,
        max_series=config.storage.max_series,
        fsync=config.storage.wal_fsync,
        out_of_order_window_ms=config.storage.out_of_order_time_window,
        max_exemplars=config.storage.exemplars.max_exemplars,
    )


def store_tiers(config: Config) -> tuple[TierOptions, ...]:
    """The downsampled tiers that are kept at all."""
    wanted = (
        TierOptions("5m", HOUR_MS // 12, config.storage.retention_time_5m),
        TierOptions("1h", HOUR_MS, config.storage.retention_time_1h),
    )
    return tuple(tier for tier in wanted if tier.retention_ms)


def watches(config: Config) -> list[Watch]:
    """The watches that the configuration names, and the indicators of all objectives."""
    if not config.anomaly.enabled:
        return []
    indicators = [INDICATOR_WATCH] if config.objectives else []
    return [*(one.watch() for one in config.anomaly.watches), *indicators]
