"""HTTP route of backtests: `POST /api/tocsin/v1/slos/backtest`."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from collector.model.errors import TocsinError, UnavailableError
from slo.backtest import Source, backtest
from slo.backtest_bodies import BacktestAsk, BacktestBody
from slo.config import SloConfig
from slo.specs import objectives_of

MAX_ASK_BYTES = 4 * 1024 * 1024
"""Specifications and incidents of one backtest."""


def router(source: Source, config: Callable[[], SloConfig]) -> APIRouter:
    """The route over one store; `config` has the tick and the tiers of now."""
    routes = APIRouter(prefix="/api/tocsin/v1/slos")
    running = threading.Lock()

    @routes.post("/backtest")
    async def run(request: Request) -> BacktestBody:
        """What specifications would have sent over a stretch of the past; one at a time."""
        body = await request.body()
        if len(body) > MAX_ASK_BYTES:
            raise HTTPException(413, f"more than {MAX_ASK_BYTES:,} bytes: ask for fewer at once")
        try:
            ask = BacktestAsk.model_validate_json(body)
        except ValidationError as error:
            raise HTTPException(400, str(error)) from error
        if not running.acquire(blocking=False):
            raise HTTPException(429, "a backtest is running: ask again when it is done")
        try:
            return await run_in_threadpool(_answer, ask, source, config())
        finally:
            running.release()

    return routes


def _answer(ask: BacktestAsk, source: Source, config: SloConfig) -> BacktestBody:
    tick_ms = config.tick if ask.tick_ms is None else max(1000, ask.tick_ms)
    incidents = None if ask.incidents is None else [one.incident() for one in ask.incidents]
    try:
        objectives = objectives_of(ask.spec, "request")
        found = list(
            backtest(objectives, source, ask.start_ms, ask.end_ms, tick_ms, config.tiers())
        )
    except UnavailableError as error:
        raise HTTPException(503, str(error)) from error
    except TocsinError as error:
        raise HTTPException(400, str(error)) from error
    return BacktestBody.of(tick_ms, found, incidents)
