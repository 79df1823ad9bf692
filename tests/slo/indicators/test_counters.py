"""PromQL about counters is read as sums of counters, or refused with the reason."""

from __future__ import annotations

import pytest

from collector.model.errors import ConfigError
from slo.indicators import INDICATORS
from slo.indicators.counters import counter_terms
from slo.indicators.latency import at_bound


def signs(query: str) -> list[tuple[int, str]]:
    return [
        (term.coefficient, next(m.value for m in term.matchers if m.name == "__name__"))
        for term in counter_terms(query)
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a_total", [(1, "a_total")]),
        ("sum(rate(a_total[{{.window}}]))", [(1, "a_total")]),
        ("sum(rate(a_total[{{ .window }}]))", [(1, "a_total")]),
        ("sum(increase(a_total[$window]))", [(1, "a_total")]),
        ("(sum(a) + sum(b)) - (c - d)", [(1, "a"), (1, "b"), (-1, "c"), (1, "d")]),
        ("sum(rate(a[5m]) + rate(b[5m]))", [(1, "a"), (1, "b")]),
        ("-(-sum(a))", [(1, "a")]),
        ("sum(rate(a[5m])) or vector(0)", [(1, "a")]),
        ("sum(rate(a[5m])) or on() vector(0)", [(1, "a")]),
        ("(sum(a) or vector(0)) + (sum(b) or vector(0))", [(1, "a"), (1, "b")]),
        ("rate(a_count[5m]) - ignoring(le) rate(a_bucket[5m])", [(1, "a_count"), (-1, "a_bucket")]),
        ('sum(rate({__name__=~"a|b"}[5m]))', [(1, "a|b")]),
    ],
)
def test_sums_and_differences_of_counters(query: str, expected: list) -> None:
    assert signs(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "sum(rate(a[5m])) / sum(rate(b[5m]))",
        "sum(rate(a[5m] offset 1h))",
        "sum(a @ 10)",
        "sum without (pod) (rate(a[5m]))",
        "rate(sum(a)[5m:1m])",
        "sum(a) or sum(b)",
        "histogram_quantile(0.9, a)",
        "2 * sum(a)",
        "time()",
        "a + on(job) group_left b",
        '{__name__=~"a.*"}',
        "irate(a[5m])",
    ],
)
def test_what_is_no_sum_of_counters_is_refused_with_advice(query: str) -> None:
    with pytest.raises(ConfigError) as caught:
        counter_terms(query)
    assert caught.value.advice


def test_a_ratio_takes_any_two_of_good_bad_and_total() -> None:
    make = INDICATORS["ratio"]
    assert len(make(good="g", bad="b").total) == 2
    assert [term.coefficient for term in make(good="g", total="t").bad] == [1, -1]
    with pytest.raises(ConfigError, match="two of good, bad and total, not 3"):
        make(good="g", bad="b", total="t")


@pytest.mark.parametrize(
    ("threshold", "spellings"),
    [(0.25, ["0.25"]), (1, ["1", "1.0"]), (10.0, ["10", "10.0"]), (0.005, ["0.005"])],
)
def test_a_latency_bound_is_found_in_any_spelling(threshold: float, spellings: list[str]) -> None:
    indicator = INDICATORS["latency"](histogram='h{a="b"}', threshold_seconds=threshold)
    bound = next(m for term in indicator.bad for m in at_bound(term).matchers if m.name == "le")
    assert all(bound.matches(text) for text in spellings)
    assert not any(bound.matches(text) for text in ("+Inf", "100", "0x25", "2.5", "11.0"))
    assert [term.coefficient for term in indicator.bad] == [1, -1]
