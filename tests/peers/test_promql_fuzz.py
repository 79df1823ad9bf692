"""Random queries, answered by tocsin and by Debian's Prometheus 2.42 on the same samples.

Exact answers must be equal bit for bit, all others within 1e-12. What Prometheus changed since 2.42
is known by name in `KNOWN` and kept out of the samples' way, or allowed for and counted.

`TOCSIN_FUZZ_QUERIES` is how many queries are asked (1,000), `TOCSIN_FUZZ_SEED` the first seed; each
1,000 queries have a seed of their own, which is printed and is in every failure.
"""

import importlib
import json
import math
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import TocsinError
from collector.model.labels import Labels
from collector.model.samples import SampleBatch, is_missing
from collector.query.engine import Engine
from collector.query.values import Matrix
from collector.store.tsdb import Tsdb

fuzz = importlib.import_module("tests.oracles.promql_fuzz")
body = importlib.import_module("tests.oracles.remote_write_body").body

pytestmark = [
    pytest.mark.peer,
    pytest.mark.timeout(0),
    pytest.mark.skipif(
        not shutil.which("prometheus"), reason="Debian's prometheus package is not installed"
    ),
]

QUERIES = int(os.environ.get("TOCSIN_FUZZ_QUERIES", "1000"))
FIRST_SEED = int(os.environ.get("TOCSIN_FUZZ_SEED", "1"))
QUERIES_A_SEED = 1000
START_MS = 1_700_000_000_000 // 60_000 * 60_000
BESIDE_MS = 13
"""Steps lie beside samples and beside the steps of subqueries."""
STEPS, STEP_MS = 12, 60_000
FIRST_STEP_MS = START_MS + 60 * 60_000 + BESIDE_MS
KNOWN = {
    "left-open": (
        "ranges, lookback and subqueries leave out their left bound since 3.0 (#13904): "
        "samples and steps lie beside every bound"
    ),
    "near-zero": (
        "a counter near zero behind a gap is extrapolated less since 2.46 (#12274): "
        "counters with gaps are far from zero, and no window begins before the samples do"
    ),
    "moving-at": (
        "the window of `predict_linear(x[5m] @ t, s)` moves with the steps in 2.42, as nothing of "
        "it is step-invariant there (AtModifierUnsafeFunctions): not asked"
    ),
    "dates-of-nan": ("the hour of NaN or Inf is what a machine makes of int64(NaN): not asked"),
    "one-nan": "stddev and stdvar of a single NaN or Inf are NaN since 3.0, and were 0: not asked",
    "rounding": (
        "sum and avg are compensated since 3.0 (#14074, #14413), and some functions are of "
        "another mathematical library: what is not exact may differ where values cancel"
    ),
}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("prometheus")
    (directory / "prometheus.yml").write_text("global: {evaluation_interval: 1m}\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=100y",
            "--web.enable-remote-write-receiver",
            f"--web.listen-address={address}",
        ],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "log").open("w"),
        start_new_session=True,
    )
    try:
        _wait_until_ready(f"http://{address}", process, directory / "log")
        _write(f"http://{address}")
        yield address
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


def _write(url: str) -> None:
    """In order of time, half an hour at once: its head takes nothing that is an hour old."""
    samples = fuzz.samples(FIRST_SEED, START_MS)
    last_ms = max(row[-1][0] for row in samples.values())
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    for from_ms in range(START_MS, last_ms + 1, 1_800_000):
        part = [
            (labels, [one for one in row if from_ms <= one[0] < from_ms + 1_800_000])
            for labels, row in samples.items()
        ]
        request = urllib.request.Request(f"{url}/api/v1/write", body(part), headers)
        with urllib.request.urlopen(request, timeout=30):
            pass


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    samples = fuzz.samples(FIRST_SEED, START_MS)
    last_ms = max(row[-1][0] for row in samples.values())
    store = Tsdb.open(tmp_path_factory.mktemp("tocsin"), ManualClock(last_ms))
    refs = store.refs("fuzz", list(samples))
    rows = [
        (ref, time_ms, value)
        for ref, row in zip(refs.tolist(), samples.values(), strict=True)
        for time_ms, value in row
    ]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    store.append("fuzz", SampleBatch(columns[0], columns[1], columns[2].astype(np.float64)))
    yield Engine(store)
    store.close()


