"""The engine's protocol over a real Prometheus and a real VictoriaMetrics."""

import importlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import EvaluationError, InputError, UnavailableError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import is_missing
from collector.query.engine import Engine
from collector.query.interface import QueryOptions
from collector.query.remote import RemoteEngine
from collector.query.remote_querier import RemoteQuerier
from collector.query.routed import RoutedEngine
from collector.query.values import Matrix, RawSeries, Scalar, Text, Vector

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore
body = importlib.import_module("tests.oracles.remote_write_body").body

pytestmark = pytest.mark.peer

NOW_MS = int(time.time() * 1000) // 60_000 * 60_000
X = [(NOW_MS - 1_200_000 + i * 15_000 + 1, float(i * 3)) for i in range(80)]
Y = [(t, v % 7) for t, v in X]
SERIES = [
    (Labels.of("x_total", i="0"), X),
    (Labels.of("x_total", i="1"), [(t, v * 2) for t, v in X]),
    (Labels.of("y", i="0", text='a"b\\c'), Y),
]


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed (Debian has it; .ci/run installs it)")
    directory = tmp_path_factory.mktemp(request.param)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (directory / "prometheus.yml").write_text("{}\n")
    command = {
        "prometheus": [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            "--web.enable-remote-write-receiver", f"--web.listen-address={address}",
        ],
        "victoria-metrics": [
            "victoria-metrics", "-storageDataPath=data", f"-httpListenAddr={address}",
            "-search.latencyOffset=0s",
        ],
    }[request.param]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=directory, stdout=subprocess.DEVNULL, stderr=(directory / "log").open("w")
    )
    try:
        _write(f"http://{address}", process, directory / "log")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _write(url: str, process: object, log: Path) -> None:
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    for _ in range(300):
        try:
            for path in ("/-/ready", "/health"):
                try:
                    urllib.request.urlopen(url + path, timeout=1)
                except urllib.error.HTTPError:
                    continue
            request = urllib.request.Request(f"{url}/api/v1/write", body(SERIES), headers)
            urllib.request.urlopen(request, timeout=10)
            time.sleep(2)  # VictoriaMetrics shows samples after a second
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(log.read_text()[-2000:])


@pytest.fixture
def remote(url: str) -> Iterator[RemoteEngine]:
    with httpx.Client(timeout=30) as client:
        yield RemoteEngine(lambda: client, url)


def _local() -> Engine:
    store = MemoryStore()
    for labels, samples in SERIES:
        store.add(labels, [t for t, _ in samples], [v for _, v in samples])
    return Engine(store)


@pytest.mark.parametrize("query", ["x_total", "sum(x_total) by (i) * 2", "y + 1", "vector(3)"])
def test_range_queries_are_those_of_the_engine(remote: RemoteEngine, query: str) -> None:
    asked = (query, NOW_MS - 600_000, NOW_MS - 300_000, 60_000)
    ours, theirs = _local().range(*asked).value, remote.range(*asked).value
    assert isinstance(ours, Matrix)
    assert isinstance(theirs, Matrix)
    assert list(theirs.labels) == list(ours.labels)
    np.testing.assert_array_equal(is_missing(theirs.values), is_missing(ours.values))
    np.testing.assert_allclose(theirs.values, ours.values)


def test_each_type_of_answer(remote: RemoteEngine) -> None:
    at_ms = NOW_MS - 300_000
    vector = remote.instant("x_total > 100", at_ms).value
    assert isinstance(vector, Vector)
    assert vector.timestamp_ms == at_ms
    assert len(vector.labels) == len(vector.values) == 2
    raw = remote.instant('y{text="a\\"b\\\\c"}[1m]', at_ms).value
    assert isinstance(raw, RawSeries)
    times, values = raw.samples[0]
    assert [(t, v) for t, v in Y if at_ms - 60_000 < t <= at_ms] == [
        (t, v) for t, v in zip(times.tolist(), values.tolist(), strict=True) if t > at_ms - 60_000
    ]


def test_scalars_and_texts(remote: RemoteEngine, url: str) -> None:
    number = remote.instant("1 + 1", NOW_MS).value
    # VictoriaMetrics gives a vector without labels
    assert isinstance(number, Scalar | Vector)
    text = remote.instant('"so"', NOW_MS).value if _is_prometheus(remote) else Text("so", NOW_MS)
    assert text == Text("so", NOW_MS)


