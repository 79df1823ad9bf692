"""amtool's verdict on the shared set of configuration files is ours, but for named reasons."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.peer
CASES = Path(__file__).parents[1] / "cases" / "alertmanager"
FILES = sorted([*(CASES / "right").glob("*.yml"), *(CASES / "wrong").glob("*.yml")])
DIFFERENT = {
    "empty": "without a route tocsin keeps alerts and tells nobody; Alertmanager has no other use",
    "no_route": "the same",
    "group_by_no_label_name": "label names may be any UTF-8 since 0.27; Debian has 0.25",
    "inhibit_bad_equal": "the same",
    "inline_template_wrong": "Alertmanager finds it when it sends; tocsin when it loads",
    "inline_template_unfinished": "the same",
}


def test_most_files_have_no_excuse() -> None:
    assert len(FILES) - len(DIFFERENT) >= 60
    assert set(DIFFERENT) <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_amtool_agrees(binary: Callable[[str], str], file: Path) -> None:
    command = [binary("amtool"), "check-config", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    agrees = (run.returncode == 0) == (file.parent.name == "right")
    assert agrees == (file.stem not in DIFFERENT), run.stdout + run.stderr
