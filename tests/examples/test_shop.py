"""The shop counts what its customers saw, and breaks only when it is told to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from examples.shop.up import NAMES, free_ports

ROOT = Path(__file__).parents[2]
COUNT = "http_server_request_duration_seconds_count"
LABELS = ("http_route", "http_response_status_code", "http_request_method")


class Shop:
    """The three processes on free ports; counts are those since this object was made."""

    def __init__(
        self, ports: dict[str, int], processes: dict[str, subprocess.Popen[bytes]], logs: Path
    ) -> None:
        self.ports = ports
        self.processes = processes
        self.logs = logs
        self._before = {name: self._counts(name) for name in processes}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def break_(self, name: str, **fault: object) -> Any:
        return ask(f"{self.url(name)}/faults", "POST", fault)[1]

    def count(self, name: str, route: str, codes: str = "") -> float:
        before = self._before[name]
        return sum(
            value - before.get(key, 0)
            for key, value in self._counts(name).items()
            if key[0] == route and key[1].startswith(codes)
        )

    def _counts(self, name: str) -> dict[tuple[str, str, str], float]:
        """Requests by route, status and method."""
        with urllib.request.urlopen(f"{self.url(name)}/metrics", timeout=10) as page:
            families = text_string_to_metric_families(page.read().decode())
        return {
            tuple(s.labels[label] for label in LABELS): s.value  # type: ignore[misc]
            for family in families
            for s in family.samples
            if s.name == COUNT
        }


def ask(
    url: str, method: str = "GET", body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read(), error.code
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text.decode()


def start(directory: Path) -> Shop:
    """Three processes that answer, with a log each in the directory."""
    ports = dict(zip(NAMES, free_ports(3), strict=True))
    shop = Shop(ports, {}, directory)
    for name, port in ports.items():
        command = [sys.executable, "-m", "examples.shop", name, "--port", str(port)]
        command += ["--orders-url", shop.url("orders"), "--payments-url", shop.url("payments")]
        with (directory / f"{name}.log").open("wb") as log:
            shop.processes[name] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    for name in NAMES:
        while not is_ready(shop.url(name)):
            assert time.monotonic() < deadline, (directory / f"{name}.log").read_text()
            time.sleep(0.1)
    return Shop(ports, shop.processes, directory)


def is_ready(url: str) -> bool:
    try:
        return ask(f"{url}/health/ready")[0] == 200
    except OSError:
        return False


def end(shop: Shop) -> None:
    for process in shop.processes.values():
        process.terminate()
    for process in shop.processes.values():
        process.wait(20)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    started = start(tmp_path_factory.mktemp("shop"))
    yield started
    end(started)


@pytest.fixture
def shop(running: Shop) -> Shop:
    """The shop of this file, healthy, counting from now."""
    for name in NAMES:
        ask(f"{running.url(name)}/faults", "DELETE")
    return Shop(running.ports, running.processes, running.logs)


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that a test may end."""
    started = start(tmp_path)
    yield started
    end(started)


