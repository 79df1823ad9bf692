"""HTTP routes of objectives: `GET /api/tocsin/v1/slos`, one of them, its history, rules."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from collector.model.clock import Clock
from collector.model.durations import parse_duration_ms
from collector.model.errors import ConfigError, InputError, LimitError
from slo.evaluate import SloEngine
from slo.history import History
from slo.lint import findings
from slo.lint.interface import Finding
from slo.prometheus_rules import rules_yaml
from slo.specs import read_all
from slo.verdict import TierVerdict, Verdict, whole
from slo.window import window_text

DEFAULT_POINTS = 300
MAX_SPEC_BYTES = 1024 * 1024
"""Specifications sent to be checked; a file of a thousand objectives is smaller."""


class BudgetBody(BaseModel):
    """Events of the budget's window, and what they left of the budget."""

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


class SloBody(BaseModel):
    """One objective with its latest verdict."""

    id: str
    service: str
    slo: str
    description: str
    objective: float
    state: str
    at_ms: int
    budget: BudgetBody
    burn_rates: dict[str, float]
    tiers: list[TierBody]
    firing_since_ms: dict[str, int]
    queries: dict[str, str]
    labels: dict[str, str]
    owner: str
    runbook_url: str
    dashboard_url: str
    warnings: list[str]

    @classmethod
    def of(cls, verdict: Verdict) -> SloBody:
        """The body of a verdict."""
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
            tiers=[TierBody.of(one) for one in verdict.tiers],
            firing_since_ms={str(key): since for key, since in verdict.firing_since_ms.items()},
            queries=dict(objective.indicator.queries),
            labels=dict(objective.labels),
            owner=objective.owner,
            runbook_url=objective.runbook_url,
            dashboard_url=objective.dashboard_url,
            warnings=list(verdict.warnings),
        )


class SlosBody(BaseModel):
    """Every objective, least budget first."""

    slos: list[SloBody]


class HistoryBody(BaseModel):
    """Parallel lists, one point a step; `times_ms` are the steps' ends."""

    times_ms: list[int]
    good: list[float]
    bad: list[float]
    total: list[float]
    budget_left_ratio: list[float]
    burn_rates: dict[str, list[float]]

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


def router(engine: SloEngine, clock: Clock) -> APIRouter:
    """The routes over one engine."""
    routes = APIRouter(prefix="/api/tocsin/v1/slos")

    @routes.get("")
    def slos(service: str | None = None, state: str | None = None) -> SlosBody:
        """Objectives, all or of one service or state, least budget first."""
        found = [
            verdict
            for verdict in engine.verdicts()
            if service in (None, verdict.objective.service) and state in (None, verdict.state)
        ]
        found.sort(key=lambda verdict: verdict.budget.left_ratio)
        return SlosBody(slos=[SloBody.of(verdict) for verdict in found])

    @routes.get("/rules", response_class=PlainTextResponse)
    def rules() -> PlainTextResponse:
        """Recording and alerting rules of all objectives for a Prometheus."""
        text = rules_yaml(engine.objectives, engine.override)
        return PlainTextResponse(text, media_type="application/yaml")

    @routes.post("/check")
    async def check(request: Request) -> FindingsBody:
        """What is wrong with specifications (YAML), by themselves and by what the store has."""
        text = (await request.body())[:MAX_SPEC_BYTES].decode("utf-8", errors="replace")
        return await run_in_threadpool(_checked, text, engine, clock)

    @routes.get("/{service}/{slo:path}/history")
    def history(
        service: str,
        slo: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        step: str | None = None,
    ) -> HistoryBody:
        """Events, budget and burn rates per step; one hour up to now in 300 steps by default."""
        end = clock.now_ms() if end_ms is None else end_ms
        start = end - parse_duration_ms("1h") if start_ms is None else start_ms
        try:
            step_ms = parse_duration_ms(step) if step else max(1, (end - start) // DEFAULT_POINTS)
            found = engine.history(f"{service}/{slo}", start, end, step_ms)
        except (InputError, LimitError) as error:
            raise HTTPException(400, str(error)) from error
        if found is None:
            raise _unknown(service, slo)
        return HistoryBody.of(found)

    @routes.get("/{service}/{slo:path}")
    def one(service: str, slo: str) -> SloBody:
        """One objective."""
        verdict = engine.verdict(f"{service}/{slo}")
        if verdict is None:
            raise _unknown(service, slo)
        return SloBody.of(verdict)

    return routes


def _checked(text: str, engine: SloEngine, clock: Clock) -> FindingsBody:
    objectives, errors = read_all(text, "request")
    found = findings(objectives, engine.facts(clock.now_ms()))
    rows = [FindingBody.of_error(error) for error in errors]
    rows += [FindingBody.of(one) for one in found]
    return FindingsBody(objectives=len(objectives), findings=rows)


def _unknown(service: str, slo: str) -> HTTPException:
    return HTTPException(404, f"no SLO {service}/{slo}; GET /api/tocsin/v1/slos lists them")


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
    )
