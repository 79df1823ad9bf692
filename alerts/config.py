"""Pydantic models of Alertmanager's sections, under its own names, so that its files paste in.

`route`, `receivers`, `inhibit_rules`, `time_intervals` and `templates` are top-level keys of the
one configuration file; its `global` keys are `AlertmanagerGlobal`. Knows nothing of files and
lines: every error carries the path of the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from alerts.config_values import (
    ClassicLabelName,
    DurationMs,
    HostPort,
    HttpUrl,
    LabelName,
    MatcherTexts,
    NotYet,
    PositiveMs,
    Regex,
    SecretText,
    SecretUrl,
    Section,
    Text,
    Unused,
    at_most_one,
)
from alerts.http_config import HttpConfig, TlsConfig
from alerts.mute_times import TimeInterval, parse_time_interval
from alerts.receivers_config import (
    PAGERDUTY_URL,
    SLACK_POST_URL,
    ReceiverConfig,
)
from collector.model.errors import InputError

Loc = tuple[str | int, ...]
MAX_ROUTE_DEPTH = 32
"""A deeper tree is a mistake, and would end in Python's own recursion limit."""
SECRETS = (
    "slack_signing_secret", "slack_socket_token", "pagerduty_webhook_secret", "smtp_auth_password",
    "opsgenie_api_key", "victorops_api_key", "telegram_bot_token", "rocketchat_token",
    "rocketchat_token_id", "mattermost_webhook_url",
)  # fmt: skip
"""Each is given in the file or in a file of its own, not in both."""
ALL_LABELS = "..."
"""In `group_by`: every alert is a group of its own."""


class AlertmanagerGlobal(Section):
    """Alertmanager's part of the block `global`: defaults of the receivers."""

    resolve_timeout: PositiveMs = 5 * 60_000
    http_config: HttpConfig | None = None
    slack_api_url: SecretUrl | None = None
    slack_api_url_file: str = ""
    slack_app_token: SecretText | None = None
    slack_app_token_file: str = ""
    slack_app_url: HttpUrl = SLACK_POST_URL
    slack_signing_secret: SecretText | None = None
    slack_signing_secret_file: str = ""
    slack_socket_token: SecretText | None = None
    slack_socket_token_file: str = ""
    pagerduty_url: HttpUrl = PAGERDUTY_URL
    pagerduty_webhook_secret: SecretText | None = None
    pagerduty_webhook_secret_file: str = ""
    smtp_from: str = ""
    smtp_hello: str = "localhost"
    smtp_smarthost: HostPort | None = None
    smtp_auth_username: str = ""
    smtp_auth_password: SecretText | None = None
    smtp_auth_password_file: str = ""
    smtp_auth_identity: str = ""
    smtp_require_tls: bool = True
    smtp_force_implicit_tls: bool | None = None
    smtp_tls_config: TlsConfig | None = None
    smtp_auth_secret: Unused = None
    smtp_auth_secret_file: Unused = None
    jira_api_url: Unused = None
    opsgenie_api_url: HttpUrl | None = None
    opsgenie_api_key: SecretText | None = None
    opsgenie_api_key_file: str = ""
    wechat_api_url: Unused = None
    wechat_api_secret: Unused = None
    wechat_api_secret_file: Unused = None
    wechat_api_corp_id: Unused = None
    victorops_api_url: HttpUrl | None = None
    victorops_api_key: SecretText | None = None
    victorops_api_key_file: str = ""
    telegram_api_url: HttpUrl | None = None
    telegram_bot_token: SecretText | None = None
    telegram_bot_token_file: str = ""
    webex_api_url: HttpUrl | None = None
    rocketchat_api_url: HttpUrl | None = None
    rocketchat_token: SecretText | None = None
    rocketchat_token_file: str = ""
    rocketchat_token_id: SecretText | None = None
    rocketchat_token_id_file: str = ""
    mattermost_webhook_url: SecretUrl | None = None
    mattermost_webhook_url_file: str = ""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        at_most_one(
            slack_api_url=self.slack_api_url,
            slack_api_url_file=self.slack_api_url_file,
            slack_app_token=self.slack_app_token,
            slack_app_token_file=self.slack_app_token_file,
        )
        for name in SECRETS:
            file = f"{name}_file"
            at_most_one(**{name: getattr(self, name), file: getattr(self, file)})
        return self


class RouteConfig(Section):
    """One node of the routing tree; what is None comes from its parent."""

    receiver: str = ""
    group_by: tuple[LabelName, ...] | None = None
    matchers: MatcherTexts = ()
    match: dict[ClassicLabelName, Text] = Field(default_factory=dict)
    match_re: dict[ClassicLabelName, Regex] = Field(default_factory=dict)
    continue_: bool = Field(default=False, alias="continue")
    group_wait: DurationMs | None = None
    group_interval: PositiveMs | None = None
    repeat_interval: PositiveMs | None = None
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    labels: NotYet = None

    @field_validator("group_by")
    @classmethod
    def _all_or_some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names and ALL_LABELS in names and len(names) > 1:
            raise ValueError("cannot have wildcard group_by (`...`) and other labels together")
        if names and len(set(names)) < len(names):
            raise ValueError("a label stands twice in group_by")
        return names


class InhibitRuleConfig(Section):
    """While an alert matches the source, alerts that match the target are held back."""

    name: str = ""
    source_matchers: MatcherTexts = ()
    source_match: dict[ClassicLabelName, Text] = Field(default_factory=dict)
    source_match_re: dict[ClassicLabelName, Regex] = Field(default_factory=dict)
    target_matchers: MatcherTexts = ()
    target_match: dict[ClassicLabelName, Text] = Field(default_factory=dict)
    target_match_re: dict[ClassicLabelName, Regex] = Field(default_factory=dict)
    equal: tuple[LabelName, ...] = ()
    sources: NotYet = None


