"""The routes of all packages, over one set of parts."""

from __future__ import annotations

from fastapi import FastAPI

import alerts.api
import anomaly.api
import collector.api.exporters
import collector.api.ingest
import collector.api.logs_and_traces
import collector.api.prometheus
import collector.api.status
import dashboards.api
import slo.api
from dashboards.boards import all_boards
from tocsin.http import Process, build_app
from tocsin.web.router import web_router
from tocsin.wiring import Parts


def build_application(parts: Parts, process: Process) -> FastAPI:
    """Everything that answers over HTTP."""
    routers = [
        collector.api.prometheus.router(parts.engine, parts.store.metadata, parts.clock),
        collector.api.ingest.router(parts.otlp),
        collector.api.logs_and_traces.router(parts.logs.store, parts.logs.receiver),
        collector.api.status.router(parts.pool),
        collector.api.exporters.router(),
        slo.api.router(parts.slos, parts.clock),
        anomaly.api.router(lambda: parts.anomalies.states()),
        alerts.api.router(parts.alerts),
        dashboards.api.router(lambda: all_boards(parts.slos.objectives)),
        web_router(parts),
    ]
    return build_app(routers, process, parts.registry, parts.clock)
