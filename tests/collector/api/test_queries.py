import importlib
import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.prometheus import router, unescaped
from collector.model.clock import ManualClock
from collector.model.errors import InputError
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.query.engine import Engine

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    store = MemoryStore()
    times = [0, 15_000, 30_000]
    store.add(Labels.of("up", job="a", instance="x:1"), times, [1, 1, 0])
    store.add(Labels.of("up", job="b", instance="y:1"), times, [1, 1, 1])
    store.add(Labels.of("odd"), times, [float("nan"), float("inf"), 1e-7])
    store.add(Labels({"__name__": "dotted", "http.status": "200"}), times, [1e20, 0.1, -0.0])
    metadata = {"up": Metadata("gauge", 'says "up"'), "odd": Metadata("counter", "odd", "seconds")}
    app = FastAPI()
    app.include_router(router(Engine(store), lambda: metadata, ManualClock(30_000)))
    with TestClient(app) as made:
        yield made


def test_instant_query_gives_the_envelope_grafana_knows(client: TestClient) -> None:
    response = client.get("/api/v1/query", params={"query": 'up{job="a"}', "time": "30.001"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == (
        '{"status":"success","data":{"resultType":"vector","result":['
        '{"metric":{"__name__":"up","instance":"x:1","job":"a"},"value":[30.001,"0"]}]}}'
    )


def test_health_check_of_grafana_is_answered_at_the_clock_s_time(client: TestClient) -> None:
    answer = client.post("/api/v1/query", data={"query": "1+1"}).json()
    assert answer["data"] == {"resultType": "scalar", "result": [30, "2"]}


def test_numbers_are_written_as_go_writes_them(client: TestClient) -> None:
    given = {"query": "odd", "start": 0, "end": 30, "step": "15s"}
    [series] = client.get("/api/v1/query_range", params=given).json()["data"]["result"]
    assert series["values"] == [[0, "NaN"], [15, "+Inf"], [30, "1e-07"]]
    given["query"] = "dotted"
    [series] = client.post("/api/v1/query_range", data=given).json()["data"]["result"]
    assert series["values"] == [[0, "100000000000000000000"], [15, "0.1"], [30, "-0"]]


def test_range_vector_comes_with_its_own_timestamps(client: TestClient) -> None:
    given = {"query": 'up{job="b"}[20s]', "time": 30}
    data = client.get("/api/v1/query", params=given).json()["data"]
    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[15, "1"], [30, "1"]]


@pytest.mark.parametrize(
    ("path", "given", "status", "kind", "text"),
    [
        (
            "query",
            {"query": "sum("},
            400,
            "bad_data",
            'invalid parameter "query": 1:5: parse error: unexpected end of input',
        ),
        (
            "query",
            {"query": "up", "time": "soon"},
            400,
            "bad_data",
            'invalid parameter "time": cannot parse "soon" to a valid timestamp',
        ),
        (
            "query",
            {"query": "up", "limit": "-1"},
            400,
            "bad_data",
            'invalid parameter "limit": limit must be non-negative',
        ),
        (
            "query",
            {"query": "up + on() up"},
            422,
            "execution",
            "found duplicate series for the match group {} on the right hand-side of the operation",
        ),
        (
            "query_range",
            {"query": "up", "start": 10, "end": 0, "step": 1},
            400,
            "bad_data",
            'invalid parameter "end": end timestamp must not be before start time',
        ),
        (
            "query_range",
            {"query": "up", "start": 0, "end": 1, "step": 0},
            400,
            "bad_data",
            'invalid parameter "step": zero or negative query resolution step widths are not '
            "accepted. Try a positive integer",
        ),
        (
            "query_range",
            {"query": "up", "start": 0, "end": 20_000, "step": 1},
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)",
        ),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
        (
            "series",
            {"match[]": '{job=~".*"}'},
            400,
            "bad_data",
            'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
        ),
    ],
)
def test_errors_have_prometheus_s_type_status_and_text(
    client: TestClient, path: str, given: dict[str, str], status: int, kind: str, text: str
) -> None:
    response = client.get(f"/api/v1/{path}", params=given)
    assert response.status_code == status
    answer = response.json()
    assert answer["status"] == "error"
    assert answer["errorType"] == kind
    assert answer["error"].startswith(text)


