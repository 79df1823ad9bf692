"""The HTTP stand-ins: Slack's webhook and Web API, PagerDuty's Events API v2, any webhook."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from examples.pager.faults import Fault, Faults
from examples.pager.other_services import add_other_services
from examples.pager.pagerduty_rules import check_change, check_event
from examples.pager.phone import phone_page
from examples.pager.record import Record
from examples.pager.slack_app import SlackState, add_slack
from examples.pager.webhook_rules import check_body


class Pager:
    """What the services remember between requests."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.faults = Faults()
        self.messages: dict[str, dict[str, Any]] = {}
        self.slack = SlackState()
        self._counter = itertools.count(1)

    def new_ts(self) -> str:
        """A message id as Slack makes them: unique in a channel."""
        return f"{int(time.time())}.{next(self._counter):06d}"

    async def fault(self, service: str, path: str, body: Any) -> Response | None:
        """The refusal that a switched-on fault wants, or None."""
        fault = self.faults.take(service)
        if fault is None:
            return None
        await asyncio.sleep(fault.delay_seconds)
        if not fault.status:
            return None
        self.record.add(service, path, fault.status, [], fault=True, body=body)
        headers = {"retry-after": f"{fault.retry_after:g}"} if fault.retry_after else {}
        return PlainTextResponse("fault", status_code=fault.status, headers=headers)


def build_app(record: Record) -> FastAPI:
    """The ASGI application."""
    app = FastAPI(title="pager", docs_url=None, redoc_url=None)
    pager = Pager(record)
    app.state.pager = pager
    add_slack(app, pager)
    _add_pagerduty(app, pager)
    _add_changes(app, pager)
    _add_webhook(app, pager)
    add_other_services(app, pager)
    _add_control(app, pager)
    return app


async def _body(request: Request) -> tuple[Any, int]:
    raw = await request.body()
    try:
        return json.loads(raw), len(raw)
    except ValueError:
        return None, len(raw)


def _add_pagerduty(app: FastAPI, pager: Pager) -> None:
    @app.post("/v2/enqueue")
    async def enqueue(request: Request) -> Response:
        body, size = await _body(request)
        refused = await pager.fault("pagerduty", "/v2/enqueue", body)
        if refused is not None:
            return refused
        problems = check_event(body, size)
        answer: dict[str, Any] = {"status": "success", "message": "Event processed"}
        if problems:
            answer = {
                "status": "invalid event", "message": "Event object is invalid", "errors": problems,
            }  # fmt: skip
        else:
            answer["dedup_key"] = body.get("dedup_key", "generated")
        status = 400 if problems else 202
        pager.record.add("pagerduty", "/v2/enqueue", status, problems, body=body, answer=answer)
        return JSONResponse(answer, status_code=status)


def _add_changes(app: FastAPI, pager: Pager) -> None:
    @app.post("/v2/change/enqueue")
    async def change(request: Request) -> Response:
        body, _ = await _body(request)
        problems = check_change(body)
        status = 400 if problems else 202
        pager.record.add("pagerduty", "/v2/change/enqueue", status, problems, body=body)
        return JSONResponse({"status": "success"}, status_code=status)


def _add_webhook(app: FastAPI, pager: Pager) -> None:
    @app.post("/webhook")
    async def webhook(request: Request) -> Response:
        body, _ = await _body(request)
        refused = await pager.fault("webhook", "/webhook", body)
        if refused is not None:
            return refused
        problems = check_body(body)
        status = 400 if problems else 200
        names = ("idempotency-key", "x-tocsin-signature")
        kept = {name: request.headers[name] for name in names if name in request.headers}
        if "x-tocsin-signature" in kept:
            kept["raw"] = (await request.body()).decode()
        pager.record.add("webhook", "/webhook", status, problems, body=body, headers=kept)
        return PlainTextResponse("; ".join(problems) or "ok", status_code=status)


def _add_control(app: FastAPI, pager: Pager) -> None:
    @app.get("/messages")
    def messages(service: str = "") -> JSONResponse:
        return JSONResponse([asdict(entry) for entry in pager.record.of(service)])

    @app.post("/faults")
    async def set_faults(request: Request) -> Response:
        body, _ = await _body(request)
        try:
            service = body.pop("service")
            services = ("slack", "pagerduty", "webhook") if service == "all" else (service,)
            for one in services:
                pager.faults.set(one, Fault(**body))
        except (TypeError, KeyError, AttributeError) as error:
            return PlainTextResponse(f"wrong fault: {error}", status_code=400)
        return JSONResponse({"set": services})

    @app.delete("/faults")
    def clear_faults() -> JSONResponse:
        pager.faults.clear()
        return JSONResponse({})

    @app.get("/")
    def phone() -> HTMLResponse:
        return HTMLResponse(phone_page(pager.messages, pager.record.entries))
