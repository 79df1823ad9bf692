from collections.abc import Sequence

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.admin import router
from collector.api.parameters import MAX_TIME_MS, MIN_TIME_MS
from collector.model.errors import StorageError
from collector.model.matchers import Matcher
from collector.store.interface import Administrator

ADMIN = "/api/v1/admin/tsdb"


class Store:
    """Remembers what it was told to do."""

    def __init__(self, *, full: bool = False) -> None:
        self.deleted: list[tuple[str, int, int]] = []
        self.cleaned = 0
        self.skipped: list[bool] = []
        self._full = full

    def delete(self, matchers: Sequence[Matcher], from_ms: int, until_ms: int) -> int:
        if self._full:
            raise StorageError("the disk is full")
        self.deleted.append((",".join(map(str, matchers)), from_ms, until_ms))
        return 1

    def clean_tombstones(self) -> None:
        self.cleaned += 1

    def snapshot(self, skip_head: bool) -> str:
        self.skipped.append(skip_head)
        return "20231114T221320Z-0f"


def client(store: Administrator | None) -> TestClient:
    app = FastAPI()
    app.include_router(router(store))
    return TestClient(app)


def test_series_are_deleted_in_their_range() -> None:
    store = Store()
    given = {"match[]": ['up{job="a"}', "down"], "start": "1.5", "end": "2"}
    answer = client(store).post(f"{ADMIN}/delete_series", params=given)
    assert (answer.status_code, answer.content) == (204, b"")
    assert store.deleted == [('job="a",__name__="up"', 1500, 2000), ('__name__="down"', 1500, 2000)]
    client(store).put(f"{ADMIN}/delete_series", params={"match[]": "up"})
    assert store.deleted[-1] == ('__name__="up"', MIN_TIME_MS, MAX_TIME_MS)


def test_nothing_is_deleted_when_one_selector_is_wrong() -> None:
    store = Store()
    answer = client(store).post(f"{ADMIN}/delete_series", data={"match[]": ["up", "sum(up)"]})
    assert answer.json()["errorType"] == "bad_data"
    assert client(store).post(f"{ADMIN}/delete_series").status_code == 400
    assert store.deleted == []


def test_a_full_disk_is_an_internal_error() -> None:
    answer = client(Store(full=True)).post(f"{ADMIN}/delete_series?match[]=up")
    assert (answer.status_code, answer.json()["errorType"]) == (500, "internal")
    assert answer.json()["error"] == "the disk is full"


def test_tombstones_and_snapshots() -> None:
    store = Store()
    assert client(store).post(f"{ADMIN}/clean_tombstones").status_code == 204
    answer = client(store).put(f"{ADMIN}/snapshot?skip_head=true")
    assert answer.json() == {"status": "success", "data": {"name": "20231114T221320Z-0f"}}
    wrong = client(store).post(f"{ADMIN}/snapshot?skip_head=perhaps")
    assert wrong.json()["error"].startswith(
        'invalid parameter "skip_head": unable to parse boolean'
    )
    assert (store.cleaned, store.skipped) == (1, [True])


@pytest.mark.parametrize("name", ["delete_series?match[]=up", "clean_tombstones", "snapshot"])
def test_nothing_is_done_unless_it_is_enabled(name: str) -> None:
    answer = client(None).post(f"{ADMIN}/{name}")
    assert answer.status_code == 500
    assert answer.json() == {
        "status": "error",
        "errorType": "unavailable",
        "error": "admin APIs disabled",
    }
