"""`Objective`, its `Indicator` and how it alerts: frozen values, validated on construction.

They know nothing of files, stores or time. A target is a `Fraction`, so that 99.9 % allows exactly
one event in a thousand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from collector.model.errors import ConfigError
from collector.model.matchers import Matcher
from slo.calendar_window import CalendarWindow
from slo.window import Window

Severity = Literal["page", "ticket"]
SEVERITIES: tuple[Severity, ...] = ("page", "ticket")

DEFAULT_ALERT_NAME = "SLOBurnRate"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class CounterTerm:
    """`coefficient` times the increase of every series that satisfies `matchers`."""

    coefficient: int
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Indicator:
    """Bad and total events, each a sum of counters; good is total less bad.

    `kind` is its name in `INDICATORS`; `queries` are (name, PromQL) as people wrote them.
    Raises ConfigError when either side counts nothing.
    """

    kind: str
    bad: tuple[CounterTerm, ...]
    total: tuple[CounterTerm, ...]
    queries: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name, terms in (("bad", self.bad), ("total", self.total)):
            if not terms:
                raise ConfigError(
                    f"the {name} events name no counter", advice="write a counter's selector"
                )


@dataclass(frozen=True, slots=True)
class SeverityAlerting:
    """What one severity adds to its alerts; `disabled` ones are never emitted."""

    disabled: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alerting:
    """Name, labels and annotations of an objective's alerts."""

    name: str = DEFAULT_ALERT_NAME
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    page: SeverityAlerting = SeverityAlerting()
    ticket: SeverityAlerting = SeverityAlerting()

    def of(self, severity: Severity) -> SeverityAlerting:
        """The part of one severity."""
        return self.page if severity == "page" else self.ticket


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise about one indicator: `target` (a ratio in (0, 1)) of its events are good.

    `annotations` may hold `runbook_url`, `dashboard_url`, `owner`; `notes` are what its spec says
    that tocsin does not do yet. Raises ConfigError for a name, target or label that can't be.
    """

    service: str
    name: str
    target: Fraction
    window: Window | CalendarWindow
    indicator: Indicator
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    alerting: Alerting = Alerting()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, name in (("service", self.service), ("name", self.name)):
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{what} {name!r} is not a name",
                    advice="letters, digits, '.', '_' and '-', beginning with a letter or digit",
                )
        if not 0 < self.target < 1:
            raise ConfigError(
                f"the objective {float(self.target * 100):g} % is not between 0 and 100 %",
                advice="100 % leaves no budget to spend: 99.9 allows one bad event in a thousand",
            )
        for label in (*self.labels, *self.alerting.labels):
            if not _LABEL.fullmatch(label):
                raise ConfigError(
                    f"{label!r} is not a label name", advice="use [a-zA-Z_][a-zA-Z0-9_]*"
                )

    @property
    def id(self) -> str:
        """`service/name`: unique among all objectives."""
        return f"{self.service}/{self.name}"

    @property
    def ratio(self) -> float:
        """The target as a float."""
        return float(self.target)

    @property
    def allowed(self) -> Fraction:
        """The share of events that may be bad."""
        return 1 - self.target

    @property
    def runbook_url(self) -> str:
        """Where the person who is paged reads on, or ""."""
        return self._annotation("runbook_url")

    @property
    def dashboard_url(self) -> str:
        """The objective's board, or ""."""
        return self._annotation("dashboard_url")

    @property
    def owner(self) -> str:
        """Who answers for it, or ""."""
        return self._annotation("owner") or self.labels.get("owner", "")

    def _annotation(self, name: str) -> str:
        return self.alerting.annotations.get(name) or self.annotations.get(name, "")
