"""The routes of the pages that explain alerts, show their story, and test receivers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from alerts.api_why import tested_receiver
from alerts.dead_letter_book import resend
from alerts.events import EventKind, EventSearch
from alerts.matchers import parse_matchers
from collector.model.errors import InputError
from collector.model.labels import Labels
from tocsin.web.forms import SEE_OTHER, read_form
from tocsin.web.template import Templates
from tocsin.web.why_page import SHOWN_EVENTS, history_view, why_view
from tocsin.wiring import Parts


def add_alert_stories(router: APIRouter, parts: Parts, templates: Templates) -> None:
    """Why an alert is told or not, what happened, and tests of receivers."""

    @router.get("/alerts/why")
    def why(labels: str = "") -> HTMLResponse:
        try:
            wanted = labels_of(labels) if labels else None
            view = why_view(parts.alerts, wanted)
        except InputError as error:
            view = {**why_view(parts.alerts, None, str(error)), "asked": labels}
        return templates.page("why.html", "/alerts", view)

    @router.get("/history")
    def history(
        contains: str = "", kind: str = "", actor: str = "", incident: str = ""
    ) -> HTMLResponse:
        search = EventSearch(
            kinds=tuple(one for one in EventKind if one == kind),
            contains=contains,
            actor=actor,
            incident=int(incident) if incident.isdecimal() else 0,
            limit=SHOWN_EVENTS,
        )
        return templates.page("history.html", "/alerts", history_view(parts.alerts, search))

    @router.post("/alerts/dead-letters/{letter_id}/resend")
    def send_again(letter_id: str) -> Response:
        try:
            resend(parts.alerts, [letter_id])
        except KeyError:
            return templates.not_found("This letter is gone: it was sent, or let go of.")
        return RedirectResponse("/alerts#dead-letters", SEE_OTHER)

    @router.post("/alerts/receivers/test")
    async def test(request: Request) -> Response:
        form = await read_form(request) or {}
        receiver, author = form.get("receiver", ""), form.get("author", "").strip()
        if receiver not in parts.alerts.receivers() or not author:
            return templates.refusal("Name a receiver and yourself.")
        await run_in_threadpool(tested_receiver, parts.alerts, receiver, author)
        return RedirectResponse("/history?kind=tested", SEE_OTHER)


def labels_of(text: str) -> Labels:
    """The labels that a person wrote as `name="value", …`; raises InputError."""
    matchers = parse_matchers(text)
    if not matchers or any(matcher.kind != "=" for matcher in matchers):
        raise InputError("these are no labels", advice='write name="value", with commas between')
    return Labels({matcher.name: matcher.value for matcher in matchers})
