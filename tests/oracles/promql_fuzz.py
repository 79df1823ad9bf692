"""Samples and random queries that are meant to hurt: resets, gaps, stale markers, NaN, Inf, churn.

A generated query says whether its values are exact (sums of multiples of 1/1024, which no order
of adding changes). What jumps (comparisons, rounding, `%`, `count_values`) is asked of exact values
only: elsewhere the last bit of a sum would decide.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from collector.model.labels import Labels
from collector.model.samples import STALE

SCRAPE_MS = 15_000
SCRAPES = 360
OFF_GRID_MS = 7_001
"""Samples lie beside every step and bound, where left-open and closed windows hold the same."""

Samples = dict[Labels, list[tuple[int, float]]]


def samples(seed: int, start_ms: int) -> Samples:
    """Every series with its samples in order; a value may be the stale marker."""
    dice = random.Random(seed)
    times = [start_ms + OFF_GRID_MS + i * SCRAPE_MS for i in range(SCRAPES)]
    found: Samples = {}
    for number, (instance, code) in enumerate(itertools.product("abcd", ("200", "404", "500"))):
        labels = {"instance": instance, "code": code, "job": "shop"}
        found[_named("requests_total", labels)] = _counter(dice, times)
        found[_named("heat", labels)] = [
            (time, dice.randrange(-160, 160) / 8 + number / 1024) for time in times
        ]
        found[_named("load", labels)] = _odd_gauge(dice, times)
        for generation, part in enumerate(_lives(dice, times)):
            pod = {**labels, "pod": f"{instance}-{generation}"}
            found[_named("jobs_total", pod)] = _gappy_counter(dice, part)
    for instance in "abcd":
        found |= _histogram(dice, times, instance)
        build = _named("build", {"instance": instance, "version": f"v{instance}"})
        found[build] = [(time, 1.0) for time in times]
    return found


def _named(name: str, labels: dict[str, str]) -> Labels:
    return Labels({"__name__": name, **labels})


def _counter(dice: random.Random, times: list[int]) -> list[tuple[int, float]]:
    """Without gaps, from zero, with resets to zero."""
    total, out = 0.0, []
    for time in times:
        total = float(dice.randrange(5)) if dice.random() < 0.01 else total + dice.randrange(40)
        out.append((time, total))
    return out


def _gappy_counter(dice: random.Random, times: list[int]) -> list[tuple[int, float]]:
    """With gaps, far from zero; a stale marker at its end.

    Without resets: what a reset counts beside a gap is large, so that the counter seems near zero.
    """
    total, out = 1e6, []
    for time in times:
        total += dice.randrange(40)
        if dice.random() > 0.08:
            out.append((time, total))
    return [*out, (times[-1] + SCRAPE_MS // 3, STALE)]


def _lives(dice: random.Random, times: list[int]) -> list[list[int]]:
    """Churn: one pod after another."""
    cuts = [dice.randrange(40, 120), dice.randrange(130, len(times) - 40)]
    return [times[: cuts[0]], times[cuts[0] + 3 : cuts[1]], times[cuts[1] + 3 :]]


def _odd_gauge(dice: random.Random, times: list[int]) -> list[tuple[int, float]]:
    odd = (float("nan"), float("inf"), float("-inf"), 0.0, -0.0, STALE)
    out = []
    for time in times:
        chance = dice.random()
        if chance < 0.1:
            continue
        out.append((time, dice.choice(odd) if chance < 0.2 else dice.randrange(-80, 80) / 8))
    return out


def _histogram(dice: random.Random, times: list[int], instance: str) -> Samples:
    found: Samples = {}
    counts = [0.0] * 5
    rows = []
    for _ in times:
        counts = [count + dice.randrange(9) for count in counts]
        rows.append(list(itertools.accumulate(counts)))
    for column, le in enumerate(("0.1", "0.25", "0.5", "2", "+Inf")):
        labels = _named("latency_bucket", {"instance": instance, "le": le})
        found[labels] = [(time, row[column]) for time, row in zip(times, rows, strict=True)]
    return found


_UNSTEADY = ("load", "/", "NaN", "Inf", "ln(", "log2", "quantile", "time()", "scalar(")
"""What has NaN or Inf, or values beside which their differences are lost."""


@dataclass(frozen=True, slots=True)
class Query:
    """A text, and whether its values are exact."""

    text: str
    exact: bool


class Generator:
    """Random queries that have an answer more often than not."""

    def __init__(self, seed: int, start_ms: int) -> None:
        self._dice = random.Random(seed)
        self._start_ms = start_ms

    def query(self) -> Query:
        """One query of random depth."""
        return self._vector(self._dice.choice((0, 1, 2, 2, 3, 3)))

    def _vector(self, depth: int) -> Query:
        kinds: list[Callable[[int], Query]] = [self._selector, self._windowed, self._windowed]
        if depth > 0:
            kinds += [
                self._aggregation,
                self._aggregation,
                self._arithmetic,
                self._matched,
                self._function,
                self._subquery,
                self._jump,
            ]
        return self._dice.choice(kinds)(depth - 1)

    def _exact(self, depth: int) -> Query:
        while not (found := self._vector(depth)).exact:
            pass
        return found

    def _matchers(self) -> str:
        return self._dice.choice(
            ("", "", '{code="200"}', '{code=~"4..|5.."}', '{instance!="a"}', '{instance!~"a|b"}',
             '{code=~"2.*",instance="c"}', '{nope=""}', '{instance=~".+"}')
        )  # fmt: skip

    def _modifier(self) -> str:
        at = (self._start_ms + self._dice.randrange(30, 70) * 60_000 + 13) / 1000
        return self._dice.choice(
            ("", "", "", "", " offset 3m", " offset -90s", f" @ {at:.3f}", f" offset 1m @ {at:.3f}",
             " @ end()", " @ start()")
        )  # fmt: skip

    def _selector(self, _: int = 0) -> Query:
        name = self._dice.choice(("requests_total", "heat", "load", "jobs_total", "heat"))
        return Query(f"{name}{self._matchers()}{self._modifier()}", name != "load")

    def _range(self, name: str) -> str:
        length = self._dice.choice(("1m", "90s", "2m", "5m", "17m", "26m"))
        return f"{name}{self._matchers()}[{length}]{self._modifier()}"

    def _windowed(self, _: int = 0) -> Query:
        pick = self._dice.choice
        if self._dice.random() < 0.45:
            function = pick(("rate", "increase", "irate", "resets", "changes"))
            text = f"{function}({self._range(pick(('requests_total', 'jobs_total')))})"
            return Query(text, function in ("resets", "changes"))
        gauge = pick(("heat", "heat", "load"))
        plain = pick(("sum", "min", "max", "count", "last", "present"))
        inexact = pick(
            (f"avg_over_time({self._range(gauge)})", f"delta({self._range(gauge)})",
             f"stddev_over_time({self._range('heat')})",
             f"stdvar_over_time({self._range('heat')})",
             f"deriv({self._range('heat')})",
             f"predict_linear(heat{self._matchers()}[{pick(('90s', '17m'))}], 600)",
             f"quantile_over_time({pick((0, 0.3, 0.5, 1, 1.5, -1))}, {self._range(gauge)})",
             f"idelta({self._range(gauge)})", f"absent_over_time({self._range('jobs_total')})")
        )  # fmt: skip
        if self._dice.random() < 0.5:
            return Query(f"{plain}_over_time({self._range(gauge)})", gauge == "heat")
        return Query(inexact, False)

    def _clause(self) -> str:
        return self._dice.choice(
            ("", " by (code)", " by (instance, code)", " without (instance)", " by (nope)",
             " without (code, pod)", " by (pod, instance)")
        )  # fmt: skip

    def _aggregation(self, depth: int) -> Query:
        operator = self._dice.choice(
            ("sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile")
        )
        inner = self._vector(depth)
        clause = self._clause()
        if operator in ("stddev", "stdvar"):
            return Query(f"{operator}{clause}({self._finite(depth).text})", False)
        if operator == "quantile":
            q = self._dice.choice(("0", "0.25", "0.5", "0.99", "1", "2", "NaN"))
            return Query(f"quantile{clause}({q}, {inner.text})", False)
        exact = operator in ("count", "group") or (inner.exact and operator != "avg")
        return Query(f"{operator}{clause}({inner.text})", exact)

    def _finite(self, depth: int) -> Query:
        """What has neither NaN nor Inf."""
        while True:
            text = (found := self._vector(depth)).text
            if not any(one in text for one in _UNSTEADY):
                return found

    def _arithmetic(self, depth: int) -> Query:
        inner = self._vector(depth)
        operator, number = self._dice.choice(
            (("+", "2"), ("-", "0.5"), ("*", "-3"), ("/", "4"), ("/", "0"), ("^", "2"), ("/", "3"),
             ("*", "Inf"), ("+", "NaN"), ("+", "time()"), ("*", "scalar(sum(heat @ end()))"))
        )  # fmt: skip
        if number in ("0", "Inf") and not inner.exact:
            number = "4"  # whether a sum cancels to zero, or nearly, would decide
        sides = [f"({inner.text})", number]
        if operator in "+-*":
            self._dice.shuffle(sides)
        exact = inner.exact and operator in "+-" and number in ("2", "0.5")
        return Query(f"({sides[0]} {operator} {sides[1]})", exact)

    def _matched(self, depth: int) -> Query:
        dice = self._dice
        if dice.random() < 0.3:
            left = self._vector(depth)
            side = dice.choice(("group_left (version)", "group_left ()"))
            left_text = f"sum by (instance, code) ({left.text})"
            return Query(f"({left_text} * on (instance) {side} build)", left.exact)
        operator = dice.choice(("+", "/", "-", "and", "or", "unless", "*"))
        left, right = self._vector(depth), self._vector(depth)
        names = dice.choice(("instance, code", "instance", "code"))
        if dice.random() < 0.1:  # often many to many, which is an error in both
            return Query(f"({left.text} {operator} on ({names}) {right.text})", False)
        if dice.random() < 0.2:
            return Query(f"({left.text} {operator} {right.text})", False)
        sides = [f"sum by ({names}) ({left.text})", f"max by ({names}) ({right.text})"]
        exact = left.exact and right.exact and operator in ("+", "-", "and", "or", "unless")
        return Query(f"({sides[0]} {operator} {sides[1]})", exact)

    def _jump(self, depth: int) -> Query:
        """What turns the last bit of a value into another answer: of exact values only."""
        dice, inner = self._dice, self._exact(depth)
        kind = dice.randrange(5)
        if kind == 0:
            operator = dice.choice((">", "<", ">=", "<=", "==", "!="))
            modifier = dice.choice(("", " bool"))
            return Query(
                f"({inner.text} {operator}{modifier} {dice.choice(('0', '5', '-3'))})", True
            )
        if kind == 1:
            function = dice.choice(("ceil", "floor", "round", "sgn"))
            return Query(f"{function}({inner.text})", True)
        if kind == 2:
            return Query(f"({inner.text} % {dice.choice(('3', '-2', '0.75'))})", True)
        if kind == 3 and "sum" not in inner.text:  # a compensated sum of -0 is 0
            clause = dice.choice(("", " by (code)"))
            return Query(f'count_values{clause}("value", {inner.text})', True)
        operator = dice.choice(("topk", "bottomk"))
        clause = dice.choice(("", " by (code)"))
        return Query(f"{operator}{clause}({dice.choice('123')}, heat{self._modifier()})", True)

    def _function(self, depth: int) -> Query:
        inner = self._vector(depth)
        text = inner.text
        function, keeps = self._dice.choice(
            ((f"abs({text})", True), (f"clamp({text}, -5, 50)", True),
             (f"clamp_min({text}, 1)", True),
             (f"clamp_max({text}, 1)", True), (f"-({text})", True), (f"sqrt(abs({text}))", False),
             (f"absent({text})", True), (f"scalar(sum({text})) * vector(2)", False),
             (f"timestamp({text})", False), (f"exp({text} / 100)", False),
             (f"ln({self._exact(depth).text})", False),
             (f"log2({self._exact(depth).text})", False), (f"sort_desc({text})", inner.exact),
             (f"hour({self._finite(depth).text})", False),
             (f"day_of_month(timestamp({text}) + 86400)", False),
             (f'label_replace({text}, "zone", "z$1", "instance", "(.)")', True),
             (f'label_join({text}, "both", "-", "instance", "code")', True),
             (f"histogram_quantile({self._dice.choice(('0.5', '0.9', '1', '-1', 'NaN'))}, "
              "sum by (instance, le) (rate(latency_bucket[5m])))", False),
             ("histogram_quantile(0.9, latency_bucket)", False))
        )  # fmt: skip
        return Query(function, bool(keeps) and inner.exact)

    def _subquery(self, depth: int) -> Query:
        function = self._dice.choice(("max", "min", "sum", "avg", "count", "last"))
        inner = self._vector(min(depth, 1))
        window = self._dice.choice(("10m7s:2m", "5m7s:", "7m7s:30s", "3m7s:45s"))
        modifier = self._dice.choice(("", "", " offset 2m"))
        text = f"{function}_over_time(({inner.text})[{window}]{modifier})"
        return Query(text, function == "count" or (inner.exact and function != "avg"))
