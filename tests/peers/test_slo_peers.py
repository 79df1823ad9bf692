"""The budgets that Sloth's and Pyrra's rules give, and ours, of events that are known one by one.

Their rules run in Prometheus's own engine (promtool), ours are the same specifications read by
tocsin; the truth is a sum over the list of events. The table stands in docs/slo-peers.md.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
from slo.ledger import Ledger
from slo.specs import objectives_of

PAGE = Path(__file__).parents[2] / "docs" / "slo-peers.md"
START_MS = 1_700_006_400_000
STEP_SECONDS = 240
"""promtool loads 10,000 samples for a query, and no more."""
DAY = 86_400 // STEP_SECONDS
STEPS = 8 * DAY
DAYS = 7
BURNT = 4 * DAY
"""The step at which the incident of a case begins: in every window."""
ALLOWED = 0.001
PEERS = ("sloth", "pyrra")
SLOTH = """
version: prometheus/v1
service: peers
window: 7d
slos:
  - name: {case}
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(events_total{{case="{case}",code="500"}}[{{{{.window}}}}]))
        total_query: sum(rate(events_total{{case="{case}"}}[{{{{.window}}}}]))
"""
PYRRA = """
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {{name: {case}, namespace: pyrra}}
spec:
  target: "99.9"
  window: 1w
  indicator:
    ratio:
      errors: {{metric: 'events_total{{case="{case}",code="500"}}'}}
      total: {{metric: 'events_total{{case="{case}"}}'}}
