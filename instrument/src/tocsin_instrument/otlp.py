"""Builds and ends what is exported over OTLP/HTTP: metrics, spans and logs, each on its thread.

The only file that knows the three exporters; imported only when an endpoint is configured.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry

from tocsin_instrument.background import BackgroundLoop
from tocsin_instrument.metrics import Metrics
from tocsin_instrument.otlp_logs import Logged, OtlpLogHandler, log_export
from tocsin_instrument.otlp_metrics import MetricsPush
from tocsin_instrument.otlp_spans import OtelSpans
from tocsin_instrument.outbox import Outbox
from tocsin_instrument.settings import Settings

Closer = Callable[[float], None]


class OtlpExport:
    """The exports that `settings` ask for; `spans` is None when traces are off."""

    def __init__(self, settings: Settings, registry: CollectorRegistry, metrics: Metrics) -> None:
        self._settings = settings
        self._resource = _ResourceOfProcess(settings)
        self._metrics = metrics
        self._closers: list[Closer] = []
        self._push: BackgroundLoop | None = None
        self.spans: OtelSpans | None = None
        if "metrics" in settings.otlp_signals:
            self._export_metrics(registry)
        if "traces" in settings.otlp_signals:
            self._export_spans()
        if "logs" in settings.otlp_signals:
            self._export_logs()

    @property
    def tracer_provider(self) -> TracerProvider | None:
        """The provider whose spans are exported, or None when traces are off."""
        return None if self.spans is None else self.spans.provider

    def ensure_running(self) -> None:
        """Start exporting metrics in this process; the others start with their first item."""
        if self._push is not None:
            self._push.ensure_running()

    def close(self, timeout_seconds: float) -> None:
        """Export what waits, within the time for each signal."""
        for close in self._closers:
            close(timeout_seconds)
        self._closers.clear()

    def _export_metrics(self, registry: CollectorRegistry) -> None:
        exporter = OTLPMetricExporter(
            endpoint=self._endpoint("metrics"), compression=_compression()
        )
        push = MetricsPush(registry, exporter, self._resource, self._metrics.dropped)
        loop = BackgroundLoop("metrics", self._settings.otlp_interval_seconds, push.export_once)

        def close(timeout_seconds: float) -> None:
            ended = loop.close(timeout_seconds)
            exporter.shutdown()
            if not ended:
                loop.close(timeout_seconds)

        self._push = loop
        self._closers.append(close)

    def _export_spans(self) -> None:
        exporter = OTLPSpanExporter(endpoint=self._endpoint("traces"), compression=_compression())
        outbox: Outbox[ReadableSpan] = Outbox(
            "traces", lambda batch: _took(exporter, batch), self._metrics.dropped
        )
        self.spans = OtelSpans(self._resource(), outbox)
        self._closers.append(lambda timeout: outbox.close(timeout, exporter.shutdown))

    def _export_logs(self) -> None:
        exporter = OTLPLogExporter(endpoint=self._endpoint("logs"), compression=_compression())
        outbox: Outbox[Logged] = Outbox(
            "logs", log_export(exporter, self._resource), self._metrics.dropped
        )
        handler = OtlpLogHandler(outbox)
        logging.getLogger().addHandler(handler)

        def close(timeout_seconds: float) -> None:
            logging.getLogger().removeHandler(handler)
            outbox.close(timeout_seconds, exporter.shutdown)

        self._closers.append(close)

    def _endpoint(self, signal: str) -> str | None:
        """The URL of a signal; None leaves it, with headers and the rest, to OTEL_* variables."""
        base = self._settings.otlp_endpoint
        return f"{base.rstrip('/')}/v1/{signal}" if base else None


class _ResourceOfProcess:
    """Who exports: service name, version and an instance id that a forked worker makes anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = 0
        self._resource = Resource.get_empty()

    def __call__(self) -> Resource:
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._resource = self._make()
        return self._resource

    def _make(self) -> Resource:
        own = {"service.instance.id": str(uuid.uuid4())}
        from_environment = Resource.create({}).attributes
        if "service.instance.id" in from_environment:
            own = {}
        own["service.name"] = self._settings.service
        if self._settings.version:
            own["service.version"] = self._settings.version
        return Resource.create(own)


def _took(exporter: SpanExporter, batch: object) -> bool:
    return exporter.export(batch) is SpanExportResult.SUCCESS  # type: ignore[arg-type]


def _compression() -> Compression | None:
    """gzip, unless the environment says otherwise."""
    chosen = any(
        name.startswith("OTEL_EXPORTER_OTLP") and name.endswith("COMPRESSION")
        for name in os.environ
    )
    return None if chosen else Compression.Gzip
