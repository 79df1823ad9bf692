"""Good and bad events for an objective, where no HTTP status tells them apart.

An objective over them: bad events are `indicator_events_total{indicator="…", outcome="bad"}`, all
events are both outcomes.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from tocsin_instrument.metrics import metrics_of


def good(indicator: str, count: int = 1, *, registry: CollectorRegistry | None = None) -> None:
    """Count events that went as promised."""
    _count(indicator, count, 0, registry)


def bad(indicator: str, count: int = 1, *, registry: CollectorRegistry | None = None) -> None:
    """Count events that broke the promise."""
    _count(indicator, 0, count, registry)


def _count(
    indicator: str, good_events: int, bad_events: int, registry: CollectorRegistry | None
) -> None:
    # Both outcomes are made with the first event, so that the other one is known to be zero.
    events = metrics_of(registry).indicator_events
    events.labels(indicator, "good").inc(good_events)
    events.labels(indicator, "bad").inc(bad_events)
