"""Reads Prometheus rule files: every error of a file at once, each with file, line and rule.

Source: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/ and
model/rulefmt of Prometheus 3. All scalars are taken as the text that stands in the file, so a label
`1.50` stays `1.50`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from collector.config_errors import ManyConfigErrors, explain
from collector.config_values import DurationMs, Section
from collector.gotemplate import Template, compile_template
from collector.model.errors import ConfigError, InputError, QueryError, TemplateError
from collector.model.labels import METRIC_NAME
from collector.model.text_file import read_text
from collector.model.yaml_document import Path as YamlPath
from collector.model.yaml_document import YamlDocument, only_document
from collector.query.parser import parse
from collector.query.printer import print_expr
from collector.query.type_check import type_of
from collector.rules.rule import AlertingRule, RecordingRule, Rule, RuleGroup
from collector.rules.template_functions import FUNCTION_NAMES, VARIABLES

MAX_FILE_BYTES = 16 * 1024 * 1024
"""A file of rules, or of their tests, that is larger is a mistake."""

Model = TypeVar("Model", bound=BaseModel)

_METRIC_NAME = re.compile(r"[a-zA-Z_:][\w:]*", re.ASCII)
_GLOB = re.compile(r"[^*]*(\*[^/]*)?")

_Texts = Annotated[dict[str, str], BeforeValidator(lambda given: _no_nulls(given))]


def _no_nulls(given: object) -> object:
    if given is None:
        return {}
    if isinstance(given, dict):
        return {name: "" if text is None else text for name, text in given.items()}
    return given


class RuleModel(Section):
    """One entry of `rules`."""

    record: str = ""
    alert: str = ""
    expr: str = ""
    for_: DurationMs | None = Field(default=None, alias="for")
    keep_firing_for: DurationMs | None = None
    labels: _Texts = Field(default_factory=dict)
    annotations: _Texts = Field(default_factory=dict)


class GroupModel(Section):
    """One entry of `groups`."""

    name: str = ""
    interval: DurationMs | None = None
    query_offset: DurationMs | None = None
    limit: int = 0
    labels: _Texts = Field(default_factory=dict)
    rules: Annotated[list[RuleModel], BeforeValidator(lambda given: given or [])] = Field(
        default_factory=list
    )


class RuleFileModel(Section):
    """A rule file."""

    groups: Annotated[list[GroupModel], BeforeValidator(lambda given: given or [])] = Field(
        default_factory=list
    )


def check_pattern(pattern: str) -> None:
    """Raises InputError for a pattern with a `*` before its last part, as Prometheus does."""
    if not _GLOB.fullmatch(pattern):
        raise InputError(
            f"invalid rule file path {pattern!r}", advice="a * may stand in the last part only"
        )


def rule_paths(patterns: Sequence[str], base: Path) -> list[Path]:
    """The files that patterns name, relative to `base`, each once, sorted within a pattern."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        whole = Path(pattern) if Path(pattern).is_absolute() else base / pattern
        if any(char in whole.name for char in "*?["):
            found.update(dict.fromkeys(sorted(whole.parent.glob(whole.name))))
        elif whole.exists():
            found[whole] = None
    return [path for path in found if path.is_file()]


def load_rule_files(paths: Sequence[Path]) -> tuple[RuleGroup, ...]:
    """The groups of all files. Raises ManyConfigErrors with every error of every file."""
    groups: list[RuleGroup] = []
    errors: list[ConfigError] = []
    for path in paths:
        try:
            groups += read_rule_file(path)
        except ManyConfigErrors as many:
            errors += many.errors
    if errors:
        raise ManyConfigErrors(errors)
    return tuple(groups)


def read_rule_file(path: Path) -> list[RuleGroup]:
    """The groups of one file. Raises ManyConfigErrors with every error."""
    try:
        text = read_text(path, MAX_FILE_BYTES)
    except ConfigError as error:
        raise ManyConfigErrors([error]) from error
    return parse_rules(text, str(path))


def parse_rules(text: str, file: str) -> list[RuleGroup]:
    """The groups of a file's text. Raises ManyConfigErrors with every error."""
    try:
        document = only_document(text, file, scalars_as_text=True)
    except ConfigError as error:
        raise ManyConfigErrors([error]) from error
    return _Reader(document).groups() if document else []


