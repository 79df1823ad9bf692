"""Each rule finds its own mistake in a clean dashboard, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from collector.model.errors import ConfigError, InputError
from dashboards.lint import RULES, lint
from dashboards.lint.exclusions import read_exclusions
from dashboards.lint.units import is_unit

Json = dict[str, Any]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
ME = 'job=~"$job",instance=~"$instance"'


def choice(name: str) -> Json:
    return {
        "name": name, "type": "query", "label": name.title(), "datasource": DATASOURCE,
        "query": f"label_values(up, {name})", "multi": True, "allValue": ".+", "refresh": 2,
    }  # fmt: skip


CLEAN: Json = {
    "title": "Clean",
    "editable": False,
    "templating": {
        "list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus",
             "label": "Data source"},
            choice("job"),
            choice("instance"),
        ]
    },
    "panels": [
        {
            "title": "Requests", "description": "A second.", "type": "timeseries",
            "datasource": DATASOURCE, "fieldConfig": {"defaults": {"unit": "reqps"}},
            "targets": [
                {"expr": f"sum(rate(http_requests_total{{{ME}}}[$__rate_interval]))"}
            ],
        }
    ],
}  # fmt: skip


def panel(board: Json) -> Json:
    found: Json = board["panels"][0]
    return found


def ask(expr: str, **more: Any) -> Callable[[Json], None]:
    def change(board: Json) -> None:
        panel(board)["targets"] = [{"expr": expr, **more}]

    return change


def variable(number: int, **changes: Any) -> Callable[[Json], None]:
    return lambda board: board["templating"]["list"][number].update(changes)


def show(**changes: Any) -> Callable[[Json], None]:
    return lambda board: panel(board).update(changes)


LOKI = {"datasource": {"type": "loki", "uid": "${datasource}"}}


def rename_datasource(board: Json) -> None:
    variable(0, name="ds")(board)
    panel(board)["datasource"] = {"type": "prometheus", "uid": "$ds"}


MISTAKES: list[tuple[str, Callable[[Json], object]]] = [
    ("template-datasource-rule", rename_datasource),
    ("template-datasource-rule", variable(0, label="DS")),
    ("template-job-rule", variable(1, multi=False)),
    ("template-job-rule", variable(1, allValue=".*")),
    ("template-job-rule", variable(1, datasource="fixed")),
    ("template-instance-rule", lambda board: board["templating"]["list"].pop(2)),
    ("template-label-promql-rule", variable(1, query="label_values(up{, job)")),
    ("template-label-promql-rule", variable(1, query="up")),
    ("template-on-time-change-reload-rule", variable(2, refresh=1)),
    ("panel-datasource-rule", show(datasource={"type": "prometheus", "uid": "abc"})),
    ("panel-title-description-rule", show(description="")),
    ("panel-units-rule", show(fieldConfig={"defaults": {"unit": "furlongs"}})),
    ("panel-units-rule", show(fieldConfig={})),
    ("panel-no-targets-rule", show(targets=[])),
    ("target-logql-rule", ask("rate({a=`b`[$__auto])", **LOKI)),
    ("target-logql-rule", ask('{a="b}', **LOKI)),
    ("target-logql-auto-rule", ask('rate({a="b"}[5m])', **LOKI)),
    ("target-promql-rule", ask("sum(")),
    ("target-rate-interval-rule", ask(f"rate(x_total{{{ME}}}[5m])")),
    ("target-job-rule", ask('up{instance=~"$instance"}')),
    ("target-job-rule", ask('up{job=~"job",instance=~"$instance"}')),
    ("target-job-rule", ask('up{job="$job",instance=~"$instance"}')),
    ("target-instance-rule", ask('up{job=~"$job"}')),
    ("target-counter-agg-rule", ask(f"sum(x_total{{{ME}}})")),
    ("target-counter-agg-rule", ask(f"max_over_time(x_total{{{ME}}}[1h])")),
    ("uneditable-dashboard-rule", lambda board: board.pop("editable")),
]


def names(board: Json) -> list[str]:
    return [rule for rule, _ in lint(board)]


def test_a_clean_dashboard_is_found_clean() -> None:
    assert lint(CLEAN) == []


@pytest.mark.parametrize(("rule", "mistake"), MISTAKES)
def test_each_rule_finds_its_mistake_and_no_other_does(
    rule: str, mistake: Callable[[Json], object]
) -> None:
    board = copy.deepcopy(CLEAN)
    mistake(board)
    assert set(names(board)) == {rule}


def test_every_rule_has_a_mistake_here() -> None:
    assert {rule for rule, _ in MISTAKES} == set(RULES)
    assert len(RULES) == 17


@pytest.mark.parametrize(
    "expr",
    [
        f"increase(x_total{{{ME}}}[$__range])",
        f"rate(x_total{{{ME}}}[$__rate_interval] offset 1d)",
        f"sum by (job) (irate(x_total{{{ME}}}[$__rate_interval])) / on () group_left () up{{{ME}}}",
        f"avg_over_time(y{{{ME}}}[5m])",
    ],
)
def test_what_is_right_is_not_found(expr: str) -> None:
    board = copy.deepcopy(CLEAN)
    ask(expr)(board)
    assert lint(board) == []


def test_choices_of_fixed_values_stand_for_their_current_one() -> None:
    board = copy.deepcopy(CLEAN)
    board["templating"]["list"] += [
        {"name": "window", "type": "custom", "current": {"value": "3h"}},
        {"name": "agg", "type": "custom", "current": {"value": "max"}},
        {"name": "step", "type": "interval", "current": {"value": "$__auto_interval_step"}},
    ]
    ask(f"$agg(avg_over_time(y{{{ME}}}[$window])) + sum_over_time(y{{{ME}}}[$step])")(board)
    assert lint(board) == []


def test_panels_inside_rows_are_looked_at() -> None:
    board = copy.deepcopy(CLEAN)
    hidden = {**panel(board), "title": "hidden", "description": ""}
    board["panels"] = [{"type": "row", "title": "r", "panels": [hidden]}]
    ((rule, finding),) = lint(board)
    assert rule == "panel-title-description-rule"
    assert str(finding) == "Clean: hidden: has no description"


def test_exclusions_take_away_what_they_name_and_no_more() -> None:
    board = copy.deepcopy(CLEAN)
    panel(board)["targets"] = [{"expr": 'up{job=~"$job"}'}, {"expr": 'down{job=~"$job"}'}]
    one = """
exclusions:
  target-instance-rule: {reason: r, entries: [{panel: Requests, targetIdx: 1}]}
"""
    assert [finding.target for _, finding in lint(board, read_exclusions(one))] == [0]
    other = "exclusions: {target-instance-rule: {entries: [{panel: Another}]}}"
    assert len(lint(board, read_exclusions(other))) == 2
    assert lint(board, read_exclusions("exclusions:\n  target-instance-rule:\n")) == []
    assert len(lint(board, read_exclusions(""))) == 2


@pytest.mark.parametrize("text", ["[", "exclusions: [a]", "exclusions: {a: 3}", "- a"])
def test_a_lint_file_of_another_form_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="lint"):
        read_exclusions(text)


def test_what_is_no_dashboard_is_told() -> None:
    with pytest.raises(InputError, match="not a dashboard"):
        lint({"panels": 3})


def test_units_of_ones_own_need_a_text() -> None:
    assert is_unit("suffix:x")
    assert not is_unit("suffix:")
    assert not is_unit("")
