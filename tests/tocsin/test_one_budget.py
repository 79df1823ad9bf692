"""One number: every surface of a running tocsin has the same budget, to the last bit.

A service that fails is scraped, its objective pages a webhook; at one tick the API, the page, the
board's query, the federation export and the alert are asked.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.boards import all_boards
from slo.specs import load_objectives
from tests.oracles.board_queries import panel_queries
from tests.oracles.exposition_server import Answer, ExpositionServer

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["{target}"]}}]
slos: {{files: [slos.yaml], tick: 5s}}
anomaly: {{enabled: false}}
route: {{receiver: hook, group_wait: 1s, group_interval: 1s}}
receivers:
  - name: hook
    webhook_configs: [{{url: "http://{hook}/"}}]
"""
SLOS = """
version: tocsin/v1
service: shop
name: orders
objective: 99.7%
bad: http_requests_total{code="500"}
total: http_requests_total
"""
SERIES = "tocsin_slo_budget_remaining_ratio"
PATH = "/api/tocsin/v1/slos/shop/orders"


class Shop:
    """Counts on at each scrape: 3 of 10 requests fail."""

    def __init__(self) -> None:
        self.scrapes = 0

    def __call__(self, path: str) -> Answer:
        self.scrapes += 1
        counted = {"200": 7 * self.scrapes, "500": 3 * self.scrapes}
        lines = [f'http_requests_total{{code="{code}"}} {n}\n' for code, n in counted.items()]
        return Answer("".join(["# TYPE http_requests_total counter\n", *lines]).encode())


@pytest.fixture
def world(
    tmp_path: Path, processes: Any, free_port: Callable[[], int]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    told: list[dict[str, Any]] = []

    def hook(_: str, body: str, __: object) -> Answer:
        told.append(json.loads(body))
        return Answer()

    shop = ExpositionServer(Shop())
    pager = ExpositionServer(Answer(), on_post=hook)
    config = tmp_path / "tocsin.yaml"
    config.write_text(CONFIG.format(target=shop.address, hook=pager.address))
    (tmp_path / "slos.yaml").write_text(SLOS)
    address = f"127.0.0.1:{free_port()}"
    data = str(tmp_path / "data")
    options = ("--config", str(config), "--listen", address, "--data-dir", data)
    processes.python("tocsin", "up", *options)
    yield f"http://{address}", told
    processes.end()
    shop.close()
    pager.close()


def text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def query(url: str, expr: str, at_ms: int) -> float:
    asked = urllib.parse.urlencode({"query": expr, "time": at_ms / 1000})
    [found] = json.loads(text(f"{url}/api/v1/query?{asked}"))["data"]["result"]
    assert found["value"][0] * 1000 == at_ms
    return float(found["value"][1])


def surfaces(url: str, board_query: str) -> dict[str, float] | None:
    """What each says at one tick; None when a tick came between."""
    one = json.loads(text(url + PATH))
    at_ms = one["at_ms"]
    found = {
        "api": one["budget"]["left_ratio"],
        "list": json.loads(text(f"{url}/api/tocsin/v1/slos"))["slos"][0]["budget"]["left_ratio"],
        "page": float(re.findall(r'Budget left</div>.*?<data value="([^"]+)"', page(url))[0]),
        "board": query(url, board_query, at_ms),
        "export": federated(url),
        "history": json.loads(text(f"{url}{PATH}/history?end_ms={at_ms}&step=5s"))[
            "budget_left_ratio"
        ][-1],
    }
    return found if json.loads(text(url + PATH))["at_ms"] == at_ms else None


def page(url: str) -> str:
    return text(f"{url}/slos/shop/orders")


def federated(url: str) -> float:
    chosen = urllib.parse.urlencode({"match[]": SERIES})
    [line] = [
        one for one in text(f"{url}/federate?{chosen}").splitlines() if not one.startswith("#")
    ]
    return float(line.split("}")[1].split()[0])


def board_query(directory: Path) -> str:
    """What the board's tile of the budget asks."""
    boards = all_boards(load_objectives([directory / "slos.yaml"]))
    asked = {expr for board in boards for _, expr in panel_queries(board)}
    return next(one for one in sorted(asked) if one.startswith(f"max({SERIES}{{"))


def test_api_page_board_export_history_and_alert_say_one_number(
    world: tuple[str, list[dict[str, Any]]], tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    url, told = world
    eventually(lambda: told, 90, "the page reached the webhook")
    expr = board_query(tmp_path)
    found = eventually(lambda: surfaces(url, expr), 60, "all surfaces were asked within a tick")
    assert len(set(found.values())) == 1, found
    assert found["api"] < 0
    [alert] = [one for one in told[0]["alerts"] if one["labels"]["severity"] == "page"]
    in_alert = float(alert["annotations"]["budget_left_ratio"])
    published = urllib.parse.urlencode({"query": f"{SERIES}[1h]"})
    [series] = json.loads(text(f"{url}/api/v1/query?{published}"))["data"]["result"]
    assert in_alert in {float(value) for _, value in series["values"]}
    assert f"{in_alert:.1%} of the budget" in alert["annotations"]["description"]
