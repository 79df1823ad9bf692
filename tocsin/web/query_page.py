"""The query page, `/graph`: one PromQL expression as a table, a graph or its plan.

It answers Prometheus's links, so those in alerts lead somewhere. Whatever is wrong with the
question is told on the page, with the place in the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from collector.model.deploy import Deploys
from collector.model.errors import QueryError, TocsinError
from collector.model.labels import METRIC_NAME
from collector.query.interface import QueryEngine, QueryOptions
from collector.query.values import Answer, Matrix, RawSeries, Vector
from tocsin.moments import time_text
from tocsin.web import texts
from tocsin.web.deploy_marks import deploy_marks
from tocsin.web.query_form import RANGES, TABS, QueryForm, form_of, further
from tocsin.web.query_results import Graph, PlanRow, Table, cost, graph, plan_rows, table

NAMES_OFFERED = 1000
"""Metric names that the input completes: a page stays below 100 kB with them."""
NAMES_SPAN_MS = 3_600_000
TAB_LABELS = {"table": "Table", "graph": "Graph", "explain": "Explain"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer; `picture` has a caret below the place in the query."""

    message: str
    advice: str
    picture: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the chosen tab shows, and what it cost."""

    cost: str = ""
    of: str = ""
    warnings: Sequence[str] = ()
    infos: Sequence[str] = ()
    table: Table | None = None
    graph: Graph | None = None
    plan: Sequence[PlanRow] = ()
    more_steps: int = 0


def query_view(
    engine: QueryEngine, given: Mapping[str, str], now_ms: int, deploys: Deploys
) -> Mapping[str, object]:
    """The values of `graph.html`."""
    form = form_of(given)
    result, failure = _asked(engine, form, now_ms, deploys)
    names = _metric_names(engine, now_ms)
    return {
        "form": form,
        "lines": form.expr.count("\n") + 1,
        "tabs": [(tab, TAB_LABELS[tab], form.on(tab).href) for tab in TABS],
        "ranges": [(name, replace(form, range_text=name).href) for name in RANGES],
        "earlier": _moved(form, -1, now_ms),
        "later": _moved(form, 1, now_ms) if form.end else "",
        "others": further(given),
        "names": names[:NAMES_OFFERED],
        "more_names": max(0, len(names) - NAMES_OFFERED),
        "result": result,
        "failure": failure,
    }


def _asked(
    engine: QueryEngine, form: QueryForm, now_ms: int, deploys: Deploys
) -> tuple[Result | None, Failure | None]:
    if not form.expr:
        return None, None
    try:
        return _RESULTS[form.tab](engine, form, now_ms, deploys), None
    except TocsinError as error:
        picture = error.picture if isinstance(error, QueryError) else ""
        return None, Failure(error.message, error.advice, picture)


def _table(engine: QueryEngine, form: QueryForm, now_ms: int, _: Deploys) -> Result:
    at_ms = form.moment_ms(now_ms)
    answer = engine.instant(form.expr, at_ms)
    return _with(answer, Result(of=f"at {texts.iso(at_ms)}", table=table(answer)))


def _graph(engine: QueryEngine, form: QueryForm, now_ms: int, deploys: Deploys) -> Result:
    end_ms, step_ms = form.end_ms(now_ms), form.step_ms()
    start_ms = end_ms - form.range_ms()
    answer = engine.range(form.expr, start_ms, end_ms, step_ms)
    of = f"{time_text(start_ms)} to {texts.iso(end_ms)}, a point each {texts.span(step_ms / 1000)}"
    marks = deploy_marks(deploys, start_ms, end_ms)
    return _with(answer, Result(of=of, graph=graph(answer, form.expr, marks)))


def _explain(engine: QueryEngine, form: QueryForm, now_ms: int, _: Deploys) -> Result:
    at_ms = form.moment_ms(now_ms)
    answer = engine.instant(form.expr, at_ms, QueryOptions(explain=True))
    rows, more = ([], 0) if answer.plan is None else plan_rows(answer.plan)
    return _with(answer, Result(of=f"at {texts.iso(at_ms)}", plan=rows, more_steps=more))


_RESULTS = {"table": _table, "graph": _graph, "explain": _explain}


def _with(answer: Answer, result: Result) -> Result:
    value = answer.value
    series = len(value.labels) if isinstance(value, Vector | Matrix | RawSeries) else 1
    return replace(
        result,
        cost=cost(answer.statistics, series),
        warnings=answer.warnings,
        infos=answer.infos,
    )


def _moved(form: QueryForm, halves: int, now_ms: int) -> str:
    try:
        return form.moved(halves, now_ms).href
    except TocsinError:
        return ""  # the field is wrong, which is told below it


def _metric_names(engine: QueryEngine, now_ms: int) -> list[str]:
    try:
        return engine.label_values(METRIC_NAME, [], now_ms - NAMES_SPAN_MS, now_ms)
    except TocsinError:
        return []  # the page works without; a query tells what is wrong
