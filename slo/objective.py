"""`Objective`, its `Indicator` and how it alerts: frozen values, validated on construction.

They know nothing of files, stores or time. A target is a `Fraction`, so that 99.9 % allows exactly
one event in a thousand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal

from collector.model.errors import NOWHERE, ConfigError, Where
from collector.model.labels import quote
from collector.model.matchers import Matcher
from collector.model.record_rule import RecordRule
from slo.calendar_window import CalendarWindow
from slo.policy import PolicyStep
from slo.window import Window

if TYPE_CHECKING:
    from slo.composite import Composite, CompositeIndicator

Severity = Literal["page", "ticket"]
SEVERITIES: tuple[Severity, ...] = ("page", "ticket")

DEFAULT_MAX_GROUPS = 200
"""A label with more values than this is rarely one that budgets are kept by."""
DEFAULT_ALERT_NAME = "SLOBurnRate"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class CounterTerm:
    """`coefficient` times the increase of every series that satisfies `matchers`.

    With `under` those are buckets of classic histograms, and what counts is the share of theirs
    that are events up to this threshold (`slo.indicators.buckets`).
    """

    coefficient: float
    matchers: tuple[Matcher, ...]
    under: float | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """Bad and total events, each a sum of counters; good is total less bad.

    `kind` is its name in `INDICATORS`; `queries` are (name, PromQL) as people wrote them; `rule`
    counts spans or log records into the counters.
    Raises ConfigError when either side counts nothing.
    """

    kind: str
    bad: tuple[CounterTerm, ...]
    total: tuple[CounterTerm, ...]
    queries: tuple[tuple[str, str], ...] = ()
    rule: RecordRule | None = None

    def __post_init__(self) -> None:
        for name, terms in (("bad", self.bad), ("total", self.total)):
            if not terms:
                raise ConfigError(
                    f"the {name} events name no counter", advice="write a counter's selector"
                )


@dataclass(frozen=True, slots=True)
class _Uncounted(Indicator):
    """Counts nothing: stands where an indicator is not made of counters."""

    def __post_init__(self) -> None:
        """Nothing to check."""


UNCOUNTED = _Uncounted("uncounted", (), ())
Comparison = Literal["lt", "lte", "gt", "gte", "success", "failure"]


@dataclass(frozen=True, slots=True)
class SampledIndicator:
    """A query whose every series, each `every_ms`, is a good event when it is `operator` threshold.

    `operator` is as OpenSLO has it: `lte` for at or below. With `success` or `failure` the value
    is itself the share of good or bad, and the event is bad in part. Raises ConfigError for a time
    under a second.
    """

    kind: str
    query: str
    operator: Comparison
    threshold: float
    every_ms: int = 60_000
    queries: tuple[tuple[str, str], ...] = ()

    bad: ClassVar[tuple[CounterTerm, ...]] = ()
    total: ClassVar[tuple[CounterTerm, ...]] = ()

    def __post_init__(self) -> None:
        if self.every_ms < 1000:
            raise ConfigError(
                f"a query can't be asked every {self.every_ms} ms", advice="a minute is usual"
            )


NoData = Literal["ignore", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Timeslices:
    """The budget counts slices of `slice_ms`, each good when `target` of its events are.

    Without a target a slice is bad by its share of bad events (RatioTimeslices). `empty` says what
    a slice without events is. Raises ConfigError for what can't be a slice.
    """

    slice_ms: int
    target: Fraction | None = None
    empty: NoData = "ignore"

    def __post_init__(self) -> None:
        if not 0 < self.slice_ms <= 24 * 3_600_000:
            raise ConfigError(
                f"a slice of {self.slice_ms} ms is not in 0 to 1d", advice="1m and 5m are usual"
            )
        if self.target is not None and not 0 < self.target <= 1:
            raise ConfigError("a slice's target is a ratio over 0, up to 1", advice="0.95 is usual")


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

    `budgeting` None counts the events themselves (occurrences); `no_data` then says what the events
    are that were to be expected while no sample came (`slo.silences`). With `group_by` it is a
    template: each group of values of those labels has a budget of its own, `group` is what one has.
    `composite` says which objectives it is made of, `policy` what is done as its budget runs low.
    `annotations` may hold `runbook_url`, `dashboard_url`, `owner`; `notes` are what its spec says
    that tocsin does not do yet; `where` is the place of its spec.
    Raises ConfigError for a name, target or label that can't be.
    """

    service: str
    name: str
    target: Fraction
    window: Window | CalendarWindow
    indicator: Indicator | SampledIndicator | CompositeIndicator
    budgeting: Timeslices | None = None
    no_data: NoData = "ignore"
    group_by: tuple[str, ...] = ()
    max_groups: int = DEFAULT_MAX_GROUPS
    group: tuple[tuple[str, str], ...] = ()
    composite: Composite | None = None
    policy: tuple[PolicyStep, ...] = ()
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    alerting: Alerting = Alerting()
    notes: tuple[str, ...] = ()
    where: Where = field(default=NOWHERE, compare=False)

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
        if self.group_by and not isinstance(self.indicator, Indicator):
            raise ConfigError(
                "only events can be grouped by labels",
                advice="write good or bad, and total, as sums of counters",
            )
        for label in (*self.labels, *self.alerting.labels, *self.group_by):
            if not _LABEL.fullmatch(label):
                raise ConfigError(
                    f"{label!r} is not a label name", advice="use [a-zA-Z_][a-zA-Z0-9_]*"
                )

    @property
    def id(self) -> str:
        """`service/name`, and `{label="value"}` of a group: unique among all objectives."""
        return f"{self.service}/{self.title}"

    @property
    def title(self) -> str:
        """The name, with the group's values."""
        inner = ",".join(f"{name}={quote(value)}" for name, value in self.group)
        return f"{self.name}{{{inner}}}" if inner else self.name

    @property
    def matching(self) -> str:
        """PromQL's matchers of the series that it publishes: `service="shop",slo="up"`."""
        own = (("service", self.service), ("slo", self.name), *self.group)
        return ",".join(f"{name}={quote(value)}" for name, value in own)

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


def counters_of(objectives: Sequence[Objective]) -> list[Indicator]:
    """What each objective counts; nothing where its indicator is sampled."""
    found = [one.indicator for one in objectives]
    return [one if isinstance(one, Indicator) else UNCOUNTED for one in found]


def calendars_of(objectives: Sequence[Objective]) -> tuple[CalendarWindow, ...]:
    """Every calendar window once."""
    windows = (one.window for one in objectives)
    return tuple(dict.fromkeys(one for one in windows if isinstance(one, CalendarWindow)))
