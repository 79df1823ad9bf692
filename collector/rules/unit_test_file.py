"""Reads a file of unit tests for rules, in promtool's format; every error with file and line.

Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from collector.config_errors import ManyConfigErrors, explain
from collector.config_values import DurationMs, Section
from collector.model.errors import ConfigError
from collector.model.text_file import read_text
from collector.model.yaml_document import only_document
from collector.rules.file import MAX_FILE_BYTES, rule_paths

_MINUTE_MS = 60_000
_Texts = Annotated[dict[str, str], BeforeValidator(lambda given: given or {})]
_NoneIsEmpty = BeforeValidator(lambda given: given or [])


def _number(given: object) -> object:
    """`.inf`, `0x10` and the like are numbers of YAML, but not of Python."""
    return yaml.safe_load(given) if isinstance(given, str) and len(given) < MAX_NUMBER else given


MAX_NUMBER = 100
"""Characters of a number."""


class SeriesModel(Section):
    """One entry of `input_series`."""

    series: str
    values: str = ""


class ExpectedAlert(Section):
    """One entry of `exp_alerts`."""

    exp_labels: _Texts = Field(default_factory=dict)
    exp_annotations: _Texts = Field(default_factory=dict)


class AlertTest(Section):
    """One entry of `alert_rule_test`: which alerts of a name fire at a time."""

    eval_time: DurationMs = 0
    alertname: str
    exp_alerts: Annotated[list[ExpectedAlert], _NoneIsEmpty] = Field(default_factory=list)


class ExpectedSample(Section):
    """One entry of `exp_samples`."""

    labels: str = ""
    value: Annotated[float, BeforeValidator(lambda given: _number(given))] = 0.0
    histogram: str = ""


class ExprTest(Section):
    """One entry of `promql_expr_test`: what an expression is at a time."""

    expr: str
    eval_time: DurationMs = 0
    exp_samples: Annotated[list[ExpectedSample], _NoneIsEmpty] = Field(default_factory=list)


class TestGroup(Section):
    """One entry of `tests`: series, and what the rules make of them."""

    __test__ = False

    interval: DurationMs | None = None
    name: str = ""
    input_series: Annotated[list[SeriesModel], _NoneIsEmpty] = Field(default_factory=list)
    alert_rule_test: Annotated[list[AlertTest], _NoneIsEmpty] = Field(default_factory=list)
    promql_expr_test: Annotated[list[ExprTest], _NoneIsEmpty] = Field(default_factory=list)
    external_labels: _Texts = Field(default_factory=dict)
    external_url: str = ""
    start_timestamp: str = ""

    @property
    def last_ms(self) -> int:
        """The latest time that anything is asked about."""
        alerts = [one.eval_time for one in self.alert_rule_test]
        return max([*alerts, *(one.eval_time for one in self.promql_expr_test)], default=0)


class TestFile(Section):
    """A file of unit tests."""

    __test__ = False

    rule_files: Annotated[list[str], _NoneIsEmpty] = Field(default_factory=list)
    evaluation_interval: DurationMs = _MINUTE_MS
    group_eval_order: Annotated[list[str], _NoneIsEmpty] = Field(default_factory=list)
    fuzzy_compare: bool = False
    tests: Annotated[list[TestGroup], _NoneIsEmpty] = Field(default_factory=list)

    def rule_paths(self, base: Path) -> list[Path]:
        """The rule files that it names, relative to its own directory."""
        return rule_paths(self.rule_files, base)


def read_test_file(path: Path) -> TestFile:
    """The tests of a file. Raises ManyConfigErrors with every error."""
    try:
        text = read_text(path, MAX_FILE_BYTES)
        document = only_document(text, str(path), scalars_as_text=True)
    except ConfigError as error:
        raise ManyConfigErrors([error]) from error
    if document is None:
        return TestFile()
    try:
        made = TestFile.model_validate(document.data)
    except ValidationError as error:
        raise ManyConfigErrors(explain(error, document, (), TestFile)) from error
    doubled = [name for name in made.group_eval_order if made.group_eval_order.count(name) > 1]
    if doubled:
        where = document.where(("group_eval_order",))
        reason = f"group name repeated in evaluation order: {doubled[0]}"
        raise ManyConfigErrors([ConfigError(reason, where=where)])
    return made