def load(shop: Shop, report: Path, *, rate: int, duration: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "examples.shop.load", "--url", shop.url("web")]
    command += ["--rate", str(rate), "--duration", str(duration), "--report", str(report)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def checkouts(report: Path, codes: str = "") -> int:
    statuses = json.loads(report.read_text())["statuses"]["POST /checkout"]
    return sum(count for status, count in statuses.items() if status.startswith(codes))


def test_a_checkout_goes_through_all_three(shop: Shop) -> None:
    status, paid = ask(shop.url("web") + "/checkout", "POST", {"product": "lamp", "quantity": 2})
    assert status == 200
    assert paid == {"product": "lamp", "quantity": 2, "paid_cents": 9800}
    assert shop.count("web", "/checkout", "200") == 1
    assert shop.count("orders", "/orders", "200") == 1
    assert shop.count("payments", "/payments", "200") == 1
    assert ask(shop.url("web") + "/checkout", "POST", {"product": "moon"})[0] == 404
    assert ask(shop.url("web") + "/products/pen")[1] == {"product": "pen", "price_cents": 250}


def test_the_generator_and_the_shop_count_the_same_failures(shop: Shop, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    shop.break_("web", error_rate=0.2)
    shop.break_("orders", error_rate=0.1)
    assert load(shop, report, rate=100, duration=6).wait(60) == 0
    written = json.loads(report.read_text())
    assert written["finished"]
    assert written["in_flight"] == 0
    assert written["connection_errors"] == {}
    assert written["sent"] == written["answered"] == 600
    failed = checkouts(report, "5")
    assert 60 < failed < 200
    assert shop.count("web", "/checkout", "5") == failed
    assert shop.count("web", "/checkout") == checkouts(report) == 450
    assert shop.count("web", "/products") == 150


def test_the_same_switch_gives_the_same_failures(shop: Shop) -> None:
    def outcomes() -> list[int]:
        shop.break_("web", error_rate=0.5)
        return [ask(shop.url("web") + "/products")[0] for _ in range(40)]

    first = outcomes()
    assert set(first) == {200, 500}
    assert outcomes() == first


def test_a_failure_below_is_passed_on_and_not_retried(shop: Shop) -> None:
    shop.break_("payments", error_rate=1)
    status, body = ask(shop.url("web") + "/checkout", "POST", {})
    assert status == 502
    assert body == {"detail": "/orders answered 502"}
    assert shop.count("payments", "/payments") == 1
    assert shop.count("orders", "/orders", "502") == 1


def test_faults_are_shown_and_cleared(shop: Shop) -> None:
    faults = shop.url("payments") + "/faults"
    assert shop.break_("payments", error_rate=0.25, latency_ms=20)["error_rate"] == 0.25
    assert ask(faults)[1] == {
        "error_rate": 0.25,
        "latency_ms": 20,
        "crash": False,
        "leak_mb_per_s": 0,
        "leaked_bytes": 0,
    }
    page = ask(faults, headers={"accept": "text/html"})[1]
    assert "error_rate 0.25, latency_ms 20" in page
    assert ask(faults, "DELETE")[1]["error_rate"] == 0
    assert ask(faults, "POST", {"error_rate": 2})[0] == 422
    assert ask(faults, "POST", {"eror_rate": 1})[0] == 422
    assert ask(faults, "POST", {}, {"sec-fetch-site": "cross-site"})[0] == 403


def test_json_that_curl_calls_a_form_is_read_as_json(shop: Shop) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert ask(shop.url("web") + "/faults", "POST", {"error_rate": 1}, kind)[1]["error_rate"] == 1


def test_the_pages_form_switches(shop: Shop) -> None:
    request = urllib.request.Request(
        shop.url("web") + "/faults",
        b"error_rate=0.5&latency_ms=0&leak_mb_per_s=0",
        {"content-type": "application/x-www-form-urlencoded"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
        assert json.loads(answer.read())["error_rate"] == 0.5


def test_latency_lands_in_the_slow_buckets(shop: Shop) -> None:
    def fast() -> float:
        with urllib.request.urlopen(shop.url("web") + "/metrics", timeout=10) as page:
            families = text_string_to_metric_families(page.read().decode())
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "http_server_request_duration_seconds_bucket"
            and sample.labels["http_route"] == "/checkout"
            and sample.labels["le"] == "0.25"
        )

    before = fast()
    shop.break_("orders", latency_ms=300)
    for _ in range(3):
        assert ask(shop.url("web") + "/checkout", "POST", {})[0] == 200
    assert fast() == before
    assert shop.count("web", "/checkout", "200") == 3


def test_a_leak_grows_and_is_given_back(shop: Shop, eventually: Any) -> None:
    def leaked() -> int:
        return int(ask(shop.url("web") + "/faults")[1]["leaked_bytes"])

    shop.break_("web", leak_mb_per_s=50)
    eventually(lambda: leaked() > 20_000_000, what="a leak of 20 MB")
    ask(shop.url("web") + "/faults", "DELETE")
    eventually(lambda: leaked() == 0, what="the leak's end")


def test_a_crash_ends_the_process_and_those_above_say_so(own_shop: Shop) -> None:
    shop = own_shop
    shop.break_("payments", crash=True)
    assert shop.processes["payments"].wait(10) == 1
    status, body = ask(shop.url("web") + "/checkout", "POST", {})
    assert status == 502
    assert "/orders" in body["detail"]
    assert ask(shop.url("orders") + "/health/ready")[0] == 503


def test_one_trace_and_one_request_id_go_through_all_three(shop: Shop) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "order-17"}
    ask(shop.url("web") + "/checkout", "POST", {}, headers)
    found = {}
    for log in shop.logs.glob("*.log"):
        for line in log.read_text().splitlines():
            record = json.loads(line)
            if record.get("request_id") == "order-17":
                found[record["service"]] = record
    assert set(found) == {"shop-web", "shop-orders", "shop-payments"}
    assert {record["trace_id"] for record in found.values()} == {trace}
    assert len({record["span_id"] for record in found.values()}) == 3


def test_a_generator_that_is_ended_waits_for_its_answers(shop: Shop, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    shop.break_("web", latency_ms=700)
    running = load(shop, report, rate=50, duration=0)
    deadline = time.monotonic() + 30
    while not report.exists() or json.loads(report.read_text())["answered"] < 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert json.loads(report.read_text())["in_flight"] > 0
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0
    written = json.loads(report.read_text())
    assert written["finished"]
    assert written["in_flight"] == 0
    assert written["sent"] == written["answered"]
    assert shop.count("web", "/checkout") == checkouts(report)


def test_requests_without_an_answer_are_counted_apart(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    report = tmp_path / "report.json"
    nobody = Shop({"web": free_port()}, {}, tmp_path)
    assert load(nobody, report, rate=20, duration=1).wait(30) == 0
    written = json.loads(report.read_text())
    assert written["sent"] == 20
    assert written["answered"] == 0
    assert written["connection_errors"]["POST /checkout"] == {"ConnectError": 15}


def test_up_runs_everything_and_ends_clean(tmp_path: Path, eventually: Any) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "examples.shop", "up", "--free-ports"]
    command += ["--rate", "40", "--report", str(report)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(4)]
        assert [line.split()[0] for line in lines] == ["web", "orders", "payments", "load"]
        web = lines[0].split()[1]
        eventually(lambda: json.loads(report.read_text())["answered"] > 40, what="some load")
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    assert json.loads(report.read_text())["finished"]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(web, timeout=2)