Series = dict[Labels, tuple[list[float], list[float]]]


class Peer:
    """One connection that is kept."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address, timeout=60)

    def ask(self, query: str) -> tuple[str, Series]:
        start = FIRST_STEP_MS / 1000
        end = start + (STEPS - 1) * STEP_MS / 1000
        given = {"query": query, "start": start, "end": end, "step": STEP_MS / 1000}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form = urllib.parse.urlencode(given)
        self._connection.request("POST", "/api/v1/query_range", form, headers)
        answer = json.loads(self._connection.getresponse().read())
        if answer["status"] == "error":
            return answer["error"], {}
        return "", {
            Labels(one["metric"]): (
                [round(at * 1000) for at, _ in one["values"]],
                [float(value) for _, value in one["values"]],
            )
            for one in answer["data"]["result"]
        }


def _ours(engine: Engine, query: str) -> tuple[str, Series]:
    start_ms = FIRST_STEP_MS
    try:
        matrix = engine.range(query, start_ms, start_ms + (STEPS - 1) * STEP_MS, STEP_MS).value
    except TocsinError as error:
        return error.message, {}
    assert isinstance(matrix, Matrix)
    there = ~is_missing(matrix.values)
    return "", {
        labels: (matrix.timestamps_ms[keep].tolist(), row[keep].tolist())
        for labels, row, keep in zip(matrix.labels, matrix.values, there, strict=True)
    }


def _agreement(ours: float, theirs: float, exact: bool) -> str:
    """How two values agree: "" fully, else the name of a known difference, or "no"."""
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return ""
    apart, size = abs(ours - theirs), max(abs(ours), abs(theirs))
    if exact or not math.isfinite(apart):
        return "no"
    if apart <= 1e-12 * size:
        return ""
    return "rounding" if apart <= 1e-9 * max(size, 1.0) else "no"


def _complaint(engine: Engine, peer: Peer, query: "fuzz.Query", known: Counter[str]) -> str:
    their_error, theirs = peer.ask(query.text)
    our_error, ours = _ours(engine, query.text)
    if bool(their_error) != bool(our_error):
        return f"{their_error!r} / {our_error!r}"
    known["errors"] += bool(their_error)
    known["answers"] += bool(theirs)
    if theirs.keys() != ours.keys():
        return (
            f"series: only theirs {theirs.keys() - ours.keys()}, ours {ours.keys() - theirs.keys()}"
        )
    for labels, (times, values) in theirs.items():
        if times != ours[labels][0]:
            return f"{labels}: steps {times} / {ours[labels][0]}"
        for at, mine, other in zip(times, ours[labels][1], values, strict=True):
            verdict = _agreement(mine, other, query.exact)
            if verdict == "no":
                return f"{labels} at {at}: theirs {other!r}, ours {mine!r}"
            known[verdict] += 1
    return ""


def test_random_queries_have_the_answers_of_prometheus(
    prometheus: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    peer, known, wrong = Peer(prometheus), Counter[str](), []
    asked = 0
    for seed in range(FIRST_SEED, FIRST_SEED + -(-QUERIES // QUERIES_A_SEED)):
        generator = fuzz.Generator(seed, START_MS)
        for _ in range(min(QUERIES_A_SEED, QUERIES - asked)):
            query = generator.query()
            asked += 1
            if complaint := _complaint(engine, peer, query, known):
                wrong.append(f"seed {seed}: {query.text}\n    {complaint}")
        with capsys.disabled():
            print(f"fuzz seed {seed}: {asked} queries, {len(wrong)} wrong, {dict(known)}")
    assert not wrong, f"{len(wrong)} of {asked}:\n" + "\n".join(wrong[:30])
    assert known["answers"] > asked / 2, "too many of the queries have no answer to compare"
