"""HTTP route of suggestions: `GET /api/tocsin/v1/slos/suggest`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from collector.model.clock import Clock
from collector.model.durations import parse_duration_ms
from collector.model.errors import TocsinError, UnavailableError
from collector.query.parser import parse_selector
from slo.backtest import Source
from slo.suggest import Suggestion, suggest
from slo.suggest_text import suggestions_yaml

DEFAULT_SPAN = "30d"
DEFAULT_TICK = "1m"


class TriedBody(BaseModel):
    """One objective over the history: what it would have sent, and how much budget it used."""

    slo: str
    objective: float
    queries: dict[str, str]
    why: str
    pages: int
    tickets: int
    spent_ratio: float
    proposed: bool


class SuggestionsBody(BaseModel):
    """Every objective that was tried, and the proposed ones as a specification (YAML)."""

    tried: list[TriedBody]
    spec: str

    @classmethod
    def of(cls, found: Sequence[Suggestion], title: str) -> SuggestionsBody:
        """From values."""
        tried = [
            TriedBody(
                slo=one.objective.id,
                objective=one.objective.ratio,
                queries=dict(one.objective.indicator.queries),
                why=suggestion.why,
                pages=one.pages,
                tickets=one.tickets,
                spent_ratio=one.spent_ratio,
                proposed=one is suggestion.chosen,
            )
            for suggestion in found
            for one in suggestion.tried
        ]
        return cls(tried=tried, spec=suggestions_yaml(found, title))


def router(source: Source, clock: Clock) -> APIRouter:
    """The route over one store."""
    routes = APIRouter(prefix="/api/tocsin/v1/slos")
    running = threading.Lock()

    @routes.get("/suggest")
    def suggestions(
        selector: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        tick: str = DEFAULT_TICK,
    ) -> SuggestionsBody:
        """Indicators and objectives that the history of some series offers; one at a time."""
        if not running.acquire(blocking=False):
            raise HTTPException(429, "suggestions are being made: ask again when they are done")
        end = clock.now_ms() if end_ms is None else end_ms
        start = end - parse_duration_ms(DEFAULT_SPAN) if start_ms is None else start_ms
        try:
            found = suggest(parse_selector(selector), source, start, end, parse_duration_ms(tick))
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from error
        except TocsinError as error:
            raise HTTPException(400, str(error)) from error
        finally:
            running.release()
        return SuggestionsBody.of(found, selector)

    return routes
