"""The course in docs/slo.md: each of its commands runs, and says what the course says it does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COURSE = (ROOT / "docs" / "slo.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|text)\n(.*?)^```$", COURSE, flags=re.DOTALL | re.MULTILINE)
STARTED = "make run\n"
IMPORTED = 'requests_total{code="500"} == 600'


@pytest.fixture
def url(
    tmp_path: Path, processes: Any, free_port: Callable[[], int], eventually: Callable[..., Any]
) -> str:
    """A tocsin as `make run` starts it, but on a free port and in an empty directory."""
    address = f"127.0.0.1:{free_port()}"
    data = str(tmp_path / "tocsin-data")
    processes.python("tocsin", "up", "--listen", address, "--data-dir", data)
    eventually(lambda: is_true(f"http://{address}", "count(up)"), 90, "tocsin scraped itself")
    return f"http://{address}"


def is_true(url: str, expr: str) -> bool:
    query = urllib.parse.urlencode({"query": f"last_over_time(({expr})[2d:1m])"})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=20) as answer:
        return b'"value"' in answer.read()


class Reader:
    """Types the commands one after the other into shells that keep the course's variables."""

    def __init__(self, directory: Path, url: str) -> None:
        self._directory, self._variables = directory, ""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = {**os.environ, "PATH": path, "TOCSIN_URL": url}
        self.output = ""

    def run(self, block: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", self._variables + block],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        self._variables += "".join(re.findall(r"^\w+=\$.*\n", block, flags=re.MULTILINE))
        self.output += done.stdout

    def has_read(self, text: str) -> bool:
        """Whether each line was printed, spaces and dates apart."""
        dated = re.sub(r"\d{4}-\d\d-\d\d (?=\d\d:)", "", self.output)
        lines = [" ".join(line.split()) for line in dated.splitlines()]
        return all(any(" ".join(t.split()) in one for one in lines) for t in text.splitlines())


def test_the_course_can_be_followed(
    url: str, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds.count("sh") > 10
    assert BLOCKS[0] == ("sh", STARTED)
    reader = Reader(tmp_path, url)
    for kind, block in BLOCKS[1:]:
        if kind == "text":
            assert reader.has_read(block), f"{block}\nis not in\n{reader.output}"
            continue
        reader.run(block)
        if "tocsin import" in block:
            eventually(lambda: is_true(url, IMPORTED), 120, "the import is there")


def test_no_command_stands_outside_of_what_is_run() -> None:
    outside = re.sub(r"^```(sh|text)\n.*?^```$", "", COURSE, flags=re.DOTALL | re.MULTILINE)
    assert "```" not in outside
    assert not re.search(r"^ {4,}(tocsin|make) ", outside, flags=re.MULTILINE)
