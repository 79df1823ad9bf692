import threading

from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock, SystemClock
from tocsin.ticker import Ticker, TickMetrics


def test_a_failing_task_is_counted_and_called_again() -> None:
    registry = CollectorRegistry()
    calls = []

    def task(now_ms: int) -> None:
        calls.append(now_ms)
        raise RuntimeError("no")

    ticker = Ticker("x", 1000, task, ManualClock(5), TickMetrics(registry))
    ticker.tick()
    ticker.tick()
    assert calls == [5, 5]
    assert registry.get_sample_value("tocsin_tick_failures_total", {"task": "x"}) == 2


def test_ticks_come_until_it_is_stopped() -> None:
    seen = threading.Semaphore(0)
    ticker = Ticker(
        "x", 5, lambda _: seen.release(), SystemClock(), TickMetrics(CollectorRegistry())
    )
    ticker.start()
    assert all(seen.acquire(timeout=10) for _ in range(3))
    ticker.stop()
    assert not [t for t in threading.enumerate() if t.name == "tocsin-x"]
