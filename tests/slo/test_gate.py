"""A service may be changed unless it pages or has spent its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from slo.budget import Budget
from slo.gate import gate_of
from slo.verdict import Verdict


def verdict(objective: Callable, bad: float, **more: object) -> Verdict:
    budget = Budget(Fraction(999, 1000), bad, 1_000_000)
    return replace(Verdict(objective(), 0, budget, {}, (), "ok", 1.0), **more)


def test_a_gate_is_open_while_budget_is_left(objective: Callable) -> None:
    gate = gate_of("shop", [verdict(objective, 10)])
    assert gate is not None
    assert gate.is_open
    assert gate.reasons == ()


def test_a_spent_budget_shuts_it_and_says_why(objective: Callable) -> None:
    gate = gate_of("shop", [verdict(objective, 1500)])
    assert gate is not None
    assert not gate.is_open
    assert gate.reasons == ("availability: the budget of the last 30d is spent (-50.0% left)",)


def test_a_page_shuts_it_though_budget_is_left(objective: Callable) -> None:
    gate = gate_of("shop", [verdict(objective, 10, firing_since_ms={"page": 1})])
    assert gate is not None
    assert gate.reasons == ("availability: it pages",)


def test_a_ticket_does_not_shut_it(objective: Callable) -> None:
    gate = gate_of("shop", [verdict(objective, 10, firing_since_ms={"ticket": 1})])
    assert gate is not None
    assert gate.is_open


def test_a_service_without_objectives_has_no_gate(objective: Callable) -> None:
    assert gate_of("elsewhere", [verdict(objective, 10)]) is None