def test_limit_truncates_with_a_warning(client: TestClient) -> None:
    answer = client.get("/api/v1/query", params={"query": "up", "limit": 1}).json()
    assert len(answer["data"]["result"]) == 1
    assert answer["warnings"] == ["results truncated due to limit"]
    assert client.get("/api/v1/labels?limit=1").json()["warnings"]


def test_infos_are_sent_beside_the_answer(client: TestClient) -> None:
    answer = client.get("/api/v1/query", params={"query": "rate(up[1m])"}).json()
    assert answer["infos"] == [
        "PromQL info: metric might not be a counter, name does not end in "
        '_total/_sum/_count/_bucket: "up" (1:6)'
    ]
    assert "warnings" not in answer


def test_series_labels_and_values(client: TestClient) -> None:
    answer = client.post("/api/v1/series", data={"match[]": ['up{job="a"}', "odd"]}).json()
    assert answer["data"] == [
        {"__name__": "odd"},
        {"__name__": "up", "instance": "x:1", "job": "a"},
    ]
    names = client.get("/api/v1/labels").json()["data"]
    assert names == ["__name__", "http.status", "instance", "job"]
    assert client.get("/api/v1/label/job/values").json()["data"] == ["a", "b"]
    assert client.get("/api/v1/label/U__http_2e_status/values").json()["data"] == ["200"]
    nothing = client.get("/api/v1/label/nope/values")
    assert nothing.text == '{"status":"success","data":[]}'
    later = client.get("/api/v1/label/job/values", params={"start": "1970-01-01T00:01:00Z"})
    assert later.json()["data"] == []


def test_metadata_and_build_info(client: TestClient) -> None:
    data = client.get("/api/v1/metadata", params={"metric": "up"}).json()["data"]
    assert data == {"up": [{"type": "gauge", "help": 'says "up"', "unit": ""}]}
    assert len(client.get("/api/v1/metadata?limit=1").json()["data"]) == 1
    info = client.get("/api/v1/status/buildinfo").json()["data"]
    assert set(info) >= {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert "application" not in info


def test_format_query(client: TestClient) -> None:
    answer = client.get("/api/v1/format_query", params={"query": "sum(up)by(job)/2"}).json()
    assert answer["data"] == "sum by (job) (up) / 2"


def test_matrix_is_valid_json_with_labels_that_need_escapes() -> None:
    store = MemoryStore()
    store.add(Labels({"__name__": "x", "path": 'a"b\\c\n é'}), [0], [1])
    app = FastAPI()
    app.include_router(router(Engine(store), dict, ManualClock(0)))
    text = TestClient(app).get("/api/v1/query", params={"query": "x"}).text
    assert json.loads(text)["data"]["result"][0]["metric"]["path"] == 'a"b\\c\n é'


def test_names_with_underscores_are_unescaped_only_when_they_say_so() -> None:
    assert unescaped("plain_name") == "plain_name"
    assert unescaped("U__a__b_2e_c") == "a_b.c"
    assert unescaped("U__broken_2") == ""


@pytest.mark.parametrize("time", ["1e300", "1e18", "-1e18", "4611686018427387904", "NaN", "1e400"])
def test_a_time_that_no_clock_shows_is_bad_data(client: TestClient, time: str) -> None:
    answer = client.get("/api/v1/query", params={"query": "rate(up[5m] offset 1y)", "time": time})
    assert answer.status_code == 400
    assert "to a valid timestamp" in answer.json()["error"]


@pytest.mark.parametrize("step", ["9" * 5000 + "s", "9" * 20 + "y", "1e300", "NaN"])
def test_a_step_that_is_no_duration_is_bad_data(client: TestClient, step: str) -> None:
    given = {"query": "up", "start": "0", "end": "10", "step": step}
    answer = client.get("/api/v1/query_range", params=given)
    assert answer.status_code == 400
    assert "to a valid duration" in answer.json()["error"]


@pytest.mark.parametrize("time", ["4611686018427387", "-4611686018427387"])
def test_the_outermost_times_have_no_samples_and_no_overflow(client: TestClient, time: str) -> None:
    for query in ("up", "rate(up[292y] offset 290y)", "max_over_time(up[1h:1m])"):
        answer = client.get("/api/v1/query", params={"query": query, "time": time})
        assert answer.json()["data"]["result"] == []


def test_a_form_of_nothing_but_fields_is_refused(client: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    with pytest.raises(InputError, match="over 10,000 fields"):
        client.post("/api/v1/query", content="a=&" * 20_000, headers=form)
