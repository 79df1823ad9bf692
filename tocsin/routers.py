"""The routes of all packages, over one set of parts."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from fastapi import FastAPI

import alerts.api
import alerts.api_dead_letters
import alerts.api_why
import alerts.interactions.api
import alerts.on_call.api
import alerts.on_call.api_heartbeats
import alerts.on_call.api_report
import alerts.on_call.api_schedules
import anomaly.api
import collector.api.active_queries
import collector.api.exporters
import collector.api.ingest
import collector.api.logs_and_traces
import collector.api.remote_write
import dashboards.api
import slo.api
import slo.api_backtest
import slo.api_suggest
from dashboards.boards import all_boards
from tocsin import deploy_api
from tocsin.http import build_app
from tocsin.lifecycle import Lifecycle
from tocsin.process_status import RunningProcess
from tocsin.prometheus_routers import prometheus_routers
from tocsin.slo_facts import slo_facts
from tocsin.web.router import web_router
from tocsin.wiring import Parts


def build_application(parts: Parts, process: Lifecycle) -> FastAPI:
    """Everything that answers over HTTP."""
    routers = [
        *prometheus_routers(parts, RunningProcess(parts, lambda: process.readings)),
        collector.api.active_queries.router(parts.queries),
        collector.api.ingest.router(parts.otlp),
        collector.api.remote_write.router(parts.remote_write),
        collector.api.logs_and_traces.router(
            parts.logs.store, parts.logs.receiver, parts.records.traces
        ),
        collector.api.exporters.router(),
        slo.api.router(parts.slos, parts.clock, lambda: slo_facts(parts.config), parts.deploys),
        deploy_api.router(parts.deploys, parts.clock, parts.interactions.tell_deploy),
        slo.api_suggest.router(parts.past, parts.clock),
        slo.api_backtest.router(parts.past, lambda: parts.config.slos),
        anomaly.api.router(lambda: parts.anomalies.states()),
        alerts.api.router(parts.alerts),
        alerts.api_why.router(parts.alerts),
        alerts.on_call.api.router(parts.alerts.on_call),
        alerts.on_call.api_schedules.router(parts.alerts.on_call, parts.clock),
        alerts.on_call.api_heartbeats.router(parts.on_call.heartbeats, parts.clock),
        alerts.on_call.api_report.router(parts.alerts.on_call, parts.clock),
        alerts.api_dead_letters.router(parts.alerts),
        alerts.interactions.api.router(
            parts.interactions.door, lambda: parts.interactions.settings
        ),
        dashboards.api.router(lambda: all_boards(parts.slos.objectives)),
        web_router(parts),
    ]
    web = parts.config.web
    return build_app(
        routers,
        process,
        parts.registry,
        parts.clock,
        cors_origin=web.cors_origin,
        hosts=_hosts(parts),
    )


def _hosts(parts: Parts) -> list[str]:
    """The names that this process is known by."""
    listen, outside = f"//{parts.config.web.listen_address}", parts.external_url
    names = (urlsplit(listen).hostname, urlsplit(outside).hostname, socket.gethostname())
    return [name for name in names if name]
