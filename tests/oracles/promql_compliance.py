"""`make promql-compliance`: how many evals of Prometheus's own scripts pass, by file.

Ends with 1 when a file passes fewer than `tests/cases/promql/passed.json` records, or is not there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.oracles.promqltest import run_script

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT.parent / "shared" / "promqltest"
RECORD = ROOT / "tests" / "cases" / "promql" / "passed.json"


def main() -> int:
    """Print the table; 0 when nothing was lost."""
    recorded: dict[str, int] = json.loads(RECORD.read_text())
    if not SCRIPTS.is_dir():
        print(f"Prometheus's scripts are not at {SCRIPTS}", file=sys.stderr)
        return 1
    lost, totals = [], [0, 0]
    for name, before in recorded.items():
        passed, failures = run_script(SCRIPTS / f"{name}.test")
        evals = passed + len(failures)
        totals = [totals[0] + passed, totals[1] + evals]
        print(f"{name:22} {passed:5} of {evals:5}")
        for one, why in failures:
            print(f"    line {one.line}: {one.query}: {why}")
        if passed < before:
            lost.append(f"{name} passed {before} evals before")
    print(f"{'total':22} {totals[0]:5} of {totals[1]:5}")
    print(*lost, sep="\n", file=sys.stderr, end="\n" if lost else "")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