"""


@dataclass(frozen=True)
class Case:
    """Good and bad events of each step; NaN in `bad` where its series was not there yet."""

    name: str
    says: str
    good: np.ndarray
    bad: np.ndarray

    def samples(self) -> dict[str, np.ndarray]:
        """Counters by code, NaN before they are born."""
        born = ~np.isnan(self.bad)
        failed = np.cumsum(np.nan_to_num(self.bad))
        return {"200": np.cumsum(self.good), "500": np.where(born, failed, np.nan)}

    def truth(self) -> tuple[float, float]:
        """Bad and total events of the window."""
        last = slice(STEPS - DAYS * DAY, None)
        bad = float(np.nan_to_num(self.bad[last]).sum())
        return bad, bad + float(self.good[last].sum())


def constant() -> np.ndarray:
    return np.full(STEPS, 2400.0)


def daily() -> np.ndarray:
    """Nineteen times as much at noon as at night."""
    phase = 2 * np.pi * np.arange(STEPS) / DAY
    return np.round(2400 * (1 - 0.9 * np.cos(phase)))


def outage(events: np.ndarray, begins: int, share: float = 0.2, steps: int = 8) -> Case:
    bad = np.zeros(STEPS)
    during = slice(begins, begins + steps)
    bad[during] = np.round(events[during] * share)
    return Case("", "", events - bad, bad)


def named(name: str, says: str, case: Case) -> Case:
    return Case(name, says, case.good, case.bad)


def cases() -> list[Case]:
    noon, night = BURNT + DAY // 2, BURNT
    sleepy = constant()
    sleepy[BURNT : BURNT + 15] = 0
    silent = Case("", "", sleepy, np.where(sleepy > 0, 1.0, 0.0))
    quiet = daily()
    quiet[night - 2 : night + 3] = 0
    alone = np.zeros(STEPS)
    alone[night] = 1
    born = np.full(STEPS, np.nan)
    born[BURNT:] = 0
    born[BURNT] = 500
    return [
        named("steady", "32 min of 20 % errors, steady traffic", outage(constant(), noon)),
        named("noon", "the same at the day's peak (19:1)", outage(daily(), noon)),
        named("night", "the same at the day's trough", outage(daily(), night)),
        Case("alone", "one failure alone in 20 min without traffic", quiet, alone),
        Case("born", "500 errors that create their series", constant(), born),
        named("idle", "one error in 2,400 events, an hour without any", silent),
    ]


RULE = "sum(rate(events_total{%(bad)s}[5m])) / sum(rate(events_total{%(all)s}[5m]))"
SLOTH_BUDGET = (
    "sum_over_time(sloth:ratio5m{%(all)s}[7d]) / count_over_time(sloth:ratio5m{%(all)s}[7d])"
)
PYRRA_BUDGET = "sum(increase(events_total{%(bad)s}[7d])) / sum(increase(events_total{%(all)s}[7d]))"


def of(case: Case, expr: str) -> str:
    every = f'case="{case.name}"'
    return expr % {"all": every, "bad": every + ',code="500"'}


def series(case: Case) -> list[dict[str, str]]:
    return [
        {
            "series": f'events_total{{case="{case.name}",code="{code}"}}',
            "values": " ".join("_" if math.isnan(one) else f"{one:.0f}" for one in values),
        }
        for code, values in case.samples().items()
    ]


def by_prometheus(promtool: str, directory: Path, known: list[Case]) -> dict[tuple[str, str], str]:
    """Share of the budget spent by (peer, case) as Prometheus prints it; "" for no sample."""
    rules = [
        {"record": "sloth:ratio5m", "expr": of(case, RULE), "labels": {"case": case.name}}
        for case in known
    ]
    groups = {"groups": [{"name": "sloth", "interval": f"{STEP_SECONDS}s", "rules": rules}]}
    (directory / "rules.yml").write_text(yaml.safe_dump(groups, width=10_000))
    at = f"{(STEPS - 1) * STEP_SECONDS}s"
    asked = {
        (peer, case.name): f"max({of(case, expr)}) / {ALLOWED}"
        for case in known
        for peer, expr in (("sloth", SLOTH_BUDGET), ("pyrra", PYRRA_BUDGET))
    }
    wrong = [{"labels": "{}", "value": -1}]
    tests = {
        "interval": f"{STEP_SECONDS}s",
        "input_series": [one for case in known for one in series(case)],
        "promql_expr_test": [
            {"expr": expr, "eval_time": at, "exp_samples": wrong} for expr in asked.values()
        ],
    }
    whole = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": [tests],
    }
    (directory / "test.yml").write_text(yaml.safe_dump(whole, width=10_000_000))
    command = [promtool, "test", "rules", str(directory / "test.yml")]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    got = re.findall(r'expr: "(.*?)", time.*?got:(.*?)\n', told.replace('\\"', '"'), re.DOTALL)
    values = {expr: line.split()[-1] if line.split() else "" for expr, line in got}
    return {key: values[expr] for key, expr in asked.items()}


def by_tocsin(directory: Path, known: list[Case]) -> dict[tuple[str, str], tuple[float, float]]:
    """Bad and total events by (format, case), counted by a ledger as they come."""
    clock = ManualClock(START_MS)
    store = Tsdb.open(directory / "store", clock)
    objectives = [
        one
        for case in known
        for text in (SLOTH, PYRRA)
        for one in objectives_of(text.format(case=case.name), "peers.yaml")
    ]
    ledger = Ledger(objectives, store, directory / "ledger", STEP_SECONDS * 1000)
    counters = [
        (Labels.of("events_total", case=case.name, code=code), values)
        for case in known
        for code, values in case.samples().items()
    ]
    labels = [one for one, _ in counters]
    rows = np.array([values for _, values in counters])
    for step in range(STEPS):
        row = rows[:, step]
        there = np.flatnonzero(~np.isnan(row))
        refs = store.refs("peers", [labels[one] for one in there])
        store.append_row("peers", clock.now_ms(), refs, row[there])
        if step % 15 == 14 or step == STEPS - 1:
            ledger.tick(clock.now_ms())
        clock.advance(STEP_SECONDS * 1000)
    now_ms = START_MS + (STEPS - 1) * STEP_SECONDS * 1000
    found = {}
    for column, one in enumerate(objectives):
        counts = ledger.window_counts(one.window.duration_ms, now_ms)
        peer = "sloth" if one.service == "peers" else "pyrra"
        found[peer, one.name] = (float(counts.bad[column]), float(counts.total[column]))
    store.close()
    return found


def percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def told(value: str) -> str:
    if value in ("", "nil"):
        return "nothing"
    return "NaN" if value == "NaN" else percent(float(value))


@pytest.mark.peer
def test_ours_is_the_truth_and_the_page_has_what_the_peers_rules_say(
    binary: Callable[[str], str], tmp_path: Path
) -> None:
    known = cases()
    theirs = by_prometheus(binary("promtool"), tmp_path, known)
    ours = by_tocsin(tmp_path, known)
    lines = []
    for case in known:
        bad, total = case.truth()
        assert ours["sloth", case.name] == ours["pyrra", case.name] == (bad, total), case.name
        spent = percent(bad / (total * ALLOWED))
        cells = [case.says, spent, spent, *(told(theirs[one, case.name]) for one in PEERS)]
        if case.name == "steady":  # what the sampling of their rules costs where they are fit
            assert float(theirs["sloth", case.name]) == pytest.approx(bad / total / ALLOWED, 0.03)
            assert float(theirs["pyrra", case.name]) == pytest.approx(bad / total / ALLOWED, 0.001)
        lines.append("| " + " | ".join(cells) + " |")
    table = "\n".join(lines)
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        text = PAGE.read_text(encoding="utf-8")
        marked = r"(?<=<!-- measured -->\n).*?(?=\n<!-- end -->)"
        head = "\n".join(text.split("<!-- measured -->\n")[1].splitlines()[:2])
        PAGE.write_text(re.sub(marked, lambda _: f"{head}\n{table}", text, flags=re.DOTALL))
    assert table in PAGE.read_text(encoding="utf-8"), table
