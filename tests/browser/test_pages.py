"""The pages in a real Chromium: nothing blocked by the content policy, nothing overflowing."""

from __future__ import annotations

import gzip
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

PAGES = (
    "/",
    "/graph?g0.expr=up&g0.tab=1",
    "/graph?g0.expr=rate(node_cpu_seconds_total%5B1m%5D)&g0.tab=0",
    "/slos",
    "/alerts/why?labels=alertname%3D%22Down%22",
    "/history",
    "/slos?service=tocsin&state=ok",
    "/rules",
    "/slos/tocsin/api-availability",
    "/slos/corrections",
    "/slos/backtest?slo=tocsin%2Fapi-availability",
    "/alerts",
    "/incidents",
    "/oncall",
    "/oncall/report",
    "/targets",
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=1500",
    "--enable-logging=stderr",
)
FIRST_PAGE_BYTES = 60_000


@pytest.fixture
def chromium(binary: Callable[[str], str]) -> Callable[..., tuple[str, str]]:
    """Opens a URL; answers the page after its scripts ran, and what the console said."""
    program = binary("chromium")

    def opened(url: str, width: int = 1280) -> tuple[str, str]:
        with tempfile.TemporaryDirectory() as profile:
            command = [program, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},900"]
            run = subprocess.run(
                [*command, "--dump-dom", url],
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
        console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
        return run.stdout, "\n".join(console)

    return opened


@pytest.mark.browser
@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_and_nothing_is_blocked(
    running_tocsin: str, path: str, chromium: Callable[..., tuple[str, str]]
) -> None:
    dom, console = chromium(running_tocsin + path)
    assert console == ""
    assert '<main id="content"' in dom
    assert "Traceback" not in dom


@pytest.mark.browser
def test_the_first_page_is_small_and_fetches_nothing_from_elsewhere(running_tocsin: str) -> None:
    html = fetch(running_tocsin + "/")
    assert not re.findall(r'(?:src|href)="https?://(?!127\.0\.0\.1)', html)
    size = len(gzip.compress(html.encode()))
    for asset in re.findall(r'"(/static/[^"]+)"', html):
        size += len(gzip.compress(fetch(running_tocsin + asset).encode()))
    assert size < FIRST_PAGE_BYTES


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_complete_without_scripts(running_tocsin: str, path: str) -> None:
    html = fetch(running_tocsin + path)
    body = html[html.index("<main") : html.index("</main>")]
    assert "<script" not in body
    assert "<h1" in body
    assert "style=" not in html


def test_the_home_page_says_something_true(running_tocsin: str) -> None:
    html = fetch(running_tocsin + "/")
    assert "2 of 2 targets up" in html
    for word in ("CPU busy", "Memory used", "api-availability", "wal-write-latency", "learning"):
        assert word in html


def test_an_unknown_objective_is_told(running_tocsin: str) -> None:
    request = urllib.request.Request(f"{running_tocsin}/slos/no/such")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    assert caught.value.code == 404
    assert "There is no objective no/such" in caught.value.read().decode()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
        return text
