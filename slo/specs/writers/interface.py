"""What a writer gives: documents, and what the format could not say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.model.durations import MAX_MS, format_duration
from collector.model.labels import METRIC_NAME
from slo.composite import CompositeIndicator
from slo.indicators.latency import at_bound
from slo.objective import CounterTerm, Indicator, Objective, SampledIndicator

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Written:
    """YAML documents as mappings; `lost` says, objective by objective, what they do not hold."""

    documents: tuple[Document, ...]
    lost: tuple[str, ...]


Writer = Callable[[Sequence[Objective]], Written]


def without_composites(write: Writer) -> Writer:
    """For a format that can't say what other objectives one is made of, unless it counts events."""

    def written(objectives: Sequence[Objective]) -> Written:
        others = [o for o in objectives if not isinstance(o.indicator, CompositeIndicator)]
        left_out = [one for one in objectives if one not in others]
        found = write(others)
        lost = tuple(f"{one.id}: left out; it is made of other objectives" for one in left_out)
        lost += tuple(f"{one.id}: its error-budget policy" for one in others if one.policy)
        lost += tuple(f"{o.id}: no_data: {o.no_data}" for o in others if o.no_data != "ignore")
        return Written(found.documents, (*found.lost, *lost))

    return written


def events_of(indicator: Indicator, wrap: str) -> dict[str, str] | None:
    """Bad and total as PromQL; `wrap` holds one selector: `sum(rate({}[5m]))`.

    None where the sum has fractions of a counter, which no format can say.
    """
    written = {}
    for name, side in (("bad", indicator.bad), ("total", indicator.total)):
        parts = [_part(term, wrap) for term in side]
        if None in parts:
            return None
        written[name] = "".join(part for part in parts if part).removeprefix(" + ")
    return written


def _part(term: CounterTerm, wrap: str) -> str | None:
    if abs(term.coefficient) != 1:
        return None
    return f" {'-' if term.coefficient < 0 else '+'} {wrap.format(selector_of(at_bound(term)))}"


def uncarried(one: Objective) -> list[str]:
    """What formats lose that know of counters only: thresholds of histograms, spans and logs."""
    limits = {term.under for term in one.indicator.bad if term.under is not None}
    found = [
        f"{limit:g} must be a bound of the histogram: nothing is interpolated" for limit in limits
    ]
    if isinstance(one.indicator, Indicator) and one.indicator.rule is not None:
        found.append(f"its {one.indicator.rule.kind} are counted by tocsin only")
    return found


def limit_text(limit: float) -> str | float:
    """A duration where whole milliseconds say it exactly, else the number."""
    milliseconds = round(limit * 1000) if limit < MAX_MS / 1000 else 0
    return format_duration(milliseconds) if milliseconds and milliseconds / 1000 == limit else limit


def selector_of(term: CounterTerm) -> str:
    """`requests_total{code="500"}`."""
    name = next((m.value for m in term.matchers if m.name == METRIC_NAME and m.kind == "="), "")
    inner = ", ".join(str(m) for m in term.matchers if not (m.name == METRIC_NAME and name))
    return f"{name}{{{inner}}}" if inner else name


def is_sampled(objective: Objective) -> SampledIndicator | None:
    """The indicator when it is looked at instead of counted."""
    indicator = objective.indicator
    return indicator if isinstance(indicator, SampledIndicator) else None


def percent_text(objective: Objective) -> str:
    """`99.9`, exactly."""
    return f"{float(objective.target * 100):.12g}"


_ONE_LESS = "1 - ("


def complement(query: str) -> str:
    """One less a ratio; of one that is one less another, that other."""
    inner = query.removeprefix(_ONE_LESS).removesuffix(")")
    is_whole = query.startswith(_ONE_LESS) and query.endswith(")")
    return inner if is_whole and _is_balanced(inner) else f"{_ONE_LESS}{query})"


def _is_balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0
