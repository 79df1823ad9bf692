"""The first line of the first page: what is wrong, and whether a budget is spent without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest

from collector.ingest.scrape.loop import Health, TargetStatus
from collector.ingest.scrape.target import Target
from collector.model.labels import NO_LABELS, Labels
from slo.budget import Budget
from slo.indicators import INDICATORS
from slo.objective import Objective
from slo.verdict import State, Verdict
from slo.window import Window
from tocsin.web.home_page import home_view

TARGET = Target("j", "http://a/metrics", Labels({"job": "j"}), 15_000, 10_000, NO_LABELS)
UP = TargetStatus(TARGET, "up")


def of_state(state: State) -> Verdict:
    ratio = Fraction(999, 1000)
    events = INDICATORS["ratio"](bad='requests_total{code="500"}', total="requests_total")
    objective = Objective("shop", "x", ratio, Window(86_400_000), events)
    return Verdict(objective, 0, Budget(ratio, 0, 1_000_000), {"1h": 0.5}, (), state, 1.0)


def home(*verdicts: Verdict, health: Health = "up") -> Mapping[str, object]:
    return home_view([], [replace(UP, health=health)], [], verdicts, [], [])


@pytest.mark.parametrize(
    ("states", "headline", "tone"),
    [
        ([], "Nothing is wrong", "good"),
        (["ok", "no-data"], "Nothing is wrong", "good"),
        (["ok", "exhausted"], "Nothing is wrong now; 1 budget spent", "warn"),
        (["exhausted", "exhausted"], "Nothing is wrong now; 2 budgets spent", "warn"),
    ],
)
def test_a_spent_budget_is_told_where_nothing_else_is(
    states: list[State], headline: str, tone: str
) -> None:
    view = home(*map(of_state, states))
    assert (view["headline"], view["tone"]) == (headline, tone)


def test_what_is_wrong_comes_before_what_is_spent() -> None:
    assert home(of_state("exhausted"), health="down")["headline"] == "1 thing needs attention"


def test_one_is_one() -> None:
    assert home(of_state("ok"))["explanation"] == "1 of 1 targets up, 1 objective watched"
