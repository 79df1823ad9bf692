"""Prometheus and tocsin evaluate the same rules over the same samples at the same times.

The Alert Generator Compliance Specification, with seconds for minutes: states, `for`,
`keep_firing_for`, templates, `ALERTS` and `ALERTS_FOR_STATE`, stale series, and what an
Alertmanager is sent and when. Prometheus scrapes and evaluates for a while; tocsin then judges the
samples that Prometheus took, at the times at which Prometheus evaluated.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.alert import Alert
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.samples import STALE
from collector.query.engine import Engine
from collector.query.values import RawSeries
from collector.rules.file import parse_rules
from collector.rules.group import GroupRunner, Parts, RuleOptions
from collector.rules.self_metrics import RuleMetrics
from collector.store.tsdb import Tsdb
from tests.oracles.exposition_server import Answer, ExpositionServer

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]

SECONDS = 16
INTERVAL_MS, RESEND_MS = 500, 1000
PROMETHEUS_URL = "http://prometheus.example.net/base"
INPUTS = '{__name__=~"up|level|errors_total"}'
OUTPUTS = '{__name__=~"ALERTS|ALERTS_FOR_STATE|rule:.*"}'
RULES = """
groups:
- name: alerts
  rules:
  - record: rule:evaluated
    expr: vector(1)
  - record: rule:level:sum
    expr: sum by (job) (level)
    labels: {kind: 'sum', instance: ''}
  - record: rule:high
    expr: level > 5
  - alert: High
    expr: level > 5
    labels: {severity: page, much: '{{ if gt $value 8.0 }}yes{{ end }}', shown: '{{ $value }}'}
    annotations:
      summary: '{{ $labels.instance }}/{{ $labels.n }} at {{ $value | humanize }}'
      total: '{{ with query "sum(level)" }}{{ . | first | value }}{{ end }}'
  - alert: HighForTwo
    expr: level > 5
    for: 2s
    annotations: {site: '{{ $externalLabels.site }}', url: '{{ $externalURL }}'}
  - alert: HighForThirty
    expr: level > 5
    for: 30s
  - alert: HeldAfter
    expr: level > 5
    for: 1s
    keep_firing_for: 2s
  - alert: FromRecord
    expr: rule:level:sum > 10
  - alert: Errors
    expr: rate(errors_total[2250ms]) > 0
    labels: {severity: '{{ "ticket" | toUpper }}', alertname: renamed}
  - alert: Twice
    expr: label_replace(level > 5, "n", "", "", "")
  - alert: Broken
    expr: level > 5
    annotations: {bad: '{{ first (query "nothing") }}', other: fine}
"""


def page(count: int) -> str:
    """What the target says at its n-th scrape: levels that come, go, flap and vanish."""
    lines = [f"errors_total {max(0, count - 12) if count < 20 else 8}"]
    lines += [f'level{{n="rises"}} {count}']
    lines += [f'level{{n="flaps"}} {9 if count // 3 % 2 else 1}']
    lines += [f'level{{n="steady",site="own"}} {7.5}'] if count < 18 else []
    lines += [f'level{{n="late"}} {6}'] if count > 15 else []
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Recorded:
    inputs: dict[Labels, dict[int, float]]
    outputs: dict[Labels, dict[int, float]]
    sent: list[dict[str, Any]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """What Prometheus scraped, wrote and sent."""
    directory = tmp_path_factory.mktemp("prometheus")
    count, sent = iter(range(1_000_000)), []

    def receive(path: str, body: str, headers: dict[str, str]) -> Answer:
        sent.extend(json.loads(body))
        return Answer()

    target = ExpositionServer(lambda _: Answer(page(next(count)).encode()))
    manager = ExpositionServer(Answer(), on_post=receive)
    try:
        answers = run_prometheus(directory, target, manager)
    finally:
        target.close()
        manager.close()
    return Recorded(*answers, sent)


def run_prometheus(
    directory: Path, target: ExpositionServer, manager: ExpositionServer
) -> tuple[dict[Labels, dict[int, float]], dict[Labels, dict[int, float]]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (directory / "rules.yml").write_text(RULES)
    (directory / "prometheus.yml").write_text(f"""
