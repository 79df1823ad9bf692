"""The indicators of `tocsin/v1`: one field each, of which an SLO has one.

Each is checked here and made by its entry of `slo.indicators`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from collector.model.errors import ConfigError
from collector.model.record_rule import RecordKind
from slo.indicators.availability import availability
from slo.indicators.counters import counter_terms
from slo.indicators.freshness import freshness
from slo.indicators.latency import latency
from slo.indicators.native_latency import native_latency
from slo.indicators.ratio import ratio
from slo.indicators.records import records
from slo.indicators.sampled import sampled
from slo.indicators.saturation import saturation
from slo.indicators.throughput import DEFAULT_OVER_MS, throughput
from slo.objective import Comparison, Indicator, SampledIndicator
from slo.specs.fields import Fields
from slo.window import MINUTE_MS

EVENTS = ("good", "bad", "total")
DEFAULT_NAME = "availability"
_LOOK = re.compile(r"\s*(<=|>=|<|>)\s*(\S+)\s*")
_OPERATORS: dict[str, Comparison] = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One SLO's fields, and what of it stands outside of its indicator."""

    slo: Fields
    service: str
    labels: Sequence[str]


def indicator_of(slo: Fields, service: str, labels: Sequence[str]) -> Indicator | SampledIndicator:
    """The indicator of an SLO; `labels` are those it is grouped by. Raises ConfigError."""
    chosen = [name for name in INDICATOR_FIELDS if name in slo]
    events = [name for name in EVENTS if name in slo]
    if len(chosen) + bool(events) != 1:
        raise ConfigError(
            "an SLO has one indicator",
            where=slo.where(),
            advice=f"write two of good, bad and total, or one of {', '.join(INDICATOR_FIELDS)}",
        )
    if chosen:
        return INDICATOR_FIELDS[chosen[0]](_Asked(slo, service, labels))
    queries = {name: slo.text(name) for name in events}
    for name, text in queries.items():
        slo.made(name, partial(counter_terms, text))
    return slo.made(events[0], partial(ratio, **queries))


def default_name(slo: Fields) -> str:
    """What an SLO without a name is called: after its indicator."""
    return next((name for field, name in _NAMING.items() if field in slo), DEFAULT_NAME)


def _latency(asked: _Asked) -> Indicator:
    """`under` is a duration where buckets are seconds, else a number in the histogram's unit."""
    fields = asked.slo.mapping("latency", ("histogram", "under", "native"))
    try:
        limit = float(fields.text("under"))
    except ValueError:
        limit = fields.duration_ms("under") / 1000
    histogram = fields.text("histogram")
    if fields.flag("native"):
        make = partial(native_latency, histogram=histogram, seconds=limit)
    else:
        make = partial(latency, histogram=histogram, threshold_seconds=limit)
    return fields.made("histogram", make)


def _look_at(asked: _Asked) -> SampledIndicator:
    fields = asked.slo.mapping("look_at", ("query", "good_when", "good_share", "every"))
    every_ms, text = _every_ms(fields), fields.text("query")
    if ("good_when" in fields) == fields.flag("good_share"):
        raise fields.error(
            "good_when", "say when it is good", "good_when: '>= 1', or good_share: true"
        )
    if "good_when" not in fields:
        return fields.made("query", partial(sampled, "raw", text, "success", 0.0, every_ms))
    operator, limit = _comparison(fields, "good_when")
    return fields.made("query", partial(sampled, "threshold", text, operator, limit, every_ms))


def _available(asked: _Asked) -> SampledIndicator:
    if not asked.slo.is_mapping("available"):
        return asked.slo.made("available", partial(availability, asked.slo.text("available")))
    fields = asked.slo.mapping("available", ("query", "every"))
    return fields.made("query", partial(availability, fields.text("query"), _every_ms(fields)))


def _fresh(asked: _Asked) -> SampledIndicator:
    fields = asked.slo.mapping("fresh", ("timestamp", "within", "every"))
    within_ms, every_ms = fields.duration_ms("within"), _every_ms(fields)
    return fields.made(
        "timestamp", partial(freshness, fields.text("timestamp"), within_ms, every_ms)
    )


def _throughput(asked: _Asked) -> SampledIndicator:
    fields = asked.slo.mapping("throughput", ("counter", "at_least_per_second", "over", "every"))
    over_ms = fields.duration_ms("over") if "over" in fields else DEFAULT_OVER_MS
    limit = float(fields.number("at_least_per_second"))
    make = partial(throughput, fields.text("counter"), limit, over_ms, _every_ms(fields))
    return fields.made("counter", make)


def _saturation(asked: _Asked) -> SampledIndicator:
    fields = asked.slo.mapping("saturation", ("gauge", "good_when", "every"))
    operator, limit = _comparison(fields, "good_when")
    make = partial(saturation, fields.text("gauge"), operator, limit, _every_ms(fields))
    return fields.made("gauge", make)


def _records(kind: RecordKind, asked: _Asked) -> Indicator:
    known = ("where", "bad", "slower_than") if kind == "spans" else ("where", "bad")
    fields = asked.slo.mapping(kind, known)
    slow_ms = fields.duration_ms("slower_than") if "slower_than" in fields else None
    rule = f"{asked.service}/{asked.slo.text('name', DEFAULT_NAME)}"
    where = {"service": asked.service, **fields.texts("where")}
    make = partial(records, kind, rule, where, fields.texts("bad"), slow_ms, asked.labels)
    return asked.slo.made(kind, make)


def _comparison(fields: Fields, name: str) -> tuple[Comparison, float]:
    found = _LOOK.fullmatch(fields.text(name))
    try:
        limit = float(found[2]) if found else None
    except ValueError:
        limit = None
    if found is None or limit is None:
        raise fields.error(name, "a comparison is expected", "write it as '>= 1'")
    return _OPERATORS[found[1]], limit


def _every_ms(fields: Fields) -> int:
    return fields.duration_ms("every") if "every" in fields else MINUTE_MS


INDICATOR_FIELDS: dict[str, Callable[[_Asked], Indicator | SampledIndicator]] = {
    "latency": _latency,
    "available": _available,
    "fresh": _fresh,
    "throughput": _throughput,
    "saturation": _saturation,
    "spans": partial(_records, "spans"),
    "logs": partial(_records, "logs"),
    "look_at": _look_at,
}
_NAMING = {
    "latency": "latency",
    "fresh": "freshness",
    "throughput": "throughput",
    "saturation": "saturation",
}
