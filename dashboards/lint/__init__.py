"""`RULES`: dashboard-linter's seventeen rules under their own names, over any dashboard's JSON.

Source of the names and of what they ask: grafana/dashboard-linter. Where that tool and its page of
a rule differ (`job` or `Job` as a label) both are accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dashboards.lint.document import Document
from dashboards.lint.exclusions import Exclusions
from dashboards.lint.finding import Finding
from dashboards.lint.logql import logql, logql_auto
from dashboards.lint.panels import datasource, no_targets, title_description, units
from dashboards.lint.promql import counter_agg, instance, job, promql, rate_interval
from dashboards.lint.variables import (
    label_promql,
    on_time_change_reload,
    template_datasource,
    template_instance,
    template_job,
    uneditable,
)

Rule = Callable[[Document], Iterator[Finding]]

RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": label_promql,
    "template-on-time-change-reload-rule": on_time_change_reload,
    "panel-datasource-rule": datasource,
    "panel-title-description-rule": title_description,
    "panel-units-rule": units,
    "panel-no-targets-rule": no_targets,
    "target-logql-rule": logql,
    "target-logql-auto-rule": logql_auto,
    "target-promql-rule": promql,
    "target-rate-interval-rule": rate_interval,
    "target-job-rule": job,
    "target-instance-rule": instance,
    "target-counter-agg-rule": counter_agg,
    "uneditable-dashboard-rule": uneditable,
}


def lint(
    dashboard: Mapping[str, Any], exclusions: Exclusions | None = None
) -> list[tuple[str, Finding]]:
    """(rule's name, what it found) in the order of `RULES`, without what is excluded.

    Raises InputError when the JSON is no dashboard.
    """
    document = Document.of(dashboard)
    excluded = exclusions or Exclusions({})
    return [
        (name, finding)
        for name, rule in RULES.items()
        for finding in rule(document)
        if not excluded.has(name, finding)
    ]
