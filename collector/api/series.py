"""`series`, `labels`, `label/<name>/values`, `metadata`: what is in the store.

Source: web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.escaped_names import unescaped
from collector.api.json_values import labels_json, quoted
from collector.api.parameters import MAX_TIME_MS, MIN_TIME_MS, Parameters, invalid, parameters
from collector.api.queries import TRUNCATED
from collector.model.errors import InputError
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.query.interface import QueryEngine

_Given = Annotated[Parameters, Depends(parameters)]


def router(engine: QueryEngine, metadata: Callable[[], Mapping[str, Metadata]]) -> APIRouter:
    """The routes; `metadata` gives type, help and unit by family name."""
    routes = _Routes(engine, metadata)
    api = envelope.api_router()
    envelope.add_routes(
        api,
        {
            "/series": (routes.series, "GET POST"),
            "/labels": (routes.labels, "GET POST"),
            "/label/{name}/values": (routes.label_values, "GET"),
            "/metadata": (routes.metadata, "GET"),
        },
    )
    return api


class _Routes:
    def __init__(self, engine: QueryEngine, metadata: Callable[[], Mapping[str, Metadata]]) -> None:
        self._engine = engine
        self._metadata = metadata

    def series(self, given: _Given) -> Response:
        """Label sets of matching series."""
        limit = given.limit()
        if not given.texts("match[]"):
            raise InputError("no match[] parameter provided")
        start_ms, end_ms, selectors = _range(given)
        found = self._engine.series(selectors, start_ms, end_ms)
        truncated = 0 < limit < len(found)
        shown = found[:limit] if truncated else found
        data = f"[{','.join(map(labels_json, shown))}]"
        return envelope.success(data, (TRUNCATED,) if truncated else ())

    def labels(self, given: _Given) -> Response:
        """Label names of matching series."""
        limit = given.limit()
        start_ms, end_ms, selectors = _range(given)
        return _limited(self._engine.label_names(selectors, start_ms, end_ms), limit)

    def label_values(self, name: str, given: _Given) -> Response:
        """Values of one label."""
        limit = given.limit()
        label = unescaped(name)
        if not label or not _is_utf8(label):
            raise InputError(f"invalid label name: {quoted(name)}")
        start_ms, end_ms, selectors = _range(given)
        return _limited(self._engine.label_values(label, selectors, start_ms, end_ms), limit)

    def metadata(self, given: _Given) -> Response:
        """Type, help and unit of metric families."""
        limit = given.count("limit")
        given.count("limit_per_metric")  # checked only: here a family says one thing of itself
        known, wanted = self._metadata(), given.text("metric")
        names = [name for name in sorted(known) if wanted in ("", name)]
        shown = names if limit < 0 else names[:limit]
        data = {name: [_metadata_entry(known[name])] for name in shown}
        return envelope.answer(data)


def _range(given: Parameters) -> tuple[int, int, list[tuple[Matcher, ...]]]:
    start_ms = given.time_ms("start", MIN_TIME_MS)
    end_ms = given.time_ms("end", MAX_TIME_MS)
    if end_ms < start_ms:
        raise invalid("end", "end timestamp must not be before start time")
    return start_ms, end_ms, given.selectors()


def _limited(found: list[str], limit: int) -> Response:
    if 0 < limit < len(found):
        return envelope.success(envelope.array(found[:limit]), (TRUNCATED,))
    return envelope.success(envelope.array(found))


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _metadata_entry(metadata: Metadata) -> dict[str, str]:
    return {"type": metadata.type, "help": metadata.help, "unit": metadata.unit}
