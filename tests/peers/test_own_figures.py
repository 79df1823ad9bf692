"""tocsin's own /metrics under promtool, and its boards' queries against what it stores."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.boards import all_boards
from tests.oracles.board_queries import panel_queries
from tocsin.config import load_config
from tocsin.packs import EMBEDDED_CONFIG


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.peer
@pytest.mark.parametrize("path", ["/metrics"])
def test_promtool_finds_nothing_to_mend(
    running_tocsin: str, path: str, binary: Callable[[str], str]
) -> None:
    with urllib.request.urlopen(running_tocsin + path, timeout=20) as answer:
        text = answer.read()
    command = [binary("promtool"), "check", "metrics"]
    run = subprocess.run(command, input=text, capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_every_panel_s_query_returns_data(
    running_tocsin: str, eventually: Callable[..., Any]
) -> None:
    config = load_config(EMBEDDED_CONFIG, {"TOCSIN_ADDRESS": "127.0.0.1:9900"})
    queries = [
        (board.uid, title, expr)
        for board in all_boards(config.objectives)
        for title, expr in panel_queries(board)
    ]
    assert len(queries) > 50

    def without_data() -> list[tuple[str, str, str]]:
        return [one for one in queries if not has_data(running_tocsin, one[2])]

    eventually(lambda: not without_data(), 60, f"every query has data; not: {without_data()}")


def has_data(url: str, expr: str) -> bool:
    query = urllib.parse.urlencode({"query": expr})
    return bool(get(f"{url}/api/v1/query?{query}")["data"]["result"])
