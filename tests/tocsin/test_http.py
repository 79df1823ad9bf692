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

    @router.get("/api/v1/thing")
    def numbered(number: int = 0) -> str:
        return str(number)

    app = build_app([router], process, CollectorRegistry(), ManualClock(), hosts=["tocsin.example"])
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


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9900", 200),
        ("[::1]:9900", 200),
        ("localhost:9900", 200),
        ("tocsin.example", 200),
        ("evil.example", 403),
        ("evil.example:9900", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_a_page_whose_name_was_made_to_point_here_changes_nothing(host: str, status: int) -> None:
    process = StubProcess()
    http = client(process)
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert http.post("/-/reload", headers=headers).status_code == status
    assert process.reloads == (status == 200)


def test_programs_may_write_under_any_name() -> None:
    http = client(StubProcess())
    assert http.post("/-/reload", headers={"Host": "tocsin:9900"}).status_code == 200


def test_a_query_may_be_posted_by_any_page_since_it_changes_nothing() -> None:
    foreign = {"Origin": "https://grafana.example", "Sec-Fetch-Site": "cross-site"}
    answer = client(StubProcess()).post("/api/v1/query", headers=foreign)
    assert answer.status_code == 404  # this application has no such route


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        (
            "/api/v1/nothing",
            "GET",
            404,
            {"status": "error", "errorType": "not_found", "error": "404 page not found"},
        ),
        (
            "/api/v1/thing",
            "DELETE",
            405,
            {"status": "error", "errorType": "bad_data", "error": "Method Not Allowed"},
        ),
        (
            "/api/v1/thing?number=x",
            "GET",
            400,
            {
                "status": "error",
                "errorType": "bad_data",
                "error": "number: Input should be a valid integer, unable to parse string as an "
                "integer",
            },
        ),
        ("/api/v2/nothing", "GET", 404, "Not Found"),
        ("/nothing", "GET", 404, {"error": "Not Found", "where": "", "advice": ""}),
    ],
)
def test_the_framework_s_refusals_have_the_form_of_the_api_that_was_asked(
    path: str, method: str, status: int, body: object
) -> None:
    answer = client(StubProcess()).request(method, path)
    assert (answer.status_code, answer.json()) == (status, body)


def test_a_method_that_is_not_allowed_names_those_that_are() -> None:
    answer = client(StubProcess()).delete("/-/reload")
    assert answer.headers["allow"] == "POST, PUT"
