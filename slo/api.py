"""HTTP routes of objectives: `GET /api/tocsin/v1/slos`, one of them, its history, rules."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse

from collector.model.clock import Clock
from collector.model.deploy import NO_DEPLOYS, Deploy, Deploys
from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError, LimitError
from slo.api_bodies import (
    AttributionBody,
    BudgetBody,
    BurnBody,
    FindingBody,
    FindingsBody,
    GateBody,
    HistoryBody,
    SloBody,
    SlosBody,
    TierBody,
)
from slo.api_corrections import add_corrections
from slo.composite import services_of
from slo.evaluate import SloEngine
from slo.gate import gate_of
from slo.lint import findings
from slo.lint.interface import Facts
from slo.prometheus_rules import rules_yaml
from slo.specs import read_all
from slo.specs.schema import json_schema
from slo.suspects import STEPS, burn_began_ms, suspects

DEFAULT_POINTS = 300
MAX_SPEC_BYTES = 1024 * 1024
"""Specifications sent to be checked; a file of a thousand objectives is smaller."""


def router(
    engine: SloEngine,
    clock: Clock,
    known: Callable[[], Facts] = Facts,
    deploys: Deploys = NO_DEPLOYS,
) -> APIRouter:
    """The routes over one engine; `known` has what lint rules may know of the configuration.

    `deploys` are named where a burn began shortly after one.
    """
    routes = APIRouter(prefix="/api/tocsin/v1/slos")

    _add_all(routes, engine)
    _add_checks(routes, engine, clock, known)
    add_corrections(routes, engine.corrections)
    _add_figures(routes, engine)
    _add_one(routes, engine, clock, deploys)
    return routes


def _add_all(routes: APIRouter, engine: SloEngine) -> None:
    @routes.get("")
    def slos(service: str | None = None, state: str | None = None) -> SlosBody:
        """Objectives, all or of one service or state, least budget first."""
        every = engine.verdicts()
        composites = [one for one in engine.objectives if one.composite]
        found = [
            verdict
            for verdict in every
            if service in (None, verdict.objective.service) and state in (None, verdict.state)
        ]
        found.sort(key=lambda verdict: verdict.budget.left_ratio)
        slos = [
            SloBody.of(
                one,
                every if one.objective.composite else (),
                composites,
                engine.policies.since_ms(one.objective.id),
            )
            for one in found
        ]
        return SlosBody(slos=slos)

    @routes.get("/schema")
    def schema() -> dict[str, object]:
        """JSON Schema of specifications, for editors."""
        return json_schema()

    @routes.get("/rules", response_class=PlainTextResponse)
    def rules() -> PlainTextResponse:
        """Recording and alerting rules of all objectives for a Prometheus."""
        text = rules_yaml(engine.exported(), engine.override)
        return PlainTextResponse(text, media_type="application/yaml")


def _add_checks(
    routes: APIRouter, engine: SloEngine, clock: Clock, known: Callable[[], Facts]
) -> None:
    @routes.post("/check")
    async def check(request: Request) -> FindingsBody:
        """What is wrong with specifications (YAML), by themselves and by what the store has."""
        body = await request.body()
        if len(body) > MAX_SPEC_BYTES:
            raise HTTPException(413, f"more than {MAX_SPEC_BYTES:,} bytes: check file by file")
        text = body.decode("utf-8", errors="replace")
        facts = engine.facts(clock.now_ms(), known())
        return await run_in_threadpool(_checked, text, facts)

    @routes.get("/gate")
    def gate(service: str, response: Response) -> GateBody:
        """Whether a service may be changed now: 200 when it may, 409 when it may not."""
        found = gate_of(service, engine.verdicts())
        if found is None:
            raise HTTPException(404, f"no SLO of a service {service!r}")
        response.status_code = 200 if found.is_open else 409
        return GateBody(service=service, open=found.is_open, reasons=list(found.reasons))


def _add_one(routes: APIRouter, engine: SloEngine, clock: Clock, deploys: Deploys) -> None:
    """Routes with more behind the name come first: a group's name may hold a slash."""

    @routes.get("/{service}/{slo:path}/attribution")
    def attribution(service: str, slo: str, window: str = "1h") -> AttributionBody:
        """Which label values had the bad events of the last hour, or another window.

        And what was deployed shortly before the burn began.
        """
        end_ms = clock.now_ms()
        try:
            start_ms = end_ms - parse_duration_ms(window)
        except InputError as error:
            raise HTTPException(400, str(error)) from error
        found = engine.attribution(f"{service}/{slo}", start_ms, end_ms)
        if found is None:
            raise _unknown(service, slo)
        began_ms, near = _began(engine, f"{service}/{slo}", deploys, start_ms, end_ms)
        return AttributionBody.of(found, began_ms, near)

    @routes.get("/{service}/{slo:path}/history")
    def history(
        service: str,
        slo: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        step: str | None = None,
        raw: bool = False,
        rewrite: bool = False,
    ) -> HistoryBody:
        """Events, budget and burn rates per step; one hour up to now in 300 steps by default.

        `raw`: as if there were no corrections; `rewrite`: as if the objective had always been as
        it is now.
        """
        end = clock.now_ms() if end_ms is None else end_ms
        start = end - parse_duration_ms("1h") if start_ms is None else start_ms
        try:
            step_ms = parse_duration_ms(step) if step else max(1, (end - start) // DEFAULT_POINTS)
            found = engine.history(f"{service}/{slo}", start, end, step_ms, raw, rewrite)
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
        parts = verdict.objective.composite.parts if verdict.objective.composite else ()
        known = [found for part in parts if (found := engine.verdict(part.id)) is not None]
        composites = [one for one in engine.objectives if one.composite]
        since_ms = engine.policies.since_ms(verdict.objective.id)
        return SloBody.of(verdict, known, composites, since_ms)


def _add_figures(routes: APIRouter, engine: SloEngine) -> None:
    @routes.get("/{service}/{slo:path}/budget")
    def budget(service: str, slo: str) -> BudgetBody:
        """The budget of one objective."""
        verdict = engine.verdict(f"{service}/{slo}")
        if verdict is None:
            raise _unknown(service, slo)
        return SloBody.of(verdict, (), ()).budget

    @routes.get("/{service}/{slo:path}/burn")
    def burn(service: str, slo: str) -> BurnBody:
        """Burn rates by window, and the tiers that watch them."""
        verdict = engine.verdict(f"{service}/{slo}")
        if verdict is None:
            raise _unknown(service, slo)
        return BurnBody(
            at_ms=verdict.at_ms,
            burn_rates=dict(verdict.burn_rates),
            tiers=[TierBody.of(one) for one in verdict.tiers],
        )


def _checked(text: str, facts: Facts) -> FindingsBody:
    objectives, errors = read_all(text, "request")
    found = findings(objectives, facts)
    rows = [FindingBody.of_error(error) for error in errors]
    rows += [FindingBody.of(one) for one in found]
    return FindingsBody(objectives=len(objectives), findings=rows)


def _began(
    engine: SloEngine, id_: str, deploys: Deploys, start_ms: int, end_ms: int
) -> tuple[int | None, list[Deploy]]:
    """When the burn of a stretch began, and the deploys shortly before."""
    verdict = engine.verdict(id_)
    step_ms = max(1, (end_ms - start_ms) // STEPS)
    history = engine.history(id_, start_ms, end_ms, step_ms)
    if verdict is None or history is None:
        return None, []
    began_ms = burn_began_ms(verdict.objective, history)
    if began_ms is None:
        return None, []
    return began_ms, suspects(
        deploys, services_of(verdict.objective, engine.objectives), began_ms, step_ms
    )


def _unknown(service: str, slo: str) -> HTTPException:
    return HTTPException(404, f"no SLO {service}/{slo}; GET /api/tocsin/v1/slos lists them")
