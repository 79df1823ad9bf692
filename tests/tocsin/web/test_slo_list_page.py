"""The page of all objectives: order, filters, groups under their objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from unittest.mock import MagicMock

from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from slo.budget import Budget
from slo.indicators import INDICATORS
from slo.objective import Objective
from slo.verdict import Verdict
from slo.window import Window
from tocsin.web.router import web_router
from tocsin.web.slo_list_page import GROUPS_SHOWN, OBJECTIVES_SHOWN, slo_list_view

EVENTS = INDICATORS["ratio"](bad='requests_total{code="500"}', total="requests_total")


def verdict(
    name: str, bad: float = 0, state: str = "ok", service: str = "shop", tenant: str = ""
) -> Verdict:
    objective = Objective(
        service,
        name,
        Fraction(999, 1000),
        Window(86_400_000),
        EVENTS,
        group=(("tenant", tenant),) if tenant else (),
    )
    budget = Budget(Fraction(999, 1000), bad, 1_000_000)
    found = Verdict(objective, 0, budget, {"1h": 0.5}, (), "ok", 1.0)
    return replace(found, state=state)  # type: ignore[arg-type]


def page(verdicts: Sequence[Verdict], **given: str) -> str:
    parts = SimpleNamespace(
        clock=ManualClock(1_700_000_000_000),
        alerts=SimpleNamespace(alerts=list, on_call=MagicMock()),
        slos=SimpleNamespace(verdicts=lambda: list(verdicts)),
    )
    app = FastAPI()
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    return str(TestClient(app).get("/slos", params=given).text)


ALL = [
    verdict("fine"),
    verdict("spent", 2000, "exhausted"),
    verdict("grouped", 10, tenant="<a>"),
    verdict("grouped", 900, "burning", tenant="b"),
    verdict("search", 500, service="find"),
]


def test_what_burns_is_first_then_least_budget() -> None:
    text = page(ALL)
    names = [text.index(f">{name}</a>") for name in ("spent", "grouped", "search", "fine")]
    assert names == sorted(names)
    assert "all 5" in text
    assert "burning 1" in text


def test_groups_stand_below_their_objective_worst_first() -> None:
    text = page(ALL)
    assert text.count(">grouped</a>") == 1
    assert "worst group: tenant=b" in text
    assert "2 groups: 1 burning, 1 ok" in text
    inner = text.partition('<details id="groups-shop-grouped">')[2].partition("</details>")[0]
    assert inner.index("tenant=&#34;b&#34;") < inner.index("tenant=&#34;&lt;a&gt;&#34;")
    assert "/slos/shop/grouped%7Btenant%3D%22b%22%7D" in inner


def test_one_state_can_be_chosen() -> None:
    text = page(ALL, state="burning")
    assert ">grouped</a>" in text
    assert "1 groups: 1 burning" in text
    assert ">spent</a>" not in text
    assert "No objective is in this state" in page(ALL, state="no-data")


def test_a_service_is_shown_with_the_gate_of_its_deployments() -> None:
    text = page(ALL, service="shop")
    assert ">search</a>" not in text
    assert "all 4" in text
    assert "May shop be changed now?" in text
    assert "the budget of the last 1d is spent" in text
    assert "May " not in page(ALL)
    assert "May find be changed" in page(ALL, service="find")
    assert "each has budget left" in page(ALL, service="find")


def test_filters_keep_each_other() -> None:
    text = page(ALL, service="shop", state="ok")
    assert 'href="/slos?service=shop&amp;state=burning"' in text
    assert 'href="/slos?service=shop"' in text
    assert "<option selected>shop</option>" in text


def test_what_a_page_does_not_hold_is_counted() -> None:
    many = [verdict(f"n{number}") for number in range(OBJECTIVES_SHOWN + 2)]
    assert slo_list_view(many, "", "")["more"] == 2
    groups = [verdict("g", tenant=f"t{number}") for number in range(GROUPS_SHOWN + 3)]
    assert "3 more groups have more budget left" in page(groups)


def test_without_objectives_the_page_says_where_they_are_named() -> None:
    assert "slos: files:" in page([])
