"""What `instrument()` was asked for: an explicit argument first, then the environment, then us."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_OTLP_INTERVAL_SECONDS = 15.0
"""How often metrics are exported: a usual scrape interval, not OpenTelemetry's minute, since pages
that rest on them should not come a minute late."""

SIGNALS = ("metrics", "traces", "logs")


@dataclass(frozen=True, slots=True)
class Settings:
    """Resolved settings; `otlp_signals` is empty when nothing is exported over OTLP.

    `otlp_endpoint` is the base URL that was given as an argument, or "" when the OpenTelemetry SDK
    is to read endpoints, headers and timeouts from its own OTEL_* variables.
    """

    service: str
    version: str
    json_logs: bool
    access_log: bool
    log_level: int
    otlp_endpoint: str
    otlp_interval_seconds: float
    otlp_signals: frozenset[str]


def resolve(  # the arguments of instrument(), each None where it was not given
    environment: Mapping[str, str],
    *,
    service: str | None,
    version: str | None,
    json_logs: bool | None,
    access_log: bool | None,
    log_level: str | None,
    otlp_endpoint: str | None,
    otlp_interval_seconds: float | None,
) -> Settings:
    """Settings from arguments and environment; ValueError names a setting that makes no sense."""
    interval = otlp_interval_seconds
    if interval is None:
        interval = _interval(environment)
    if interval <= 0:
        raise ValueError(f"otlp_interval_seconds must be above 0, not {interval:g}")
    return Settings(
        service=service or environment.get("OTEL_SERVICE_NAME") or "unknown_service",
        version=version or environment.get("TOCSIN_INSTRUMENT_VERSION", ""),
        json_logs=_flag(json_logs, environment, "TOCSIN_INSTRUMENT_JSON_LOGS"),
        access_log=_flag(access_log, environment, "TOCSIN_INSTRUMENT_ACCESS_LOG"),
        log_level=_level(log_level or environment.get("TOCSIN_INSTRUMENT_LOG_LEVEL") or "INFO"),
        otlp_endpoint=otlp_endpoint or "",
        otlp_interval_seconds=interval,
        otlp_signals=_signals(otlp_endpoint, environment),
    )


def _signals(otlp_endpoint: str | None, environment: Mapping[str, str]) -> frozenset[str]:
    """Signals to export: none without an endpoint, and none that OTEL_*_EXPORTER=none forbids."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return frozenset()
    return frozenset(
        signal
        for signal in SIGNALS
        if environment.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp") == "otlp"
        and (otlp_endpoint or _endpoint_variable(signal, environment))
    )


def _endpoint_variable(signal: str, environment: Mapping[str, str]) -> str:
    return environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "") or environment.get(
        f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", ""
    )


def _interval(environment: Mapping[str, str]) -> float:
    text = environment.get("OTEL_METRIC_EXPORT_INTERVAL", "")
    try:
        return float(text) / 1000 if text else DEFAULT_OTLP_INTERVAL_SECONDS
    except ValueError as error:
        raise ValueError(f"OTEL_METRIC_EXPORT_INTERVAL is milliseconds, not {text!r}") from error


def _flag(argument: bool | None, environment: Mapping[str, str], variable: str) -> bool:
    if argument is not None:
        return argument
    text = environment.get(variable, "true").lower()
    if text not in ("true", "false", "1", "0"):
        raise ValueError(f"{variable} is true or false, not {text!r}")
    return text in ("true", "1")


def _level(name: str) -> int:
    levels = logging.getLevelNamesMapping()
    if name.upper() not in levels:
        raise ValueError(f"{name!r} is no log level; one of {', '.join(levels)}")
    return levels[name.upper()]
