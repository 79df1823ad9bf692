"""The page of rules: every state, errors, active alerts, and filters."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.rules.state import (
    ActiveAlert,
    AlertingRuleState,
    Evaluation,
    GroupState,
    RecordingRuleState,
)
from tocsin.web.router import web_router
from tocsin.web.rules_page import ALERTS_SHOWN, RULES_SHOWN, rules_view, state_of

NOW_MS = 1_700_000_000_000
WELL = Evaluation("ok", "", NOW_MS - 5000, 0.002)


def alert(number: int, state: str = "firing", **more: object) -> ActiveAlert:
    labels = Labels.of(alertname="Slow", pod=f"<p{number}>")
    return ActiveAlert(labels, {"summary": "it is slow"}, state, NOW_MS - 60_000, 1.5, **more)  # type: ignore[arg-type]


def alerting(name: str = "Slow", *alerts: ActiveAlert) -> AlertingRuleState:
    return AlertingRuleState(
        name, "latency > 1", 600, 0, Labels.of(severity="page"), {"team": "a"}, alerts, WELL
    )


FAILED = RecordingRuleState("a:b", "sum(a", evaluation=Evaluation("err", "it <fails>", NOW_MS, 0.1))
RECORDED = RecordingRuleState("c:d", "sum(c)", evaluation=WELL)
NEW = AlertingRuleState("New", "x > 1", 0, 0)


def group(*rules: AlertingRuleState | RecordingRuleState) -> GroupState:
    return GroupState("shop", "rules/shop.yaml", 30, 0, rules, NOW_MS - 5000, 0.004)


def page(*rules: AlertingRuleState | RecordingRuleState, state: str = "") -> str:
    parts = SimpleNamespace(
        clock=ManualClock(NOW_MS),
        alerts=SimpleNamespace(alerts=list, on_call=MagicMock()),
        rules=SimpleNamespace(groups=lambda: (group(*rules),)),
    )
    app = FastAPI()
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    return str(TestClient(app).get("/rules", params={"state": state}).text)


def test_a_rule_is_in_the_worst_state_that_is_true() -> None:
    assert state_of(alerting("Slow", alert(1, "pending"))) == "pending"
    assert state_of(alerting("Slow", alert(1), alert(2, "pending"))) == "firing"
    assert state_of(alerting()) == "inactive"
    assert [state_of(one) for one in (FAILED, RECORDED, NEW)] == ["error", "recording", "unknown"]


def test_a_rule_shows_its_question_its_settings_and_how_it_went() -> None:
    text = page(alerting("Slow", alert(1)))
    assert "rules/shop.yaml" in text
    assert "every 30s, last" in text
    assert "/graph?g0.expr=latency+%3E+1&amp;g0.tab=1" in text
    for name, value in (("for", "10m"), ("label severity", "page"), ("team", "a")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in text
    assert "1 active" in text
    assert "pod=&#34;&lt;p1&gt;&#34;" in text
    assert "it is slow" in text


def test_an_error_is_told() -> None:
    assert "it &lt;fails&gt;" in page(FAILED)


def test_an_alert_that_is_kept_says_so() -> None:
    assert "firing, kept" in page(alerting("Slow", alert(1, keep_firing_since_ms=NOW_MS)))


def test_a_rule_that_has_not_been_evaluated_says_never() -> None:
    assert "never" in page(NEW)


def test_firing_alerts_come_first_and_the_others_are_counted() -> None:
    many = [alert(number, "pending") for number in range(ALERTS_SHOWN)]
    text = page(alerting("Slow", *many, alert(999)))
    assert text.index("p999") < text.index("p0&gt;")
    assert f"{ALERTS_SHOWN + 1} active" in text
    assert "1 more are not shown" in text


@pytest.mark.parametrize(
    ("state", "shown"),
    [("error", {"a:b"}), ("inactive", {"Slow"}), ("recording", {"c:d"}),
     ("", {"a:b", "Slow", "c:d"}), ("nonsense", {"a:b", "Slow", "c:d"}), ("firing", set())],
)  # fmt: skip
def test_rules_of_one_state_can_be_chosen(state: str, shown: set[str]) -> None:
    text = page(FAILED, RECORDED, alerting(), state=state)
    assert {name for name in ("a:b", "c:d", "Slow") if f"<strong>{name}</strong>" in text} == shown
    assert ("No rule is in this state" in text) == (not shown)
    assert "error 1" in text


def test_more_rules_than_a_page_holds_are_counted() -> None:
    groups = [group(*[RECORDED] * 300), group(*[RECORDED] * 300)]
    view = rules_view(groups, "")
    rows = view["groups"]
    assert isinstance(rows, list)
    assert sum(len(one.rules) for one in rows) == RULES_SHOWN
    assert view["more"] == 600 - RULES_SHOWN


def test_without_rules_the_page_says_where_they_are_named() -> None:
    assert "rule_files" in page()
