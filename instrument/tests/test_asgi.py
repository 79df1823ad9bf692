"""Every request is counted once, under the status that its client saw."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI
from prometheus_client import CollectorRegistry
from starlette.responses import StreamingResponse

from tocsin_instrument import instrument
from tocsin_instrument.testing import CapturedMetrics

COUNT = "http_server_request_duration_seconds_count"
ACTIVE = "http_server_active_requests"


def counts(counted: CapturedMetrics, status: int, **labels: str) -> float:
    return counted.increase(COUNT, http_response_status_code=str(status), **labels)


@pytest.fixture
def shop(registry: CollectorRegistry) -> FastAPI:
    app = FastAPI()

    @app.get("/products/{product}")
    async def product(product: int) -> dict[str, int]:
        return {"product": product}

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.01)
        return "done"

    @app.get("/sync")
    def sync() -> str:
        return "in a thread"

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("no stock")

    @app.get("/unavailable", status_code=503)
    async def unavailable() -> str:
        return "later"

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        def fail() -> None:
            raise RuntimeError("after the answer")

        tasks.add_task(fail)
        return "answered"

    @app.get("/stream")
    async def stream(fail: bool = False) -> StreamingResponse:
        async def parts() -> Any:
            yield b"one"
            if fail:
                raise RuntimeError("in the middle")
            yield b"two"

        return StreamingResponse(parts())

    instrument(app, "shop", registry=registry, json_logs=False)
    return app


def test_a_request_is_counted_under_its_template(
    shop: FastAPI, counted: CapturedMetrics, call: Any
) -> None:
    assert call(shop, "/products/41").status == 200
    assert call(shop, "/products/42").status == 200
    assert counts(counted, 200, http_route="/products/{product}", http_request_method="GET") == 2
    assert counted.increase(COUNT) == 2


def test_unmatched_paths_share_one_series(
    shop: FastAPI, counted: CapturedMetrics, call: Any
) -> None:
    for number in range(20):
        assert call(shop, f"/random/{number}").status == 404
    assert counts(counted, 404, http_route="") == 20


def test_odd_methods_share_one_series(shop: FastAPI, counted: CapturedMetrics, call: Any) -> None:
    for method in ("BREW", "PROPFIND", "get"):
        call(shop, "/slow", method)
    assert counts(counted, 405, http_route="/slow", http_request_method="_OTHER") == 3


def test_an_exception_counts_as_500_and_goes_on(
    shop: FastAPI, counted: CapturedMetrics, call: Any
) -> None:
    answer = call(shop, "/broken")
    assert answer.status == 500
    assert isinstance(answer.error, RuntimeError)
    assert counts(counted, 500, http_route="/broken") == 1
    assert counted.increase(COUNT) == 1


def test_an_exception_in_an_app_without_error_handling_counts_as_500(
    registry: CollectorRegistry, counted: CapturedMetrics, call: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("x")

    answer = call(instrument(app, registry=registry, json_logs=False), "/")
    assert isinstance(answer.error, KeyError)
    assert counts(counted, 500) == 1


def test_an_exception_in_the_middle_of_a_stream_counts_as_500(
    shop: FastAPI, counted: CapturedMetrics, call: Any
) -> None:
    answer = call(shop, "/stream", query_string=b"fail=true")
    assert answer.status == 200
    assert answer.error is not None
    assert counts(counted, 500, http_route="/stream") == 1


def test_work_after_the_answer_does_not_spoil_the_count(
    shop: FastAPI, counted: CapturedMetrics, call: Any
) -> None:
    answer = call(shop, "/background")
    assert isinstance(answer.error, RuntimeError)
    assert counts(counted, 200, http_route="/background") == 1
    assert counted.increase(COUNT) == 1


def test_a_whole_stream_counts_once(shop: FastAPI, counted: CapturedMetrics, call: Any) -> None:
    assert call(shop, "/stream").body == b"onetwo"
    assert counts(counted, 200, http_route="/stream") == 1
    assert counted.increase(COUNT) == 1


@pytest.mark.parametrize(
    ("client_leaves", "begins", "status"),
    [(False, False, 500), (True, False, 499), (True, True, 200), (False, True, 500)],
)
def test_an_answer_that_never_ends(
    registry: CollectorRegistry,
    counted: CapturedMetrics,
    call: Any,
    client_leaves: bool,
    begins: bool,
    status: int,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})

    handle = instrument(app, registry=registry, json_logs=False)
    call(handle, client_leaves=client_leaves)
    assert counts(counted, status) == 1
    assert counted.increase(COUNT) == 1


def test_a_cancelled_request_counts_as_client_closed(
    registry: CollectorRegistry, counted: CapturedMetrics, ask_async: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    handle = instrument(app, registry=registry, json_logs=False)

    async def cancel() -> None:
        task = asyncio.create_task(ask_async(handle))
        await asyncio.sleep(0.01)
        assert counted.value(ACTIVE) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert counts(counted, 499) == 1
    assert counted.value(ACTIVE) == 0


def test_thousands_of_concurrent_requests_are_counted_exactly(
    shop: FastAPI, counted: CapturedMetrics, ask_async: Any
) -> None:
    paths = ["/slow", "/sync", "/broken", "/unavailable", "/products/1", "/nowhere"]

    async def many() -> None:
        for _ in range(5):
            await asyncio.gather(*(ask_async(shop, paths[n % 6]) for n in range(600)))

    asyncio.run(many())
    assert counts(counted, 200, http_route="/slow") == 500
    assert counts(counted, 200, http_route="/sync") == 500
    assert counts(counted, 500, http_route="/broken") == 500
    assert counts(counted, 503, http_route="/unavailable") == 500
    assert counts(counted, 404, http_route="") == 500
    assert counted.increase(COUNT) == 3000
    assert counted.value(ACTIVE) == 0


def test_event_loops_in_many_threads_lose_no_count(
    registry: CollectorRegistry, counted: CapturedMetrics, ask_async: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    handle = instrument(app, registry=registry, json_logs=False, access_log=False)

    async def many() -> None:
        for _ in range(1000):
            await ask_async(handle)

    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(counted, 200) == 8000
    assert counted.value(ACTIVE) == 0


def test_a_client_that_has_its_answer_finds_it_counted(
    shop: FastAPI, counted: CapturedMetrics
) -> None:
    seen: list[float] = []

    async def run() -> None:
        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                seen.append(counted.increase(COUNT))

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/products/1",
            "headers": [],
            "query_string": b"",
            "root_path": "",
        }
        await shop(scope, receive, send)

    asyncio.run(run())
    assert seen == [1]


def test_errors_stand_at_zero_before_the_first_error(
    shop: FastAPI, counted: CapturedMetrics, call: Any
) -> None:
    call(shop, "/products/1")
    labels = {"http_route": "/products/{product}", "http_response_status_code": "500"}
    assert counted.value(COUNT, **labels) == 0


def test_websockets_and_lifespan_pass_through(registry: CollectorRegistry) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        await send({"type": f"{scope['type']}.sent"})

    handle = instrument(app, registry=registry, json_logs=False)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        for kind in ("websocket", "lifespan"):
            await handle({"type": kind, "path": "/metrics", "headers": []}, None, send)

    asyncio.run(run())
    assert seen == ["websocket", "lifespan"]
    assert len(sent) == 2


def test_the_apps_own_message_is_not_changed(registry: CollectorRegistry, call: Any) -> None:
    start = {"type": "http.response.start", "status": 204, "headers": ((b"a", b"b"),)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send({"type": "http.response.body"})

    handle = instrument(app, registry=registry, json_logs=False)
    for _ in range(3):
        assert list(call(handle).headers) == ["a", "x-request-id"]
    assert start["headers"] == ((b"a", b"b"),)


def test_an_app_is_not_instrumented_twice(shop: FastAPI, registry: CollectorRegistry) -> None:
    with pytest.raises(ValueError, match="instrumented already"):
        instrument(shop, registry=registry, json_logs=False)


def test_middleware_added_later_is_inside(
    registry: CollectorRegistry, counted: CapturedMetrics, call: Any
) -> None:
    app = FastAPI()
    instrument(app, registry=registry, json_logs=False)

    @app.middleware("http")
    async def refuse(request: Any, call_next: Any) -> Any:
        from starlette.responses import PlainTextResponse

        return PlainTextResponse("no", status_code=403)

    assert call(app, "/x").status == 403
    assert counts(counted, 403) == 1


def test_an_app_that_has_started_can_be_instrumented(
    registry: CollectorRegistry, counted: CapturedMetrics, call: Any
) -> None:
    app = FastAPI()
    assert call(app, "/x").status == 404
    instrument(app, registry=registry, json_logs=False)
    assert call(app, "/x").status == 404
    assert counted.increase(COUNT) == 1
