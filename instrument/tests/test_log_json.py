"""One JSON object a line, whatever the application logs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from tocsin_instrument import JsonFormatter, instrument


def formatted(*arguments: Any, level: int = logging.INFO, **extra: Any) -> dict[str, Any]:
    logger = logging.getLogger("orders")
    exc_info = extra.pop("exc_info", None)
    message, *args = arguments
    record = logger.makeRecord(
        "orders", level, "f.py", 1, message, tuple(args), exc_info, extra=extra
    )
    line = JsonFormatter("shop").format(record)
    assert "\n" not in line
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_a_record_has_the_agreed_fields() -> None:
    fields = formatted("stock of %s is %d", "pens", 3, order=17)
    assert list(fields)[:5] == ["ts", "level", "logger", "message", "service"]
    assert fields["level"] == "INFO"
    assert fields["logger"] == "orders"
    assert fields["message"] == "stock of pens is 3"
    assert fields["service"] == "shop"
    assert fields["order"] == 17
    assert "trace_id" not in fields
    written = datetime.fromisoformat(fields["ts"])
    assert abs((datetime.now(UTC) - written).total_seconds()) < 60


def test_milliseconds_have_three_digits() -> None:
    record = logging.makeLogRecord({"created": 1_700_000_000.0076, "msg": "x"})
    assert json.loads(JsonFormatter("s").format(record))["ts"] == "2023-11-14T22:13:20.007Z"


def test_an_exception_is_told_with_its_traceback() -> None:
    try:
        raise ValueError("line\nbreak")
    except ValueError:
        fields = formatted("failed", level=logging.ERROR, exc_info=sys.exc_info())
    assert fields["exception_type"] == "ValueError"
    assert fields["exception_message"] == "line\nbreak"
    assert "test_log_json.py" in fields["exception_stacktrace"]


def test_values_that_json_does_not_know_are_written_as_text() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert formatted("x", thing={1, 2}.__class__)["thing"] == "<class 'set'>"
    assert "[...]" in formatted("x", circle=circle)["circle"]
    assert formatted("x", odd={(1, 2): 3})["odd"] == "{(1, 2): 3}"


def test_extra_fields_do_not_replace_ours() -> None:
    assert formatted("x", service="forged", trace_id="mine")["service"] == "shop"


@pytest.fixture
def shop(registry: CollectorRegistry) -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item}")
    def item(item: str) -> str:
        logging.getLogger("orders").info("in the thread of a request", extra={"item": item})
        return item

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("no stock")

    instrument(app, "shop", registry=registry)
    return app


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_records_of_a_request_carry_its_ids(
    shop: FastAPI, call: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    call(
        shop,
        "/items/pen",
        headers={"traceparent": f"00-{trace}-{span}-01", "x-request-id": "r-1"},
    )
    own, access = lines(capsys)
    assert own["message"] == "in the thread of a request"
    assert own["item"] == "pen"
    assert access["logger"] == "tocsin_instrument.access"
    for record in (own, access):
        assert record["trace_id"] == trace
        assert record["span_id"] not in ("", span)
        assert record["request_id"] == "r-1"


def test_each_request_has_one_access_record(
    shop: FastAPI, call: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call(shop, "/items/pen")
    call(shop, "/none")
    call(shop, "/broken")
    found = [line for line in lines(capsys) if line["logger"] == "tocsin_instrument.access"]
    assert [record["message"] for record in found] == [
        "GET /items/pen 200",
        "GET /none 404",
        "GET /broken 500",
    ]
    assert [record["level"] for record in found] == ["INFO", "INFO", "ERROR"]
    assert [record["http_route"] for record in found] == ["/items/{item}", "", "/broken"]
    assert found[0]["http_response_status_code"] == 200
    assert found[0]["duration_ms"] >= 0
    assert found[2]["trace_id"]


def test_health_and_metrics_pages_are_not_logged(
    shop: FastAPI, call: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("/metrics", "/health/live", "/health/ready", "/health/startup"):
        assert call(shop, path).status == 200
    assert lines(capsys) == []


def test_plain_handlers_are_replaced_and_others_stay(registry: CollectorRegistry) -> None:
    root = logging.getLogger()
    plain, other = logging.StreamHandler(), logging.NullHandler()
    root.addHandler(plain)
    root.addHandler(other)
    instrument(FastAPI(), registry=registry)
    assert plain not in root.handlers
    assert other in root.handlers
    assert root.level == logging.INFO


def test_json_logs_can_be_left_off(registry: CollectorRegistry) -> None:
    before = list(logging.getLogger().handlers)
    instrument(FastAPI(), registry=registry, json_logs=False)
    assert logging.getLogger().handlers == before
