from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.targets import global_url, router
from collector.ingest.scrape.loop import TargetStatus
from collector.ingest.scrape.target import Target
from collector.model.labels import Labels
from collector.model.metadata import Metadata


class Pool:
    def targets(self) -> list[TargetStatus]:
        labels = Labels({"job": "j", "instance": "a:1"})
        target = Target("j", "http://a:1/metrics", labels, 15_000, 10_000, Labels({"x": "y"}))
        other = Target("k", "http://b:1/metrics", labels, 15_000, 10_000, Labels())
        return [
            TargetStatus(target, "down", "it broke", 1_700_000_000_250, 0.5, 0),
            TargetStatus(other),
        ]

    def dropped(self) -> dict[str, list[Labels]]:
        return {"j": [Labels({"__address__": "gone:1"})], "k": []}

    def jobs(self) -> list[str]:
        return ["j", "k"]


def families(labels: Labels) -> dict[str, Metadata]:
    assert labels["job"] == "j"
    return {"up": Metadata("gauge", "it is"), "x": Metadata("counter", "times", "seconds")}


def get(path: str) -> dict:  # type: ignore[type-arg]
    app = FastAPI()
    app.include_router(router(Pool(), families, "https://tocsin.example/"))
    body = TestClient(app).get(path).json()
    assert body["status"] == "success"
    return body["data"]


def test_targets_have_prometheus_s_fields() -> None:
    data = get("/api/v1/targets")
    assert data["activeTargets"][0] == {
        "discoveredLabels": {"x": "y"},
        "labels": {"job": "j", "instance": "a:1"},
        "scrapePool": "j",
        "scrapeUrl": "http://a:1/metrics",
        "globalUrl": "http://a:1/metrics",
        "lastError": "it broke",
        "lastScrape": "2023-11-14T22:13:20.25Z",
        "lastScrapeDuration": 0.5,
        "health": "down",
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }
    assert data["activeTargets"][1]["lastScrape"] == "0001-01-01T00:00:00Z"
    assert data["droppedTargets"] == [
        {"discoveredLabels": {"__address__": "gone:1"}, "scrapePool": "j"}
    ]
    assert data["droppedTargetCounts"] == {"j": 1, "k": 0}


def test_targets_are_chosen_by_state_and_pool() -> None:
    assert get("/api/v1/targets?state=active")["droppedTargets"] == []
    assert get("/api/v1/targets?state=dropped")["activeTargets"] == []
    assert len(get("/api/v1/targets?scrapePool=k")["activeTargets"]) == 1


def test_scrape_pools_are_named() -> None:
    assert get("/api/v1/scrape_pools") == {"scrapePools": ["j", "k"]}


def test_metadata_is_told_by_target() -> None:
    first = get("/api/v1/targets/metadata?limit=1")
    labels = {"job": "j", "instance": "a:1"}
    entry = {"target": labels, "metric": "up", "type": "gauge", "help": "it is", "unit": ""}
    assert first == [entry]
    found = get('/api/v1/targets/metadata?metric=x&match_target={job="j"}')
    assert found == [{"target": labels, "type": "counter", "help": "times", "unit": "seconds"}] * 2
    assert get('/api/v1/targets/metadata?match_target={job="other"}') == []


def test_a_loopback_target_is_shown_as_others_reach_it() -> None:
    outside = "https://tocsin.example:8443"
    assert global_url("http://a:1/metrics", outside) == "http://a:1/metrics"
    assert global_url("http://127.0.0.1:1/m", outside) == "http://tocsin.example:1/m"
    assert global_url("http://localhost:8443/m", outside) == "https://tocsin.example:8443/m"
