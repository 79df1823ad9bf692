"""Mounts OTLP's receivers; metrics under OpenTelemetry's and under Prometheus's path."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from collector.api.direct_route import add_direct
from collector.config import OtlpConfig
from collector.ingest.formats.otlp_names import Naming
from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.otlp_writer import OtlpWriter
from collector.ingest.receivers.otlp_exchange import OtlpReceiver, Reply
from collector.ingest.receivers.otlp_metrics import MetricsReceiver
from collector.ingest.stored_totals import StoredTotals
from collector.ingest.write import SampleWriter
from collector.request_body import read_body
from collector.self_metrics import IngestMetrics

OTLP_PATHS = ("/v1/metrics", "/api/v1/otlp/v1/metrics")


def metrics_receiver(
    writer: SampleWriter,
    metrics: IngestMetrics,
    config: OtlpConfig,
    totals: StoredTotals | None = None,
) -> MetricsReceiver:
    """The receiver that a configuration asks for."""
    promotion = Promotion(
        attributes=frozenset(config.promote_resource_attributes),
        everything=config.promote_all_resource_attributes,
        ignored=frozenset(config.ignore_resource_attributes),
        keep_identifying=config.keep_identifying_resource_attributes,
        naming=Naming(
            config.translation_strategy,
            underscore_sanitization=config.label_name_underscore_sanitization,
            preserve_multiple_underscores=config.label_name_preserve_multiple_underscores,
        ),
    )
    otlp = OtlpWriter(
        writer, promotion, totals=totals, custom_buckets=config.convert_histograms_to_nhcb
    )
    return MetricsReceiver(otlp, metrics, config.max_body_size)


def router(receiver: MetricsReceiver) -> APIRouter:
    """POST OTLP metrics."""
    routes = APIRouter()
    for path in OTLP_PATHS:
        add_otlp(routes, path, receiver)
    return routes


def add_otlp(routes: APIRouter, path: str, receiver: OtlpReceiver) -> None:
    """POST one signal of OTLP at a path."""

    async def otlp(request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        body = await read_body(request, receiver.max_wire_bytes)
        if body is None:
            return _response(receiver.refuse_oversize(content_type))
        encoding = request.headers.get("content-encoding", "")
        return _response(await run_in_threadpool(receiver.receive, body, content_type, encoding))

    add_direct(routes, path, otlp)


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers), reply.content_type)
