"""What is written is read back as it was, or named as lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collector.model.errors import NOWHERE
from slo.calendar_window import CalendarWindow
from slo.objective import Indicator, Objective
from slo.specs import load_objectives, objectives_of
from slo.specs.writers import WRITERS, as_yaml
from slo.specs.writers.interface import Written, complement

CASES = sorted((Path(__file__).parents[2] / "cases" / "specs").glob("*.yaml"))
ALL = [one for path in CASES for one in load_objectives([path])]


def meaning(one: Objective) -> Objective:
    """The objective without what a text says beside its meaning."""
    indicator = one.indicator
    if isinstance(indicator, Indicator):
        indicator = Indicator("", _in_order(indicator.bad), _in_order(indicator.total))
    else:
        indicator = replace(indicator, kind="", queries=())
    return replace(one, indicator=indicator, notes=(), where=NOWHERE)


def _in_order(side: tuple) -> tuple:
    terms = (replace(one, matchers=tuple(sorted(one.matchers, key=repr))) for one in side)
    return tuple(sorted(terms, key=repr))


def again(written: Written) -> list[Objective]:
    return objectives_of(as_yaml(written), "written.yaml")


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read_back_or_named_as_lost(name: str, one: Objective) -> None:
    written = WRITERS[name]([one])
    if not written.documents:
        assert written.lost
        return
    (back,) = again(written) if _readable(written) else [None]
    if not written.lost:
        assert _comparable(back, name) == _comparable(one, name)
    else:
        assert all(text.startswith(one.id) for text in written.lost)


def _readable(written: Written) -> bool:
    return not any("can't be written" in text for text in written.lost)


def _comparable(one: Objective, name: str) -> Objective:
    """Ways of saying the same: where an annotation stands, Sloth's own label, 1 minus a ratio."""
    one = meaning(one)
    indicator = one.indicator
    if isinstance(one.window, CalendarWindow) and one.window.begins_with_its_unit:
        one = replace(one, window=CalendarWindow(one.window.unit, zone=one.window.zone))
    if name == "tocsin" and getattr(indicator, "operator", "") == "failure":
        indicator = replace(indicator, operator="success", query=complement(indicator.query))
        return replace(one, indicator=indicator)
    if name != "sloth":
        return one
    alerting = replace(one.alerting, annotations={**one.annotations, **one.alerting.annotations})
    for severity in ("page", "ticket"):
        own = alerting.of(severity)
        labels = {"sloth_severity": severity, **own.labels}
        alerting = replace(alerting, **{severity: replace(own, labels=labels)})
    indicator = one.indicator
    if not isinstance(indicator, Indicator) and indicator.operator == "success":
        indicator = replace(indicator, operator="failure", query=complement(indicator.query))
    return replace(one, annotations={}, alerting=alerting, indicator=indicator)


def test_ours_can_say_everything() -> None:
    assert WRITERS["tocsin"](ALL).lost == ()


@pytest.mark.parametrize("to", WRITERS)
@pytest.mark.parametrize("through", WRITERS)
def test_any_format_goes_through_any_other(through: str, to: str) -> None:
    """Read back and written again an objective is the same, or what it lost is named."""
    for one in ALL:
        first = WRITERS[through]([one])
        if not first.documents:
            continue
        (between,) = again(first)
        second = WRITERS[to]([between])
        assert second.documents or second.lost
        if second.documents and not second.lost:
            (back,) = again(second)
            wanted = _comparable(_comparable(between, through), to)
            assert _comparable(_comparable(back, through), to) == wanted


def test_a_resource_for_pyrra_has_its_fields(tmp_path: Path) -> None:
    spec = tmp_path / "slo.yaml"
    spec.write_text(
        "version: tocsin/v1\nservice: shop\nname: orders\nobjective: 99.9%\nwindow: 28d\n"
        'bad: orders_total{code="500"}\ntotal: orders_total\ngroup_by: [route]\n'
        "labels: {team: a}\nalert: {name: Orders, page: {disable: true}}\n"
    )
    written = WRITERS["pyrra"](load_objectives([spec]))
    assert written.documents == (
        {
            "apiVersion": "pyrra.dev/v1alpha1",
            "kind": "ServiceLevelObjective",
            "metadata": {
                "name": "orders",
                "namespace": "shop",
                "labels": {"pyrra.dev/team": "a"},
            },
            "spec": {
                "target": "99.9",
                "window": "28d",
                "indicator": {
                    "ratio": {
                        "errors": {"metric": 'orders_total{code="500"}'},
                        "total": {"metric": "orders_total"},
                        "grouping": ["route"],
                    }
                },
                "alerting": {"name": "Orders"},
            },
        },
    )
    assert written.lost == ("shop/orders: page is disabled: Pyrra disables both",)


def test_what_pyrra_says_and_tocsin_reads_past_is_noted() -> None:
    text = (Path(__file__).parents[2] / "cases" / "specs" / "pyrra.yaml").read_text()
    text = text.replace("{name: ApiErrors}", "{name: ApiErrors, absent: false, labels: {a: b}}")
    first = objectives_of(text, "pyrra.yaml")[0]
    assert first.notes == (
        "alerting.absent is ignored: no data is a state and an alert of its own",
    )
    assert first.alerting.labels == {"a": "b"}
