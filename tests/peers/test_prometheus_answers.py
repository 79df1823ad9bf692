"""The same samples in Debian's Prometheus 2.42 and in our engine; generated queries to both.

What Prometheus changed since 2.42 is kept out of the way, and named:
- ranges and lookback are left-open since 3.0: samples and subqueries' steps lie off the bounds;
- a counter that is near zero behind a gap is extrapolated less since 2.47: counters that are reset
  have no gaps here, those with gaps begin high, and no window begins before the samples;
- `sum` and `avg` are compensated since 3.0: answers are compared to 1e-9.
"""

import importlib
import itertools
import json
import math
import random
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.errors import TocsinError
from collector.model.labels import Labels
from collector.model.samples import is_missing
from collector.query.engine import Engine
from collector.query.values import Matrix

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("promtool")),
        reason="Debian's prometheus package is not installed",
    ),
]

START_MS = 1_700_000_000_000 // 60_000 * 60_000
OFF_GRID_MS = 7_001
SCRAPE_MS = 15_000
SCRAPES = 200
QUERIES = 400
STEP_MS = 60_000


def _samples() -> dict[Labels, tuple[list[int], list[float]]]:
    dice = random.Random(42)
    times = [START_MS + OFF_GRID_MS + i * SCRAPE_MS for i in range(SCRAPES)]
    found: dict[Labels, tuple[list[int], list[float]]] = {}
    for instance, code in itertools.product("abc", ("200", "404", "500")):
        labels = {"instance": instance, "code": code, "job": "shop"}
        has_gaps = instance == "c"
        total, column, counts = 1e6 if has_gaps else 0.0, [], []
        for time_ms in times:
            reset = not has_gaps and dice.random() < 0.01
            total = 0.0 if reset else total + dice.randrange(50)
            if not has_gaps or dice.random() > 0.05:
                column.append(time_ms)
                counts.append(total)
        found[Labels({"__name__": "requests_total", **labels})] = (column, counts)
        gauge = [round(dice.gauss(0, 10), 3) for _ in times]
        found[Labels({"__name__": "heat", **labels})] = (times, gauge)
    for instance in "abc":
        inc = np.cumsum([[dice.randrange(9) for _ in range(4)] for _ in times], axis=0)
        for column_index, le in enumerate(("0.1", "0.5", "2", "+Inf")):
            total_upto = inc[:, : column_index + 1].sum(axis=1)
            labels = Labels({"__name__": "latency_bucket", "instance": instance, "le": le})
            found[labels] = (times, [float(v) for v in total_upto])
        info = Labels({"__name__": "build", "instance": instance, "version": f"v{instance}"})
        found[info] = (times, [1.0] * len(times))
    return found


def _open_metrics(samples: dict[Labels, tuple[list[int], list[float]]]) -> str:
    lines = []
    for labels, (times, values) in samples.items():
        inner = ",".join(f'{k}="{v}"' for k, v in labels.pairs if k != "__name__")
        lines += [
            f"{labels.metric_name}{{{inner}}} {value!r} {time_ms / 1000:.3f}"
            for time_ms, value in zip(times, values, strict=True)
        ]
    return "\n".join(lines) + "\n# EOF\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("prometheus")
    (directory / "samples.om").write_text(_open_metrics(_samples()))
    (directory / "prometheus.yml").write_text("global: {evaluation_interval: 1m}\n")
    blocks = directory / "data"
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples.om", str(blocks)],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            "prometheus",
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={blocks}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "log").open("w"),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, directory / "log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"prometheus ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("prometheus was not ready within 30 s")


@pytest.fixture(scope="module")
def engine() -> Engine:
    store = MemoryStore()
    for labels, (times, values) in _samples().items():
        store.add(labels, times, values)
    return Engine(store)


