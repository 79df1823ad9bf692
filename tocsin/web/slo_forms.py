"""Routes of the pages of objectives that have forms: corrections, and backtests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.model.errors import TocsinError
from tocsin.web.backtest_page import backtest_answer, backtest_view
from tocsin.web.corrections_page import corrections_view, exclude, revoke
from tocsin.web.forms import SEE_OTHER, read_form
from tocsin.web.template import Templates
from tocsin.wiring import Parts

MAX_FORM_BYTES = 256 * 1024
"""A specification in a form is some kilobytes."""
CORRECTIONS, BACKTEST = "/slos/corrections", "/slos/backtest"


def add_slo_forms(router: APIRouter, parts: Parts, templates: Templates) -> None:
    """The routes; they come before that of one objective."""
    _add_corrections(router, parts, templates)
    _add_backtest(router, parts, templates)


def _add_corrections(router: APIRouter, parts: Parts, templates: Templates) -> None:
    @router.get(CORRECTIONS)
    def corrections(slo: str = "") -> HTMLResponse:
        slos, now_ms = parts.slos, parts.clock.now_ms()
        view = corrections_view(slos.corrections, slos.objectives, slo, now_ms)
        return templates.page("corrections.html", "/slos", view)

    @router.post(CORRECTIONS)
    async def make(request: Request) -> Response:
        form = await read_form(request, MAX_FORM_BYTES)
        now_ms = parts.clock.now_ms()
        return await _done(templates, form, lambda of: exclude(parts.slos.corrections, of, now_ms))

    @router.post(f"{CORRECTIONS}/revoke")
    async def take_back(request: Request) -> Response:
        form = await read_form(request, MAX_FORM_BYTES)
        return await _done(templates, form, lambda of: revoke(parts.slos.corrections, of))


def _add_backtest(router: APIRouter, parts: Parts, templates: Templates) -> None:
    running = threading.Lock()

    @router.get(BACKTEST)
    def backtest(slo: str = "") -> HTMLResponse:
        return templates.page("backtest.html", "/slos", backtest_view(parts.slos.objectives, slo))

    @router.post(BACKTEST)
    async def run(request: Request) -> Response:
        form = await read_form(request, MAX_FORM_BYTES)
        if form is None:
            return templates.refusal("The form is too large.")
        if not running.acquire(blocking=False):
            return templates.refusal("A backtest is running: ask again when it is done.")
        now_ms = parts.clock.now_ms()
        try:
            view = await run_in_threadpool(
                backtest_answer, form, parts.past, parts.config.slos, now_ms
            )
        except TocsinError as error:
            return templates.refusal(str(error))
        finally:
            running.release()
        return templates.page("backtest.html", "/slos", view)


async def _done(
    templates: Templates, form: Mapping[str, str] | None, act: Callable[[Mapping[str, str]], None]
) -> Response:
    """Do what a form asks, then show the page; what was wrong otherwise."""
    if form is None:
        return templates.refusal("The form is too large.")
    try:
        await run_in_threadpool(act, form)
    except TocsinError as error:
        return templates.refusal(str(error))
    return RedirectResponse(CORRECTIONS, SEE_OTHER)
