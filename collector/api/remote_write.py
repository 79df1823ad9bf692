"""`POST /api/v1/write`: mounts the remote-write receiver where Prometheus has it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from collector.api.direct_route import add_direct
from collector.ingest.receivers.remote_write import Answer, RemoteWriteReceiver
from collector.ingest.remote_writer import RemoteWriter
from collector.ingest.write import SampleWriter
from collector.request_body import read_body
from collector.self_metrics import IngestMetrics

PATH = "/api/v1/write"


def remote_write_receiver(writer: SampleWriter, metrics: IngestMetrics) -> RemoteWriteReceiver:
    """The receiver that writes into a store."""
    return RemoteWriteReceiver(RemoteWriter(writer), metrics)


def router(receiver: RemoteWriteReceiver) -> APIRouter:
    """POST remote write."""
    routes = APIRouter()

    async def remote_write(request: Request) -> Response:
        body = await read_body(request, receiver.max_wire_bytes)
        if body is None:
            return _response(receiver.refuse_oversize())
        headers = request.headers
        content_type, encoding = headers.get("content-type", ""), headers.get("content-encoding")
        return _response(
            await run_in_threadpool(receiver.receive, body, content_type, encoding or "")
        )

    add_direct(routes, PATH, remote_write)
    return routes


def _response(answer: Answer) -> Response:
    text = f"{answer.text}\n" if answer.text else None
    return Response(text, answer.status, answer.headers, "text/plain" if text else None)