def _is_prometheus(remote: RemoteEngine) -> bool:
    return isinstance(remote.instant("1", NOW_MS).value, Scalar)


def test_series_and_labels(remote: RemoteEngine) -> None:
    start_ms, end_ms = NOW_MS - 1_000_000, NOW_MS
    selector = (Matcher("=", "__name__", "x_total"), Matcher("=~", "i", "1|2"))
    assert remote.series([selector], start_ms, end_ms) == [Labels.of("x_total", i="1")]
    assert remote.label_names([selector], start_ms, end_ms) == ["__name__", "i"]
    assert remote.label_values("i", [], start_ms, end_ms) == ["0", "1"]
    assert set(remote.label_values("__name__", [], -(2**62), 2**62)) >= {"x_total", "y"}


def test_errors_are_those_of_the_engine(remote: RemoteEngine) -> None:
    # VictoriaMetrics calls all errors 422
    wrong_text = InputError if _is_prometheus(remote) else EvaluationError
    with pytest.raises(wrong_text):
        remote.instant("sum(", NOW_MS)
    with pytest.raises(EvaluationError):
        remote.instant("x_total * on () x_total", NOW_MS - 300_000)


def test_a_server_that_is_away_or_no_api_says_so(url: str) -> None:
    with httpx.Client() as client:
        with pytest.raises(UnavailableError, match="does not answer"):
            RemoteEngine(lambda: client, "http://127.0.0.1:1").instant("1", 0)
        with pytest.raises(UnavailableError, match="not as Prometheus does"):
            RemoteEngine(lambda: client, f"{url}/nowhere").instant("1", 0)


def test_counters_are_followed(remote: RemoteEngine) -> None:
    clock = ManualClock(NOW_MS - 600_000)
    querier = RemoteQuerier(remote, clock)
    refs = querier.match((Matcher("=", "__name__", "x_total"),))
    labels = querier.labels_of(refs)
    first = querier.counter_totals(refs)
    for _ in range(8):
        clock.advance(60_000)
        last = querier.counter_totals(refs)
    until = max(t for t, _ in X if t <= clock.now_ms())
    for row, one in enumerate(labels):
        samples = dict(SERIES)[one]
        seen = [v for t, v in samples if t <= clock.now_ms()]
        before = [v for t, v in samples if t <= NOW_MS - 600_000]
        assert last.total[row] - first.total[row] == seen[-1] - before[-1]
        assert last.last_ms[row] == until
    assert querier.series_version() > 0


def test_samples_are_read_as_they_are(remote: RemoteEngine) -> None:
    querier = RemoteQuerier(remote, ManualClock(NOW_MS))
    after_ms, until_ms = X[10][0], X[20][0]
    found = querier.select((Matcher("=", "__name__", "x_total"),), after_ms, until_ms)
    assert {labels["i"] for part in found for labels in part.labels} == {"0", "1"}
    for part in found:
        assert part.timestamps_ms.tolist() == [t for t, _ in X[11:21]]


def test_own_series_are_asked_of_the_own_store(remote: RemoteEngine) -> None:
    own = MemoryStore()
    own.add(Labels.of("tocsin_slo_sli_ratio", slo="a"), [NOW_MS - 300_000], [0.5])
    routed = RoutedEngine(Engine(own), remote)
    at_ms = NOW_MS - 300_000
    for query in ("tocsin_slo_sli_ratio", "x_total"):
        value = routed.instant(query, at_ms).value
        assert isinstance(value, Vector)
        assert len(value.labels) > 0
    with pytest.raises(EvaluationError, match="combines"):
        routed.instant("tocsin_slo_sli_ratio * on () sum(x_total)", at_ms)
    names = routed.label_values("__name__", [], NOW_MS - 3_600_000, NOW_MS)
    assert {"tocsin_slo_sli_ratio", "x_total", "y"} <= set(names)


def test_options_are_passed_on(remote: RemoteEngine) -> None:
    options = QueryOptions(lookback_ms=60_000, timeout_seconds=5)
    assert isinstance(remote.instant("x_total", NOW_MS - 300_000, options).value, Vector)
