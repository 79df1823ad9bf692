"""`instrument(app)`: one call that turns on metrics, traces, logs and health pages for one app.

Importing does nothing; calling changes the app, the root logger's output (unless json_logs=False)
and, with an OTLP endpoint, starts exporters that work in the background.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry, ProcessCollector

from tocsin_instrument import settings as settings_of
from tocsin_instrument.access_log import AccessLog
from tocsin_instrument.asgi import ASGIApp, InstrumentedApp, Receive, Scope, Send
from tocsin_instrument.health import Check, HealthPage
from tocsin_instrument.log_json import write_json_logs
from tocsin_instrument.metrics import HttpMetrics, metrics_of
from tocsin_instrument.metrics_page import MetricsPage
from tocsin_instrument.routes import RouteTemplates
from tocsin_instrument.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from tocsin_instrument.otlp import OtlpExport

FLUSH_SECONDS = 2.0
"""How long an ending app waits for each signal's last export."""

_log = logging.getLogger("tocsin_instrument")
_instrumented: WeakSet[Any] = WeakSet()
_with_process_metrics: WeakSet[CollectorRegistry] = WeakSet()


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Paths that are answered for the app and not counted as its requests; "" turns one off."""

    live: str = "/health/live"
    ready: str = "/health/ready"
    startup: str = "/health/startup"
    metrics: str = "/metrics"


class Instrumentation:
    """An instrumented app: itself an ASGI app, and the handle to what was turned on.

    `registry` holds its metrics. `tracer_provider` is the OpenTelemetry provider whose spans are
    exported, or None without OTLP traces.
    """

    def __init__(
        self, app: ASGIApp, registry: CollectorRegistry, export: OtlpExport | None
    ) -> None:
        self._app = app
        self._entry = app
        self._export = export
        self.registry = registry
        if export is not None:
            atexit.register(self.close)

    @property
    def tracer_provider(self) -> TracerProvider | None:
        """The provider to make global for spans of your own, or None."""
        return None if self._export is None else self._export.tracer_provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the instrumented app."""
        await self._entry(scope, receive, send)

    def install(self, settings: Settings, pages: dict[str, ASGIApp]) -> None:
        """Put the middleware around the app: outermost, so that it sees what the client sees."""
        metrics = HttpMetrics(metrics_of(self.registry))

        def wrapped(inner: ASGIApp) -> ASGIApp:
            return InstrumentedApp(
                inner,
                metrics=metrics,
                route_of=RouteTemplates(self._app),
                pages=pages,
                access_log=AccessLog() if settings.access_log else None,
                spans=None if self._export is None else self._export.spans,
                ensure_exporting=None if self._export is None else self._export.ensure_running,
                at_shutdown=self.close,
            )

        build: Callable[[], ASGIApp] | None = getattr(self._app, "build_middleware_stack", None)
        if build is None:
            self._entry = wrapped(self._app)
            return
        # Starlette's add_middleware would put it inside the layer that turns exceptions into 500.
        app: Any = self._app
        app.build_middleware_stack = lambda: wrapped(build())
        if app.middleware_stack is not None:
            app.middleware_stack = wrapped(app.middleware_stack)

    def close(self, timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Export what waits, and stop; the end of the app's lifespan and of Python do so too."""
        if self._export is not None:
            self._export.close(timeout_seconds)


def instrument(
    app: ASGIApp,
    service: str | None = None,
    *,
    version: str | None = None,
    live: Mapping[str, Check] | None = None,
    ready: Mapping[str, Check] | None = None,
    startup: Mapping[str, Check] | None = None,
    endpoints: Endpoints | None = None,
    registry: CollectorRegistry | None = None,
    json_logs: bool | None = None,
    access_log: bool | None = None,
    log_level: str | None = None,
    otlp_endpoint: str | None = None,
    otlp_interval_seconds: float | None = None,
) -> Instrumentation:
    """Measure every request of `app`, and give it metrics, health pages, trace ids and JSON logs.

    A FastAPI or Starlette app is changed in place and may go on being served as `app`; any other
    ASGI app must be served as what is returned. `live`, `ready` and `startup` name health checks.
    README.md describes each argument with its environment variable.

    Raises ValueError for a setting that makes no sense or an app that is instrumented already, and
    ModuleNotFoundError when `otlp_endpoint` is given without the extra `otlp`.
    """
    _refuse_second_time(app)
    settings = settings_of.resolve(
        os.environ,
        service=service,
        version=version,
        json_logs=json_logs,
        access_log=access_log,
        log_level=log_level,
        otlp_endpoint=otlp_endpoint,
        otlp_interval_seconds=otlp_interval_seconds,
    )
    registry = REGISTRY if registry is None else registry
    checks = (live or {}, ready or {}, startup or {})
    if settings.json_logs:
        write_json_logs(settings.service, settings.log_level)
    _collect_process_metrics(registry)
    handle = Instrumentation(app, registry, _otlp_export(settings, registry))
    handle.install(settings, _pages(endpoints or Endpoints(), checks, registry))
    return handle


def _refuse_second_time(app: ASGIApp) -> None:
    if app in _instrumented:
        raise ValueError("this app is instrumented already: its requests would count twice")
    _instrumented.add(app)


def _pages(
    endpoints: Endpoints, checks: tuple[Mapping[str, Check], ...], registry: CollectorRegistry
) -> dict[str, ASGIApp]:
    live, ready, startup = checks
    pages: dict[str, ASGIApp] = {
        endpoints.live: HealthPage(live),
        endpoints.ready: HealthPage(ready),
        endpoints.startup: HealthPage(startup, stays_passed=True),
        endpoints.metrics: MetricsPage(registry),
    }
    pages.pop("", None)
    return pages


def _collect_process_metrics(registry: CollectorRegistry) -> None:
    """`process_*`, which prometheus-client's global registry has from the start."""
    if registry is not REGISTRY and registry not in _with_process_metrics:
        ProcessCollector(registry=registry)
        _with_process_metrics.add(registry)


def _otlp_export(settings: Settings, registry: CollectorRegistry) -> OtlpExport | None:
    """The exports, or None; a missing extra is an error only where an argument asked for OTLP."""
    if not settings.otlp_signals:
        return None
    try:
        from tocsin_instrument.otlp import OtlpExport
    except ModuleNotFoundError:
        if settings.otlp_endpoint:
            raise
        _log.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set but nothing is exported: "
            "pip install 'tocsin-instrument[otlp]'"
        )
        return None
    return OtlpExport(settings, registry, metrics_of(registry))