class TimeRangeConfig(Section):
    """From `start_time` up to, not including, `end_time`, both `HH:MM`."""

    start_time: str
    end_time: str


class TimeIntervalSpec(Section):
    """One interval: all of its lines that are given must hold."""

    times: tuple[TimeRangeConfig, ...] = ()
    weekdays: tuple[Text, ...] = ()
    days_of_month: tuple[Text, ...] = ()
    months: tuple[Text, ...] = ()
    years: tuple[Text, ...] = ()
    location: str = "UTC"

    @model_validator(mode="after")
    def _parses(self) -> Self:
        try:
            self.interval()
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    def interval(self) -> TimeInterval:
        """The interval as `alerts.mute_times` takes it."""
        return parse_time_interval(
            times=tuple((time.start_time, time.end_time) for time in self.times),
            weekdays=self.weekdays,
            days_of_month=self.days_of_month,
            months=self.months,
            years=self.years,
            location=self.location,
        )


class TimeIntervalConfig(Section):
    """A named set of intervals that routes refer to."""

    name: str = Field(min_length=1)
    time_intervals: tuple[TimeIntervalSpec, ...] = ()


class AlertsConfig(Section):
    """The whole of Alertmanager's sections; without a `route`, alerts are kept and not sent."""

    route: RouteConfig | None = None
    receivers: tuple[ReceiverConfig, ...] = ()
    inhibit_rules: tuple[InhibitRuleConfig, ...] = ()
    time_intervals: tuple[TimeIntervalConfig, ...] = ()
    mute_time_intervals: tuple[TimeIntervalConfig, ...] = ()
    templates: tuple[str, ...] = ()
    tracing: NotYet = None

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Self:
        findings = [*_duplicates(self), *_root_findings(self), *_route_findings(self)]
        findings += _fallback_findings(self)
        if findings:
            raise ValidationError.from_exception_data("AlertsConfig", findings)
        return self


def write_original(config: AlertsConfig, global_: AlertmanagerGlobal) -> str:
    """The configuration as YAML that amtool reads, secrets masked: only what was set."""
    written = config.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    defaults = global_.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    written.setdefault("route", {"receiver": "none"})
    written.setdefault("receivers", [{"name": "none"}])
    if defaults:
        written = {"global": defaults, **written}
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True)


def _finding(loc: Loc, message: str) -> InitErrorDetails:
    # braces in the message would be read as pydantic's own placeholders
    error = PydanticCustomError("alerts", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=loc, input=None)


def _duplicates(config: AlertsConfig) -> Iterator[InitErrorDetails]:
    seen: set[str] = set()
    for i, receiver in enumerate(config.receivers):
        if receiver.name in seen:
            yield _finding(("receivers", i, "name"), f"receiver {receiver.name!r} is not unique")
        seen.add(receiver.name)
    names: set[str] = set()
    for key in ("mute_time_intervals", "time_intervals"):
        for i, interval in enumerate(getattr(config, key)):
            if interval.name in names:
                yield _finding((key, i, "name"), f"time interval {interval.name!r} is not unique")
            names.add(interval.name)


def _fallback_findings(config: AlertsConfig) -> Iterator[InitErrorDetails]:
    names = {receiver.name for receiver in config.receivers}
    for i, receiver in enumerate(config.receivers):
        if receiver.fallback == receiver.name:
            yield _finding(("receivers", i, "fallback"), "a receiver can't be its own fallback")
        elif receiver.fallback and receiver.fallback not in names:
            message = f"undefined receiver {receiver.fallback!r}"
            yield _finding(("receivers", i, "fallback"), message)


def _root_findings(config: AlertsConfig) -> Iterator[InitErrorDetails]:
    root = config.route
    if root is None:
        return
    if not root.receiver:
        yield _finding(("route",), "the root route must name a default receiver")
    for key, given in (
        ("matchers", root.matchers),
        ("match", root.match),
        ("match_re", root.match_re),
        ("continue", root.continue_),
        ("mute_time_intervals", root.mute_time_intervals),
        ("active_time_intervals", root.active_time_intervals),
    ):
        if given:
            yield _finding(("route", key), f"the root route must not have {key}")


def _route_findings(config: AlertsConfig) -> Iterator[InitErrorDetails]:
    receivers = {receiver.name for receiver in config.receivers}
    intervals = {entry.name for entry in (*config.time_intervals, *config.mute_time_intervals)}
    for loc, route in walk_routes(config.route):
        if len(loc) > 2 * MAX_ROUTE_DEPTH:
            yield _finding(loc, f"routes nest deeper than {MAX_ROUTE_DEPTH}")
            return
        if route.receiver and route.receiver not in receivers:
            yield _finding((*loc, "receiver"), f"undefined receiver {route.receiver!r}")
        for key in ("mute_time_intervals", "active_time_intervals"):
            for i, name in enumerate(getattr(route, key)):
                if name not in intervals:
                    yield _finding((*loc, key, i), f"undefined time interval {name!r}")


def walk_routes(
    root: RouteConfig | None, loc: Loc = ("route",)
) -> Iterator[tuple[Loc, RouteConfig]]:
    """Every node with its path in the file, depth first."""
    if root is None:
        return
    yield loc, root
    for i, child in enumerate(root.routes):
        yield from walk_routes(child, (*loc, "routes", i))
