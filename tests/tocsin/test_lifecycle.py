"""Reload and stop of a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

RIGHT = """
web: {{external_url: "http://tocsin.example"}}
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["127.0.0.1:1"]}}]
"""


class Running:
    def __init__(self, processes: Any, directory: Path, port: int) -> None:
        self.config = directory / "tocsin.yaml"
        self.config.write_text(RIGHT.format(job="first"))
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] = processes.python(
            "tocsin", "up", "--config", str(self.config), "--data-dir", str(directory / "data"),
            "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip

    def jobs(self) -> list[str]:
        with urllib.request.urlopen(f"{self.url}/api/v1/scrape_pools", timeout=5) as answer:
            found: list[str] = json.load(answer)["data"]["scrapePools"]
            return found

    def reload(self) -> tuple[int, str]:
        request = urllib.request.Request(f"{self.url}/-/reload", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def running(
    processes: Any,
    tmp_path: Path,
    free_port: Callable[[], int],
    eventually: Callable[..., Any],
    http_ok: Callable[[str], bool],
) -> Running:
    started = Running(processes, tmp_path, free_port())
    eventually(lambda: http_ok(f"{started.url}/-/ready"), 90, "tocsin is ready")
    return started


def test_a_wrong_reload_keeps_the_old_and_a_right_one_takes_over(
    running: Running, eventually: Callable[..., Any]
) -> None:
    assert running.jobs() == ["first"]
    running.config.write_text("scrape_configs: [{job_name: second, scrape_intervall: 1s}]")
    status, text = running.reload()
    assert status == 500
    assert f"{running.config}:1: scrape_configs[0].scrape_intervall" in text
    assert "did you mean 'scrape_interval'" in text
    assert running.jobs() == ["first"]

    running.config.write_text(RIGHT.format(job="second"))
    assert running.reload() == (200, "reloaded\n")
    eventually(lambda: running.jobs() == ["second"], 10)

    running.config.write_text(RIGHT.format(job="third"))
    os.kill(running.process.pid, signal.SIGHUP)
    eventually(lambda: running.jobs() == ["third"], 10)

    running.config.write_text("storage: {retention_time: 1d}\n")
    status, text = running.reload()
    assert status == 500
    assert "restart tocsin" in text


def test_reloads_at_the_same_time_follow_one_another(running: Running) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: running.reload(), range(12)))
    assert answers == [(200, "reloaded\n")] * 12


def test_it_ends_cleanly_when_it_is_told_to(running: Running) -> None:
    for ending in (signal.SIGTERM, signal.SIGINT):
        running.process.send_signal(ending)
    assert running.process.wait(30) == 0


def test_a_taken_data_directory_is_told(running: Running, free_port: Callable[[], int]) -> None:
    command = ["tocsin", "up", "--listen", f"127.0.0.1:{free_port()}"]
    data_dir = str(running.config.parent / "data")
    run = subprocess.run(
        [sys.executable, "-m", *command, "--data-dir", data_dir],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "another tocsin" in run.stderr
    assert "Traceback" not in run.stderr
