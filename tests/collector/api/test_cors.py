import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from collector.api.cors import CrossOriginReads

ORIGIN = {"origin": "https://grafana.example"}


def client(pattern: str) -> TestClient:
    routes = [
        Route(path, lambda _: PlainTextResponse("yes"), methods=["GET", "POST"])
        for path in ("/api/v1/query", "/api/v2/alerts")
    ]
    return TestClient(CrossOriginReads(Starlette(routes=routes), pattern))


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("", None),
        (".*", "*"),
        (r"https://(grafana|other)\.example", "https://grafana.example"),
        (r"https://other\.example", None),
        (r"grafana\.example", None),
    ],
)
def test_an_origin_is_allowed_when_the_whole_of_it_matches(
    pattern: str, allowed: str | None
) -> None:
    answer = client(pattern).get("/api/v1/query", headers=ORIGIN)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert answer.text == "yes"


def test_a_preflight_is_answered_with_204() -> None:
    answer = client(".*").options("/api/v1/query", headers=ORIGIN)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["vary"] == "Origin"
    assert client("").options("/api/v1/query").status_code == 204


def test_only_prometheus_s_api_is_opened() -> None:
    answer = client(".*").get("/api/v2/alerts", headers=ORIGIN)
    assert "access-control-allow-origin" not in answer.headers


def test_programs_get_no_such_headers() -> None:
    answer = client(".*").get("/api/v1/query")
    assert "access-control-allow-origin" not in answer.headers
