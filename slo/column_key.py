"""`column_key`: what an objective counts, in text: the identity of its events on disk."""

from __future__ import annotations

from slo.composite import CompositeIndicator
from slo.objective import Indicator, Objective, SampledIndicator


def column_key(objective: Objective) -> str:
    """What an objective counts, in text: its events are kept as long as this stays the same."""
    texts = [objective.id, *_what_it_counts(objective.indicator)]
    return "\n".join([*texts, repr(objective.budgeting)] if objective.budgeting else texts)


def id_of(key: str) -> str:
    """The objective's id in its key."""
    return key.split("\n", 1)[0]


def _what_it_counts(
    indicator: Indicator | SampledIndicator | CompositeIndicator,
) -> list[str]:
    if isinstance(indicator, CompositeIndicator):
        parts = zip(indicator.weights, indicator.parts, strict=True)
        keys = [f"{weight} x {one.target} of {column_key(one)}" for weight, one in parts]
        return [indicator.kind, repr(indicator.slices), *keys]
    if isinstance(indicator, SampledIndicator):
        found = indicator
        return [f"{found.query} {found.operator} {found.threshold!r} each {found.every_ms} ms"]
    return [
        " ".join(
            f"{term.coefficient:+.17g}{{{','.join(sorted(map(str, term.matchers)))}}}"
            + ("" if term.under is None else f" under {term.under!r}")
            for term in side
        )
        for side in (indicator.bad, indicator.total)
    ]
