import asyncio

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api.direct_route import add_direct
from collector.model.clock import ManualClock
from tocsin.direct_posts import DirectPosts
from tocsin.http import build_app

PATH = "/api/v1/take"


def takers() -> APIRouter:
    routes = APIRouter()

    async def take(request: Request) -> Response:
        body = await request.body()
        if body == b"fail":
            raise ValueError("a mistake of ours")
        return Response(body, 202, {"x-length": str(len(body))}, "text/plain")

    add_direct(routes, PATH, take)
    return routes


class Ready:
    def is_ready(self) -> bool:
        return True

    def reload(self) -> None: ...


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(registry: CollectorRegistry) -> FastAPI:
    return build_app([takers()], Ready(), registry, ManualClock(), cors_origin=".*")


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


def count(registry: CollectorRegistry, code: int, method: str = "POST") -> float | None:
    named = {"route": PATH, "method": method, "code": str(code)}
    return registry.get_sample_value("tocsin_http_requests_total", named)


def test_the_answer_is_the_one_that_the_framework_gives(client: TestClient) -> None:
    plain = FastAPI()
    plain.include_router(takers())
    ours, theirs = client.post(PATH, content=b"abc"), TestClient(plain).post(PATH, content=b"abc")
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert theirs.headers.items() <= ours.headers.items()


def test_a_direct_route_is_counted_and_guarded_as_any_other(
    client: TestClient, registry: CollectorRegistry
) -> None:
    answer = client.post(PATH, content=b"abc", headers={"origin": "http://testserver"})
    assert answer.status_code == 403  # a name that tocsin is not known by
    answer = client.post(PATH, content=b"abc")
    assert "content-security-policy" in answer.headers
    assert count(registry, 202) == 1


def test_the_framework_answers_for_other_methods_and_lists_the_route(
    client: TestClient, app: FastAPI
) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert list(app.openapi()["paths"][PATH]) == ["post"]


def test_a_mistake_of_ours_is_answered_with_500_and_counted(
    client: TestClient, registry: CollectorRegistry
) -> None:
    assert client.post(PATH, content=b"fail").status_code == 500
    assert count(registry, 500) == 1


def test_who_goes_in_the_middle_of_a_body_is_no_error(
    app: FastAPI, registry: CollectorRegistry
) -> None:
    told: list[Message] = [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered = call(app, told)
    assert answered[0]["status"] == 499
    assert count(registry, 499) == 1


def test_the_framework_is_not_asked() -> None:
    async def framework(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(scope)

    told: list[Message] = [{"type": "http.request", "body": b"ab", "more_body": False}]
    answered = call(DirectPosts(framework, takers().routes), told)
    assert (answered[0]["status"], answered[1]["body"]) == (202, b"ab")


def call(app: ASGIApp, told: list[Message]) -> list[Message]:
    answered: list[Message] = []

    async def receive() -> Message:
        return told.pop(0)

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    return answered
