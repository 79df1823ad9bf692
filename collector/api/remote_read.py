"""`POST /api/v1/read`: stored samples for another Prometheus.

Source: storage/remote/read_handler.go of Prometheus 3.14. External labels are added to every
series, and a matcher that asks for one of them is satisfied by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import BoundedSemaphore

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from collector.api import envelope
from collector.api.remote_read_messages import (
    MAX_REQUEST_BYTES,
    SAMPLES,
    ReadQuery,
    ReadRequest,
    read_request,
    sampled,
    streamed,
)
from collector.api.stored_series import StoredSeries, stored_series
from collector.model.errors import EvaluationError, InputError, UnavailableError
from collector.model.labels import Labels
from collector.request_body import read_body
from collector.store.interface import Querier

MAX_SAMPLES = 50_000_000
"""Samples of one answer: Prometheus's `--storage.remote.read-sample-limit`."""
MAX_CONCURRENT = 10
"""Answers that are made at once: Prometheus's `--storage.remote.read-concurrent-limit`."""
WAIT_SECONDS = 60.0
"""How long a request waits for its turn before it is told to come again."""
STREAM_TYPE = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"


def router(querier: Querier, external_labels: Callable[[], Mapping[str, str]]) -> APIRouter:
    """The route, over the store."""
    places = BoundedSemaphore(MAX_CONCURRENT)

    def answer(body: bytes) -> Response:
        request = read_request(body)
        if not places.acquire(timeout=WAIT_SECONDS):
            raise UnavailableError(f"{MAX_CONCURRENT} remote reads are under way; try again")
        try:
            return _answer(querier, request, external_labels())
        finally:
            places.release()

    async def read(request: Request) -> Response:
        body = await read_body(request, MAX_REQUEST_BYTES)
        if body is None:
            raise InputError(f"the request is larger than {MAX_REQUEST_BYTES:,} bytes")
        return await run_in_threadpool(answer, body)

    api = envelope.api_router()
    api.add_api_route("/read", read, methods=["POST"], response_model=None)
    return api


def _answer(querier: Querier, request: ReadRequest, external: Mapping[str, str]) -> Response:
    results = _results(querier, request.queries, external)
    if not request.wants_stream or _needs_samples(request, results):
        headers = {"content-encoding": "snappy"}
        return Response(sampled(results), 200, headers, "application/x-protobuf")
    return StreamingResponse(streamed(results), media_type=STREAM_TYPE)


def _needs_samples(request: ReadRequest, results: Sequence[Sequence[StoredSeries]]) -> bool:
    """Whether there are native histograms, which go as samples only."""
    if not any(one.histograms for series in results for one in series):
        return False
    if SAMPLES not in request.accepted:
        raise EvaluationError("native histograms are sent as SAMPLES, which the request refuses")
    return True


def _results(
    querier: Querier, queries: Sequence[ReadQuery], external: Mapping[str, str]
) -> list[list[StoredSeries]]:
    left = MAX_SAMPLES
    results = []
    for query in queries:
        matchers = [
            one
            for one in query.matchers
            if not (one.kind == "=" and one.value and external.get(one.name) == one.value)
        ]
        found = stored_series(querier, matchers, query.start_ms - 1, query.end_ms)
        left -= sum(len(one.times_ms) + len(one.histograms) for one in found)
        if left < 0:
            raise InputError(f"exceeded sample limit ({MAX_SAMPLES})")
        results.append(_outward(found, external))
    return results


def _outward(found: list[StoredSeries], external: Mapping[str, str]) -> list[StoredSeries]:
    """The series with the external labels that they lack."""
    if not external:
        return found
    known = [
        StoredSeries(Labels({**external, **one.labels}), one.times_ms, one.values, one.histograms)
        for one in found
    ]
    return sorted(known, key=lambda series: series.labels.pairs)
