"""`/api/v1/*` as Prometheus has it: queries, series, labels, metadata.

Handlers are plain functions, which FastAPI runs in threads: a long query does not stop others.
Source: web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.json_values import labels_json, value_json
from collector.api.parameters import (
    MAX_TIME_MS,
    MIN_TIME_MS,
    Parameters,
    invalid,
    parameters,
)
from collector.model.clock import Clock
from collector.model.errors import InputError, QueryError, TocsinError
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.query.ast import Expr
from collector.query.interface import QueryEngine
from collector.query.parser import parse
from collector.query.printer import print_expr
from collector.query.values import Answer, Matrix, RawSeries, Value, Vector

MAX_POINTS = 11_000
"""Steps of one range query, Prometheus's own limit: no screen has more pixels."""
TRUNCATED = "results truncated due to limit"

_Given = Annotated[Parameters, Depends(parameters)]
_LABEL_NAME = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_BOTH = ["GET", "POST"]


def router(
    engine: QueryEngine,
    querier_metadata: Callable[[], Mapping[str, Metadata]],
    clock: Clock,
) -> APIRouter:
    """Routes below `/api/v1`; `querier_metadata` gives type, help and unit by family name."""
    routes = _Routes(engine, querier_metadata, clock)
    api = APIRouter(prefix="/api/v1")
    for path, handler, methods in (
        ("/query", routes.query, _BOTH),
        ("/query_range", routes.query_range, _BOTH),
        ("/series", routes.series, _BOTH),
        ("/labels", routes.labels, _BOTH),
        ("/label/{name}/values", routes.label_values, ["GET"]),
        ("/metadata", routes.metadata, ["GET"]),
        ("/format_query", routes.format_query, _BOTH),
        ("/status/buildinfo", routes.build_info, ["GET"]),
    ):
        api.add_api_route(path, handler, methods=methods, response_model=None)
    return api


