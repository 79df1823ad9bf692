import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import ConfigError, InputError, Where
from tocsin.http import build_app


class StubProcess:
    def __init__(self, *, ready: bool = True, wrong: bool = False) -> None:
        self._ready, self._wrong, self.reloads = ready, wrong, 0

    def is_ready(self) -> bool:
        return self._ready

    def reload(self) -> None:
        if self._wrong:
            raise ConfigError("no such field", where=Where("tocsin.yaml", 3, "route"))
        self.reloads += 1


def client(process: StubProcess) -> TestClient:
    router = APIRouter()

    @router.get("/things/{name}")
    def thing(name: str) -> str:
        raise InputError(f"{name} is wrong", advice="choose another")

    registry = CollectorRegistry()
    app = build_app([router], process, registry, ManualClock())
    return TestClient(app, base_url="http://127.0.0.1:9900", raise_server_exceptions=False)


def test_readiness_is_told_with_prometheus_words_and_status() -> None:
    assert client(StubProcess(ready=False)).get("/-/ready").status_code == 503
    assert client(StubProcess()).get("/-/ready").status_code == 200
    assert client(StubProcess(ready=False)).get("/-/healthy").status_code == 200


def test_a_wrong_configuration_is_told_at_reload(caplog: pytest.LogCaptureFixture) -> None:
    answer = client(StubProcess(wrong=True)).post("/-/reload")
    assert answer.status_code == 500
    assert "tocsin.yaml:3: route: no such field" in answer.text
    assert "tocsin.yaml:3: route: no such field" in caplog.text


def test_an_error_answers_with_advice() -> None:
    answer = client(StubProcess()).get("/things/x")
    assert answer.status_code == 400
    assert answer.json() == {"error": "x is wrong", "where": "", "advice": "choose another"}


def test_requests_are_counted_by_template_so_that_series_stay_few() -> None:
    http = client(StubProcess())
    for name in ("a", "b"):
        http.get(f"/things/{name}")
    http.get("/nothing/here")
    text = http.get("/metrics").text
    wanted = 'tocsin_http_requests_total{code="400",method="GET",route="/things/{name}"} 2.0'
    assert wanted in text
    assert 'route="unmatched"' in text
    assert "/nothing/here" not in text


def test_another_site_can_read_nothing_into_being() -> None:
    process = StubProcess()
    http = client(process)
    assert http.post("/-/reload", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert http.post("/-/reload", headers={"Origin": "http://evil.example"}).status_code == 403
    assert process.reloads == 0
    assert http.post("/-/reload", headers={"Origin": "http://127.0.0.1:9900"}).status_code == 200
    assert http.post("/-/reload").status_code == 200
    assert process.reloads == 2


def test_every_answer_carries_a_strict_content_policy() -> None:
    policy = client(StubProcess()).get("/-/healthy").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
