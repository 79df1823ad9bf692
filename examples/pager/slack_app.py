"""Slack's stand-in: an incoming webhook, the Web API with files, Socket Mode, and fingers.

`POST /press` plays a person who presses a button: the press goes over the open socket, or as a
signed request to `url`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import httpx
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, PlainTextResponse

from examples.pager.slack_rules import UPDATE, check_message, shown_files

if TYPE_CHECKING:
    from examples.pager.app import Pager

CHANNEL_ID = "C0PAGER0001"
BOT_PREFIX = "Bearer xoxb-"
APP_PREFIX = "Bearer xapp-"
PNG = b"\x89PNG\r\n\x1a\n"
Answered = tuple[dict[str, Any], list[str]]


@dataclass(slots=True)
class SlackState:
    """Files that were announced, taken and finished; sockets that are open."""

    announced: dict[str, int] = field(default_factory=dict)
    taken: dict[str, bytes] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    slow_shows: int = 0
    tickets: set[str] = field(default_factory=set)
    sockets: list[WebSocket] = field(default_factory=list)


def add_slack(app: FastAPI, pager: Pager) -> None:
    """The routes; what is remembered is in `pager.slack`."""
    _add_webhook(app, pager)
    _add_web_api(app, pager)
    _add_socket(app, pager)
    _add_fingers(app, pager)


def _add_webhook(app: FastAPI, pager: Pager) -> None:
    @app.post("/services/{team}/{bot}/{secret}")
    async def incoming_webhook(request: Request) -> Response:
        body = _json(await request.body())
        refused = await pager.fault("slack", "webhook", body)
        if refused is not None:
            return refused
        problems = check_message(body)
        status = 400 if problems else 200
        text = "ok"
        if problems:
            text = "no_text" if "message: no_text" in problems else "invalid_payload"
        else:
            pager.messages[pager.new_ts()] = body
        pager.record.add("slack", "webhook", status, problems, body=body, answer=text)
        return PlainTextResponse(text, status_code=status)


def _add_web_api(app: FastAPI, pager: Pager) -> None:
    @app.post("/api/{method}")
    async def web_api(method: str, request: Request) -> Response:
        raw = await request.body()
        is_form = "form-urlencoded" in request.headers.get("content-type", "")
        body = dict(parse_qsl(raw.decode())) if is_form else _json(raw)
        refused = await pager.fault("slack", method, body)
        if refused is not None:
            return refused
        base = str(request.base_url)
        answer, problems = _call(
            pager, method, body, request.headers.get("authorization", ""), base
        )
        pager.record.add("slack", method, 200, problems, body=body, answer=answer)
        return JSONResponse(answer)

    @app.post("/upload/{file_id}")
    async def upload(file_id: str, request: Request) -> Response:
        data = await request.body()
        problems = [] if data.startswith(PNG) else ["no PNG"]
        if pager.slack.announced.get(file_id) != len(data):
            problems.append("the length is not the announced one")
        status, body = 400 if problems else 200, {"file": file_id, "bytes": len(data)}
        pager.record.add("slack", "upload", status, problems, body=body)
        if problems:
            return PlainTextResponse("; ".join(problems), status_code=400)
        pager.slack.taken[file_id] = data
        return PlainTextResponse(f"OK - {len(data)}")


def _call(pager: Pager, method: str, body: Any, authorization: str, base: str) -> Answered:
    """Slack's answer (`ok: false` comes with status 200) and what was wrong."""
    calls = {
        "chat.postMessage": _post,
        "chat.update": _update,
        "files.getUploadURLExternal": _announce,
        "files.completeUploadExternal": _complete,
        "apps.connections.open": _open,
    }
    if method not in calls:
        return _error("unknown_method", [method])
    wanted = APP_PREFIX if method == "apps.connections.open" else BOT_PREFIX
    if not authorization.startswith(wanted):
        return _error("invalid_auth" if authorization else "not_authed", [f"no {wanted} token"])
    return calls[method](pager, body, base)


def _error(code: str, problems: list[str]) -> Answered:
    return {"ok": False, "error": code, "errors": problems}, problems or [code]


def _post(pager: Pager, body: Any, _: str) -> Answered:
    if problems := check_message(body):
        return _error("invalid_blocks", problems)
    if not body.get("channel"):
        return _error("channel_not_found", ["channel is missing"])
    if "thread_ts" in body and body["thread_ts"] not in pager.messages:
        return _error("thread_not_found", ["thread_ts is unknown"])
    if body.get("reply_broadcast") and "thread_ts" not in body:
        return _error("invalid_arguments", ["reply_broadcast without thread_ts"])
    ts = pager.new_ts()
    pager.messages[ts] = {**body, "updated": False}
    return {"ok": True, "channel": CHANNEL_ID, "ts": ts}, []


