"""Files hold one idea and functions one step; kernels and tables may be longer, by name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("collector", "slo", "anomaly", "dashboards", "alerts", "tocsin", "instrument/src")
MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "base", "misc"}
LONG_KERNELS = ("collector/query/kernels/", "collector/ingest/formats/scan/")


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_a_file_stays_one_idea(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES, "the name says nothing: ask what the file knows"
    lines = path.read_text().count("\n")
    assert lines <= MAX_MODULE_LINES or relative(path).startswith(LONG_KERNELS), f"{lines} lines"


@pytest.mark.parametrize(
    "path",
    [path for path in sources() if not relative(path).startswith(LONG_KERNELS)],
    ids=relative,
)
def test_a_function_stays_readable(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
        and not any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert not long, long


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_a_file_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "write the file's charter"
    assert "To be written" not in docstring
