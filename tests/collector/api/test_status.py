from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.process_status import RuntimeStatus
from collector.api.status import router
from collector.ingest.limits import Guards
from collector.ingest.series_gate import SeriesGate
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store.cardinality import cardinality
from tests.oracles.recording_appender import RecordingAppender

BY_LABEL = {
    "__name__": {"up": 4},
    "job": {"a": 2, "b": 2},
    "instance": {"x": 2, "yy": 2},
}


class Process:
    def __init__(self, *, reload_succeeded: bool = True) -> None:
        self._reload_succeeded = reload_succeeded

    def runtime(self) -> RuntimeStatus:
        return RuntimeStatus(1_700_000_000_000, 1_700_000_001_000, self._reload_succeeded, 2, "15d")

    def config_yaml(self) -> str:
        return "web:\n  external_url: http://x\n"

    def flags(self) -> Mapping[str, str]:
        return {"config.file": "tocsin.yaml"}


def ask(path: str, process: Process | None = None, gate: SeriesGate | None = None) -> Any:
    app = FastAPI()
    clock = ManualClock(1_700_000_002_000)
    app.include_router(
        router(
            process or Process(),
            lambda limit: cardinality(4, BY_LABEL, limit),
            "1.2.3",
            clock,
            gate.offenders if gate is not None else None,
        )
    )
    return TestClient(app).get(f"/api/v1{path}").json()


def test_runtime_info_has_every_key_of_prometheus() -> None:
    data = ask("/status/runtimeinfo")["data"]
    assert data["startTime"] == "2023-11-14T22:13:20Z"
    assert data["lastConfigTime"] == "2023-11-14T22:13:21Z"
    assert data["serverTime"] == "2023-11-14T22:13:22Z"
    assert data["reloadConfigSuccess"] is True
    assert (data["corruptionCount"], data["storageRetention"]) == (2, "15d")
    more = {"CWD", "hostname", "goroutineCount", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG"}
    assert more < set(data)


def test_build_info_claims_to_be_no_other_product() -> None:
    data = ask("/status/buildinfo")["data"]
    assert data["version"] == "1.2.3"
    assert set(data) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


def test_configuration_and_flags_are_shown() -> None:
    assert ask("/status/config")["data"] == {"yaml": "web:\n  external_url: http://x\n"}
    assert ask("/status/flags")["data"] == {"config.file": "tocsin.yaml"}
    assert ask("/status/walreplay")["data"] == {"min": 0, "max": 0, "current": 0}


def test_the_top_offenders_are_named() -> None:
    data = ask("/status/tsdb")["data"]
    assert data["headStats"]["numSeries"] == 4
    assert data["headStats"]["numLabelPairs"] == 5
    assert data["seriesCountByMetricName"] == [{"name": "up", "value": 4}]
    assert data["labelValueCountByLabelName"][0] == {"name": "instance", "value": 2}
    assert data["memoryInBytesByLabelName"][0] == {"name": "instance", "value": 3}
    assert data["seriesCountByLabelValuePair"][:2] == [
        {"name": "__name__=up", "value": 4},
        {"name": "instance=x", "value": 2},
    ]
    assert len(ask("/status/tsdb?limit=1")["data"]["seriesCountByLabelValuePair"]) == 1
    assert ask("/status/tsdb?limit=0")["errorType"] == "bad_data"
    assert ask("/status/tsdb?limit=10001")["errorType"] == "bad_data"


def test_a_reload_that_failed_is_notified() -> None:
    assert ask("/notifications")["data"] == []
    [found] = ask("/notifications", Process(reload_succeeded=False))["data"]
    assert found["active"] is True
    assert "reload has failed" in found["text"]


def test_who_was_kept_out_by_a_guard_is_named() -> None:
    gate = SeriesGate(RecordingAppender(), Guards(series_per_metric=1), ManualClock())
    assert ask("/status/tsdb", gate=gate)["data"].keys() == ask("/status/tsdb")["data"].keys()
    gate.refs("s", [Labels.of("hits", user=str(k)) for k in range(4)])
    told = ask("/status/tsdb", gate=gate)["data"]["seriesRefusedByReasonAndMetric"]
    assert told == [{"reason": "metric_series_limit", "name": "hits", "value": 3}]
