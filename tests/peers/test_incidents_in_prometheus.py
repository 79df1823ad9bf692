"""Twenty incidents of the corpus as counters in Prometheus, under the rules that we export.

promtool runs Prometheus's own engine and rule manager over the samples. The corpus's formula says
when each incident pages and until when; a Prometheus sees the same but for `increase`, which looks
at whole scrapes: its page may come and go one evaluation apart.
"""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml

from slo.burn_rate import tiers_for
from slo.indicators import INDICATORS
from slo.objective import Objective
from slo.prometheus_rules import rules_yaml
from slo.window import DAY_MS, Window

INCIDENTS = importlib.import_module("tests.oracles.incident_corpus")
PAGES = [one for one in tiers_for(30 * DAY_MS) if one.severity == "page"]
COUNT = 20
LONGEST_SECONDS = 5400
HISTORY_SECONDS = 6 * 3600 + 1800
"""A page's longest window, and some."""
AFTER_SECONDS = 2400
STEP_SECONDS = 60
APART_SECONDS = STEP_SECONDS


@dataclass(frozen=True)
class Page:
    """The first and the last evaluation that page, in seconds of the incident."""

    first: float
    last: float


def chosen() -> object:
    """The first incidents that are short enough to be gone through, as a corpus of their own."""
    whole = INCIDENTS.corpus(1000, INCIDENTS.SEED)
    columns = np.flatnonzero(whole.seconds <= LONGEST_SECONDS)[:COUNT]
    fields = (whole.rate, whole.base_burn, whole.burn, whole.seconds)
    return INCIDENTS.Corpus(*(one[columns] for one in fields))


def times() -> np.ndarray:
    return np.arange(-HISTORY_SECONDS, LONGEST_SECONDS + AFTER_SECONDS + 1, STEP_SECONDS, float)


def by_formula(corpus: object) -> list[Page | None]:
    """What plain pairs do, as the rules that are exported have them."""
    pairs = tuple((one.long_ms / 1000, one.short_ms / 1000, one.factor, 0.0) for one in PAGES)
    policy = INCIDENTS.Thresholds(corpus, pairs)
    every = [at for at in times() if at >= 0]
    firing = np.array([policy(at) for at in every])
    found: list[Page | None] = []
    for column in firing.T:
        paged = np.flatnonzero(column)
        found.append(Page(every[paged[0]], every[paged[-1]]) if len(paged) else None)
    return found


def objectives() -> list[Objective]:
    return [
        Objective(
            service="corpus",
            name=f"incident-{number}",
            target=Fraction(999, 1000),
            window=Window(30 * DAY_MS),
            indicator=INDICATORS["ratio"](
                bad=f'errors_total{{incident="{number}"}}',
                total=f'requests_total{{incident="{number}"}}',
            ),
        )
        for number in range(COUNT)
    ]


def counters(corpus: object) -> list[dict[str, str]]:
    values = {
        "errors_total": np.array([corpus.bad(at) for at in times()]),
        "requests_total": np.array([corpus.total(at) for at in times()]),
    }
    return [
        {
            "series": f'{name}{{incident="{number}"}}',
            "values": " ".join(f"{one:.0f}" for one in column),
        }
        for name, rows in values.items()
        for number, column in enumerate(rows.T)
    ]


def asked(pages: Sequence[Page | None]) -> list[dict[str, object]]:
    """What a Prometheus must say at the end: when each page was first and last there, or never."""
    end_seconds = HISTORY_SECONDS + LONGEST_SECONDS + AFTER_SECONDS
    whole = f"[{end_seconds}s:{STEP_SECONDS}s]"
    found: list[dict[str, object]] = []
    for number, page in enumerate(pages):
        alert = f'ALERTS{{alertstate="firing",severity="page",slo="incident-{number}"}}'
        if page is None:
            expr, samples = f"count(count_over_time({alert}[{end_seconds}s]))", []
        else:
            edges = [
                f"abs(max({fold}(timestamp({alert}){whole})) - {HISTORY_SECONDS + at}) "
                f"<= {APART_SECONDS}"
                for fold, at in (("min_over_time", page.first), ("max_over_time", page.last))
            ]
            expr = f"vector(1) and {edges[0]} and {edges[1]}"
            samples = [{"labels": "{}", "value": 1}]
        found.append({"expr": expr, "eval_time": f"{end_seconds}s", "exp_samples": samples})
    return found


@pytest.mark.peer
def test_prometheus_pages_for_an_incident_when_the_formula_does(
    binary: Callable[[str], str], tmp_path: Path
) -> None:
    corpus = chosen()
    pages = by_formula(corpus)
    assert len([one for one in pages if one]) >= COUNT / 3
    assert None in pages
    (tmp_path / "rules.yml").write_text(rules_yaml(objectives(), PAGES))
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": [
            {
                "interval": f"{STEP_SECONDS}s",
                "input_series": counters(corpus),
                "promql_expr_test": asked(pages),
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test, width=1_000_000))
    command = [binary("promtool"), "test", "rules", str(tmp_path / "test.yml")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
