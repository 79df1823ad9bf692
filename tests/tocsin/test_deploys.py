"""Deploys: kept, bounded, told once, found again after a restart, and seen where they matter."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from collector.model.deploy import MAX_TEXT
from collector.model.errors import InputError, StorageError
from tocsin import deploy_log
from tocsin.deploy_api import router
from tocsin.deploy_log import NAME, DeployLog
from tocsin.web.deploy_marks import MARKS_SHOWN, deploy_marks

NOW = 1_700_000_000_000
PATH = "/api/tocsin/v1/deploys"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    app = FastAPI()
    app.include_router(router(DeployLog(tmp_path), ManualClock(NOW)))
    return TestClient(app)


def test_a_deploy_is_there_after_a_restart(tmp_path: Path) -> None:
    first = DeployLog(tmp_path).add("shop", "1.4.2", 5_000, "https://ci.example.org/7", "by ann")
    again = DeployLog(tmp_path)
    assert again.between(0, 9_000) == [first]
    assert again.add("shop", "1.4.3", 6_000).id == "d2"


def test_stretches_are_open_at_their_beginning(tmp_path: Path) -> None:
    log = DeployLog(tmp_path)
    late, early = log.add("shop", "2", 2_000), log.add("cart", "1", 1_000)
    assert log.between(0, 2_000) == [early, late]
    assert log.between(1_000, 2_000) == [late]
    assert log.between(0, 2_000, "cart") == [early]


def test_the_same_deploy_told_twice_is_kept_once(tmp_path: Path) -> None:
    log = DeployLog(tmp_path)
    assert log.add("shop", "1", 5) == log.add("shop", "1", 5, note="tried again")
    assert len(log.between(0, 10)) == 1


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_log, "MAX_DEPLOYS", 3)
    log = DeployLog(tmp_path)
    for at_ms in (40, 10, 30, 20, 50):
        log.add("shop", str(at_ms), at_ms)
    assert [one.at_ms for one in log.between(0, 99)] == [30, 40, 50]
    assert DeployLog(tmp_path).between(0, 99) == log.between(0, 99)


def test_what_could_not_be_written_is_not_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    log = DeployLog(blocked)
    blocked.write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        log.add("shop", "1", 5)
    assert not log.between(0, 10)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"next": 1, "deploys": [{"id": "d1"}]}'])
def test_a_file_that_is_no_log_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(StorageError, match="can't be read"):
        DeployLog(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": " ", "version": "1"},
        {"service": "shop", "version": ""},
        {"service": "shop", "version": "1", "at": "yesterday"},
        {"service": "shop", "version": "1", "at": "inf"},
        {"service": "shop", "version": "1", "at": -5},
        {"service": "shop", "version": "1", "url": "javascript:alert(1)"},
        {"service": "shop", "version": "x" * (MAX_TEXT + 1)},
    ],
)
def test_what_can_not_be_is_refused(client: TestClient, wrong: dict) -> None:
    assert client.post(PATH, json=wrong).status_code == 400
    assert client.get(PATH).json() == {"deploys": []}


def test_deploys_are_made_listed_and_removed(client: TestClient) -> None:
    now = client.post(PATH, json={"service": "shop", "version": "2"})
    assert (now.status_code, now.json()["at_ms"]) == (201, NOW)
    old = {"service": "cart", "version": "1", "at": "2023-11-14T22:00:00Z", "note": "by ann"}
    assert client.post(PATH, json=old).json()["at_ms"] == 1_699_999_200_000
    assert client.post(PATH, json={**old, "service": "x", "at": 1_699_999_100}).status_code == 201
    listed = client.get(PATH).json()["deploys"]
    assert [one["service"] for one in listed] == ["shop", "cart", "x"]
    assert len(client.get(PATH, params={"limit": 1}).json()["deploys"]) == 1
    assert len(client.get(PATH, params={"service": "cart"}).json()["deploys"]) == 1
    assert len(client.get(PATH, params={"start_ms": 1_699_999_200_000}).json()["deploys"]) == 1
    assert client.delete(f"{PATH}/{now.json()['id']}").json()["version"] == "2"
    assert client.delete(f"{PATH}/{now.json()['id']}").status_code == 404


def test_unknown_fields_are_refused(client: TestClient) -> None:
    body = {"service": "shop", "version": "1", "colour": "red"}
    assert client.post(PATH, json=body).status_code == 422


def test_marks_say_what_was_deployed(tmp_path: Path) -> None:
    log = DeployLog(tmp_path)
    log.add("shop", "1.4.2", NOW, note="by ann")
    (mark,) = deploy_marks(log, NOW - 1, NOW, "shop")
    assert mark.at_ms == NOW
    assert mark.title == "shop 1.4.2 deployed 2023-11-14 22:13:20 UTC: by ann"
    for number in range(MARKS_SHOWN + 5):
        log.add("shop", str(number), NOW + number)
    assert len(deploy_marks(log, 0, NOW + 1000)) == MARKS_SHOWN


def test_removing_an_unknown_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no deploy"):
        DeployLog(tmp_path).remove("d9")