class _Routes:
    def __init__(
        self,
        engine: QueryEngine,
        querier_metadata: Callable[[], Mapping[str, Metadata]],
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._metadata = querier_metadata
        self._clock = clock

    def query(self, given: _Given) -> Response:
        """An instant query."""
        return _answered(lambda: self._query(given))

    def query_range(self, given: _Given) -> Response:
        """A range query."""
        return _answered(lambda: self._query_range(given))

    def series(self, given: _Given) -> Response:
        """Label sets of matching series."""
        return _answered(lambda: self._series(given))

    def labels(self, given: _Given) -> Response:
        """Label names of matching series."""

        def answer() -> Response:
            start, end, selectors = _metadata_range(given)
            return _limited(self._engine.label_names(selectors, start, end), given.limit())

        return _answered(answer)

    def label_values(self, name: str, given: _Given) -> Response:
        """Values of one label."""

        def answer() -> Response:
            label = unescaped(name)
            if not label:
                raise InputError(f'invalid label name: "{name}"')
            start, end, selectors = _metadata_range(given)
            found = self._engine.label_values(label, selectors, start, end)
            return _limited(found, given.limit())

        return _answered(answer)

    def metadata(self, given: _Given) -> Response:
        """Type, help and unit of metric families."""

        def answer() -> Response:
            known = self._metadata()
            wanted = given.text("metric")
            names = [name for name in sorted(known) if wanted in ("", name)]
            limit, text = given.limit(), given.text("limit")
            names = names[:limit] if text and limit > 0 else names
            data = {name: [_metadata_entry(known[name])] for name in names}
            return envelope.success(json.dumps(data, ensure_ascii=False))

        return _answered(answer)

    def format_query(self, given: _Given) -> Response:
        """The query in canonical form."""

        def answer() -> Response:
            text = print_expr(_parsed(given.text("query")))
            return envelope.success(json.dumps(text, ensure_ascii=False))

        return _answered(answer)

    def build_info(self) -> Response:
        """What Grafana asks to learn which Prometheus it talks to."""
        return envelope.success(json.dumps(_BUILD_INFO))

    def _query(self, given: Parameters) -> Response:
        limit = given.limit()
        at_ms = given.time_ms("time", self._clock.now_ms())
        _check_options(given)
        _parsed(given.text("query"))
        return _answer(self._engine.instant(given.text("query"), at_ms), limit)

    def _query_range(self, given: Parameters) -> Response:
        limit = given.limit()
        start, end = given.time_ms("start"), given.time_ms("end")
        if end < start:
            raise invalid("end", "end timestamp must not be before start time")
        step = given.duration_ms("step")
        if step <= 0:
            raise invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer",
            )
        if (end - start) // step > MAX_POINTS:
            raise InputError(
                f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        _check_options(given)
        _parsed(given.text("query"))
        return _answer(self._engine.range(given.text("query"), start, end, step), limit)

    def _series(self, given: Parameters) -> Response:
        if not given.texts("match[]"):
            raise InputError("no match[] parameter provided")
        start, end, selectors = _metadata_range(given)
        limit = given.limit()
        found = self._engine.series(selectors, start, end)
        truncated = 0 < limit < len(found)
        shown = found[:limit] if truncated else found
        data = f"[{','.join(map(labels_json, shown))}]"
        return envelope.success(data, (TRUNCATED,) if truncated else ())


def _answered(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except TocsinError as error:
        return envelope.failure(error)


def _parsed(query: str) -> Expr:
    try:
        return parse(query)
    except QueryError as error:
        raise invalid("query", error.message) from error


def _check_options(given: Parameters) -> None:
    if given.text("timeout"):
        given.duration_ms("timeout")
    if given.text("lookback_delta"):
        raise invalid("lookback_delta", "tocsin has one lookback for all queries, in its config")


def _metadata_range(given: Parameters) -> tuple[int, int, list[tuple[Matcher, ...]]]:
    start = given.time_ms("start", MIN_TIME_MS)
    end = given.time_ms("end", MAX_TIME_MS)
    if end < start:
        raise invalid("end", "end timestamp must not be before start time")
    return start, end, given.selectors()


def _answer(answer: Answer, limit: int) -> Response:
    value, truncated = _first(answer.value, limit)
    warnings = (*answer.warnings, TRUNCATED) if truncated else answer.warnings
    return envelope.success(value_json(value), warnings, answer.infos)


def _first(value: Value, limit: int) -> tuple[Value, bool]:
    """The value with at most `limit` series, and whether that left some out."""
    if not isinstance(value, Vector | Matrix | RawSeries) or not 0 < limit < len(value.labels):
        return value, False
    labels = value.labels[:limit]
    match value:
        case Vector():
            return Vector(labels, value.values[:limit], value.timestamp_ms), True
        case Matrix():
            return Matrix(labels, value.timestamps_ms, value.values[:limit]), True
        case RawSeries():
            return RawSeries(labels, value.samples[:limit]), True


def _limited(found: list[str], limit: int) -> Response:
    if 0 < limit < len(found):
        return envelope.success(envelope.array(found[:limit]), (TRUNCATED,))
    return envelope.success(envelope.array(found))


def unescaped(name: str) -> str:
    """A label name in the `U__` form of clients that can't send UTF-8; "" when it is not valid."""
    if not name.startswith("U__"):
        return name
    out, at, body = "", 0, name[3:]
    while at < len(body):
        if body[at] != "_":
            out += body[at]
            at += 1
            continue
        end = body.find("_", at + 1)
        if end < 0:
            return ""
        digits = body[at + 1 : end]
        try:
            out += chr(int(digits, 16)) if digits else "_"
        except ValueError:
            return ""
        at = end + 1
    return out


def _metadata_entry(metadata: Metadata) -> dict[str, str]:
    return {"type": metadata.type, "help": metadata.help, "unit": metadata.unit}


def _version() -> str:
    try:
        return version("tocsin")
    except PackageNotFoundError:
        return "unknown"


_BUILD_INFO = {
    "version": _version(),
    "revision": "",
    "branch": "",
    "buildUser": "",
    "buildDate": "",
    "goVersion": "",
}
