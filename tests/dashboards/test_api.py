from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.api import router
from dashboards.boards.host import host
from dashboards.grafana import dumps, to_grafana

APP = FastAPI()
APP.include_router(router(lambda: [host()]))
CLIENT = TestClient(APP)


def test_each_listed_board_is_where_the_list_says() -> None:
    (entry,) = CLIENT.get("/api/tocsin/v1/dashboards").json()
    assert (entry["uid"], entry["title"], entry["tags"]) == (
        "tocsin-host",
        "Host",
        ["tocsin", "host"],
    )
    answer = CLIENT.get(entry["url"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == dumps(to_grafana(host()))


def test_a_board_that_is_not_there_is_told_with_those_that_are() -> None:
    answer = CLIENT.get("/api/tocsin/v1/dashboards/nope.json")
    assert answer.status_code == 404
    assert "tocsin-host" in answer.json()["error"]
