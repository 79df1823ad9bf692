"""Runs unit tests of rules as promtool does: rules over written series, at simulated times.

What differs from what a test expects is told in promtool's words. The store and the engine are
given, so that the tests run on the parts that the service runs on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from prometheus_client import CollectorRegistry

from collector.gotemplate.floats import shortest_scientific
from collector.gotemplate.format import go_quote, value_text
from collector.gotemplate.times import MILLISECOND, duration_text
from collector.model.alert import Alert
from collector.model.clock import ManualClock
from collector.model.durations import format_duration
from collector.model.errors import InputError, TocsinError
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.query.interface import QueryEngine
from collector.rules.expand import template_value
from collector.rules.group import GroupRunner, Parts, RuleOptions
from collector.rules.rule import ALERT_NAME, RuleGroup
from collector.rules.self_metrics import RuleMetrics
from collector.rules.series_notation import Sample, read_items, read_labels
from collector.rules.state import ActiveAlert, AlertingRuleState
from collector.rules.unit_test_file import AlertTest, ExpectedSample, ExprTest, TestFile, TestGroup
from collector.rules.vector import Series, evaluate
from collector.store.interface import Appender, Querier

SOURCE = "input_series"


class Store(Appender, Querier, Protocol):
    """Both ways of a store."""


@dataclass(frozen=True, slots=True)
class Bench:
    """An empty store, an engine over it, and the clock that both go by."""

    store: Store
    engine: QueryEngine
    clock: ManualClock


OpenBench = Callable[[int], AbstractContextManager[Bench]]
"""A new bench, whose subqueries have this step (ms) when they name none."""


def run_test_file(tests: TestFile, groups: Sequence[RuleGroup], open_bench: OpenBench) -> list[str]:
    """What differs from what is expected, one text each; [] when all is well."""
    order = {name: number for number, name in enumerate(tests.group_eval_order)}
    ordered = sorted(groups, key=lambda group: order.get(group.name, 0))
    failures: list[str] = []
    for one in tests.tests:
        with open_bench(tests.evaluation_interval) as bench:
            failures += _Run(one, tests, ordered, bench).failures()
    return failures


class _DeafSink:
    """Alerts are looked at in the rules' own state."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Nothing."""


