"""Trace context as the W3C wrote it, and request ids that are safe to log."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tocsin_instrument import instrument, outgoing_headers
from tocsin_instrument.request_context import context_from

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def read(**headers: str) -> Any:
    return context_from(
        [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    )


def test_a_callers_trace_goes_on_with_a_span_of_our_own() -> None:
    context = read(traceparent=f"00-{TRACE}-{SPAN}-01", tracestate="a=1,b=2")
    assert (context.trace_id, context.parent_span_id, context.flags) == (TRACE, SPAN, "01")
    assert re.fullmatch("[0-9a-f]{16}", context.span_id)
    assert context.span_id != SPAN
    assert context.tracestate == "a=1,b=2"


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "garbage",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_a_malformed_traceparent_begins_a_new_trace(traceparent: str) -> None:
    context = read(traceparent=traceparent, tracestate="a=1")
    assert context.trace_id != TRACE
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", context.trace_id)
    assert context.parent_span_id == context.tracestate == ""


def test_two_traceparents_begin_a_new_trace() -> None:
    header = (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())
    assert context_from([header, header]).trace_id != TRACE


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert read(traceparent=f"01-{TRACE}-{SPAN}-03-more").trace_id == TRACE
    assert read(traceparent=f"01-{TRACE}-{SPAN}-03-more").flags == "01"
    assert read(traceparent=f"00-{TRACE}-{SPAN}-02").flags == "00"


@pytest.mark.parametrize("sent", ["a", "6f1c2a2e-1f1c", "x" * 128, "A.b_c:d/e+f=g@h"])
def test_a_harmless_request_id_is_kept(sent: str) -> None:
    assert read(x_request_id=sent).request_id == sent


@pytest.mark.parametrize(
    "sent", ["", "x" * 129, 'a"b', "a b", "a\nb", "a\r\nb: c", "é", "<script>"]
)
def test_any_other_request_id_is_replaced(sent: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", read(x_request_id=sent).request_id)


def test_ids_are_new_for_each_request() -> None:
    contexts = [read() for _ in range(1000)]
    assert len({context.trace_id for context in contexts}) == 1000
    assert len({context.span_id for context in contexts}) == 1000
    assert len({context.request_id for context in contexts}) == 1000


async def tells_outgoing(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(outgoing_headers()).encode()})


def test_the_next_service_gets_trace_and_request_id(registry: CollectorRegistry, call: Any) -> None:
    handle = instrument(tells_outgoing, registry=registry, json_logs=False)
    sent = {
        "traceparent": f"00-{TRACE}-{SPAN}-01",
        "tracestate": "v=1",
        "x-request-id": "order-7",
    }
    answer = call(handle, headers=sent)
    outgoing = json.loads(answer.body)
    assert re.fullmatch(f"00-{TRACE}-(?!{SPAN})[0-9a-f]{{16}}-01", outgoing["traceparent"])
    assert outgoing["tracestate"] == "v=1"
    assert outgoing["x-request-id"] == answer.headers["x-request-id"] == "order-7"


def test_concurrent_requests_keep_their_own_ids(
    registry: CollectorRegistry, ask_async: Any
) -> None:
    handle = instrument(_another(tells_outgoing), registry=registry, json_logs=False)

    async def many() -> list[Any]:
        return await asyncio.gather(
            *(ask_async(handle, headers={"x-request-id": f"r{n}"}) for n in range(500))
        )

    for number, answer in enumerate(asyncio.run(many())):
        assert json.loads(answer.body)["x-request-id"] == f"r{number}"


def test_outside_a_request_nothing_is_sent() -> None:
    assert outgoing_headers() == {}


def _another(app: Any) -> Any:
    async def same(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return same
