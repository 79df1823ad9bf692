"""Operations and indicator events are counted as what they were."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from tocsin_instrument import bad, good, measured
from tocsin_instrument.testing import CapturedMetrics, captured_metrics

COUNT = "operation_duration_seconds_count"


def test_a_block_is_counted_by_outcome(
    registry: CollectorRegistry, counted: CapturedMetrics
) -> None:
    with measured("charge", registry=registry):
        assert counted.value(COUNT, operation="charge", outcome="error") == 0
    with pytest.raises(KeyError), measured("charge", registry=registry):
        raise KeyError
    assert counted.increase(COUNT, operation="charge", outcome="ok") == 1
    assert counted.increase(COUNT, operation="charge", outcome="error") == 1


def test_functions_are_counted_and_coroutines_are_timed_to_their_end(
    registry: CollectorRegistry, counted: CapturedMetrics
) -> None:
    @measured("add", registry=registry)
    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    @measured("wait", registry=registry)
    async def wait(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def many() -> list[float]:
        return await asyncio.gather(*(wait(0.02) for _ in range(50)))

    assert add(1, b=2) == 3
    assert add.__doc__ == "Adds."
    assert asyncio.run(many()) == [0.02] * 50
    assert counted.increase(COUNT, operation="add", outcome="ok") == 1
    assert counted.increase(COUNT, operation="wait", outcome="ok") == 50
    seconds = counted.increase("operation_duration_seconds_sum", operation="wait")
    assert seconds >= 50 * 0.019


def test_good_and_bad_events_add_up(registry: CollectorRegistry, counted: CapturedMetrics) -> None:
    good("orders", registry=registry)
    assert counted.value("indicator_events_total", indicator="orders", outcome="bad") == 0
    good("orders", 3, registry=registry)
    bad("orders", 2, registry=registry)
    assert counted.increase("indicator_events_total", outcome="good") == 4
    assert counted.increase("indicator_events_total", outcome="bad") == 2


def test_captured_metrics_forget_what_was_before() -> None:
    good("captured")
    with captured_metrics() as metrics:
        good("captured")
        assert metrics.increase("indicator_events_total", indicator="captured") == 1
        assert metrics.value("indicator_events_total", indicator="captured") == 2
        with pytest.raises(LookupError, match="no sample nothing"):
            metrics.value("nothing")
