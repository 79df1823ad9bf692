"""Routes of the pages of incidents and of who is on call, with their forms and signed links."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from alerts.on_call.desk import Desk
from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError, TocsinError
from tocsin.web.acting_name import acting_name, remembering
from tocsin.web.forms import SEE_OTHER, read_form
from tocsin.web.incident_page import incident_view, link_view
from tocsin.web.incidents_page import incidents_view
from tocsin.web.on_call_page import on_call_view, override_from_form
from tocsin.web.report_page import report_view
from tocsin.web.template import Templates
from tocsin.wiring import Parts

INCIDENTS, ON_CALL = "/incidents", "/oncall"
Form = Mapping[str, str]


def add_on_call(router: APIRouter, parts: Parts, templates: Templates) -> None:
    """Every route; that of links comes before that of one incident."""
    _add_links(router, parts, templates)
    _add_incidents(router, parts, templates)
    _add_acts(router, parts, templates)
    _add_schedules(router, parts, templates)


def _add_incidents(router: APIRouter, parts: Parts, templates: Templates) -> None:
    station = parts.alerts.on_call

    @router.get(INCIDENTS)
    def incidents(request: Request, status: str = "", team: str = "") -> Response:
        now_ms = parts.clock.now_ms()
        try:
            view = incidents_view(station, status, team, acting_name(request), now_ms)
        except InputError as error:
            return templates.refusal(f"{error}.")
        return templates.page("incidents.html", INCIDENTS, view)

    @router.get(INCIDENTS + "/{number:int}")
    def incident(request: Request, number: int) -> Response:
        name = acting_name(request)
        try:
            if name and _is_looked_at(request):
                station.desk.seen(number, name)
            found = station.incident(number)
        except KeyError:
            return templates.not_found(f"There is no incident {number}.")
        view = incident_view(found, station, name, parts.clock.now_ms())
        return templates.page("incident.html", INCIDENTS, view)


def _add_acts(router: APIRouter, parts: Parts, templates: Templates) -> None:
    desk = parts.alerts.on_call.desk

    @router.post(INCIDENTS + "/{number:int}/{act}")
    async def do(request: Request, number: int, act: str) -> Response:
        form = await read_form(request)
        doing = ACTS.get(act)
        if form is None or doing is None:
            return templates.refusal("The form is too large, or not one of ours.")
        try:
            await run_in_threadpool(doing, desk, number, form)
        except KeyError:
            return templates.not_found(f"There is no incident {number}.")
        except TocsinError as error:
            return templates.refusal(f"{error}.")
        back = INCIDENTS if form.get("back") == "list" else f"{INCIDENTS}/{number}"
        return remembering(RedirectResponse(back, SEE_OTHER), form.get("actor", ""))


def _add_links(router: APIRouter, parts: Parts, templates: Templates) -> None:
    station = parts.alerts.on_call

    @router.get(INCIDENTS + "/link/{token}")
    def ask(request: Request, token: str) -> Response:
        """Asks, and changes nothing: mail scanners open links too."""
        now_ms = parts.clock.now_ms()
        try:
            signed = station.links.signer.read(token, now_ms)
            incident = station.incident(signed.incident).incident
        except InputError as error:
            return templates.refusal(f"{error}.")
        except KeyError:
            return templates.not_found("The incident is not known any more.")
        view = link_view(incident, signed.act, token, acting_name(request), now_ms)
        return templates.page("incident_link.html", INCIDENTS, view)

    @router.post(INCIDENTS + "/link/{token}")
    async def act(request: Request, token: str) -> Response:
        form = await read_form(request)
        if form is None:
            return templates.refusal("The form is too large.")
        try:
            signed = station.links.signer.read(token, parts.clock.now_ms())
            await run_in_threadpool(ACTS[signed.act], station.desk, signed.incident, form)
        except KeyError:
            return templates.not_found("The incident is not known any more.")
        except TocsinError as error:
            return templates.refusal(f"{error}.")
        return remembering(
            RedirectResponse(f"{INCIDENTS}/{signed.incident}", SEE_OTHER), form.get("actor", "")
        )


def _add_schedules(router: APIRouter, parts: Parts, templates: Templates) -> None:
    station = parts.alerts.on_call

    @router.get(ON_CALL)
    def on_call(request: Request, days: str = "") -> HTMLResponse:
        view = on_call_view(parts.on_call, days, acting_name(request), parts.clock.now_ms())
        return templates.page("oncall.html", ON_CALL, view)

    @router.get(f"{ON_CALL}/report")
    def report(days: str = "") -> HTMLResponse:
        view = report_view(station, days, parts.clock.now_ms())
        return templates.page("oncall_report.html", ON_CALL, view)

    @router.post(f"{ON_CALL}/overrides")
    async def stand_in(request: Request) -> Response:
        form = await read_form(request)
        now_ms = parts.clock.now_ms()
        return await _done(templates, form, lambda of: override_from_form(station, of, now_ms))

    @router.post(ON_CALL + "/overrides/{override_id}/remove")
    async def take_back(request: Request, override_id: str) -> Response:
        form = await read_form(request)
        return await _done(
            templates, form, lambda of: station.rota.take_back(override_id, of.get("actor", ""))
        )


async def _done(templates: Templates, form: Form | None, act: Callable[[Form], object]) -> Response:
    if form is None:
        return templates.refusal("The form is too large.")
    try:
        await run_in_threadpool(act, form)
    except KeyError:
        return templates.not_found("There is no such override.")
    except TocsinError as error:
        return templates.refusal(f"{error}.")
    return remembering(RedirectResponse(ON_CALL, SEE_OTHER), form.get("actor", ""))


def _is_looked_at(request: Request) -> bool:
    """Whether a person opened the page, no refresh and no preview."""
    headers = request.headers
    return headers.get("sec-fetch-mode") == "navigate" and not headers.get("sec-purpose")


def _seconds(form: Form) -> float:
    return parse_duration_ms(form.get("duration", "")) / 1000


def _merge(desk: Desk, number: int, form: Form) -> None:
    into = form.get("into", "").strip().lstrip("#")
    if not into.isdigit():
        raise InputError("no incident is named", advice="write its number")
    desk.merge(number, int(into), form.get("actor", ""))


ACTS: Mapping[str, Callable[[Desk, int, Form], object]] = {
    "acknowledge": lambda desk, number, form: desk.acknowledge(number, form.get("actor", "")),
    "unacknowledge": lambda desk, number, form: desk.unacknowledge(number, form.get("actor", "")),
    "assign": lambda desk, number, form: desk.assign(
        number, form.get("person", ""), form.get("actor", "")
    ),
    "snooze": lambda desk, number, form: desk.snooze(number, _seconds(form), form.get("actor", "")),
    "silence": lambda desk, number, form: desk.silence(
        number, _seconds(form), form.get("actor", "")
    ),
    "resolve": lambda desk, number, form: desk.resolve(
        number, form.get("actor", ""), form.get("text", "")
    ),
    "comment": lambda desk, number, form: desk.comment(
        number, form.get("text", ""), form.get("actor", "")
    ),
    "merge": _merge,
    "name": lambda desk, number, form: None,
}
"""What the buttons do, by the last part of their address."""
