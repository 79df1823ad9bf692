"""A backtest over a real Prometheus's history: the same alerts as over our store's."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.parser import parse_selector
from collector.query.remote import RemoteEngine
from collector.query.remote_querier import RemoteQuerier
from collector.store.tsdb import Tsdb
from slo.backtest import Source, backtest
from slo.specs import objectives_of
from slo.suggest import suggest

pytestmark = pytest.mark.peer

START = 1_700_000_000_000 // 86_400_000 * 86_400_000
STEP_MS, STEPS = 30_000, 2 * 2880
END = START + STEPS * STEP_MS
SPEC = """
version: tocsin/v1
service: shop
objective: 99.9%
bad: http_requests_total{code=~"5.."}
total: http_requests_total
"""


def counters() -> dict[Labels, list[tuple[int, float]]]:
    """Two days: a reset, an hour without scrapes, and errors in a counter that is born."""
    random = np.random.default_rng(7)
    found: dict[str, list[tuple[int, float]]] = {"200": [], "500": [], "503": []}
    counts = {"200": 5000.0, "500": 4.0}
    for step in range(STEPS):
        if step == 3000:
            counts = dict.fromkeys(counts, 0.0)
        if step == 1500:
            counts["503"] = 0.0
        counts["200"] += random.poisson(300)
        counts["500"] += random.poisson(0.05)
        if 1500 <= step < 1600 or 4000 <= step < 4020:
            counts["503"] += random.poisson(40)
        if not 3500 <= step < 3620:
            for code, value in counts.items():
                found[code].append((START + step * STEP_MS, value))
    return {
        Labels.of("http_requests_total", job="shop", instance="a", code=code): samples
        for code, samples in found.items()
    }


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("promtool") is None:
        pytest.skip("Debian's prometheus package is not installed")
    directory = tmp_path_factory.mktemp("prometheus")
    lines = [
        f'http_requests_total{{job="shop",instance="a",code="{labels["code"]}"}} '
        f"{value} {at / 1000:.3f}"
        for labels, samples in counters().items()
        for at, value in samples
    ]
    (directory / "samples.om").write_text("\n".join([*lines, "# EOF\n"]))
    (directory / "prometheus.yml").write_text("{}\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples.om", "data"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address={address}",
        ],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "log").open("w"),
    )  # fmt: skip
    try:
        _wait(f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("prometheus was not ready within 30 s")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Source]:
    store = Tsdb.open(tmp_path / "store", ManualClock(END))
    rows: dict[int, dict[Labels, float]] = {}
    for labels, samples in counters().items():
        for at, value in samples:
            rows.setdefault(at, {})[labels] = value
    for at in sorted(rows):
        refs = store.refs("a", list(rows[at]))
        store.append_row("a", at, refs, np.array(list(rows[at].values())))
    yield Source(store, store.counter_totals, None)
    store.close()


@pytest.fixture
def remote(prometheus: str) -> Iterator[Source]:
    with httpx.Client(timeout=60) as client:
        engine = RemoteEngine(lambda: client, prometheus)
        yield Source(RemoteQuerier(engine, ManualClock(END)), None, engine)


def test_a_prometheus_gives_the_alerts_and_the_budget_of_our_own_store(
    own: Source, remote: Source
) -> None:
    spec = objectives_of(SPEC, "x")
    [here] = backtest(spec, own, START, END, 15_000)
    [there] = backtest(spec, remote, START, END, 15_000)
    assert {one.severity for one in here.sent} == {"page", "ticket"}
    assert there.sent == here.sent
    assert there.days == here.days
    assert (there.bad, there.total) == (here.bad, here.total)


def test_a_prometheus_offers_what_our_own_store_does(own: Source, remote: Source) -> None:
    selector = parse_selector('http_requests_total{job="shop"}')
    [here] = suggest(selector, own, START, END, 60_000)
    [there] = suggest(selector, remote, START, END, 60_000)
    assert [one.pages for one in there.tried] == [one.pages for one in here.tried]
    assert there.chosen.objective == here.chosen.objective
