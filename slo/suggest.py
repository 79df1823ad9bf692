"""`suggest`: indicators and objectives for a counter or a histogram, out of its history.

A counter with a label of status codes is an availability: its errors are those of the service. A
classic histogram is a latency at bounds that most of its events keep. Each indicator is tried with
several objectives; the strictest one whose budget the history kept is the one to begin with.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from collector.model.errors import InputError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.store.interface import Querier
from slo.backtest import Source
from slo.budget import burn_rate
from slo.indicators.latency import latency
from slo.indicators.ratio import ratio
from slo.judgement import Criteria
from slo.objective import CounterTerm, Indicator, Objective
from slo.past_events import past_events
from slo.replay import Replay, lead_in_ms, replay, ticks_between
from slo.specs.writers.interface import selector_of
from slo.window import DAY_MS, Window

TARGETS = tuple(Fraction(text) / 100 for text in ("99.99", "99.95", "99.9", "99.5", "99", "95"))
"""The objectives that are tried, strictest first."""
WINDOW = Window(30 * DAY_MS)
CODE_LABELS: dict[str, str] = {
    "code": "5..",
    "status": "5..",
    "status_code": "5..",
    "http_status": "5..",
    "http_response_status_code": "5..",
    "grpc_code": "Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss",
    "result": "error|failure|failed",
    "outcome": "SERVER_ERROR|error|failure",
}
"""Labels that tell errors from successes, and their values that are the service's own fault."""
SLOW_RATIOS = (0.95, 0.99, 0.999)
"""Latency is asked at the smallest bounds that kept these shares of events."""
MAX_INDICATORS = 20
"""A selector that offers more is of more than one service."""
_PARTS = ("_bucket", "_count", "_sum")
_Found = tuple[str, str, Indicator]
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Tried:
    """One objective over the history that there is."""

    objective: Objective
    replay: Replay

    @property
    def spent_ratio(self) -> float:
        """The share of the whole history's budget that its bad events took."""
        return burn_rate(self.replay.bad, self.replay.total, self.objective.allowed)

    @property
    def pages(self) -> int:
        """How many pages it would have sent."""
        return len(self.replay.of("page"))

    @property
    def tickets(self) -> int:
        """How many tickets it would have opened."""
        return len(self.replay.of("ticket"))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One indicator with its objectives, strictest first; `chosen` is the one to begin with."""

    why: str
    tried: tuple[Tried, ...]
    chosen: Tried


def suggest(
    matchers: Sequence[Matcher], source: Source, start_ms: int, end_ms: int, tick_ms: int
) -> list[Suggestion]:
    """What the series of a selector offer; a histogram may be named without `_bucket`.

    Raises InputError where they offer nothing, or too much.
    """
    series = source.querier.series(_widened(matchers), start_ms, end_ms)
    if not series:
        raise InputError("no series matches in that time", advice="check the selector, or --from")
    found = list(_indicators(matchers, series, source.querier, end_ms))
    if not found:
        raise InputError(
            "no label tells errors from successes, and there are no buckets",
            advice=f"a counter with one of {', '.join(CODE_LABELS)}, or a histogram, is needed",
        )
    if len(found) > MAX_INDICATORS:
        raise InputError(
            f"{len(found)} indicators are more than {MAX_INDICATORS}",
            advice="name the metric, or the job: an SLO is of one service",
        )
    service = _service(series)
    return [_tried(service, one, source, (start_ms, end_ms), tick_ms) for one in found]


def _tried(
    service: str, found: _Found, source: Source, span: tuple[int, int], tick_ms: int
) -> Suggestion:
    name, why, indicator = found
    objectives = [Objective(service, name, target, WINDOW, indicator) for target in TARGETS]
    criteria = Criteria(objectives)
    ticks_ms = ticks_between(max(0, span[0] - lead_in_ms(criteria)), span[1], tick_ms)
    events = past_events(objectives[0], source.querier, ticks_ms, totals=source.totals)
    tried = tuple(
        Tried(one, replay(criteria, column, events, span[0], tick_ms))
        for column, one in enumerate(objectives)
    )
    return Suggestion(why, tried, next((one for one in tried if one.spent_ratio <= 1), tried[-1]))


def _indicators(
    matchers: Sequence[Matcher], series: Sequence[Labels], querier: Querier, end_ms: int
) -> Iterator[_Found]:
    names = sorted({one.metric_name for one in series})
    for name in (one for one in names if not one.endswith(_PARTS)):
        have = {label for one in series if one.metric_name == name for label in one}
        label = next((one for one in CODE_LABELS if one in have), None)
        if label:
            yield _errors(name, label, matchers, len(names) > 1)
    bases = [one.removesuffix("_bucket") for one in names if one.endswith("_bucket")]
    for base in bases:
        called = base if len(bases) > 1 else "latency"
        for bound, why, indicator in _slow(base, matchers, querier, end_ms):
            yield f"{called}-{bound:g}s", why, indicator


def _errors(name: str, label: str, matchers: Sequence[Matcher], several: bool) -> _Found:
    total = _of_metric(name, matchers)
    bad = (*total, Matcher("=~", label, CODE_LABELS[label]))
    why = f'errors are the events with {label}=~"{CODE_LABELS[label]}"'
    indicator = ratio(bad=_text(bad), total=_text(total))
    own = f"-{name.removesuffix('_total')}" if several else ""
    return f"availability{own}", why, indicator


def _slow(
    base: str, matchers: Sequence[Matcher], querier: Querier, end_ms: int
) -> Iterator[tuple[float, str, Indicator]]:
    """A latency at each bound that kept one of `SLOW_RATIOS` of the events so far."""
    counts = _by_bound(_of_metric(f"{base}_bucket", matchers), querier, end_ms)
    total = counts.get(math.inf, 0.0)
    if not total:
        return
    bounds = {
        min((le for le, count in counts.items() if count >= share * total), default=math.inf)
        for share in SLOW_RATIOS
    }
    for bound in sorted(bounds - {math.inf}):
        indicator = latency(histogram=_text(_of_metric(base, matchers)), threshold_seconds=bound)
        why = f"{counts[bound] / total:.2%} of the events so far took no longer than {bound:g} s"
        yield bound, why, indicator


def _by_bound(matchers: Sequence[Matcher], querier: Querier, end_ms: int) -> dict[float, float]:
    """What each bucket of the last day's series had counted, by its bound."""
    found: dict[float, float] = {}
    for part in querier.select(matchers, end_ms - DAY_MS, end_ms):
        for labels, row in zip(part.labels, part.values, strict=True):
            seen = row[np.isfinite(row)]
            if len(seen):
                bound = float(labels.get("le", "inf"))
                found[bound] = found.get(bound, 0.0) + float(seen[-1])
    return found


def _widened(matchers: Sequence[Matcher]) -> tuple[Matcher, ...]:
    """The same selector, of the buckets too where it names a metric."""
    name = next((m.value for m in matchers if m.name == METRIC_NAME and m.kind == "="), None)
    if name is None:
        return tuple(matchers)
    base = next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name)
    either = Matcher("=~", METRIC_NAME, f"{re.escape(name)}|{re.escape(base)}_bucket")
    return (either, *(one for one in matchers if one.name != METRIC_NAME))


def _of_metric(name: str, matchers: Sequence[Matcher]) -> tuple[Matcher, ...]:
    others = (one for one in matchers if one.name not in (METRIC_NAME, "le"))
    return (Matcher("=", METRIC_NAME, name), *others)


def _text(matchers: tuple[Matcher, ...]) -> str:
    return selector_of(CounterTerm(1, matchers))


def _service(series: Sequence[Labels]) -> str:
    """The label that names a service in all of the series, or their most frequent job."""
    for label in ("service", "service_name", "job"):
        values = Counter(one.get(label, "") for one in series)
        del values[""]
        if values:
            return _NOT_A_NAME.sub("-", values.most_common(1)[0][0]).strip("-._") or "service"
    return "service"
