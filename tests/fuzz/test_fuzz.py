"""Every scanner under mutated and under coverage-guided input: no crash, no hang, no disagreement.

TOCSIN_FUZZ_SECONDS and TOCSIN_FUZZ_INPUTS make the runs longer.
"""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import SEEDS, TARGETS, mutated

INPUTS = int(os.environ.get("TOCSIN_FUZZ_INPUTS", "1500"))
SECONDS = int(os.environ.get("TOCSIN_FUZZ_SECONDS", "6"))


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_find_nothing(name: str) -> None:
    chance = random.Random(11)
    target, seeds = TARGETS[name], SEEDS[name]
    for seed in seeds:
        target(seed)
    for _ in range(INPUTS):
        body = mutated(chance.choice(seeds), chance)
        try:
            target(body)
        except BaseException as error:
            raise AssertionError(f"{name} with {body!r}") from error


def test_coverage_guided_inputs_find_nothing(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed for this Python")
    run = subprocess.run(
        [
            sys.executable, "-m", "tests.fuzz", str(tmp_path / "corpus"),
            f"-max_total_time={SECONDS}", "-timeout=20", "-rss_limit_mb=4096", "-max_len=4096",
            f"-artifact_prefix={tmp_path}/",
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS + 240,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
