"""Which metric families a target has, told by its series: the store keeps metadata by family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from collector.model.clock import Clock
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.query.interface import QueryEngine

RECENT_MS = 3_600_000
"""A family without a sample for so long is no longer the target's."""
_SUFFIXES = ("_total", "_bucket", "_sum", "_count", "_created", "_info")


def families_of(
    engine: QueryEngine, metadata: Callable[[], Mapping[str, Metadata]], clock: Clock
) -> Callable[[Labels], Mapping[str, Metadata]]:
    """A function from a target's labels to what its families say of themselves."""

    def families(target: Labels) -> Mapping[str, Metadata]:
        matchers = tuple(Matcher("=", name, value) for name, value in target.pairs)
        now_ms = clock.now_ms()
        names = engine.label_values(METRIC_NAME, [matchers], now_ms - RECENT_MS, now_ms)
        known = metadata()
        return {family: known[family] for name in names for family in _family_names(name, known)}

    return families


def _family_names(series: str, known: Mapping[str, Metadata]) -> Iterator[str]:
    """The family that a series' name belongs to: of its own name, or without the suffix."""
    if series in known:
        yield series
        return
    for suffix in _SUFFIXES:
        family = series.removesuffix(suffix)
        if family != series and family in known:
            yield family
            return
