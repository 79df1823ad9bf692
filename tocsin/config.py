"""The one YAML file: its sections go to the packages that own them; every error has file and line.

Sections use the names that Prometheus and Alertmanager gave them, so that theirs paste in: the two
share the block `global`, whose keys are dealt out to whom they belong.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.external.config import AlertingConfig
from alerts.on_call.roster import roster_errors
from alerts.receivers import build_integrations
from alerts.section import AlertsSection
from alerts.template import TemplateBook, load_book
from anomaly.config import AnomalyConfig
from collector.config import GlobalConfig, LimitsConfig, OtlpConfig, ScrapeConfig, StorageConfig
from collector.config_errors import ManyConfigErrors, explain
from collector.config_values import Section
from collector.logs_config import LogsConfig
from collector.model.clock import ManualClock
from collector.model.errors import ConfigError, InputError, Where
from collector.model.regex import compile_regex
from collector.model.text_file import read_text
from collector.model.yaml_document import Path as YamlPath
from collector.model.yaml_document import YamlDocument, only_document, path_of
from collector.query_config import QueryConfig, StoreConfig
from collector.remote_write_config import RemoteWriteConfig
from collector.rules.config import RulesConfig
from collector.rules.file import load_rule_files, rule_paths
from collector.rules.rule import RuleGroup
from dashboards.config import DashboardsConfig
from slo.config import SloConfig
from slo.objective import Objective
from slo.specs import load_objectives
from tocsin.address import read_address
from tocsin.environment import fill_references

Model = TypeVar("Model", bound=BaseModel)

MAX_FILE_BYTES = 16 * 1024 * 1024
"""A configuration larger than this is a mistake."""


def _address(text: str) -> str:
    try:
        read_address(text)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return text


def _page_url(text: str) -> str:
    if text and not (text.startswith(("http://", "https://")) and urlsplit(text).netloc):
        raise ValueError("not an http or https URL with a host, like https://tocsin.example.net")
    return text


def _pattern(text: str) -> str:
    try:
        compile_regex(text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


class WebConfig(Section):
    """Section `web`: where tocsin listens, and how people reach it."""

    listen_address: Annotated[str, AfterValidator(_address)] = "127.0.0.1:9900"
    external_url: Annotated[str, AfterValidator(_page_url)] = ""
    cors_origin: Annotated[str, AfterValidator(_pattern)] = ""
    enable_admin_api: bool = False


class ScrapeSection(Section):
    """The list `scrape_configs`, as a model so that it is checked like any section."""

    scrape_configs: list[ScrapeConfig] = Field(default_factory=list)


class RemoteWriteSection(Section):
    """The list `remote_write`, likewise."""

    remote_write: list[RemoteWriteConfig] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration that was found right; objectives and rules are read already."""

    file: Path
    web: WebConfig
    global_: GlobalConfig
    scrape_configs: list[ScrapeConfig]
    remote_write: list[RemoteWriteConfig]
    rule_files: tuple[str, ...]
    rule_groups: tuple[RuleGroup, ...]
    storage: StorageConfig
    otlp: OtlpConfig
    limits: LimitsConfig
    query: QueryConfig
    store: StoreConfig
    logs: LogsConfig
    slos: SloConfig
    objectives: list[Objective]
    anomaly: AnomalyConfig
    alerts: AlertsConfig
    alerts_global: AlertmanagerGlobal
    alerts_section: AlertsSection
    alerting: AlertingConfig
    alert_templates: TemplateBook
    dashboards: DashboardsConfig


NOT_YET = {
    "remote_read": "reading from another store",
    "tracing": "exporting tocsin's own traces",
    "scrape_config_files": "scrape sections in files of their own",
}
"""Sections of Prometheus that tocsin knows and does not serve yet: silence about them would lie."""

GLOBAL_BLOCK = "global"


def load_config(file: Path, environment: Mapping[str, str]) -> Config:
    """Read, check and combine the configuration, and the objectives and rules that it names.

    Raises ManyConfigErrors with every error that was found, each with file, line and advice.
    """
    document = read_one(file)
    data = fill_references(document, environment)
    if not isinstance(data, dict):
        raise ConfigError(
            "the file must be a mapping of sections",
            where=Where(str(file), 1),
            advice="write `section:` lines, like `scrape_configs:`",
        )
    return _Loader(file, document, data).config()


def read_one(file: Path) -> YamlDocument:
    """The file's one YAML document; an empty file is an empty mapping."""
    name = str(file)
    return only_document(read_text(file, MAX_FILE_BYTES), name) or YamlDocument(name, {}, {(): 1})


