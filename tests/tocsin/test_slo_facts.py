"""The lint rules of objectives know what the configuration says."""

from __future__ import annotations

from pathlib import Path

from slo.lint import findings
from slo.specs import objectives_of
from tocsin.config import load_config
from tocsin.slo_facts import slo_facts

CONFIG = """
global: {scrape_interval: 30s}
storage: {retention_time: 20d}
scrape_configs:
  - {job_name: shop, static_configs: [{targets: ["127.0.0.1:1"]}]}
  - {job_name: slow, scrape_interval: 4m, static_configs: [{targets: ["127.0.0.1:2"]}]}
"""
SPEC = """
version: tocsin/v1
service: shop
objective: 99.9%
bad: requests_total{job="JOB", code="500"}
total: requests_total{job="JOB"}
"""


def rules(tmp_path: Path, job: str) -> set[str]:
    file = tmp_path / "tocsin.yaml"
    file.write_text(CONFIG)
    facts = slo_facts(load_config(file, {}))
    return {one.rule for one in findings(objectives_of(SPEC.replace("JOB", job), "s"), facts)}


def test_retention_and_the_job_s_own_interval_are_known(tmp_path: Path) -> None:
    assert rules(tmp_path, "shop") == {"retention"}
    assert rules(tmp_path, "slow") == {"retention", "short-window"}
