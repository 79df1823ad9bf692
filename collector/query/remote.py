"""`RemoteEngine`: the engine's protocol over the HTTP API of Prometheus, or of what speaks it.

Whole queries are pushed down; nothing is evaluated here. Works against Prometheus, VictoriaMetrics,
Thanos and Mimir. The client that is given knows the base URL, the credentials and TLS. Native
histograms in answers are left out, with a warning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import numpy as np

from collector.model.errors import (
    CancelledError,
    EvaluationError,
    InputError,
    QueryError,
    TocsinError,
    UnavailableError,
)
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s, Int64s, filled
from collector.query.ast import VectorSelector
from collector.query.grid import Grid
from collector.query.interface import AS_SET, QueryOptions
from collector.query.printer import print_expr
from collector.query.values import Answer, Matrix, RawSeries, Scalar, Text, Value, Vector

LEFT_OUT = "native histograms of a remote store are left out"
SHOWN_CHARACTERS = 300
"""Of an answer that is no JSON: enough to recognise a proxy's page."""
Fields = Mapping[str, str | Sequence[str]]
_ERRORS: Mapping[str, Callable[[str], TocsinError]] = {
    "bad_data": InputError,
    "execution": EvaluationError,
    "canceled": CancelledError,
    "timeout": UnavailableError,
    "422": EvaluationError,  # VictoriaMetrics gives the status as the type
    "400": InputError,
}


class RemoteEngine:
    """Answers PromQL by asking another server; implements `QueryEngine`."""

    def __init__(self, client: Callable[[], httpx.Client], url: str) -> None:
        """`client` gives what to ask with, `url` is the server's, without `/api/v1`."""
        self._client = client
        self._url = url.rstrip("/")

    def instant(self, query: str, at_ms: int, options: QueryOptions = AS_SET) -> Answer:
        """The value of `query` at one time: Vector, RawSeries, Scalar or Text."""
        given = {"query": query, "time": _seconds(at_ms), **_asked(options)}
        body = self._ask("query", given)
        value, left_out = _instant_value(_data(body), at_ms)
        return _answer(body, value, left_out)

    def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_SET,
    ) -> Answer:
        """The value of `query` at start, start + step, … up to end: always a Matrix."""
        given = {
            "query": query,
            "start": _seconds(start_ms),
            "end": _seconds(end_ms),
            "step": _seconds(step_ms),
            "nocache": "1",  # VictoriaMetrics otherwise moves start and end
            **_asked(options),
        }
        body = self._ask("query_range", given)
        matrix, left_out = _matrix(_data(body)["result"], Grid(start_ms, end_ms, step_ms))
        return _answer(body, matrix, left_out)

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[Labels]:
        """Label sets of series that satisfy any of the selectors, with samples in the range."""
        if not selectors:
            return []
        found = self._ask("series", _between(selectors, start_ms, end_ms))["data"]
        return sorted({Labels(one) for one in found}, key=lambda labels: labels.pairs)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Sorted label names of those series (all series when there is no selector)."""
        return sorted(self._ask("labels", _between(selectors, start_ms, end_ms))["data"])

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Sorted values of one label of those series."""
        given = _between(selectors, start_ms, end_ms)
        return sorted(self._ask(f"label/{name}/values", given, "GET")["data"])

    def metadata(self) -> dict[str, list[dict[str, str]]]:
        """What `/api/v1/metadata` says of each family."""
        found: dict[str, list[dict[str, str]]] = self._ask("metadata", {}, "GET")["data"]
        return found

    def _ask(self, path: str, given: Fields, method: str = "POST") -> dict[str, Any]:
        url = f"{self._url}/api/v1/{path}"
        fields = {"params" if method == "GET" else "data": given}
        try:
            answer = self._client().request(method, url, **fields)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"the remote store does not answer: {url}: {error}",
                advice="check store.remote and that the server runs",
            ) from error
        try:
            body = json.loads(answer.content)
        except ValueError:
            body = None
        if not isinstance(body, dict) or "status" not in body:
            raise _no_api(url, answer)
        if body["status"] != "success":
            raise _mapped(body)
        return body