class _Run:
    def __init__(
        self, tests: TestGroup, file: TestFile, groups: Sequence[RuleGroup], bench: Bench
    ) -> None:
        self._tests = tests
        self._fuzzy = file.fuzzy_compare
        self._interval_ms = file.evaluation_interval
        self._bench = bench
        metrics = RuleMetrics(CollectorRegistry())
        store, engine, clock = bench.store, bench.engine, bench.clock
        parts = Parts(engine, store, store, _DeafSink(), clock, metrics)
        options = RuleOptions(
            interval_ms=self._interval_ms,
            external_labels=tests.external_labels,
            external_url=tests.external_url,
        )
        self._runners = [GroupRunner(group, options, parts) for group in groups]

    def failures(self) -> list[str]:
        try:
            rows = iter(list(self._rows()))
        except TocsinError as error:
            return [f"    {error.message}"]
        found: list[str] = []
        pending = next(rows, None)
        for at_ms in range(0, self._tests.last_ms + 1, self._interval_ms):
            while pending is not None and pending[0] <= at_ms:
                self._load(*pending)
                pending = next(rows, None)
            self._bench.clock.advance(at_ms - self._bench.clock.now_ms())
            for runner in self._runners:
                runner.evaluate(at_ms)
            if errors := list(self._rule_errors(at_ms)):
                return found + errors
            found += self._alert_failures(at_ms)
        return found + [text for test in self._tests.promql_expr_test for text in self._expr(test)]

    # -- series -----------------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[int, list[Labels], list[Sample]]]:
        """The input series as rows: time, and the series that have a sample there."""
        series = [
            (read_labels(one.series), read_items(one.values)) for one in self._tests.input_series
        ]
        gap_ms = self._tests.interval or self._interval_ms
        for step in range(max((len(items) for _, items in series), default=0)):
            there = [
                (labels, items[step])
                for labels, items in series
                if step < len(items) and items[step] is not None
            ]
            if there:
                labels, samples = zip(*there, strict=True)
                yield step * gap_ms, list(labels), list(samples)

    def _load(self, at_ms: int, labels: Sequence[Labels], samples: Sequence[Sample]) -> None:
        cells = list(_columns(labels, samples))
        refs = self._bench.store.refs(SOURCE, [one for one, _ in cells])
        values = np.array([value for _, value in cells], np.float64)
        self._bench.store.append_row(SOURCE, at_ms, refs, values)

    # -- what is expected -------------------------------------------------------------------------

    def _rule_errors(self, at_ms: int) -> Iterator[str]:
        for runner in self._runners:
            for rule in runner.state.rules:
                if rule.evaluation.last_error:
                    time = duration_text(at_ms * MILLISECOND)
                    yield (
                        f"    rule: {rule.name}, time: {time}, err: {rule.evaluation.last_error}"
                    )

    def _alert_failures(self, at_ms: int) -> Iterator[str]:
        until_ms = at_ms + self._interval_ms
        for test in sorted(self._tests.alert_rule_test, key=lambda one: one.eval_time):
            if at_ms <= test.eval_time < until_ms:
                yield from self._alert(test)

    def _alert(self, test: AlertTest) -> Iterator[str]:
        got = sorted(_alert_text(one.labels, one.annotations) for one in self._firing(test))
        expected = sorted(
            _alert_text({**one.exp_labels, ALERT_NAME: test.alertname}, one.exp_annotations)
            for one in test.exp_alerts
        )
        if got != expected:
            name = f"    name: {self._tests.name},\n" if self._tests.name else ""
            time = format_duration(test.eval_time)
            yield (
                f"{name}    alertname: {test.alertname}, time: {time}, \n"
                f"        exp:{_listed(expected)}, \n        got:{_listed(got)}"
            )

    def _firing(self, test: AlertTest) -> Iterator[ActiveAlert]:
        for runner in self._runners:
            for rule in runner.state.rules:
                if isinstance(rule, AlertingRuleState) and rule.name == test.alertname:
                    yield from (one for one in rule.alerts if one.state == "firing")

    def _expr(self, test: ExprTest) -> Iterator[str]:
        place = f"    expr: {go_quote(test.expr)}, time: {format_duration(test.eval_time)},"
        try:
            got = evaluate(self._bench.engine, test.expr, test.eval_time)
        except TocsinError as error:
            yield f"{place} err: {error.message}"
            return
        try:
            expected = list(map(_expected, test.exp_samples))
        except TocsinError as error:
            yield f"{place} err: {error.message}"
            return
        got.sort(key=lambda one: one.labels)
        expected.sort(key=lambda one: one.labels)
        if len(got) != len(expected) or not all(map(self._same, got, expected)):
            yield f"{place}\n        exp: {_samples(expected)}\n        got: {_samples(got)}"

    def _same(self, got: Series, expected: Series) -> bool:
        if got.labels != expected.labels:
            return False
        a, b = got.value, expected.value
        if isinstance(a, NativeHistogram) or isinstance(b, NativeHistogram):
            return isinstance(a, NativeHistogram) and isinstance(b, NativeHistogram) and a.equals(b)
        if a == b or (math.isnan(a) and math.isnan(b)):
            return True
        return self._fuzzy and b in (math.nextafter(a, math.inf), math.nextafter(a, -math.inf))


def _columns(labels: Sequence[Labels], samples: Sequence[Sample]) -> Iterator[tuple[Labels, float]]:
    for one, sample in zip(labels, samples, strict=True):
        if isinstance(sample, NativeHistogram):
            yield from columns(one, sample)
        elif sample is not None:
            yield one, sample


def _expected(sample: ExpectedSample) -> Series:
    labels = _labels_of(sample.labels)
    if not sample.histogram:
        return Series(labels, sample.value)
    items = read_items(sample.histogram)
    if len(items) != 1 or not isinstance(items[0], NativeHistogram):
        raise InputError(f"expected histogram value, got {sample.histogram}")
    return Series(labels, items[0])


def _labels_of(text: str) -> Labels:
    try:
        return read_labels(text)
    except InputError as error:
        raise InputError(f"labels {go_quote(text)}: {error.message}") from error


def _alert_text(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    indent = "\n" + " " * 14
    return f"{indent}Labels:{_braced(labels)}{indent}Annotations:{_braced(annotations)}"


def _listed(alerts: Sequence[str]) -> str:
    if not alerts:
        return "[]"
    parts = "".join(f"\n            {at}:{text}" for at, text in enumerate(alerts))
    return f"[{parts}\n            ]"


def _braced(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f"{key}={go_quote(text)}" for key, text in sorted(labels.items()))
    return f"{{{inner}}}"


def _samples(series: Sequence[Series]) -> str:
    if not series:
        return "nil"
    return ", ".join(f"{_braced(one.labels)} {_value(one.value)}" for one in series)


def _value(value: float | NativeHistogram) -> str:
    if isinstance(value, NativeHistogram):
        return value_text(template_value(value))
    return shortest_scientific(value)