global:
  scrape_interval: {INTERVAL_MS}ms
  evaluation_interval: {INTERVAL_MS}ms
  external_labels: {{site: here, kind: outer}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{manager.address}"]}}]}}]}}
scrape_configs: [{{job_name: j, static_configs: [{{targets: ["{target.address}"]}}]}}]
""")
    process = subprocess.Popen(
        [
            "prometheus",
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.external-url={PROMETHEUS_URL}",
            f"--rules.alert.resend-delay={RESEND_MS}ms",
        ],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "log").open("w"),
    )
    try:
        time.sleep(SECONDS)
        at = time.time()
        base = f"http://127.0.0.1:{port}/base"
        return raw(base, f"{INPUTS}[5m]", at), raw(base, f"{OUTPUTS}[5m]", at)
    finally:
        process.terminate()
        process.wait(20)


def raw(base: str, query: str, at: float) -> dict[Labels, dict[int, float]]:
    parameters = urllib.parse.urlencode({"query": query, "time": at})
    with urllib.request.urlopen(f"{base}/api/v1/query?{parameters}", timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return {
        Labels(one["metric"]): {round(t * 1000): float(v) for t, v in one["values"]}
        for one in found
    }


class Recording:
    """An AlertSink that keeps what it is given."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alerts: list[Alert]) -> None:
        self.alerts.extend(alerts)


@dataclass(frozen=True)
class Judged:
    outputs: dict[Labels, dict[int, float]]
    sent: list[Alert]


@pytest.fixture(scope="module")
def judged(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What tocsin makes of the same samples at the same times."""
    clock, sink = ManualClock(), Recording()
    store = Tsdb.open(tmp_path_factory.mktemp("store"), clock)
    engine = Engine(store)
    parts = Parts(engine, store, store, sink, clock, RuleMetrics(CollectorRegistry()))
    options = RuleOptions(
        INTERVAL_MS,
        resend_delay_ms=RESEND_MS,
        external_labels={"site": "here", "kind": "outer"},
        external_url=PROMETHEUS_URL,
    )
    group = parse_rules(RULES, "rules.yml")[0]
    runner = GroupRunner(group, options, parts, restores=True)
    rows = list(input_rows(recorded.inputs))
    for at_ms in sorted(recorded.outputs[Labels.of("rule:evaluated")]):
        while rows and rows[0][0] <= at_ms:
            row_ms, labels, values = rows.pop(0)
            store.append_row("input", row_ms, store.refs("input", labels), values)
        clock.advance(at_ms - clock.now_ms())
        runner.evaluate(at_ms)
    answer = engine.instant(f"{OUTPUTS}[5m]", at_ms).value
    assert isinstance(answer, RawSeries)
    outputs = {
        labels: dict(zip(times.tolist(), values.tolist(), strict=True))
        for labels, (times, values) in zip(answer.labels, answer.samples, strict=True)
    }
    store.close()
    return Judged(outputs, sink.alerts)


def input_rows(
    inputs: dict[Labels, dict[int, float]],
) -> Iterator[tuple[int, list[Labels], np.ndarray]]:
    """Rows of the scrapes, with the stale markers that Prometheus's answers leave out."""
    times = sorted({time_ms for samples in inputs.values() for time_ms in samples})
    for at, time_ms in enumerate(times):
        before = times[at - 1] if at else 0
        present = [labels for labels, samples in inputs.items() if time_ms in samples]
        gone = [labels for labels, s in inputs.items() if before in s and time_ms not in s]
        values = [inputs[labels][time_ms] for labels in present] + [STALE] * len(gone)
        yield time_ms, present + gone, np.array(values)


def test_the_run_was_long_enough_to_say_something(recorded: Recorded) -> None:
    assert len(recorded.outputs[Labels.of("rule:evaluated")]) > SECONDS
    states = {one["alertstate"] for one in recorded.outputs if one.metric_name == "ALERTS"}
    assert states == {"pending", "firing"}
    assert len(recorded.sent) > 20


def test_the_same_series_are_written_with_the_same_values_at_the_same_times(
    recorded: Recorded, judged: Judged
) -> None:
    assert set(judged.outputs) == set(recorded.outputs)
    for labels, samples in recorded.outputs.items():
        assert judged.outputs[labels] == samples, labels


def moment(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def test_an_alertmanager_is_sent_the_same(recorded: Recorded, judged: Judged) -> None:
    last_ms = max(recorded.outputs[Labels.of("rule:evaluated")])
    lease_ms = 4 * RESEND_MS
    theirs = {
        (
            Labels(one["labels"]),
            Labels(one.get("annotations", {})),
            moment(one["startsAt"]),
            moment(one["endsAt"]),
            one["generatorURL"],
        )
        for one in recorded.sent
        if moment(one["endsAt"]) <= last_ms + lease_ms
    }
    ours = {
        (
            one.labels,
            Labels(one.annotations),
            one.starts_at_ms,
            one.ends_at_ms,
            one.generator_url,
        )
        for one in judged.sent
    }
    for named in ("High", "HighForTwo", "HeldAfter", "FromRecord", "Errors", "Twice"):
        assert of(named, ours) == of(named, theirs), named
    broken = {one[0] for one in of("Broken", ours)}
    assert broken == {one[0] for one in of("Broken", theirs)}
    assert not of("HighForThirty", ours)


def of(name: str, sent: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    return {one for one in sent if one[0]["alertname"] == name}