class _Loader:
    """Checks section by section and keeps every error, so that one run shows them all."""

    def __init__(self, file: Path, document: YamlDocument, data: Mapping[str, object]) -> None:
        self._file = file
        self._document = document
        self._data = data
        self._errors: list[ConfigError] = []

    def config(self) -> Config:
        self._refuse_unknown_sections()
        slos = self._section("slos", SloConfig)
        rule_files = self._keys(RulesConfig).rule_files
        alerts = self._keys(AlertsConfig)
        config = Config(
            file=self._file,
            web=self._section("web", WebConfig),
            global_=self._global(GlobalConfig),
            scrape_configs=self._keys(ScrapeSection).scrape_configs,
            remote_write=self._keys(RemoteWriteSection).remote_write,
            rule_files=rule_files,
            rule_groups=self._rule_groups(rule_files),
            storage=self._section("storage", StorageConfig),
            otlp=self._section("otlp", OtlpConfig),
            limits=self._section("limits", LimitsConfig),
            query=self._section("query", QueryConfig),
            store=self._section("store", StoreConfig),
            logs=self._section("logs", LogsConfig),
            slos=slos,
            objectives=self._objectives(slos),
            anomaly=self._section("anomaly", AnomalyConfig),
            alerts=alerts,
            alerts_global=self._global(AlertmanagerGlobal),
            alerts_section=self._section("alerts", AlertsSection),
            alerting=self._section("alerting", AlertingConfig),
            alert_templates=self._alert_templates(alerts.templates),
            dashboards=self._section("dashboards", DashboardsConfig),
        )
        self._refuse_doubles(config.scrape_configs)
        if not self._errors:
            self._build_receivers(config)
        if self._errors:
            raise ManyConfigErrors(self._errors)
        return config

    def _section(self, key: str, model: type[Model]) -> Model:
        """The value of one top-level key."""
        value = self._data.get(key)
        return self._check(model, {} if value is None else value, (key,))

    def _keys(self, model: type[Model]) -> Model:
        """A model whose fields are top-level keys; a key without a value is not there."""
        names = _names(model)
        given = {k: v for k, v in self._data.items() if k in names and v is not None}
        return self._check(model, given, ())

    def _global(self, model: type[Model]) -> Model:
        """The keys of the shared block `global` that belong to one of its two owners."""
        block = self._data.get(GLOBAL_BLOCK)
        block = {} if block is None else block
        names = _names(model)
        mine = {k: v for k, v in block.items() if k in names} if isinstance(block, dict) else block
        return self._check(model, mine, (GLOBAL_BLOCK,))

    def _check(self, model: type[Model], value: object, at: YamlPath) -> Model:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self._errors += explain(error, self._document, at, model)
            return model.model_construct()

    def _objectives(self, slos: SloConfig) -> list[Objective]:
        try:
            objectives = load_objectives(slos.paths(self._file.parent))
            slos.check_policies(objectives)
            return objectives
        except ManyConfigErrors as error:
            self._errors += error.errors
        except ConfigError as error:
            where = error.where if error.where.file else self._document.where(("slos", "files"))
            self._errors.append(ConfigError(error.message, where=where, advice=error.advice))
        return []

    def _rule_groups(self, patterns: Sequence[str]) -> tuple[RuleGroup, ...]:
        try:
            return load_rule_files(rule_paths(patterns, self._file.parent))
        except ManyConfigErrors as error:
            self._errors += error.errors
        return ()

    def _alert_templates(self, patterns: Sequence[str]) -> TemplateBook:
        book, errors = load_book(patterns, self._file.parent)
        self._errors += errors
        return book

    def _refuse_doubles(self, scrape_configs: Sequence[ScrapeConfig]) -> None:
        seen: set[str] = set()
        for i, one in enumerate(scrape_configs):
            if one.job_name in seen:
                where = self._document.where(("scrape_configs", i, "job_name"))
                message = f"two scrape sections are named {one.job_name!r}"
                self._errors.append(ConfigError(message, where=where, advice="rename one"))
            seen.add(one.job_name)

    def _build_receivers(self, config: Config) -> None:
        """What a receiver lacks shows when it is combined with `global`; names must be known."""
        try:
            build_integrations(
                config.alerts, config.alerts_global, ManualClock(), config.alert_templates
            )
        except ManyConfigErrors as many:
            for error in many.errors:
                where = self._document.where(path_of(error.where.field))
                self._errors.append(ConfigError(error.message, where=where, advice=error.advice))
        receivers = [receiver.name for receiver in config.alerts.receivers]
        for error in roster_errors(config.alerts_section.on_call, receivers):
            where = self._document.where(path_of(error.where.field))
            self._errors.append(ConfigError(error.message, where=where, advice=error.advice))

    def _refuse_unknown_sections(self) -> None:
        sections = {
            "web",
            "storage",
            "otlp",
            "limits",
            "query",
            "store",
            "logs",
            "slos",
            "anomaly",
            "alerts",
            "alerting",
            "dashboards",
        }
        known = sections | _names(ScrapeSection) | _names(RemoteWriteSection)
        known |= _names(RulesConfig) | _names(AlertsConfig) | {GLOBAL_BLOCK}
        for key in self._data:
            if key not in known:
                self._errors.append(self._unknown((key,), known))
        block = self._data.get(GLOBAL_BLOCK)
        of_global = _names(GlobalConfig) | _names(AlertmanagerGlobal)
        for key in block if isinstance(block, dict) else ():
            if key not in of_global:
                self._errors.append(self._unknown((GLOBAL_BLOCK, key), of_global))

    def _unknown(self, path: YamlPath, known: set[str]) -> ConfigError:
        where = self._document.where(path)
        if path[0] in NOT_YET:
            return ConfigError(
                f"{NOT_YET[str(path[0])]} is not supported yet",
                where=where,
                advice="remove the section",
            )
        near = difflib.get_close_matches(str(path[-1]), sorted(known), n=1)
        advice = f"did you mean {near[0]!r}?" if near else "see docs/configuration.md"
        return ConfigError(f"no such field: {path[-1]!r}", where=where, advice=advice)


def _names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}
