"""Prometheus's own PromQL scripts, and ours, run against the engine.

`tests/cases/promql/passed.json` records how many evals of each of Prometheus's scripts pass; the
count may only grow (rewrite it with TOCSIN_WRITE_GOLDEN=1). Our own scripts pass wholly.
"""

import importlib
import json
import os
from pathlib import Path

import pytest

promqltest = importlib.import_module("tests.oracles.promqltest")
ROOT = Path(__file__).parents[3]
REFERENCE = ROOT.parent / "shared" / "promqltest"
OWN = ROOT / "tests" / "cases" / "promql"
RECORD = OWN / "passed.json"


def _recorded() -> dict[str, int]:
    return json.loads(RECORD.read_text()) if RECORD.exists() else {}


@pytest.mark.parametrize("name", sorted(_recorded()) or ["none"])
def test_no_eval_of_the_reference_is_lost_golden(name: str) -> None:
    script = REFERENCE / f"{name}.test"
    if not script.exists():
        pytest.skip(f"Prometheus's scripts are not at {REFERENCE}")
    passed, failures = promqltest.run_script(script)
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        RECORD.write_text(json.dumps({**_recorded(), name: passed}, indent=2) + "\n")
    told = "\n".join(f"line {one.line}: {one.query}: {why}" for one, why in failures)
    assert passed >= _recorded()[name], told


@pytest.mark.parametrize("script", sorted(OWN.glob("*.test")), ids=lambda path: path.stem)
def test_own_script_passes_wholly(script: Path) -> None:
    passed, failures = promqltest.run_script(script)
    assert not [f"line {one.line}: {one.query}: {why}" for one, why in failures]
    assert passed > 0
