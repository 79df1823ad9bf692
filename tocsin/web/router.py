"""The pages' routes: each asks the parts, makes a view, renders a template."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.model.errors import InputError, LimitError
from tocsin.web.acting_name import acting_name, remembering
from tocsin.web.alert_routes import add_alert_stories
from tocsin.web.alerts_page import alerts_view
from tocsin.web.assets import assets_router, load_assets
from tocsin.web.forms import SEE_OTHER, read_form
from tocsin.web.home_page import home_view
from tocsin.web.incidents_page import count_open
from tocsin.web.on_call_routes import add_on_call
from tocsin.web.query_page import query_view
from tocsin.web.rules_page import rules_view
from tocsin.web.silence_form import silence_from_form
from tocsin.web.slo_forms import add_slo_forms
from tocsin.web.slo_list_page import slo_list_view
from tocsin.web.slo_page import DEFAULT_RANGE, slo_view
from tocsin.web.targets_page import targets_view
from tocsin.web.template import Templates
from tocsin.web.tiles import host_tiles
from tocsin.wiring import Parts


def web_router(parts: Parts) -> APIRouter:
    """Home, objectives, queries, alerts, rules, targets, and what they load."""
    assets = load_assets()
    templates = Templates(
        assets, parts.clock, lambda: _firing(parts), lambda: count_open(parts.alerts.on_call)
    )
    router = APIRouter()
    _add_pages(router, parts, templates)
    _add_silences(router, parts, templates)
    add_alert_stories(router, parts, templates)
    add_on_call(router, parts, templates)
    router.include_router(assets_router(assets))
    return router


def _firing(parts: Parts) -> int:
    return sum(view.state == "active" for view in parts.alerts.alerts())


def _add_pages(router: APIRouter, parts: Parts, templates: Templates) -> None:
    @router.get("/")
    def home() -> HTMLResponse:
        view = home_view(
            parts.alerts.alerts(),
            parts.pool.targets(),
            parts.alerts.channel_health(),
            parts.slos.verdicts(),
            parts.anomalies.states(),
            host_tiles(parts.engine, parts.clock.now_ms()),
        )
        return templates.page("home.html", "/", view)

    @router.get("/slos")
    def slos(service: str = "", state: str = "") -> HTMLResponse:
        view = slo_list_view(parts.slos.verdicts(), service, state)
        return templates.page("slos.html", "/slos", view)

    add_slo_forms(router, parts, templates)

    @router.get("/slos/{service}/{name:path}")
    def slo(service: str, name: str, range: str = DEFAULT_RANGE) -> HTMLResponse:
        view = slo_view(parts, f"{service}/{name}", range)
        if view is None:
            return templates.not_found(f"There is no objective {service}/{name}.")
        return templates.page("slo.html", "/slos", view)

    @router.get("/graph")
    def graph(request: Request) -> HTMLResponse:
        view = query_view(parts.engine, request.query_params, parts.clock.now_ms(), parts.deploys)
        return templates.page("graph.html", "/graph", view)

    @router.get("/alerts")
    def alerts(request: Request) -> HTMLResponse:
        view = {**alerts_view(parts.alerts), "name": acting_name(request)}
        return templates.page("alerts.html", "/alerts", view)

    @router.get("/rules")
    def rules(state: str = "") -> HTMLResponse:
        return templates.page("rules.html", "/rules", rules_view(parts.rules.groups(), state))

    @router.get("/targets")
    def targets() -> HTMLResponse:
        return templates.page("targets.html", "/targets", targets_view(parts.pool.targets()))


def _add_silences(router: APIRouter, parts: Parts, templates: Templates) -> None:
    @router.post("/alerts/silences")
    async def silence(request: Request) -> Response:
        form = await read_form(request)
        if form is None:
            return templates.refusal("The form is too large.")
        try:
            wanted = silence_from_form(form, parts.clock.now_ms())
            await run_in_threadpool(parts.alerts.silences.save, wanted)
        except (InputError, LimitError) as error:
            return templates.refusal(str(error))
        return remembering(RedirectResponse("/alerts", SEE_OTHER), wanted.created_by)

    @router.post("/alerts/silences/{silence_id:path}/expire")
    def expire(silence_id: str, request: Request) -> Response:
        try:
            parts.alerts.silences.expire(silence_id, acting_name(request))
        except KeyError:
            return templates.not_found("There is no such silence.")
        except InputError as error:
            return templates.refusal(f"{error}.")
        return RedirectResponse("/alerts", SEE_OTHER)
