"""An explicit argument first, then the environment, then a default."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from tocsin_instrument import instrument
from tocsin_instrument.settings import Settings, resolve

NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "service",
        "version",
        "json_logs",
        "access_log",
        "log_level",
        "otlp_endpoint",
        "otlp_interval_seconds",
    )
)


def settings(environment: dict[str, str] | None = None, **arguments: Any) -> Settings:
    return resolve(environment or {}, **{**NOTHING, **arguments})


def test_defaults() -> None:
    found = settings()
    assert found.service == "unknown_service"
    assert found.json_logs
    assert found.access_log
    assert found.log_level == logging.INFO
    assert found.otlp_signals == frozenset()
    assert found.otlp_interval_seconds == 15


def test_the_environment_counts_and_arguments_count_more() -> None:
    environment = {
        "OTEL_SERVICE_NAME": "from-environment",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "OTEL_METRIC_EXPORT_INTERVAL": "2500",
        "TOCSIN_INSTRUMENT_JSON_LOGS": "false",
        "TOCSIN_INSTRUMENT_LOG_LEVEL": "debug",
    }
    found = settings(environment)
    assert found.service == "from-environment"
    assert found.otlp_interval_seconds == 2.5
    assert found.otlp_signals == {"metrics", "traces", "logs"}
    assert found.otlp_endpoint == ""
    assert not found.json_logs
    assert found.log_level == logging.DEBUG
    explicit = settings(
        environment,
        service="mine",
        json_logs=True,
        otlp_endpoint="http://other:1",
        otlp_interval_seconds=1,
        log_level="ERROR",
    )
    assert explicit.service == "mine"
    assert explicit.json_logs
    assert explicit.otlp_endpoint == "http://other:1"
    assert explicit.otlp_interval_seconds == 1
    assert explicit.log_level == logging.ERROR


def test_signals_are_chosen_as_opentelemetry_has_it() -> None:
    base = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"}
    assert settings({**base, "OTEL_SDK_DISABLED": "true"}).otlp_signals == frozenset()
    assert settings({**base, "OTEL_LOGS_EXPORTER": "none"}).otlp_signals == {"metrics", "traces"}
    only = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:1/v1/traces"}
    assert settings(only).otlp_signals == {"traces"}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"OTEL_METRIC_EXPORT_INTERVAL": "5s"}, "OTEL_METRIC_EXPORT_INTERVAL is milliseconds"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "0"}, "above 0"),
        ({"TOCSIN_INSTRUMENT_JSON_LOGS": "yes"}, "TOCSIN_INSTRUMENT_JSON_LOGS is true or false"),
        ({"TOCSIN_INSTRUMENT_LOG_LEVEL": "loud"}, "'loud' is no log level; one of"),
    ],
)
def test_nonsense_is_refused_with_its_name(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(environment)


def test_importing_changes_nothing() -> None:
    program = """
import logging, sys, threading
before = (list(logging.getLogger().handlers), logging.getLogger().level, threading.active_count())
import tocsin_instrument, prometheus_client
after = (list(logging.getLogger().handlers), logging.getLogger().level, threading.active_count())
assert before == after
assert not any(name.partition(".")[0] in ("opentelemetry", "fastapi") for name in sys.modules)
names = {family.name for family in prometheus_client.REGISTRY.collect()}
assert "http_server_request_duration_seconds" not in names
assert len(tocsin_instrument.__all__) <= 10
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_missing_extra_is_an_error_only_when_an_argument_asks_for_otlp(
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "tocsin_instrument.otlp", None)
    with pytest.raises(ModuleNotFoundError):
        instrument(FastAPI(), registry=registry, json_logs=False, otlp_endpoint="http://c:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1")
    handle = instrument(FastAPI(), registry=registry, json_logs=False)
    assert handle.tracer_provider is None
    assert "pip install 'tocsin-instrument[otlp]'" in caplog.text


def test_a_forked_worker_exports_as_an_instance_of_its_own() -> None:
    program = """
import os
from prometheus_client import CollectorRegistry
from tocsin_instrument import instrument
async def app(scope, receive, send): pass
where = "http://127.0.0.1:1"
handle = instrument(app, registry=CollectorRegistry(), json_logs=False, otlp_endpoint=where)
resource = handle._export._resource
own = resource().attributes["service.instance.id"]
assert resource().attributes["service.instance.id"] == own
child = os.fork()
if child == 0:
    os._exit(0 if resource().attributes["service.instance.id"] != own else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
