"""The stand-ins of receivers that are one request: each path, how it is judged, what it answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from examples.pager import chat_rules, incident_rules
from examples.pager.shape import Problems
from examples.pager.webhook_rules import check_body

if TYPE_CHECKING:
    from examples.pager.app import Pager

_numbers = itertools.count(101)


@dataclass(frozen=True, slots=True)
class Service:
    """A path of a receiver; `login` begins the Authorization that it wants ("": none)."""

    name: str
    path: str
    check: Callable[[Any], Problems]
    answer: Callable[[], Any]
    status: int = 200
    method: str = "POST"
    login: str = ""


def _telegram() -> Any:
    return {"ok": True, "result": {"message_id": next(_numbers)}}


def _edit(body: Any) -> Problems:
    return chat_rules.check_telegram(body, edit=True)


SERVICES = (
    Service("telegram", "/bot{token}/sendMessage", chat_rules.check_telegram, _telegram),
    Service("telegram", "/bot{token}/editMessageText", _edit, _telegram),
    Service(
        "discord", "/webhooks/{id}/{token}", chat_rules.check_discord,
        lambda: {"id": str(next(_numbers))},
    ),
    Service(
        "discord", "/webhooks/{id}/{token}/messages/{message}", chat_rules.check_discord,
        lambda: {"id": "1"}, method="PATCH",
    ),
    Service("msteamsv2", "/workflows/{id}", chat_rules.check_teams, dict, 202),
    Service("webex", "/v1/messages", chat_rules.check_webex, lambda: {"id": "x"}, login="Bearer "),
    Service("mattermost", "/hooks/{id}", chat_rules.check_mattermost, lambda: "ok"),
    Service(
        "rocketchat", "/api/v1/chat.postMessage", chat_rules.check_rocketchat,
        lambda: {"success": True},
    ),
    Service("opsgenie", "/v2/alerts", incident_rules.check_opsgenie, dict, 202, login="GenieKey "),
    Service(
        "opsgenie", "/v2/alerts/{alias}/{act}", incident_rules.check_opsgenie_act, dict, 202,
        login="GenieKey ",
    ),
    Service(
        "victorops", "/victorops/{key}/{route}", incident_rules.check_victorops,
        lambda: {"result": "success"},
    ),
    Service("pushover", "/1/messages.json", incident_rules.check_pushover, lambda: {"status": 1}),
    Service("incidentio", "/incidentio", check_body, dict, 202, login="Bearer "),
    Service(
        "twilio", "/2010-04-01/Accounts/{sid}/{what}.json", incident_rules.check_twilio,
        lambda: {"sid": "SM1"}, 201, login="Basic ",
    ),
)  # fmt: skip
FAULTS = {"telegram": {"parameters": {"retry_after": 7}}, "discord": {"retry_after": 7.5}}
"""Where a receiver says in the body of a 429 for how long to rest."""


def add_other_services(app: FastAPI, pager: Pager) -> None:
    """A route for each."""
    for service in SERVICES:
        app.add_api_route(
            service.path, _handler(service, pager), methods=[service.method], name=service.path
        )


def _handler(service: Service, pager: Pager) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        body = await _body(request)
        refused = await pager.fault(service.name, request.url.path, body)
        if refused is not None:
            if refused.status_code == 429 and service.name in FAULTS:
                return JSONResponse(FAULTS[service.name], status_code=429)
            return refused
        problems = service.check(body)
        if not request.headers.get("authorization", "").startswith(service.login):
            problems.append("no login")
        status = 400 if problems else service.status
        answer = {"problems": problems} if problems else service.answer()
        pager.record.add(service.name, request.url.path, status, problems, body=body, answer=answer)
        return JSONResponse(answer, status_code=status)

    return handle


async def _body(request: Request) -> Any:
    kind = request.headers.get("content-type", "")
    raw = await request.body()
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(raw.decode()))
    if kind.startswith("multipart/form-data"):
        return json.loads(_form_field(raw, b'name="payload_json"'))
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _form_field(raw: bytes, name: bytes) -> bytes:
    """The value of one field of a multipart form."""
    after = raw.split(name, 1)[1].split(b"\r\n\r\n", 1)[1]
    return after.split(b"\r\n--", 1)[0]
