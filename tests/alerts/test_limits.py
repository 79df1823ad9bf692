"""What is too large to be an alert: refused with 400, by name and value, and counted."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerts import limits
from alerts.api import router
from alerts.limits import check_alert
from alerts.service import AlertService
from collector.model.errors import LimitError

CONFIG = {"route": {"receiver": "team"}, "receivers": [{"name": "team"}]}


@pytest.fixture
def service(make_service: Any) -> AlertService:
    made: AlertService = make_service(CONFIG)
    return made


@pytest.fixture
def client(service: AlertService) -> TestClient:
    app = FastAPI()
    app.include_router(router(service))
    return TestClient(app)


def alert(**fields: Any) -> dict[str, Any]:
    return {"labels": {"alertname": "Down"}, **fields}


def many(count: int) -> dict[str, str]:
    return {f"name{i}": "x" for i in range(count)}


AT_THE_LIMIT = {
    "labels": alert(labels=many(limits.MAX_LABELS)),
    "name": alert(labels={"n" * limits.MAX_NAME_BYTES: "x"}),
    "value": alert(labels={"a": "x" * limits.MAX_LABEL_VALUE_BYTES}),
    "value_in_bytes": alert(labels={"a": "ü" * (limits.MAX_LABEL_VALUE_BYTES // 2)}),
    "annotations": alert(annotations=many(limits.MAX_LABELS)),
    "annotation": alert(annotations={"a": "x" * limits.MAX_ANNOTATION_BYTES}),
    "url": alert(generatorURL="u" * limits.MAX_URL_BYTES),
}
PAST = {
    "labels": (alert(labels=many(limits.MAX_LABELS + 1)), "129 labels, over the limit of 128"),
    "name": (alert(labels={"n" * (limits.MAX_NAME_BYTES + 1): "x"}), "1,025 bytes"),
    "value": (alert(labels={"a": "x" * (limits.MAX_LABEL_VALUE_BYTES + 1)}), "the label 'a' has"),
    "value_in_bytes": (
        alert(labels={"a": "ü" * (limits.MAX_LABEL_VALUE_BYTES // 2 + 1)}),
        "16,386 bytes",
    ),
    "annotations": (alert(annotations=many(limits.MAX_LABELS + 1)), "129 annotations"),
    "annotation": (
        alert(annotations={"a": "x" * (limits.MAX_ANNOTATION_BYTES + 1)}),
        "over the limit of 65,536",
    ),
    "url": (alert(generatorURL="u" * (limits.MAX_URL_BYTES + 1)), "generatorURL has"),
    "all": (
        alert(annotations={str(i): "x" * limits.MAX_ANNOTATION_BYTES for i in range(4)}),
        "over the limit of 262,144",
    ),
}


@pytest.mark.parametrize("case", AT_THE_LIMIT)
def test_an_alert_at_a_limit_is_taken(client: TestClient, case: str) -> None:
    assert client.post("/api/v2/alerts", json=[AT_THE_LIMIT[case]]).status_code == 200


@pytest.mark.parametrize("case", PAST)
def test_one_past_it_is_refused_alone_and_the_limit_is_named(
    client: TestClient, service: AlertService, case: str
) -> None:
    wrong, told = PAST[case]
    answer = client.post("/api/v2/alerts", json=[alert(), wrong])
    assert answer.status_code == 400
    assert answer.json().startswith("alert 1: ")
    assert told in answer.json()
    assert len(answer.json()) < 3_000
    assert [one["labels"] for one in client.get("/api/v2/alerts").json()] == [{"alertname": "Down"}]
    assert service.metrics.invalid._value.get() == 1


def test_too_many_alerts_in_one_post_are_refused_as_a_whole(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ALERTS", 3)
    body = [alert(labels={"alertname": str(i)}) for i in range(4)]
    answer = client.post("/api/v2/alerts", json=body)
    assert answer.status_code == 400
    assert "4 alerts in one request, over the limit of 3" in answer.json()
    assert client.get("/api/v2/alerts").json() == []
    assert client.post("/api/v2/alerts", json=body[:3]).status_code == 200


def test_an_answer_names_some_problems_and_counts_the_rest(client: TestClient) -> None:
    answer = client.post("/api/v2/alerts", json=[{"labels": {}}] * 50)
    assert answer.status_code == 400
    assert answer.json().count("alert ") == limits.MAX_PROBLEMS
    assert answer.json().endswith("and 30 more")


def test_a_name_that_is_no_text_for_a_disk_is_measured_all_the_same() -> None:
    with pytest.raises(LimitError):
        check_alert({"\ud800" * limits.MAX_NAME_BYTES: "x"}, {}, "")
