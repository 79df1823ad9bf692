"""The counters of an objective: what the rules look at."""

from __future__ import annotations

from collections.abc import Mapping

from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from slo.indicators.counters import metric_names
from slo.objective import CounterTerm, Indicator, Objective


def terms_of(objective: Objective) -> tuple[CounterTerm, ...]:
    """Bad and total ones."""
    return (*objective.indicator.bad, *objective.indicator.total)


def matchers_of(objective: Objective) -> list[Matcher]:
    """Each matcher once."""
    return list(dict.fromkeys(one for term in terms_of(objective) for one in term.matchers))


def metrics_of(objective: Objective) -> list[str]:
    """Each metric once."""
    names: Mapping[str, None] = {
        name: None for term in terms_of(objective) for name in metric_names(term.matchers) or ()
    }
    return list(names)


def is_native(objective: Objective) -> bool:
    """Whether it counts buckets of a native histogram."""
    return isinstance(objective.indicator, Indicator) and (
        objective.indicator.kind == "native_latency"
    )


def name_of(term: CounterTerm) -> str:
    """The metric of a counter."""
    return next(iter(sorted(metric_names(term.matchers) or ())), "")


def text_of(term: CounterTerm) -> str:
    """The selector of a counter."""
    inner = ", ".join(str(one) for one in term.matchers if one.name != METRIC_NAME)
    return f"{name_of(term)}{{{inner}}}"
