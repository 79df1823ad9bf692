"""Only `collector/model/clock.py` reads a clock: what decides at night can be tested at noon."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("collector", "slo", "anomaly", "dashboards", "alerts", "tocsin")
READS_A_CLOCK = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}


def sources() -> list[Path]:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return [path for path in files if path != ROOT / "collector/model/clock.py"]


def clock_reads(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if (owner, node.attr) in READS_A_CLOCK:
                yield node.lineno


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_file_reads_a_clock(path: Path) -> None:
    lines = list(clock_reads(ast.parse(path.read_text())))
    assert not lines, f"{path}: take a Clock or now_ms instead, lines {lines}"


def test_the_test_itself_finds_a_clock_read() -> None:
    assert list(clock_reads(ast.parse("import time\nx = time.time()\n"))) == [2]
    assert list(clock_reads(ast.parse("import datetime\ndatetime.datetime.now()\n"))) == [2]
