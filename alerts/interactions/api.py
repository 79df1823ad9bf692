"""Routes that Slack and PagerDuty call; each request must prove where it comes from.

Without a secret in the configuration a route answers 404: it isn't there for anybody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from alerts.config import AlertmanagerGlobal
from alerts.interactions.desk_door import DeskDoor
from alerts.interactions.pagerduty import do_act, read_act
from alerts.interactions.signature import SeenRequests, check_pagerduty, check_slack
from alerts.secret_source import SecretSource
from collector.model.errors import InputError, TocsinError
from collector.request_body import read_body

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
"""A PagerDuty incident with all its alerts stays under it."""


async def _raw(request: Request) -> bytes | None:
    return await read_body(request, MAX_BODY_BYTES)


Raw = Annotated[bytes | None, Depends(_raw)]


def router(door: DeskDoor, settings: Callable[[], AlertmanagerGlobal]) -> APIRouter:
    """Both routes; `settings` gives the configuration of now."""
    routes = APIRouter()
    seen = SeenRequests()

    @routes.post("/api/tocsin/v1/slack/interactions")
    def slack_interactions(request: Request, raw: Raw) -> Response:
        now = settings()
        secret = SecretSource(now.slack_signing_secret, now.slack_signing_secret_file)
        if not secret:
            return _refused(404, "no slack_signing_secret is configured")
        if raw is None:
            return _refused(413, f"over {MAX_BODY_BYTES:,} bytes")
        signature = request.headers.get("x-slack-signature", "")
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        try:
            check_slack(raw, timestamp, signature, secret.read(), door.now_ms())
            seen.check(signature, door.now_ms())
        except InputError as error:
            return _refused(401, str(error))
        try:
            door.take_slack(_payload(raw))
        except InputError as error:
            return _refused(400, str(error))
        return Response(status_code=200)

    @routes.post("/api/tocsin/v1/pagerduty/webhooks")
    def pagerduty_webhooks(request: Request, raw: Raw) -> Response:
        now = settings()
        secret = SecretSource(now.pagerduty_webhook_secret, now.pagerduty_webhook_secret_file)
        if not secret:
            return _refused(404, "no pagerduty_webhook_secret is configured")
        if raw is None:
            return _refused(413, f"over {MAX_BODY_BYTES:,} bytes")
        try:
            check_pagerduty(raw, request.headers.get("x-pagerduty-signature", ""), secret.read())
        except InputError as error:
            return _refused(401, str(error))
        return _take_pagerduty(door, raw)

    return routes


def _take_pagerduty(door: DeskDoor, raw: bytes) -> Response:
    """202 for what is done or means nothing here; 5xx makes PagerDuty send it again."""
    try:
        act = read_act(json.loads(raw))
        number = do_act(act, door.desk, door.group_of) if act is not None else 0
    except (ValueError, InputError) as error:
        return _refused(400, str(error))
    except KeyError:
        number = 0
    except TocsinError as error:
        log.warning("what was done in PagerDuty could not be done here: %s", error)
        return _refused(503, error.message)
    return JSONResponse({"incident": number}, status_code=202)


def _payload(raw: bytes) -> object:
    """The JSON in the form field `payload`."""
    try:
        fields = parse_qs(raw.decode("utf-8"), max_num_fields=20)
        return json.loads(fields["payload"][0])
    except (ValueError, KeyError) as error:
        raise InputError("no JSON in the form field payload") from error


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
