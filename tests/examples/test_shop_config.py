"""The shop's objectives and configuration are what tocsin reads."""

from __future__ import annotations

from pathlib import Path

from slo.specs import load_objectives

SHOP = Path(__file__).parents[2] / "examples/shop"


def test_three_objectives_in_two_formats() -> None:
    objectives = {one.id: one for one in load_objectives([SHOP / "slos.yaml"])}
    assert set(objectives) == {
        "shop/checkout-availability",
        "shop/checkout-latency",
        "shop-orders/orders-availability",
    }
    for objective in objectives.values():
        annotations = {**objective.annotations, **objective.alerting.annotations}
        assert annotations["runbook_url"].startswith("https://")
        assert objective.notes == ()
        names = {m.value for t in objective.indicator.bad for m in t.matchers}
        assert names & {"shop-web", "shop-orders"}
