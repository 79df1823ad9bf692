"""Events of a native histogram that took no longer than any threshold.

The store keeps each bucket as a counter of its own (`histogram_columns`), so a latency is a sum of
counters here too: whole buckets up to the threshold, whatever their resolution, and a share of the
one that it falls into, interpolated exponentially as `histogram_fraction` does. The error is at
most the events of that one bucket, whose bounds are a factor of 2^(2^-schema) apart.
"""

from __future__ import annotations

import math
import re

from collector.model.errors import ConfigError
from collector.model.histogram_columns import COMPONENT
from collector.model.histograms import MAX_SCHEMA, MIN_SCHEMA
from collector.model.matchers import Matcher
from slo.indicators.counters import counter_terms
from slo.objective import CounterTerm, Indicator

_KIND, _UP_TO = "native_latency", " <= "


def native_latency(*, histogram: str, seconds: float) -> Indicator:
    """Good: observations up to `seconds`; total: all of them.

    `histogram` is a selector of its name. Raises ConfigError for more than a selector, or a
    threshold that is not over zero.
    """
    terms = counter_terms(histogram)
    if len(terms) != 1:
        raise ConfigError("a latency indicator has one histogram", advice="write its name")
    if not seconds > 0:
        raise ConfigError("a latency is over zero seconds", advice="250ms is usual")
    matchers = terms[0].matchers
    total = CounterTerm(1, (*matchers, Matcher("=", COMPONENT, "count")))
    good = [_minus(matchers, Matcher("=~", COMPONENT, r"zero_count|-?\d+-.+"))]
    for schema in range(MIN_SCHEMA, MAX_SCHEMA + 1):
        place = math.log2(seconds) * 2.0**schema
        below = math.floor(place)
        whole = rf"{schema}\+(?:{at_most(below)})"
        good.append(_minus(matchers, Matcher("=~", COMPONENT, whole)))
        if place > below:
            bucket = Matcher("=", COMPONENT, f"{schema}+{below + 1}")
            good.append(CounterTerm(below - place, (*matchers, bucket)))
    text = f"{histogram}{_UP_TO}{seconds!r}s"
    queries = (("good", text), ("total", histogram))
    return Indicator(_KIND, (total, *good), (total,), queries)


def threshold_of(indicator: Indicator) -> float | None:
    """The seconds of a latency of native histograms; None of another indicator."""
    if indicator.kind != _KIND:
        return None
    return float(dict(indicator.queries)["good"].rpartition(_UP_TO)[2].removesuffix("s"))


def _minus(matchers: tuple[Matcher, ...], component: Matcher) -> CounterTerm:
    return CounterTerm(-1, (*matchers, component))


def at_most(limit: int) -> str:
    """A regular expression of the whole numbers up to `limit`, as Python writes them."""
    if limit < 0:
        return f"-(?:{_at_least(-limit)})"
    return rf"-[1-9]\d*|{_digits_up_to(limit)}"


def _digits_up_to(limit: int) -> str:
    text = str(limit)
    parts = [text]
    if len(text) > 1:
        parts.append(rf"\d|[1-9]\d{{1,{len(text) - 2}}}" if len(text) > 2 else r"\d")
    for place, digit in enumerate(text):
        first = 1 if place == 0 and len(text) > 1 else 0
        if int(digit) > first:
            parts.append(_from(text, place, first, int(digit) - 1))
    return "|".join(parts)


def _at_least(limit: int) -> str:
    text = str(limit)
    parts = [text, rf"[1-9]\d{{{len(text)},}}"]
    parts += [
        _from(text, place, int(digit) + 1, 9) for place, digit in enumerate(text) if int(digit) < 9
    ]
    return "|".join(parts)


def _from(text: str, place: int, first: int, last: int) -> str:
    """Numbers that are `text` before a place, and between two digits at it."""
    return rf"{re.escape(text[:place])}[{first}-{last}]\d{{{len(text) - place - 1}}}"