def _update(pager: Pager, body: Any, _: str) -> Answered:
    if problems := check_message(body, UPDATE):
        return _error("invalid_blocks", problems)
    if body.get("ts") not in pager.messages:
        return _error("message_not_found", ["ts is unknown"])
    if body.get("channel") != CHANNEL_ID:
        return _error("channel_not_found", ["chat.update wants the channel's id"])
    unknown = [one for one in shown_files(body) if one not in pager.slack.files]
    if unknown:
        return _error("invalid_blocks", [f"unknown file {one}" for one in unknown])
    if shown_files(body) and pager.slack.slow_shows > 0:
        pager.slack.slow_shows -= 1
        return {"ok": False, "error": "invalid_blocks", "errors": ["file is processed"]}, []
    pager.messages[body["ts"]] = {**body, "updated": True}
    return {"ok": True, "channel": CHANNEL_ID, "ts": body["ts"]}, []


def _announce(pager: Pager, body: Any, base: str) -> Answered:
    if not body.get("filename") or not str(body.get("length", "")).isdigit():
        return _error("invalid_arguments", ["filename and length are needed"])
    file_id = f"F{uuid.uuid4().hex[:10].upper()}"
    pager.slack.announced[file_id] = int(body["length"])
    return {"ok": True, "upload_url": f"{base}upload/{file_id}", "file_id": file_id}, []


def _complete(pager: Pager, body: Any, _: str) -> Answered:
    ids = [one.get("id") for one in body.get("files") or []]
    if not ids or any(one not in pager.slack.taken for one in ids):
        return _error("file_not_found", [f"not uploaded: {ids}"])
    pager.slack.files.update(ids)
    return {"ok": True, "files": [{"id": one} for one in ids]}, []


def _open(pager: Pager, _: Any, base: str) -> Answered:
    ticket = uuid.uuid4().hex
    pager.slack.tickets.add(ticket)
    return {"ok": True, "url": f"{base.replace('http', 'ws', 1)}link/?ticket={ticket}"}, []


def _add_socket(app: FastAPI, pager: Pager) -> None:
    @app.websocket("/link/")
    async def link(socket: WebSocket, ticket: str = "") -> None:
        if ticket not in pager.slack.tickets:
            await socket.close(4000)
            return
        pager.slack.tickets.discard(ticket)
        await socket.accept()
        await socket.send_json({"type": "hello", "num_connections": 1})
        pager.slack.sockets.append(socket)
        try:
            while True:
                answer = await socket.receive_json()
                known = set(answer) <= {"envelope_id", "payload"} and "envelope_id" in answer
                problems = [] if known else [f"no acknowledgement: {answer}"]
                pager.record.add("slack", "socket", 200, problems, body=answer)
        except WebSocketDisconnect:
            pager.slack.sockets.remove(socket)


def _add_fingers(app: FastAPI, pager: Pager) -> None:
    @app.post("/press")
    async def press(request: Request) -> Response:
        wish = _json(await request.body())
        payload = press_payload(str(request.base_url), wish)
        if "url" not in wish:
            for socket in list(pager.slack.sockets):
                await socket.send_json(
                    {
                        "type": "interactive",
                        "envelope_id": str(uuid.uuid4()),
                        "payload": payload,
                        "accepts_response_payload": False,
                    }
                )
            return JSONResponse({"sockets": len(pager.slack.sockets)})
        raw = urlencode({"payload": json.dumps(payload)}).encode()
        headers = sign(raw, wish["secret"], int(time.time()))
        answer = await asyncio.to_thread(httpx.post, wish["url"], content=raw, headers=headers)
        return JSONResponse({"status": answer.status_code, "text": answer.text})

    @app.post("/slack/reply")
    async def said_to_one(request: Request) -> Response:
        body = _json(await request.body())
        known = {"text", "response_type", "replace_original"}
        problems = [f"unknown key {key}" for key in body if key not in known]
        pager.record.add("slack", "response_url", 200, problems, body=body)
        return PlainTextResponse("ok")

    @app.post("/slack/refresh")
    async def refresh() -> Response:
        """What Slack does every few hours: it asks for a fresh connection."""
        for socket in list(pager.slack.sockets):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
        return JSONResponse({})


def press_payload(base: str, wish: dict[str, Any]) -> dict[str, Any]:
    """The payload of a pressed button."""
    return {
        "type": "block_actions",
        "user": {"id": wish.get("user", "U0ANA00001"), "username": "ana"},
        "actions": [
            {"type": "button", "action_id": wish["action_id"], "value": wish.get("value", "")}
        ],
        "response_url": f"{base}slack/reply",
    }


def sign(raw: bytes, secret: str, now_seconds: int) -> dict[str, str]:
    """The headers that Slack signs a request with."""
    text = f"v0:{now_seconds}:".encode() + raw
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {
        "x-slack-signature": f"v0={digest}",
        "x-slack-request-timestamp": str(now_seconds),
        "content-type": "application/x-www-form-urlencoded",
    }


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
