import importlib
import json
from collections.abc import Iterator, Sequence

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api import queries, series
from collector.model.clock import ManualClock
from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
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
    app.include_router(queries.router(Engine(store), exemplars, ManualClock(30_000)))
    app.include_router(series.router(Engine(store), lambda: metadata))
    with TestClient(app) as made:
        yield made


def exemplars(matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Exemplar]:
    up = Labels.of("up", job="a")
    found = [
        Exemplar(up, Labels({"trace_id": "t1"}), 0.25, 1_500),
        Exemplar(up, Labels({"trace_id": "t2"}), 1, 2_000),
        Exemplar(Labels.of("other"), Labels({"trace_id": "t3"}), 1, 2_000),
    ]
    return [
        one
        for one in found
        if after_ms < one.timestamp_ms <= until_ms and matches_all(matchers, one.series)
    ]


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


def test_limit_keeps_native_histograms() -> None:
    store = MemoryStore()
    one = NativeHistogram(0, 3.0, 4.5, 0.0, 0.0, ((1, 3.0),))
    for job in "ab":
        for labels, value in columns(Labels.of("latency", job=job), one):
            store.add(labels, [0, 1], [value, value])
    app = FastAPI()
    app.include_router(queries.router(Engine(store), exemplars, ManualClock(0)))
    http = TestClient(app)
    at = {"time": "0.001", "limit": 1}
    [found] = http.get("/api/v1/query", params={"query": "latency", **at}).json()["data"]["result"]
    assert found["histogram"][1]["count"] == "3"
    raw = http.get("/api/v1/query", params={"query": "latency[1m]", **at}).json()["data"]["result"]
    assert [time for time, _ in raw[0]["histograms"]] == [0, 0.001]
    span = {"query": "latency", "start": 0, "end": 1, "step": 1, "limit": 1}
    [found] = http.get("/api/v1/query_range", params=span).json()["data"]["result"]
    assert found["histograms"][0][1]["sum"] == "4.5"


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


def test_metadata_by_family(client: TestClient) -> None:
    data = client.get("/api/v1/metadata", params={"metric": "up"}).json()["data"]
    assert data == {"up": [{"type": "gauge", "help": 'says "up"', "unit": ""}]}
    assert len(client.get("/api/v1/metadata?limit=1").json()["data"]) == 1
    assert client.get("/api/v1/metadata?limit=0").json()["data"] == {}
    assert len(client.get("/api/v1/metadata?limit_per_metric=1").json()["data"]) == 2
    wrong = client.get("/api/v1/metadata?limit=x")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "limit must be a number")


def test_format_query(client: TestClient) -> None:
    answer = client.get("/api/v1/format_query", params={"query": "sum(up)by(job)/2"}).json()
    assert answer["data"] == "sum by (job) (up) / 2"


def test_matrix_is_valid_json_with_labels_that_need_escapes() -> None:
    store = MemoryStore()
    store.add(Labels({"__name__": "x", "path": 'a"b\\c\n é'}), [0], [1])
    app = FastAPI()
    app.include_router(queries.router(Engine(store), exemplars, ManualClock(0)))
    text = TestClient(app).get("/api/v1/query", params={"query": "x"}).text
    assert json.loads(text)["data"]["result"][0]["metric"]["path"] == 'a"b\\c\n é'


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
    answer = client.post("/api/v1/query", content="a=&" * 20_000, headers=form)
    assert answer.status_code == 400
    assert "over 10,000 fields" in answer.json()["error"]


def test_lookback_of_one_query_reaches_as_far_as_it_asks(client: TestClient) -> None:
    given = {"query": 'up{job="a"}', "time": "400"}
    assert client.get("/api/v1/query", params=given).json()["data"]["result"] == []
    given["lookback_delta"] = "10m"
    [found] = client.get("/api/v1/query", params=given).json()["data"]["result"]
    assert found["value"] == [400, "0"]


def test_a_timeout_ends_a_query_with_its_status(client: TestClient) -> None:
    answer = client.get("/api/v1/query", params={"query": "up", "timeout": "0"})
    assert answer.status_code == 503
    assert answer.json()["errorType"] == "timeout"
    wrong = client.get("/api/v1/query", params={"query": "up", "timeout": "soon"})
    assert wrong.json()["error"].startswith('invalid parameter "timeout"')


def test_statistics_come_when_they_are_asked_for(client: TestClient) -> None:
    given = {"query": "up", "start": 0, "end": 30, "step": 15}
    assert "stats" not in client.get("/api/v1/query_range", params=given).json()["data"]
    data = client.get("/api/v1/query_range", params={**given, "stats": "true"}).json()["data"]
    assert set(data["stats"]["timings"]) == {
        "evalTotalTime",
        "resultSortTime",
        "queryPreparationTime",
        "innerEvalTime",
        "execQueueTime",
        "execTotalTime",
    }
    assert set(data["stats"]["samples"]) == {"totalQueryableSamples", "peakSamples"}
    every = client.get("/api/v1/query_range", params={**given, "stats": "all"}).json()["data"]
    assert "totalQueryableSamplesPerStep" in every["stats"]["samples"]


def test_exemplars_come_by_series(client: TestClient) -> None:
    given = {"query": "rate(up[1m]) + up", "start": "0", "end": "1.5"}
    answer = client.post("/api/v1/query_exemplars", data=given)
    assert answer.text == (
        '{"status":"success","data":[{"seriesLabels":{"__name__":"up","job":"a"},"exemplars":['
        '{"labels":{"trace_id":"t1"},"value":"0.25","timestamp":1.500}]}]}'
    )
    nothing = client.get("/api/v1/query_exemplars", params={"query": "up", "start": "100"})
    assert nothing.text == '{"status":"success","data":[]}'
    assert client.get("/api/v1/query_exemplars", params={"query": "1"}).status_code == 204
    back = client.get("/api/v1/query_exemplars", params={"query": "up", "start": 2, "end": 1})
    assert back.json()["error"] == "end timestamp must not be before start timestamp"


def test_parse_query_answers_the_tree(client: TestClient) -> None:
    tree = client.get("/api/v1/parse_query", params={"query": "sum by(a)(up offset 1m)"}).json()
    assert tree["data"] == {
        "type": "aggregation",
        "op": "sum",
        "expr": {
            "type": "vectorSelector",
            "name": "up",
            "offset": 60_000,
            "offsetExpr": None,
            "matchers": [{"name": "__name__", "value": "up", "type": "="}],
            "timestamp": None,
            "startOrEnd": None,
            "anchored": False,
            "smoothed": False,
        },
        "param": None,
        "grouping": ["a"],
        "without": False,
    }
    wrong = client.post("/api/v1/parse_query", data={"query": "up{"})
    assert (wrong.status_code, wrong.json()["errorType"]) == (400, "bad_data")
