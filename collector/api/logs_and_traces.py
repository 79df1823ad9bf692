"""Routes of logs and traces: `/v1/logs` and `/v1/traces` take OTLP; logs can be searched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from collector.api.ingest import add_otlp
from collector.ingest.receivers.otlp_logs import LogsReceiver
from collector.ingest.receivers.otlp_traces import TracesReceiver
from collector.model.records import LogRecord
from collector.store.documents.interface import MAX_LIMIT, LogQuery, LogStore

DEFAULT_LIMIT = 100


class LogBody(BaseModel):
    """One record of a search."""

    timestamp_ms: int
    level: str
    severity: int
    service: str
    body: str
    trace_id: str
    span_id: str
    attributes: dict[str, str]

    @classmethod
    def of(cls, record: LogRecord) -> LogBody:
        """The body of a record."""
        return cls(
            timestamp_ms=record.timestamp_ms,
            level=record.level,
            severity=record.severity,
            service=record.service,
            body=record.body,
            trace_id=record.trace_id,
            span_id=record.span_id,
            attributes=dict(record.attributes),
        )


class LogsBody(BaseModel):
    """The answer to a search, newest first; `is_cut` when there may be more than the limit."""

    logs: list[LogBody]
    is_cut: bool


def router(
    store: LogStore, receiver: LogsReceiver, traces: TracesReceiver | None = None
) -> APIRouter:
    """Take logs, and search them; take traces, and count them."""
    routes = APIRouter()
    add_otlp(routes, "/v1/logs", receiver)
    if traces is not None:
        add_otlp(routes, "/v1/traces", traces)

    @routes.get("/api/tocsin/v1/logs")
    def search(
        text: str = "",
        level: str = "",
        service: str = "",
        trace_id: str = "",
        start_ms: Annotated[int, Query(ge=0, le=2**62)] = 0,
        end_ms: Annotated[int, Query(ge=0, le=2**62)] = 2**62,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> LogsBody:
        """Records that satisfy all of it; every word of `text` must begin a word of the record."""
        query = LogQuery(text, level, service, trace_id, start_ms, end_ms, limit)
        found = store.search(query)
        return LogsBody(logs=[LogBody.of(record) for record in found], is_cut=len(found) == limit)

    return routes
