"""promtool takes the exported rules, and a Prometheus with them sees what the ledger sees."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from slo.prometheus_rules import rules_yaml
from slo.specs import load_objectives

CASES = sorted((Path(__file__).parents[1] / "cases" / "specs").glob("*.yaml"))


def promtool(binary: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.peer
def test_promtool_finds_nothing_to_say(binary: Callable[[str], str], tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(rules_yaml(load_objectives(CASES)))
    run = promtool(binary("promtool"), "check", "rules", "--lint-fatal", str(rules))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SUCCESS" in run.stdout


@pytest.mark.peer
def test_a_burn_fires_and_a_quiet_hour_costs_no_budget(
    binary: Callable[[str], str], tmp_path: Path
) -> None:
    objectives = load_objectives([path for path in CASES if path.name == "sloth.yaml"])
    (tmp_path / "rules.yml").write_text(rules_yaml(objectives))
    series = 'http_requests_total{job="checkout",code="%s"}'
    identity = 'sloth_id="checkout-requests-availability", sloth_service="checkout"'
    remaining = f"slo:period_error_budget_remaining:ratio{{{identity}}}"
    test = {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": series % "200", "values": "0+60x60 3600x60 3600+60x120"},
                    {"series": series % "500", "values": "0x60 0x60 0+20x120"},
                ],
                "alert_rule_test": [
                    {"eval_time": "100m", "alertname": "CheckoutErrors", "exp_alerts": []}
                ],
                "promql_expr_test": [
                    {
                        "expr": remaining,
                        "eval_time": "115m",
                        "exp_samples": [
                            {
                                "labels": remaining.replace(
                                    "}", ', sloth_slo="requests-availability"}'
                                ),
                                "value": 1,
                            }
                        ],
                    },
                    {
                        "expr": 'count(ALERTS{alertname="CheckoutErrors",alertstate="firing"})',
                        "eval_time": "200m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    },
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    run = promtool(binary("promtool"), "test", "rules", str(tmp_path / "test.yml"))
    assert run.returncode == 0, run.stdout + run.stderr
