"""`GET /federate`: the newest sample of chosen series, for another Prometheus to scrape.

Source: web/federate.go of Prometheus 3.14. A series whose newest sample is a stale marker, or older
than the lookback, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from collector.api.exposition import PROTOBUF_TYPE, TEXT_TYPE, Exposed, protobuf, text
from collector.api.parameters import Parameters, parameters
from collector.api.stored_series import StoredSeries, stored_series
from collector.model.clock import Clock
from collector.model.errors import InputError
from collector.model.histograms import NativeHistogram
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import is_stale
from collector.query.parser import parse_selector
from collector.store.interface import Querier

LOOKBACK_MS = 300_000
"""How old a sample may be: the engine's own lookback."""
_PROTOBUF = "application/vnd.google.protobuf"
_UTF8 = "escaping=allow-utf-8"


def router(
    querier: Querier, external_labels: Callable[[], Mapping[str, str]], clock: Clock
) -> APIRouter:
    """The route, over the store."""
    api = APIRouter()

    @api.get("/federate")
    def federate(request: Request, given: Annotated[Parameters, Depends(parameters)]) -> Response:
        try:
            selectors = [parse_selector(one) for one in given.texts("match[]")]
        except InputError as error:
            return PlainTextResponse(f"{error.message}\n", 400)
        now_ms = clock.now_ms()
        found: dict[Labels, StoredSeries] = {}
        for matchers in selectors:
            for one in stored_series(querier, matchers, now_ms - LOOKBACK_MS - 1, now_ms):
                found[one.labels] = one
        return _answer(list(_exposed(found, external_labels())), request.headers.get("accept", ""))

    return api


def _answer(samples: list[Exposed], accept: str) -> Response:
    if _PROTOBUF in accept and "encoding=delimited" in accept.replace(" ", ""):
        return Response(protobuf(samples), media_type=PROTOBUF_TYPE)
    utf8 = _UTF8 in accept
    escaping = "allow-utf-8" if utf8 else "underscores"
    body = text(samples, utf8_names=utf8)
    return Response(body, headers={"content-type": f"{TEXT_TYPE}; escaping={escaping}"})


def _exposed(
    found: Mapping[Labels, StoredSeries], external: Mapping[str, str]
) -> Iterator[Exposed]:
    """Samples by name; external labels come where the series lacks them, and always `instance`."""
    added = sorted({"instance": "", **external}.items())
    for labels in sorted(found, key=lambda labels: (labels.metric_name, labels.pairs)):
        newest = _newest(found[labels])
        if newest is None or not labels.metric_name:
            continue
        own = [pair for pair in labels.pairs if pair[0] != METRIC_NAME]
        missing = [pair for pair in added if pair[0] not in labels]
        yield Exposed(labels.metric_name, [*own, *missing], newest[1], newest[0])


def _newest(series: StoredSeries) -> tuple[int, float | NativeHistogram] | None:
    if series.histograms:
        time_ms, sample = series.histograms[-1]
        return (time_ms, sample) if isinstance(sample, NativeHistogram) else None
    if not len(series.times_ms) or is_stale(series.values[-1:])[0]:
        return None
    return int(series.times_ms[-1]), float(series.values[-1])