class Generator:
    """Random queries that stay within what 2.42 and 3.x answer alike."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def vector(self, depth: int) -> str:
        kinds = [self.selector, self.windowed]
        if depth > 0:
            kinds += [self.aggregation, self.arithmetic, self.matched, self.function, self.subquery]
        return self.dice.choice(kinds)(depth - 1)

    def selector(self, _: int = 0) -> str:
        name = self.dice.choice(("requests_total", "heat"))
        matchers = self.dice.choice(
            ("", '{code="200"}', '{code=~"4..|5.."}', '{instance!="a"}', '{instance!~"a|b"}')
        )
        pinned = f" @ {START_MS // 1000 + 900}"
        modifier = self.dice.choice(("", "", " offset 3m", " offset -2m", pinned))
        return f"{name}{matchers}{modifier}"

    def windowed(self, _: int = 0) -> str:
        length = self.dice.choice(("1m", "2m", "5m", "17m"))
        if self.dice.random() < 0.5:
            function = self.dice.choice(("rate", "increase", "irate", "resets", "changes"))
            return f"{function}(requests_total[{length}])"
        function = self.dice.choice(
            ["sum", "avg", "min", "max", "count", "stddev", "stdvar", "last", "present"]
        )
        plain = self.dice.choice(
            (f"delta(heat[{length}])", f"idelta(heat[{length}])", f"deriv(heat[{length}])",
             f"predict_linear(heat[{length}], 600)", f"quantile_over_time(0.3, heat[{length}])")
        )  # fmt: skip
        return self.dice.choice((f"{function}_over_time(heat[{length}])", plain))

    def aggregation(self, depth: int) -> str:
        operator = self.dice.choice(
            ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
        )
        clause = self.dice.choice(
            ("", " by (code)", " by (instance, code)", " without (instance)", " by (nope)")
        )
        if self.dice.random() < 0.25:
            return f"quantile{clause}(0.7, {self.vector(depth)})"
        return f"{operator}{clause}({self.vector(depth)})"

    def arithmetic(self, depth: int) -> str:
        operator = self.dice.choice(
            ["+", "-", "*", "/", "%", "^", ">", "<", ">=", "<=", "==", "!="]
        )
        modifier = " bool" if operator in (">", "<", "==") and self.dice.random() < 0.5 else ""
        sides = [self.vector(depth), self.dice.choice(("2", "0.5", "-3", "(1/0)"))]
        self.dice.shuffle(sides)
        return f"({sides[0]} {operator}{modifier} {sides[1]})"

    def matched(self, depth: int) -> str:
        if self.dice.random() < 0.3:
            left = f"sum by (instance) ({self.vector(depth)})"
            return f"({left} * on (instance) group_left (version) build)"
        operator = self.dice.choice(("+", "/", "-", "and", "or", "unless", ">"))
        left = f"sum by (instance, code) ({self.vector(depth)})"
        right = f"max by (instance, code) ({self.vector(depth)})"
        return f"({left} {operator} {right})"

    def function(self, depth: int) -> str:
        inner = self.vector(depth)
        return self.dice.choice(
            (f"abs({inner})", f"ceil({inner})", f"round({inner}, 0.5)", f"clamp({inner}, -5, 50)",
             f"-{inner}" if inner[0].isalpha() else inner, f"sgn({inner})", f"sqrt(abs({inner}))",
             f"absent({inner})", f"scalar(sum({inner})) * vector(2)", f"timestamp({inner})",
             f'label_replace({inner}, "zone", "z$1", "instance", "(.)")',
             "histogram_quantile(0.9, sum by (instance, le) (rate(latency_bucket[5m])))")
        )  # fmt: skip

    def subquery(self, depth: int) -> str:
        function = self.dice.choice(["max", "min", "sum", "avg", "count"])
        return f"{function}_over_time({self.windowed()}[10m30s:2m])"


Series = dict[Labels, dict[int, float]]


def _ask(url: str, query: str, start_ms: int, end_ms: int) -> tuple[str, Series]:
    given = {"query": query, "start": start_ms / 1000, "end": end_ms / 1000, "step": STEP_MS / 1000}
    body = urllib.parse.urlencode(given).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query_range", body, timeout=30) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)["error"], {}
    series = {
        Labels(one["metric"]): {round(t * 1000): float(v) for t, v in one["values"]}
        for one in answer["data"]["result"]
    }
    return "", series


def _ours(engine: Engine, query: str, start_ms: int, end_ms: int) -> tuple[str, Series]:
    try:
        matrix = engine.range(query, start_ms, end_ms, STEP_MS).value
    except TocsinError as error:
        return error.message, {}
    assert isinstance(matrix, Matrix)
    gaps = is_missing(matrix.values)
    return "", {
        labels: {
            int(t): float(v)
            for t, v, gap in zip(matrix.timestamps_ms, row, missing, strict=True)
            if not gap
        }
        for labels, row, missing in zip(matrix.labels, matrix.values, gaps, strict=True)
    }


def _close(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


def test_generated_queries_have_the_answers_of_prometheus(prometheus: str, engine: Engine) -> None:
    generator, answered = Generator(7), 0
    start, end = START_MS + 32 * 60_000, START_MS + 46 * 60_000
    for _ in range(QUERIES):
        query = generator.vector(3)
        their_error, theirs = _ask(prometheus, query, start, end)
        our_error, ours = _ours(engine, query, start, end)
        assert bool(their_error) == bool(our_error), f"{query}: {their_error!r} / {our_error!r}"
        assert theirs.keys() == ours.keys(), f"{query}"
        for labels, expected in theirs.items():
            assert expected.keys() == ours[labels].keys(), f"{query}: {labels}"
            for at, value in expected.items():
                assert _close(ours[labels][at], value), f"{query}: {labels} at {at}"
        answered += bool(theirs)
    assert answered > QUERIES / 2, "too many of the queries have no answer to compare"
