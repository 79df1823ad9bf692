from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.status import router
from collector.ingest.scrape.loop import TargetStatus
from collector.ingest.scrape.target import Target
from collector.model.labels import Labels


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


def get(path: str) -> dict:  # type: ignore[type-arg]
    app = FastAPI()
    app.include_router(router(Pool()))
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
        "lastScrape": "2023-11-14T22:13:20.250+00:00",
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
