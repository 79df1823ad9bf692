"""The JSON bodies of the SLO routes, made from what the engine answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import BaseModel

from collector.model.deploy import Deploy
from collector.model.errors import ConfigError
from slo.api_composite import CompositeBody, part_of
from slo.attribution import Attribution
from slo.budget import Budget
from slo.forecast import Forecast
from slo.history import History
from slo.late_events import Late, joined
from slo.lint.interface import Finding
from slo.objective import Objective
from slo.policy import PolicyStep
from slo.verdict import TierVerdict, Verdict, whole
from slo.window import window_text


class RawBody(BaseModel):
    """Events of the budget's window as they were counted, corrections left out of account."""

    good: float
    bad: float
    total: float
    sli_ratio: float
    left_ratio: float


class GapBody(BaseModel):
    """Events that arrived late: at `until_ms`, when nothing had come since `from_ms`."""

    from_ms: int
    until_ms: int
    bad: float
    total: float

    @classmethod
    def of(cls, late: Late) -> GapBody:
        """The body of a gap."""
        events = {"bad": whole(late.bad), "total": whole(late.total)}
        return cls(from_ms=late.from_ms, until_ms=late.until_ms, **events)


class LateBody(GapBody):
    """All events of a budget's window that arrived late, and the gaps over which they came."""

    gaps: list[GapBody]


class BudgetBody(BaseModel):
    """Events of the budget's window, and what they left of the budget.

    `raw` are the figures without corrections; `excluded_ratio` is the share of the window's time
    that those leave out; `late` is how many events arrived late, null for none.
    """

    window: str
    good: float
    bad: float
    total: float
    sli_ratio: float
    left_ratio: float
    left_events: float
    allowed_events: float
    coverage_ratio: float
    exhausted_in_seconds: float | None
    excluded_ratio: float
    raw: RawBody
    late: LateBody | None


class TierBody(BaseModel):
    """One row of the burn-rate table."""

    severity: str
    long_window: str
    short_window: str
    factor: float
    long_burn_rate: float
    short_burn_rate: float
    is_burning: bool

    @classmethod
    def of(cls, one: TierVerdict) -> TierBody:
        """The body of a tier."""
        return cls(
            severity=one.tier.severity,
            long_window=window_text(one.tier.long_ms),
            short_window=window_text(one.tier.short_ms),
            factor=one.tier.factor,
            long_burn_rate=one.long_rate,
            short_burn_rate=one.short_rate,
            is_burning=one.is_burning,
        )


class ForecastBody(BaseModel):
    """When the budget runs out: not before `early_ms`, not after `late_ms`, with 80 %.

    Null where that does not come within the time that is looked ahead.
    """

    at_ms: int
    early_ms: int | None
    likely_ms: int | None
    late_ms: int | None

    @classmethod
    def of(cls, one: Forecast | None) -> ForecastBody | None:
        """The body of a forecast."""
        if one is None:
            return None
        return cls(
            at_ms=one.at_ms, early_ms=one.early_ms, likely_ms=one.likely_ms, late_ms=one.late_ms
        )


class PolicyStepBody(BaseModel):
    """One step of an error-budget policy; `since_ms` is when it came into force, null if not."""

    left_ratio: float
    notify: bool
    freeze: bool
    webhook: str
    since_ms: int | None

    @classmethod
    def of(cls, step: PolicyStep, since_ms: Mapping[str, int]) -> PolicyStepBody:
        """The body of a step, by when those that are in force began."""
        return cls(
            left_ratio=float(step.left_ratio),
            notify=step.notify,
            freeze=step.freeze,
            webhook=step.webhook,
            since_ms=since_ms.get(step.percent),
        )


class SloBody(BaseModel):
    """One objective with its latest verdict.

    `composite` says what it is made of (null for most), `part_of` what composites it is a part of.
    """

    id: str
    service: str
    slo: str
    description: str
    objective: float
    state: str
    at_ms: int
    budget: BudgetBody
    burn_rates: dict[str, float]
    forecast: ForecastBody | None
    tiers: list[TierBody]
    firing_since_ms: dict[str, int]
    queries: dict[str, str]
    labels: dict[str, str]
    owner: str
    runbook_url: str
    dashboard_url: str
    warnings: list[str]
    composite: CompositeBody | None
    part_of: list[str]
    policy: list[PolicyStepBody]

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        parts: Sequence[Verdict],
        composites: Sequence[Objective],
        policy_since_ms: Mapping[str, int] = MappingProxyType({}),
    ) -> SloBody:
        """The body of a verdict, beside those on its parts and all composites."""
        objective = verdict.objective
        return cls(
            id=objective.id,
            service=objective.service,
            slo=objective.title,
            description=objective.description,
            objective=objective.ratio,
            state=verdict.state,
            at_ms=verdict.at_ms,
            budget=_budget(verdict),
            burn_rates=dict(verdict.burn_rates),
            forecast=ForecastBody.of(verdict.forecast),
            tiers=[TierBody.of(one) for one in verdict.tiers],
            firing_since_ms={str(key): since for key, since in verdict.firing_since_ms.items()},
            queries=dict(objective.indicator.queries),
            labels=dict(objective.labels),
            owner=objective.owner,
            runbook_url=objective.runbook_url,
            dashboard_url=objective.dashboard_url,
            warnings=list(verdict.warnings),
            composite=CompositeBody.of(objective, parts),
            part_of=part_of(objective, composites),
            policy=[PolicyStepBody.of(one, policy_since_ms) for one in objective.policy],
        )


