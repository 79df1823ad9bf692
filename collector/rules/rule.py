"""Rules and groups as they were written, checked and compiled: frozen values, no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.gotemplate import Template

ALERT_NAME = "alertname"


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """Writes the value of `expr` under the metric name `name`, with `labels` put over its own.

    A label whose value is "" is taken away.
    """

    name: str
    expr: str
    query: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """Raises an alert for each series of `expr` that has been there for `for_ms`.

    `query` is the expression in canonical form. `templates` are the label values and annotations
    that have to be rendered, by text; a text without an action is not among them.
    """

    name: str
    expr: str
    query: str
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict, compare=False)

    @property
    def static_labels(self) -> dict[str, str]:
        """Labels that are the same for every alert of the rule."""
        return {name: text for name, text in self.labels.items() if text not in self.templates}


Rule = RecordingRule | AlertingRule


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after another at one time; None takes the common setting."""

    name: str
    file: str
    rules: tuple[Rule, ...]
    interval_ms: int | None = None
    query_offset_ms: int | None = None
    limit: int = 0

    @property
    def key(self) -> str:
        """What names the group among all files, as Prometheus's metrics have it: `file;group`."""
        return f"{self.file};{self.name}"
