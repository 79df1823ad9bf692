"""`query`, `query_range`, `query_exemplars`, `format_query`, `parse_query`: what takes PromQL.

Handlers are plain functions, which FastAPI runs in threads: a long query does not stop others.
Source: web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.json_values import exemplars_json, statistics_json, value_json
from collector.api.parameters import (
    MAX_TIME_MS,
    MIN_TIME_MS,
    Parameters,
    invalid,
    parameters,
)
from collector.api.syntax_tree import tree_of
from collector.model.clock import Clock
from collector.model.errors import InputError, QueryError
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.query.ast import Expr
from collector.query.interface import QueryEngine, QueryOptions
from collector.query.parser import parse
from collector.query.printer import print_expr
from collector.query.values import Answer, Matrix, RawSeries, Value, Vector
from collector.query.walk import selectors_in

MAX_POINTS = 11_000
"""Steps of one range query, Prometheus's own limit: no screen has more pixels."""
TRUNCATED = "results truncated due to limit"
STATS_VALUES = ("", "true", "all")

Exemplars = Callable[[Sequence[Matcher], int, int], Sequence[Exemplar]]
"""Exemplars of the matching series in `(after_ms, until_ms]`, by series, then by time."""

_Given = Annotated[Parameters, Depends(parameters)]


def router(engine: QueryEngine, exemplars: Exemplars, clock: Clock) -> APIRouter:
    """The routes, over an engine and the store's exemplars."""
    routes = _Routes(engine, exemplars, clock)
    api = envelope.api_router()
    envelope.add_routes(
        api,
        {
            "/query": (routes.query, "GET POST"),
            "/query_range": (routes.query_range, "GET POST"),
            "/query_exemplars": (routes.query_exemplars, "GET POST"),
            "/format_query": (routes.format_query, "GET POST"),
            "/parse_query": (routes.parse_query, "GET POST"),
        },
    )
    return api


class _Routes:
    def __init__(self, engine: QueryEngine, exemplars: Exemplars, clock: Clock) -> None:
        self._engine = engine
        self._exemplars = exemplars
        self._clock = clock

    def query(self, given: _Given) -> Response:
        """An instant query."""
        limit = given.limit()
        at_ms = given.time_ms("time", self._clock.now_ms())
        options = _options(given)
        text = _query_text(given)
        return _answer(self._engine.instant(text, at_ms, options), limit, given)

    def query_range(self, given: _Given) -> Response:
        """A range query."""
        limit = given.limit()
        start_ms, end_ms = given.time_ms("start"), given.time_ms("end")
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        step_ms = _step_ms(given, end_ms - start_ms)
        options = _options(given)
        text = _query_text(given)
        return _answer(self._engine.range(text, start_ms, end_ms, step_ms, options), limit, given)

    def query_exemplars(self, given: _Given) -> Response:
        """Exemplars of every series that the expression selects; 204 when it selects none."""
        start_ms = given.time_ms("start", MIN_TIME_MS)
        end_ms = given.time_ms("end", MAX_TIME_MS)
        if end_ms < start_ms:
            raise InputError("end timestamp must not be before start timestamp")
        selectors = selectors_in(_parsed(given.text("query")))
        wanted = dict.fromkeys(selector.matchers for selector in selectors)
        if not wanted:
            return envelope.nothing()
        found: dict[Labels, list[Exemplar]] = {}
        for matchers in wanted:
            of_these: dict[Labels, list[Exemplar]] = {}
            for one in self._exemplars(matchers, start_ms - 1, end_ms):
                of_these.setdefault(one.series, []).append(one)
            found |= of_these  # a series that two selectors match has the same exemplars in both
        return envelope.success(exemplars_json(found))

    def format_query(self, given: _Given) -> Response:
        """The query in canonical form."""
        text = print_expr(_parsed(given.text("query")))
        return envelope.answer(text)

    def parse_query(self, given: _Given) -> Response:
        """The query's syntax tree."""
        tree = tree_of(_parsed(given.text("query")))
        return envelope.answer(tree)


def _parsed(query: str) -> Expr:
    try:
        return parse(query)
    except QueryError as error:
        raise invalid("query", error.message) from error


def _query_text(given: Parameters) -> str:
    """The query, known to parse: what the engine raises then is of its evaluation."""
    _parsed(given.text("query"))
    return given.text("query")


def _step_ms(given: Parameters, span_ms: int) -> int:
    step_ms = given.duration_ms("step")
    if step_ms <= 0:
        raise invalid(
            "step",
            "zero or negative query resolution step widths are not accepted. "
            "Try a positive integer",
        )
    if span_ms // step_ms > MAX_POINTS:
        raise InputError(
            f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return step_ms


def _options(given: Parameters) -> QueryOptions:
    lookback_ms = given.duration_ms("lookback_delta") if given.text("lookback_delta") else 0
    timeout_ms = given.duration_ms("timeout") if given.text("timeout") else None
    return QueryOptions(
        lookback_ms=lookback_ms if lookback_ms > 0 else None,
        timeout_seconds=None if timeout_ms is None else timeout_ms / 1000,
        per_step_samples=given.text("stats") == "all",
        explain=given.text("explain") in ("1", "true"),
    )


def _answer(answer: Answer, limit: int, given: Parameters) -> Response:
    value, truncated = _first(answer.value, limit)
    warnings = (*answer.warnings, TRUNCATED) if truncated else answer.warnings
    wanted = given.text("stats")
    if wanted not in STATS_VALUES:
        warnings = (*warnings, f'stats={wanted} is deprecated; ask for "true" or "all"')
    statistics = statistics_json(answer.statistics, wanted == "all") if wanted else ""
    plan = "" if answer.plan is None else json.dumps(answer.plan.to_json())
    return envelope.success(value_json(value, statistics, plan), warnings, answer.infos)


def _first(value: Value, limit: int) -> tuple[Value, bool]:
    """The value with at most `limit` series, and whether that left some out."""
    if not isinstance(value, Vector | Matrix | RawSeries) or not 0 < limit < len(value.labels):
        return value, False
    labels = value.labels[:limit]
    match value:
        case Vector() | Matrix():
            cells = None if value.histograms is None else value.histograms[:limit]
            shown = value.values[:limit]
            return replace(value, labels=labels, values=shown, histograms=cells), True
        case RawSeries():
            samples = None if value.histograms is None else value.histograms[:limit]
            return RawSeries(labels, value.samples[:limit], samples), True