class BurnBody(BaseModel):
    """Burn rates by window, and the tiers that watch them."""

    at_ms: int
    burn_rates: dict[str, float]
    tiers: list[TierBody]


class SlosBody(BaseModel):
    """Every objective, least budget first."""

    slos: list[SloBody]


class HistoryBody(BaseModel):
    """Parallel lists, one point a step; `times_ms` are the steps' ends.

    `revisions` are the numbers of the objective's revisions that judged each.
    """

    times_ms: list[int]
    good: list[float]
    bad: list[float]
    total: list[float]
    budget_left_ratio: list[float]
    burn_rates: dict[str, list[float]]
    revisions: list[int]

    @classmethod
    def of(cls, history: History) -> HistoryBody:
        """The body of a history."""
        return cls(
            times_ms=history.times_ms.tolist(),
            good=history.good.tolist(),
            bad=history.bad.tolist(),
            total=history.total.tolist(),
            budget_left_ratio=history.budget_left_ratio.tolist(),
            burn_rates={name: rates.tolist() for name, rates in history.burn_rates.items()},
            revisions=history.revisions.tolist(),
        )


class FindingBody(BaseModel):
    """One thing that is wrong or probably wrong with a specification."""

    rule: str
    level: str
    slo: str
    line: int
    field: str
    message: str
    advice: str

    @classmethod
    def of(cls, one: Finding) -> FindingBody:
        """The body of a finding."""
        return cls(
            rule=one.rule,
            level=one.level,
            slo=one.objective,
            line=one.where.line,
            field=one.where.field,
            message=one.message,
            advice=one.advice,
        )

    @classmethod
    def of_error(cls, error: ConfigError) -> FindingBody:
        """The body of what can't be read."""
        return cls(
            rule="spec",
            level="error",
            slo="",
            line=error.where.line,
            field=error.where.field,
            message=error.message,
            advice=error.advice,
        )


class FindingsBody(BaseModel):
    """How many objectives could be read, and what was found."""

    objectives: int
    findings: list[FindingBody]


class GateBody(BaseModel):
    """Whether a service may be changed, and what speaks against it."""

    service: str
    open: bool
    reasons: list[str]


class ShareBody(BaseModel):
    """Events of the series with one value of a label."""

    label: str
    value: str
    bad: float
    total: float
    of_bad_ratio: float


class SuspectBody(BaseModel):
    """A deploy shortly before the beginning of a burn."""

    service: str
    version: str
    at_ms: int
    url: str
    note: str


class AttributionBody(BaseModel):
    """Bad and total events of a stretch, and who had them, most bad events first.

    `burn_began_ms` is where the burn of the stretch began, null without one; `deploys` are those
    of the hour before that, the nearest first.
    """

    start_ms: int
    end_ms: int
    bad: float
    total: float
    shares: list[ShareBody]
    burn_began_ms: int | None
    deploys: list[SuspectBody]

    @classmethod
    def of(
        cls, found: Attribution, began_ms: int | None, deploys: Sequence[Deploy]
    ) -> AttributionBody:
        """The body of an attribution."""
        shares = [
            ShareBody(
                label=one.label,
                value=one.value,
                bad=one.bad,
                total=one.total,
                of_bad_ratio=one.of_bad_ratio,
            )
            for one in found.shares
        ]
        return cls(
            start_ms=found.start_ms,
            end_ms=found.end_ms,
            bad=found.bad,
            total=found.total,
            shares=shares,
            burn_began_ms=began_ms,
            deploys=[
                SuspectBody(
                    service=one.service,
                    version=one.version,
                    at_ms=one.at_ms,
                    url=one.url,
                    note=one.note,
                )
                for one in deploys
            ],
        )


def _budget(verdict: Verdict) -> BudgetBody:
    budget = verdict.budget
    return BudgetBody(
        window=verdict.objective.window.text,
        good=whole(budget.good),
        bad=whole(budget.bad),
        total=whole(budget.total),
        sli_ratio=budget.sli_ratio,
        left_ratio=budget.left_ratio,
        left_events=budget.left_events,
        allowed_events=budget.allowed_events,
        coverage_ratio=verdict.coverage_ratio,
        exhausted_in_seconds=verdict.exhausted_in_seconds,
        excluded_ratio=verdict.excluded_ratio,
        raw=_raw(verdict.raw_budget or budget),
        late=_late(verdict.late),
    )


def _late(gaps: Sequence[Late]) -> LateBody | None:
    if not gaps:
        return None
    every = GapBody.of(joined(tuple(gaps))).model_dump()
    return LateBody(**every, gaps=[GapBody.of(one) for one in gaps])


def _raw(budget: Budget) -> RawBody:
    return RawBody(
        good=whole(budget.good),
        bad=whole(budget.bad),
        total=whole(budget.total),
        sli_ratio=budget.sli_ratio,
        left_ratio=budget.left_ratio,
    )
