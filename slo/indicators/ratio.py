"""Two of good, bad and total events, each a sum of counters."""

from __future__ import annotations

from collector.model.errors import ConfigError
from slo.indicators.counters import counter_terms
from slo.objective import CounterTerm, Indicator


def ratio(*, good: str = "", bad: str = "", total: str = "") -> Indicator:
    """An indicator of exactly two PromQL texts out of `good`, `bad` and `total`.

    Raises ConfigError for another number of them, or a query that counts no events.
    """
    queries = tuple(
        (name, text.strip())
        for name, text in (("good", good), ("bad", bad), ("total", total))
        if text.strip()
    )
    if len(queries) != 2:
        raise ConfigError(
            f"a ratio needs two of good, bad and total, not {len(queries)}",
            advice="bad and total are the most exact",
        )
    terms = {name: counter_terms(text) for name, text in queries}
    if "total" not in terms:
        return Indicator("ratio", terms["bad"], (*terms["good"], *terms["bad"]), queries)
    if "bad" not in terms:
        return Indicator(
            "ratio", (*terms["total"], *_minus(terms["good"])), terms["total"], queries
        )
    return Indicator("ratio", terms["bad"], terms["total"], queries)


def _minus(terms: tuple[CounterTerm, ...]) -> tuple[CounterTerm, ...]:
    return tuple(CounterTerm(-term.coefficient, term.matchers) for term in terms)
