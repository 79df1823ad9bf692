from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.rules import router
from collector.model.labels import Labels
from collector.rules.state import (
    ActiveAlert,
    AlertingRuleState,
    Evaluation,
    GroupState,
    RecordingRuleState,
)

NOW_MS = 1_700_000_000_000
FIRING = ActiveAlert(
    Labels({"alertname": "Down", "job": "a"}), {"summary": "a is down"}, "firing", NOW_MS, 1.0
)
KEPT = ActiveAlert(Labels({"alertname": "Down", "job": "b"}), {}, "firing", NOW_MS, 0.5, NOW_MS)
DOWN = AlertingRuleState(
    "Down",
    "up == 0",
    300.0,
    60.0,
    Labels({"severity": "page", "team": "{{ $labels.team }}"}),
    {"summary": "{{ $labels.job }} is down"},
    (FIRING, KEPT),
    Evaluation("ok", "", NOW_MS, 0.002),
)
RATIO = RecordingRuleState(
    "job:up:avg", "avg by (job) (up)", Labels(), Evaluation("err", "it broke", NOW_MS, 0.001)
)
GROUPS = (
    GroupState("first", "/rules/a.yml", 15.0, 0, (DOWN, RATIO), NOW_MS, 0.003),
    GroupState("second", "/rules/a.yml", 60.0, 10, (RATIO,)),
    GroupState("third", "/rules/b.yml", 1.5, 0, (DOWN,)),
)


class States:
    def groups(self) -> tuple[GroupState, ...]:
        return GROUPS


def client() -> TestClient:
    app = FastAPI()
    app.include_router(router(States(), ("http://tocsin:9900/api/v2/alerts",)))
    return TestClient(app)


def rules(**given: Any) -> dict[str, Any]:
    params: Mapping[str, Any] = {name.replace("__", "[]"): value for name, value in given.items()}
    data: dict[str, Any] = client().get("/api/v1/rules", params=params).json()["data"]
    return data


def names(**given: Any) -> list[tuple[str, list[str]]]:
    groups = rules(**given)["groups"]
    return [(one["name"], [rule["name"] for rule in one["rules"]]) for one in groups]


def test_an_alerting_rule_has_prometheus_s_fields() -> None:
    group = rules()["groups"][0]
    assert {name: value for name, value in group.items() if name != "rules"} == {
        "name": "first",
        "file": "/rules/a.yml",
        "interval": 15,
        "limit": 0,
        "evaluationTime": 0.003,
        "lastEvaluation": "2023-11-14T22:13:20Z",
    }
    assert group["rules"][0] == {
        "state": "firing",
        "name": "Down",
        "query": "up == 0",
        "duration": 300,
        "keepFiringFor": 60,
        "labels": {"severity": "page", "team": "{{ $labels.team }}"},
        "annotations": {"summary": "{{ $labels.job }} is down"},
        "alerts": [
            {
                "labels": {"alertname": "Down", "job": "a"},
                "annotations": {"summary": "a is down"},
                "state": "firing",
                "activeAt": "2023-11-14T22:13:20Z",
                "value": "1e+00",
            },
            {
                "labels": {"alertname": "Down", "job": "b"},
                "annotations": {},
                "state": "firing",
                "activeAt": "2023-11-14T22:13:20Z",
                "keepFiringSince": "2023-11-14T22:13:20Z",
                "value": "5e-01",
            },
        ],
        "health": "ok",
        "evaluationTime": 0.002,
        "lastEvaluation": "2023-11-14T22:13:20Z",
        "type": "alerting",
    }


def test_a_recording_rule_tells_its_last_error() -> None:
    assert rules()["groups"][1]["rules"] == [
        {
            "name": "job:up:avg",
            "query": "avg by (job) (up)",
            "labels": {},
            "health": "err",
            "lastError": "it broke",
            "evaluationTime": 0.001,
            "lastEvaluation": "2023-11-14T22:13:20Z",
            "type": "recording",
        }
    ]
    assert rules()["groups"][1]["lastEvaluation"] == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"type": "alert"}, [("first", ["Down"]), ("third", ["Down"])]),
        ({"type": "record"}, [("first", ["job:up:avg"]), ("second", ["job:up:avg"])]),
        ({"rule_name__": "Down"}, [("first", ["Down"]), ("third", ["Down"])]),
        ({"rule_group__": ["second", "third"]}, [("second", ["job:up:avg"]), ("third", ["Down"])]),
        ({"file__": "/rules/b.yml"}, [("third", ["Down"])]),
        ({"match__": '{severity="page"}'}, [("first", ["Down"]), ("third", ["Down"])]),
        ({"match__": '{team=~".+"}'}, []),
        (
            {"match__": ['{severity="none"}', '{severity=~"p.*"}'], "file__": "/rules/b.yml"},
            [("third", ["Down"])],
        ),
    ],
)
def test_filters_leave_groups_without_rules_out(given: Any, wanted: Any) -> None:
    assert names(**given) == wanted


def test_alerts_can_be_left_out() -> None:
    [rule, _] = rules(exclude_alerts="true")["groups"][0]["rules"]
    assert (rule["alerts"], rule["state"]) == ([], "firing")


def test_pages_of_groups_follow_each_other() -> None:
    seen, token = [], ""
    for _ in range(3):
        page = rules(group_limit=1, **({"group_next_token": token} if token else {}))
        seen += [group["name"] for group in page["groups"]]
        token = page.get("groupNextToken", "")
    assert seen == ["first", "second", "third"]
    assert token == ""


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"type": "other"}, 'invalid parameter "type": not supported value "other"'),
        ({"group_limit": "0"}, 'invalid parameter "group_limit": group_limit needs to be greater'),
        ({"group_limit": "x"}, 'invalid parameter "group_limit": group_limit needs to be a valid'),
        ({"group_next_token": "x"}, 'invalid parameter "group_limit": group_limit needs to'),
        (
            {"group_limit": 1, "group_next_token": "x"},
            "invalid parameter \"group_next_token\": invalid group_next_token 'x'. "
            "were rule groups changed?",
        ),
        ({"exclude_alerts": "maybe"}, 'invalid parameter "exclude_alerts"'),
        ({"match[]": "{}"}, 'invalid parameter "match[]"'),
    ],
)
def test_wrong_parameters_are_bad_data(given: Any, text: str) -> None:
    answer = client().get("/api/v1/rules", params=given)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert answer.json()["error"].startswith(text)


def test_alerts_are_told_without_their_rules() -> None:
    found = client().get("/api/v1/alerts").json()["data"]["alerts"]
    assert [one["labels"]["job"] for one in found] == ["a", "b", "a", "b"]


def test_the_alertmanager_is_tocsin_itself() -> None:
    assert client().get("/api/v1/alertmanagers").json()["data"] == {
        "activeAlertmanagers": [{"url": "http://tocsin:9900/api/v2/alerts"}],
        "droppedAlertmanagers": [],
    }