def _no_api(url: str, answer: httpx.Response) -> UnavailableError:
    if answer.status_code in (401, 403):
        return UnavailableError(
            f"the remote store refuses the credentials: {url}: {answer.status_code}",
            advice="check basic_auth or authorization in the section store",
        )
    shown = answer.text[:SHOWN_CHARACTERS]
    return UnavailableError(
        f"the remote store answers {answer.status_code}, not as Prometheus does: {url}: {shown!r}",
        advice="store.remote is the URL below which /api/v1/query is",
    )


def _mapped(body: Mapping[str, Any]) -> TocsinError:
    kind, message = str(body.get("errorType", "")), str(body.get("error", ""))
    if kind == "bad_data" and "parse error" in message:
        return QueryError(message)
    return _ERRORS.get(kind, UnavailableError)(message)


def _asked(options: QueryOptions) -> dict[str, str]:
    given = {}
    if options.timeout_seconds is not None:
        given["timeout"] = f"{options.timeout_seconds:.3f}"
    if options.lookback_ms is not None:
        given["lookback_delta"] = _seconds(options.lookback_ms)
    return given


def _between(selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> Fields:
    given: dict[str, str | Sequence[str]] = {"match[]": list(map(selector_text, selectors))}
    # the API takes a missing bound for all of time, and few servers a time beyond it
    if start_ms > 0:
        given["start"] = _seconds(start_ms)
    if end_ms < 2**53:
        given["end"] = _seconds(end_ms)
    return given


def selector_text(matchers: Sequence[Matcher]) -> str:
    """A selector as text."""
    return print_expr(VectorSelector("", tuple(matchers)))


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _data(body: Mapping[str, Any]) -> Mapping[str, Any]:
    data: Mapping[str, Any] = body["data"]
    return data


def _answer(body: Mapping[str, Any], value: Value, left_out: bool) -> Answer:
    warnings = [*body.get("warnings", ()), *((LEFT_OUT,) if left_out else ())]
    return Answer(value, tuple(warnings), tuple(body.get("infos", ())))


def _instant_value(data: Mapping[str, Any], at_ms: int) -> tuple[Value, bool]:
    result = data["result"]
    match data["resultType"]:
        case "scalar":
            return Scalar(float(result[1]), at_ms), False
        case "string":
            return Text(result[1], at_ms), False
        case "matrix":
            kept = [one for one in result if one.get("values")]
            samples = [_columns(one["values"]) for one in kept]
            raw = RawSeries([Labels(one["metric"]) for one in kept], samples)
            return raw, any("histograms" in one for one in result)
        case _:
            kept = [one for one in result if "value" in one]
            values = np.array([float(one["value"][1]) for one in kept], np.float64)
            labels = [Labels(one["metric"]) for one in kept]
            return Vector(labels, values, at_ms), len(kept) < len(result)


def _columns(points: Sequence[tuple[float, str]]) -> tuple[Int64s, Float64s]:
    times = np.rint(np.array([at for at, _ in points], np.float64) * 1000).astype(np.int64)
    return times, np.array([float(value) for _, value in points], np.float64)


def _matrix(result: Sequence[Mapping[str, Any]], grid: Grid) -> tuple[Matrix, bool]:
    kept = sorted(
        ((Labels(one["metric"]), one["values"]) for one in result if one.get("values")),
        key=lambda row: row[0].pairs,
    )
    values = filled((len(kept), len(grid)))
    for row, (_, points) in enumerate(kept):
        times, numbers = _columns(points)
        columns = np.rint((times - grid.start_ms) / grid.step_ms).astype(np.int64)
        inside = (columns >= 0) & (columns < len(grid))
        values[row, columns[inside]] = numbers[inside]
    left_out = any("histograms" in one for one in result)
    return Matrix([labels for labels, _ in kept], grid.times_ms, values), left_out