class _Reader:
    """Checks shapes first, then the meaning of each rule whose shape is right."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._errors: list[ConfigError] = []

    def groups(self) -> list[RuleGroup]:
        try:
            RuleFileModel.model_validate(self._document.data)
        except ValidationError as error:
            self._errors += explain(error, self._document, (), RuleFileModel)
        groups = [self._group(raw, at) for at, raw in self._raw_groups()]
        self._check_names(groups)
        if self._errors:
            raise ManyConfigErrors(self._errors)
        return groups

    def _raw_groups(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        data = self._document.data
        raw = data.get("groups") if isinstance(data, dict) else None
        for at, one in enumerate(raw if isinstance(raw, list) else ()):
            if isinstance(one, dict):
                yield at, one

    def _group(self, raw: Mapping[str, object], at: int) -> RuleGroup:
        path: YamlPath = ("groups", at)
        bare = _valid(GroupModel, {name: one for name, one in raw.items() if name != "rules"})
        if bare is None:  # it is told already; the name is needed to tell of its rules
            bare = _valid(GroupModel, {"name": raw.get("name")}) or GroupModel(name="?")
        self._check_labels(bare.labels, (*path, "labels"), f"group {bare.name!r}")
        rules = raw.get("rules")
        made = []
        for number, one in enumerate(rules if isinstance(rules, list) else ()):
            model = _valid(RuleModel, one)
            if model is not None:
                place = _Place((*path, "rules", number), bare.name, number + 1, model)
                made.append(self._rule(model, place, bare.labels))
        return RuleGroup(
            name=bare.name,
            file=self._document.file,
            rules=tuple(rule for rule in made if rule is not None),
            interval_ms=bare.interval or None,
            query_offset_ms=bare.query_offset,
            limit=bare.limit,
        )

    def _check_names(self, groups: Sequence[RuleGroup]) -> None:
        seen: set[str] = set()
        for at, group in enumerate(groups):
            path: YamlPath = ("groups", at, "name")
            if not group.name:
                self._error(path, "Groupname must not be empty", "give the group a name")
            elif group.name in seen:
                reason = f'groupname: "{group.name}" is repeated in the same file'
                self._error(path, reason, "rename one")
            seen.add(group.name)

    # -- one rule ---------------------------------------------------------------------------------

    def _rule(self, model: RuleModel, place: _Place, common: Mapping[str, str]) -> Rule | None:
        before = len(self._errors)
        if bool(model.record) == bool(model.alert):
            both = "only one of 'record' and 'alert' must be set"
            self._rule_error(place, "record", both if model.record else both[5:])
        query = self._query(model, place)
        self._check_labels(model.labels, (*place.path, "labels"), str(place))
        labels = dict(sorted({**common, **model.labels}.items()))
        rule: Rule | None
        if model.record:
            self._check_record(model, place)
            rule = RecordingRule(model.record, model.expr, query, labels)
        else:
            rule = self._alerting(model, place, query, labels)
        return rule if len(self._errors) == before else None

    def _query(self, model: RuleModel, place: _Place) -> str:
        if not model.expr:
            self._rule_error(place, "expr", "field 'expr' must be set in rule")
            return ""
        try:
            expr = parse(model.expr)
            type_of(expr)
        except QueryError as error:
            self._rule_error(place, "expr", f"could not parse expression: {error.message}")
            return ""
        return print_expr(expr)

    def _check_record(self, model: RuleModel, place: _Place) -> None:
        for field, given in (
            ("annotations", model.annotations),
            ("for", model.for_),
            ("keep_firing_for", model.keep_firing_for),
        ):
            if given:
                self._rule_error(place, field, f"invalid field {field!r} in recording rule")
        if not _METRIC_NAME.fullmatch(model.record):
            self._rule_error(place, "record", f"invalid recording rule name: {model.record}")

    def _alerting(
        self, model: RuleModel, place: _Place, query: str, labels: Mapping[str, str]
    ) -> AlertingRule:
        templates: dict[str, Template] = {}
        for field, texts in (("labels", model.labels), ("annotations", model.annotations)):
            for name, text in texts.items():
                if "{{" in text:
                    self._template(name, text, field, place, templates)
        return AlertingRule(
            name=model.alert,
            expr=model.expr,
            query=query,
            for_ms=model.for_ or 0,
            keep_firing_for_ms=model.keep_firing_for or 0,
            labels=labels,
            annotations=dict(sorted(model.annotations.items())),
            templates=templates,
        )

    def _template(
        self, name: str, text: str, field: str, place: _Place, into: dict[str, Template]
    ) -> None:
        try:
            into[text] = compile_template(
                text, f"__alert_{place.rule_name}", functions=FUNCTION_NAMES, variables=VARIABLES
            )
        except TemplateError as error:
            what = f'{field.removesuffix("s")} "{name}": {error.message}'
            self._error((*place.path, field, name), f"{place}: {what}", error.advice)

    def _check_labels(self, labels: Mapping[str, str], path: YamlPath, what: str) -> None:
        for name in labels:
            if not name or name == METRIC_NAME:
                self._error((*path, name), f"{what}: invalid label name: {name}", "rename it")

    def _rule_error(self, place: _Place, field: str, reason: str) -> None:
        self._error((*place.path, field), f"{place}: {reason}")

    def _error(self, path: YamlPath, message: str, advice: str = "") -> None:
        where = self._document.where(path)
        self._errors.append(ConfigError(message, where=where, advice=advice))


class _Place:
    """Which rule an error is about."""

    def __init__(self, path: YamlPath, group: str, number: int, model: RuleModel) -> None:
        self.path = path
        self.rule_name = model.alert or model.record
        self._text = f'group "{group}", rule {number}, "{self.rule_name}"'

    def __str__(self) -> str:
        return self._text


def _valid(model: type[Model], raw: object) -> Model | None:
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None
