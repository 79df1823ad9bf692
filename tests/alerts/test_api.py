"""Alertmanager's API v2, as its clients see it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerts.api import router
from collector.model import ManualClock

CONFIG = {
    "route": {"receiver": "team", "group_by": ["alertname"]},
    "receivers": [{"name": "team"}, {"name": "other"}],
}
SILENCE = {
    "matchers": [{"name": "alertname", "value": "Down", "isRegex": False}],
    "startsAt": "2023-11-14T22:00:00Z",
    "endsAt": "2030-01-01T00:00:00Z",
    "createdBy": "me",
    "comment": "why",
}


@pytest.fixture
def client(make_service: Any) -> TestClient:
    app = FastAPI()
    app.include_router(router(make_service(CONFIG)))
    return TestClient(app)


def post(client: TestClient, *alerts: dict[str, Any]) -> Any:
    return client.post("/api/v2/alerts", json=list(alerts))


def test_a_posted_alert_has_every_field_that_the_specification_requires(
    client: TestClient, clock: ManualClock
) -> None:
    answer = post(client, {"labels": {"alertname": "Down", "empty": ""}})
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get("/api/v2/alerts").json() == [
        {
            "labels": {"alertname": "Down"},
            "annotations": {},
            "startsAt": "2023-11-14T22:13:20.000Z",
            "endsAt": "2023-11-14T22:18:20.000Z",
            "updatedAt": "2023-11-14T22:13:20.000Z",
            "fingerprint": client.get("/api/v2/alerts").json()[0]["fingerprint"],
            "receivers": [{"name": "team"}],
            "status": {
                "state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": [],
            },
        }
    ]  # fmt: skip


def test_valid_alerts_are_taken_though_others_are_not(client: TestClient) -> None:
    answer = post(client, {"labels": {"alertname": "Down"}}, {"labels": {}}, {"labels": {"a": 1}})
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)
    assert "alert 1: at least one label pair required" in answer.json()
    assert len(client.get("/api/v2/alerts").json()) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[1]", b'"x"'])
def test_garbage_is_a_400_with_a_json_string(client: TestClient, body: bytes) -> None:
    for path in ("/api/v2/alerts", "/api/v2/silences"):
        answer = client.post(path, content=body)
        assert answer.status_code == 400
        assert isinstance(answer.json(), str)


def test_a_silence_hides_and_filters_tell_it_apart(client: TestClient) -> None:
    post(client, {"labels": {"alertname": "Down"}}, {"labels": {"alertname": "Slow"}})
    silence_id = client.post("/api/v2/silences", json=SILENCE).json()["silenceID"]
    shown = client.get("/api/v2/alerts?silenced=false").json()
    assert [one["labels"]["alertname"] for one in shown] == ["Slow"]
    hidden = client.get("/api/v2/alerts?active=false").json()
    assert hidden[0]["status"]["silencedBy"] == [silence_id]
    assert client.get(f"/api/v2/silence/{silence_id}").json()["status"] == {"state": "active"}
    assert client.delete(f"/api/v2/silence/{silence_id}").status_code == 200
    assert client.get("/api/v2/alerts?active=false").json() == []
    assert client.get("/api/v2/silences?expired=false").json() == []


def test_unknown_silences_are_404(client: TestClient) -> None:
    assert client.get("/api/v2/silence/nope").status_code == 404
    assert client.delete("/api/v2/silence/nope").status_code == 404
    assert client.post("/api/v2/silences", json={**SILENCE, "id": "nope"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matchers": []}, "at least one matcher"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "end time can't be in the past"),
        ({"matchers": [{"name": "a", "value": ".*", "isRegex": True}]}, "must not match the empty"),
        ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, "regular expression"),
        ({"comment": None}, "comment"),
    ],
)
def test_a_wrong_silence_is_refused(
    client: TestClient, change: dict[str, Any], message: str
) -> None:
    answer = client.post("/api/v2/silences", json={**SILENCE, **change})
    assert answer.status_code == 400
    assert message in answer.json()


def test_a_change_of_matchers_ends_the_old_silence(client: TestClient) -> None:
    old = client.post("/api/v2/silences", json=SILENCE).json()["silenceID"]
    matchers = [{"name": "alertname", "value": "Slow", "isRegex": False}]
    changed = {**SILENCE, "id": old, "matchers": matchers}
    new = client.post("/api/v2/silences", json=changed).json()["silenceID"]
    assert new != old
    assert client.get(f"/api/v2/silence/{old}").json()["status"] == {"state": "expired"}


def test_a_wrong_filter_or_receiver_is_a_400(client: TestClient) -> None:
    assert client.get("/api/v2/alerts?filter=a").json() == "bad matcher format: a"
    assert client.get("/api/v2/alerts?receiver=(").status_code == 400


def test_groups_receivers_status_and_our_own(client: TestClient) -> None:
    post(client, {"labels": {"alertname": "Down", "i": "1"}}, {"labels": {"alertname": "Down"}})
    group = client.get("/api/v2/alerts/groups").json()[0]
    assert group["labels"] == {"alertname": "Down"}
    assert group["receiver"] == {"name": "team"}
    assert len(group["alerts"]) == 2
    assert client.get("/api/v2/alerts/groups?receiver=other").json() == []
    assert client.get("/api/v2/receivers").json() == [{"name": "team"}, {"name": "other"}]
    status = client.get("/api/v2/status").json()
    assert status["cluster"]["status"] == "disabled"
    assert "receiver: team" in status["config"]["original"]
    assert client.get("/api/tocsin/v1/notifications").json() == {"notifications": []}
    assert client.get("/api/tocsin/v1/channels").json() == {"channels": []}


@pytest.mark.parametrize("path", ["/api/v2/alerts", "/api/v2/silences"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("", "not JSON"),
        ("9" * 5000, "not JSON"),
        (b"\xff\xfe{", "not JSON"),
    ],
)
def test_a_body_that_can_t_be_read_is_a_400(
    client: TestClient, path: str, body: str | bytes, message: str
) -> None:
    answer = client.post(path, content=body)
    assert answer.status_code == 400
    assert message in answer.json()


def test_half_a_surrogate_pair_can_be_stored_and_shown(client: TestClient) -> None:
    alert = r'[{"labels":{"alertname":"a\ud800","\udfff":"b"},"annotations":{"c":"\ud83d\ude00"}}]'
    assert client.post("/api/v2/alerts", content=alert).status_code == 200
    [shown] = client.get("/api/v2/alerts").json()
    assert shown["labels"]["alertname"].startswith("a\N{REPLACEMENT CHARACTER}")
    assert shown["annotations"] == {"c": "\N{GRINNING FACE}"}
    silence = json.dumps({**SILENCE, "comment": "\ud800"})
    assert client.post("/api/v2/silences", content=silence).status_code == 200
    assert client.get("/api/v2/silences").status_code == 200


def test_a_label_without_a_name_is_refused(client: TestClient) -> None:
    answer = post(client, {"labels": {"alertname": "Down", "": "x"}})
    assert (answer.status_code, answer.json()) == (400, "alert 0: a label has no name")


def test_a_time_past_the_last_year_does_not_break_the_list(client: TestClient) -> None:
    silence = {**SILENCE, "endsAt": "9999-12-31T23:59:59-23:59"}
    assert client.post("/api/v2/silences", json=silence).status_code == 200
    assert client.get("/api/v2/silences").json()[0]["endsAt"].startswith("9999-12-31")


MUTED = {
    "route": {
        "receiver": "team",
        "group_by": ["alertname"],
        "routes": [
            {"matchers": ['a="1"'], "mute_time_intervals": ["never", "always"], "continue": True},
            {"matchers": ['a="1", b="1"'], "receiver": "other"},
            {"matchers": ['c="1"'], "active_time_intervals": ["never"]},
            {"matchers": ['d="1"'], "active_time_intervals": ["never", "always"]},
        ],
    },
    "receivers": [{"name": "team"}, {"name": "other"}],
    "time_intervals": [
        {"name": "always", "time_intervals": [{"weekdays": ["sunday:saturday"]}]},
        {"name": "never", "time_intervals": [{"years": ["1999"]}]},
    ],
}


@pytest.mark.parametrize(
    ("labels", "of_alert", "of_groups"),
    [
        ({"x": "1"}, [], [[]]),
        ({"a": "1"}, ["always"], [["always"]]),
        ({"a": "1", "b": "1"}, [], [[], ["always"]]),
        ({"c": "1"}, ["never"], [["never"]]),
        ({"d": "1"}, [], [[]]),
    ],
)
def test_the_intervals_that_mute_are_named_and_groups_filtered_by_them(
    make_service: Any, labels: dict[str, str], of_alert: list[str], of_groups: list[list[str]]
) -> None:
    app = FastAPI()
    app.include_router(router(make_service(MUTED)))
    client = TestClient(app)
    post(client, {"labels": {"alertname": "A", **labels}})

    def said(path: str) -> list[tuple[str, list[str]]]:
        found = client.get(path).json()
        alerts = [one for group in found for one in group.get("alerts", [group])]
        return [(one["status"]["state"], one["status"]["mutedBy"]) for one in alerts]

    def expected(muted_by: list[str]) -> tuple[str, list[str]]:
        return ("suppressed" if muted_by else "active", muted_by)

    assert said("/api/v2/alerts") == [expected(of_alert)]
    assert sorted(said("/api/v2/alerts/groups")) == sorted(map(expected, of_groups))
    spoken = [expected(names) for names in of_groups if not names]
    assert said("/api/v2/alerts/groups?muted=false") == spoken


def test_annotations_of_a_silence_are_kept_and_absent_where_there_are_none(
    client: TestClient,
) -> None:
    for given in ({"ticket": "7"}, {}):
        body = {**SILENCE, "annotations": given}
        made = client.post("/api/v2/silences", json=body).json()["silenceID"]
        assert client.get(f"/api/v2/silence/{made}").json().get("annotations", {}) == given
