"""Programs that speak to a Prometheus, speaking to tocsin.

promtool, a Prometheus that reads from it, prometheus-api-client, and the requests that Grafana's
data source makes. Debian's promtool 2.42 has no `check healthy` yet.
"""

from __future__ import annotations

import gzip
import importlib
import json
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cramjam
import pytest

from collector.api.remote_read_messages import MESSAGES
from collector.ingest.formats.protobuf_schema import message_classes

reader = importlib.import_module("tests.oracles.xor_chunk_reader")

pytestmark = pytest.mark.peer

FORM = "application/x-www-form-urlencoded"
CHUNKED = message_classes(
    "test.peer.chunked",
    """
    ChunkedReadResponse: ChunkedSeries* chunked_series=1, int64 query_index=2
    ChunkedSeries: Label* labels=1, Chunk* chunks=2
    Label: string name=1, string value=2
    Chunk: int64 min_time_ms=1, int64 max_time_ms=2, int32 type=3, bytes data=4
    """,
)


# ---- promtool -----------------------------------------------------------------------------------


@pytest.fixture
def promtool(binary: Callable[[str], str]) -> Callable[..., str]:
    path = binary("promtool")

    def run(*arguments: str, text: str = "") -> str:
        done = subprocess.run(
            [path, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_promtool_queries_alike(pair: Any, promtool: Callable[..., str]) -> None:
    start, end = str(pair.start_ms // 1000 + 1), str(pair.end_ms // 1000 + 1)
    for command in (
        ("instant", f"--time={end}", "{url}", "sum by (job) (rate(requests_total[5m]))"),
        ("instant", f"--time={end}", "{url}", "odd"),
        ("range", f"--start={start}", f"--end={end}", "--step=60s", "{url}", "heat"),
        ("series", "--match=heat", f"--start={start}", f"--end={end}", "{url}"),
        ("labels", f"--start={start}", f"--end={end}", "{url}", "le"),
    ):
        theirs, ours = (
            promtool("query", *(one.format(url=url) for one in command))
            for url in (pair.prometheus, pair.tocsin)
        )
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines()), command
        assert ours.strip(), command


def test_promtool_finds_federation_well_formed(pair: Any, binary: Callable[[str], str]) -> None:
    with urllib.request.urlopen(f"{pair.tocsin}/federate?match[]=shop_open", timeout=30) as answer:
        text = answer.read().decode()
    lint = subprocess.run(
        [binary("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode in (0, 3), lint.stderr  # 3: lint finds a series without help
    assert "error while linting" not in lint.stderr


# ---- remote read --------------------------------------------------------------------------------


@pytest.fixture
def reading(
    pair: Any,
    tmp_path: Path,
    binary: Callable[[str], str],
    processes: Any,
    free_port: Callable[[], int],
    eventually: Callable[..., object],
    http_ok: Callable[[str], bool],
) -> str:
    """A Prometheus without samples of its own that reads tocsin's."""
    port = free_port()
    config = tmp_path / "reading.yml"
    config.write_text(f"remote_read: [{{url: '{pair.tocsin}/api/v1/read', read_recent: true}}]\n")
    processes.start(
        [
            binary("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
    )
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: http_ok(f"{url}/-/ready"), 30)
    return url


def answer_of(url: str, path: str, **given: object) -> Any:
    text = urllib.parse.urlencode(given, doseq=True)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{text}", timeout=60) as answer:
        return json.loads(answer.read())["data"]


def without_site(data: Any) -> Any:
    """tocsin adds its external label to what it gives away, as Prometheus does."""
    for series in data["result"]:
        assert series["metric"].pop("site") == "lab"
    return data


@pytest.mark.parametrize(
    "query", ["requests_total", "heat", "odd", 'latency_bucket{le=~"1|[+]Inf"}']
)
def test_a_prometheus_reads_every_sample(pair: Any, reading: str, query: str) -> None:
    span = {"start": pair.start_ms / 1000 + 1, "end": pair.end_ms / 1000 + 1, "step": 15}
    wanted = answer_of(pair.prometheus, "query_range", query=query, **span)
    assert wanted["result"]
    assert without_site(answer_of(reading, "query_range", query=query, **span)) == wanted


def read(url: str, name: str, pair: Any) -> list[tuple[dict[str, str], list[bytes]]]:
    """Labels and chunks of each series with that name, as they are streamed."""
    query = {
        "start_timestamp_ms": pair.start_ms,
        "end_timestamp_ms": pair.end_ms,
        "matchers": [{"type": 0, "name": "__name__", "value": name}],
    }
    body = MESSAGES["ReadRequest"](queries=[query], accepted_response_types=[1])
    request = urllib.request.Request(
        f"{url}/api/v1/read",
        data=bytes(cramjam.snappy.compress_raw(body.SerializeToString())),
        headers={
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Read-Version": "0.1.0",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("application/x-streamed-protobuf")
        data = answer.read()
    found = []
    for frame in reader.frames(data):
        for one in CHUNKED["ChunkedReadResponse"].FromString(frame).chunked_series:
            labels = {label.name: label.value for label in one.labels}
            assert all(chunk.type == 1 for chunk in one.chunks)
            found.append((labels, [chunk.data for chunk in one.chunks]))
    return found


@pytest.mark.parametrize("name", ["requests_total", "heat", "odd"])
def test_streamed_chunks_hold_what_prometheus_s_hold(pair: Any, name: str) -> None:
    theirs, ours = (read(url, name, pair) for url in (pair.prometheus, pair.tocsin))
    assert [labels for labels, _ in ours] == [labels for labels, _ in theirs]

    def samples(chunks: list[bytes]) -> list[tuple[int, bytes]]:
        found = [one for chunk in chunks for one in reader.decoded(chunk)]
        return [(time, word) for time, word in found if pair.start_ms <= time <= pair.end_ms]

    for (_, their_chunks), (_, our_chunks) in zip(theirs, ours, strict=True):
        assert samples(our_chunks) == samples(their_chunks)


def test_a_short_series_is_the_same_chunk_byte_for_byte(pair: Any) -> None:
    theirs, ours = (read(url, "short", pair) for url in (pair.prometheus, pair.tocsin))
    assert ours == theirs
    [(_, [chunk])] = ours
    assert struct.unpack(">H", chunk[:2]) == (10,)


# ---- prometheus-api-client ----------------------------------------------------------------------


def test_prometheus_api_client_sees_the_same(pair: Any) -> None:
    client = pytest.importorskip("prometheus_api_client")
    theirs, ours = (
        client.PrometheusConnect(url=url, disable_ssl=True)
        for url in (pair.prometheus, pair.tocsin)
    )
    assert ours.check_prometheus_connection()
    start, end = (datetime.fromtimestamp(ms / 1000 + 1, UTC) for ms in (pair.start_ms, pair.end_ms))
    at = {"time": pair.end_ms / 1000}
    for ask in (
        lambda one: one.get_current_metric_value("heat", params=at),
        lambda one: one.get_current_metric_value("requests_total", {"job": "web"}, params=at),
        lambda one: one.custom_query("sum(rate(requests_total[59s]))", params=at),
        lambda one: one.custom_query_range("heat", start, end, "60"),
        lambda one: one.get_metric_range_data("heat", start_time=start, end_time=end),
        lambda one: one.get_label_values("le"),
        lambda one: one.get_series(start, end, params={"match[]": ["heat"]}),
        lambda one: one.get_metric_aggregation("heat", ["sum", "max"], start, end, "60"),
    ):
        assert ask(ours) == ask(theirs)
        assert ask(ours)
    assert {name for name in ours.all_metrics() if not name.startswith("tocsin_")} >= {
        name for name in theirs.all_metrics() if name not in ("ALERTS_FOR_STATE", "brief")
    }
    frame = client.MetricRangeDataFrame(ours.get_metric_range_data("heat", None, start, end))
    assert set(frame["job"]) == {"api", "web"}


# ---- Grafana ------------------------------------------------------------------------------------


def grafana(url: str, path: str, form: dict[str, object] | None = None) -> tuple[int, bytes]:
    """One request as Grafana's backend sends it: queries as forms, gzip accepted."""
    headers = {"Accept-Encoding": "gzip", "User-Agent": "Grafana/12.2.0", "X-Grafana-Org-Id": "1"}
    data = None
    if form is not None:
        data = urllib.parse.urlencode(form, doseq=True).encode()
        headers["Content-Type"] = FORM
    request = urllib.request.Request(f"{url}{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, body, encoding = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, body, encoding = error.code, error.read(), error.headers
    return status, gzip.decompress(body) if encoding["content-encoding"] == "gzip" else body


def test_requests_of_grafana_s_data_source_are_answered(pair: Any) -> None:
    # up to now: Prometheus tells the labels of the whole head, whatever the range
    start, end = pair.start_ms / 1000 + 1, time.time() + 1
    at = pair.end_ms / 1000 + 1
    span = f"start={start:.3f}&end={end:.3f}"
    match = urllib.parse.quote('{job="api"}')
    for path, form in (
        ("/api/v1/query", {"query": "1+1", "time": "4"}),
        (
            "/api/v1/query_range",
            {"query": "rate(requests_total[59s])", "start": start, "end": at, "step": "15"},
        ),
        ("/api/v1/query", {"query": "sum(heat)", "time": at}),
        ("/api/v1/query_exemplars", {"query": "heat", "start": start, "end": end}),
        (f"/api/v1/label/__name__/values?{span}&match[]={match}&limit=40000", None),
        (f"/api/v1/label/le/values?{span}", None),
        (f"/api/v1/labels?{span}&match[]={match}", None),
        ("/api/v1/labels", {"match[]": '{job="api"}', "start": start, "end": end}),
        (f"/api/v1/series?{span}&match[]=heat&limit=40000", None),
        ("/api/v1/series", {"match[]": "heat", "start": start, "end": end}),
        ("/api/v1/metadata?metric=shop_open", None),
    ):
        theirs, ours = (grafana(url, path, form) for url in (pair.prometheus, pair.tocsin))
        assert (ours[0], json.loads(ours[1])) == (theirs[0], json.loads(theirs[1])), path
        assert ours[0] == 200


def test_what_grafana_asks_to_know_whom_it_talks_to(pair: Any) -> None:
    status, body = grafana(pair.tocsin, "/api/v1/status/buildinfo")
    assert status == 200
    told = json.loads(body)["data"]
    assert told["version"]
    assert not {"application", "features"} & set(told)  # those are how it knows Mimir
    status, body = grafana(pair.tocsin, "/api/v1/rules/test/test")
    assert (status, b"page not found" in body) == (404, True)


def test_grafana_s_alert_pages_find_their_keys(pair: Any) -> None:
    status, body = grafana(pair.tocsin, "/api/v1/rules?exclude_alerts=true&group_limit=1")
    data = json.loads(body)["data"]
    assert status == 200
    assert [group["name"] for group in data["groups"]]
    following = grafana(
        pair.tocsin, f"/api/v1/rules?group_limit=1&group_next_token={data['groupNextToken']}"
    )
    assert json.loads(following[1])["data"]["groups"][0]["name"] != data["groups"][0]["name"]
    alerts = json.loads(grafana(pair.tocsin, "/api/v1/alerts")[1])["data"]["alerts"]
    assert alerts[0]["labels"]["alertname"] == "ShopOpen"


def test_names_beyond_the_classic_form_are_escaped_in_paths(pair: Any) -> None:
    escaped = grafana(pair.tocsin, "/api/v1/label/U__job/values")
    assert (
        json.loads(escaped[1])["data"]
        == json.loads(grafana(pair.tocsin, "/api/v1/label/job/values")[1])["data"]
    )
