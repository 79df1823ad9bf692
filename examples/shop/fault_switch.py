"""The switch over HTTP: POST /faults sets, GET shows (a page to browsers), DELETE clears."""

from __future__ import annotations

import html
import json
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from examples.shop.faults import Fault, Faults

MAX_BODY_BYTES = 4096

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{service}: faults</title>
<meta name="viewport" content="width=device-width"><style>
body{{font:16px/1.5 system-ui;max-width:32rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}}
label{{display:grid;grid-template-columns:1fr 8rem;gap:1rem;margin:.5rem 0}}
button{{font:inherit;padding:.4rem 1rem;margin:.5rem .5rem 0 0}}</style>
<h1>{service}</h1><p>{state}</p>
<form method="post" action="/faults">
<label>Errors, ratio of requests
<input name="error_rate" type="number" min="0" max="1" step="0.01" value="{error_rate}"></label>
<label>Added latency, ms
<input name="latency_ms" type="number" min="0" max="60000" value="{latency_ms}"></label>
<label>Memory leak, MB/s
<input name="leak_mb_per_s" type="number" min="0" max="200" value="{leak_mb_per_s}"></label>
<label>Crash now <input name="crash" type="checkbox" value="true"></label>
<button>Break it</button></form>
<form method="post" action="/faults"><input type="hidden" name="error_rate" value="0">
<button>Mend it</button></form></html>"""


class FaultBody(BaseModel):
    """The body of POST /faults; what is left out is healthy."""

    model_config = ConfigDict(extra="forbid")

    error_rate: Annotated[float, Field(ge=0, le=1)] = 0
    latency_ms: Annotated[float, Field(ge=0, le=60_000)] = 0
    crash: bool = False
    leak_mb_per_s: Annotated[float, Field(ge=0, le=200)] = 0


def switch_of(service: str, faults: Faults) -> APIRouter:
    """The routes of one process's switch."""
    router = APIRouter()

    @router.get("/faults")
    async def show(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_page(service, faults))
        return JSONResponse(_state(faults))

    @router.post("/faults")
    async def switch(request: Request) -> Response:
        _refuse_foreign_page(request)
        fields, from_form = await _fields(request)
        try:
            body = FaultBody.model_validate(fields)
        except ValidationError as error:
            raise HTTPException(422, error.errors(include_url=False, include_input=False)) from None
        faults.set(Fault(**body.model_dump()))
        return RedirectResponse("/faults", 303) if from_form else JSONResponse(_state(faults))

    @router.delete("/faults")
    async def clear(request: Request) -> JSONResponse:
        _refuse_foreign_page(request)
        faults.clear()
        return JSONResponse(_state(faults))

    return router


async def _fields(request: Request) -> tuple[Any, bool]:
    """The body's fields, from JSON or from the page's form."""
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise HTTPException(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    kind = request.headers.get("content-type", "")
    # `curl -d '{…}'` calls its JSON a form too.
    if kind.startswith("application/x-www-form-urlencoded") and not body.startswith(b"{"):
        return dict(parse_qsl(body.decode())), True
    try:
        return json.loads(body or b"{}"), False
    except ValueError as error:
        raise HTTPException(422, f"not JSON: {error}") from None


def _refuse_foreign_page(request: Request) -> None:
    """Only the switch's own page and programs may break the shop, not any page in a browser."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HTTPException(403, "a page of another site may not switch faults")


def _state(faults: Faults) -> dict[str, object]:
    return {**asdict(faults.now), "leaked_bytes": faults.leaked_bytes}


def _page(service: str, faults: Faults) -> str:
    now = asdict(faults.now)
    active = ", ".join(f"{name} {value:g}" for name, value in now.items() if value)
    state = f"Switched on: {active}." if active else "Healthy."
    return PAGE.format(service=html.escape(service), state=state, **now)
