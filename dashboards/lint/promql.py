"""Rules about PromQL queries, read by tocsin's own parser."""

from __future__ import annotations

from collections.abc import Iterator

from collector.model.errors import TocsinError
from collector.query.ast import Call, Expr, MatrixSelector, Number, VectorSelector
from collector.query.parser import parse
from collector.query.walk import calls_in, nodes_in, selectors_in
from dashboards.lint.document import RATE_INTERVAL_SECONDS, STAND_IN, Document, Target
from dashboards.lint.finding import Finding

COUNTER_FUNCTIONS = frozenset(("rate", "irate", "increase"))


def promql(document: Document) -> Iterator[Finding]:
    """Every query parses, once its variables are replaced."""
    for target in _prometheus(document):
        try:
            parse(target.expanded)
        except TocsinError as error:
            yield document.found_in(target, f"invalid PromQL: {error}")


def rate_interval(document: Document) -> Iterator[Finding]:
    """`rate` and `irate` look back over `$__rate_interval`, that fits scrapes and resolution."""
    for target, expr in _parsed(document):
        for call in calls_in(expr):
            if call.name not in ("rate", "irate") or not isinstance(call.args[0], MatrixSelector):
                continue
            over = call.args[0].range
            if not isinstance(over, Number) or over.value != RATE_INTERVAL_SECONDS:
                yield document.found_in(target, f"{call.name} should use $__rate_interval")


def job(document: Document) -> Iterator[Finding]:
    """Every selector holds to the jobs that were chosen."""
    return _has_matcher(document, "job")


def instance(document: Document) -> Iterator[Finding]:
    """Every selector holds to the instances that were chosen."""
    return _has_matcher(document, "instance")


def counter_agg(document: Document) -> Iterator[Finding]:
    """A counter (`*_total`) is asked for its rate or increase: its height means nothing."""
    for target, expr in _parsed(document):
        rated = {id(node) for call in calls_in(expr) for node in _rated(call)}
        for selector in selectors_in(expr):
            if selector.name.endswith("_total") and id(selector) not in rated:
                message = f"counter {selector.name} without rate, irate or increase"
                yield document.found_in(target, message)


def _rated(call: Call) -> Iterator[Expr]:
    if call.name in COUNTER_FUNCTIONS:
        for arg in call.args:
            yield from nodes_in(arg)


def _has_matcher(document: Document, label: str) -> Iterator[Finding]:
    if not document.asks_prometheus:
        return
    for target, expr in _parsed(document):
        lacking = [one for one in selectors_in(expr) if not _holds_to(one, label)]
        if lacking:
            names = ", ".join(sorted({one.name or "a selector" for one in lacking}))
            yield document.found_in(target, f'{names} lacks {label}=~"${label}"')


def _holds_to(selector: VectorSelector, label: str) -> bool:
    chosen = (STAND_IN + label, f"${label}", f"${{{label}}}")
    return any(
        one.name == label and one.kind == "=~" and one.value in chosen for one in selector.matchers
    )


def _parsed(document: Document) -> Iterator[tuple[Target, Expr]]:
    """Queries that parse; those that do not are `promql`'s."""
    for target in _prometheus(document):
        try:
            yield target, parse(target.expanded)
        except TocsinError:
            continue


def _prometheus(document: Document) -> Iterator[Target]:
    return (one for one in document.targets if one.datasource_type == "prometheus")
