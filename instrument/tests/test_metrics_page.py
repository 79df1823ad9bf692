"""The page in both formats, read back by prometheus-client's own parsers."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from tocsin_instrument import bad, good, instrument

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"


@pytest.fixture
def app(registry: CollectorRegistry, call: Any) -> FastAPI:
    app = FastAPI()
    instrument(app, registry=registry, json_logs=False)
    call(app, "/x")
    good("orders", registry=registry)
    bad("orders", registry=registry)
    return app


def test_text_by_default_and_without_created(app: FastAPI, call: Any) -> None:
    answer = call(app, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text(answer.body.decode())}
    assert families["http_server_request_duration_seconds"].type == "histogram"
    assert families["indicator_events"].type == "counter"
    assert families["http_server_active_requests"].type == "gauge"
    assert not [name for name in families if name.endswith("_created")]
    assert "process_resident_memory_bytes" in families


def test_openmetrics_tells_since_when_each_series_counts(app: FastAPI, call: Any) -> None:
    answer = call(app, "/metrics", headers={"accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in openmetrics(answer.body.decode())}
    for name in ("http_server_request_duration_seconds", "indicator_events"):
        series = {s.name for s in families[name].samples}
        assert f"{name}_created" in series


def test_both_formats_tell_the_same_counts(app: FastAPI, call: Any) -> None:
    def counts(families: Any) -> dict[Any, float]:
        return {
            (s.name, frozenset(s.labels.items())): s.value
            for family in families
            if not family.name.startswith("process")
            for s in family.samples
            if not s.name.endswith("_created")
        }

    plain = call(app, "/metrics").body.decode()
    modern = call(app, "/metrics", headers={"accept": OPENMETRICS}).body.decode()
    assert counts(text(plain)) == counts(openmetrics(modern))


def test_gzip_when_accepted(app: FastAPI, call: Any) -> None:
    answer = call(app, "/metrics", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert b"http_server_request_duration_seconds_bucket" in gzip.decompress(answer.body)


def test_the_page_is_behind_a_root_path_too(app: FastAPI, call: Any) -> None:
    assert call(app, "/shop/metrics", root_path="/shop").status == 200


def test_worker_processes_are_shown_together(tmp_path: Path) -> None:
    program = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from conftest import ask
from fastapi import FastAPI
from tocsin_instrument import instrument
app = FastAPI()
instrument(app, json_logs=False)
if os.fork() == 0:
    asyncio.run(ask(app, "/x")); os._exit(0)
os.wait()
asyncio.run(ask(app, "/x"))
print(asyncio.run(ask(app, "/metrics")).body.decode())
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    samples = [s for family in text(run.stdout) for s in family.samples]
    assert [
        s.value
        for s in samples
        if s.name == "http_server_request_duration_seconds_count"
        and s.labels["http_response_status_code"] == "404"
    ] == [2]
