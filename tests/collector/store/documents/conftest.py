"""Records of any level and time, and a local store over a temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.records import LogBatch, LogRecord
from collector.store.documents.local import LocalLogStore
from collector.store.documents.self_metrics import LogMetrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def make_store(
    tmp_path: Path, clock: ManualClock, registry: CollectorRegistry
) -> Iterator[Callable[..., LocalLogStore]]:
    opened: list[LocalLogStore] = []
    metrics = LogMetrics(registry)

    def make(**options: Any) -> LocalLogStore:
        opened.append(LocalLogStore(tmp_path / "logs", clock, metrics, **options))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., LocalLogStore]) -> LocalLogStore:
    return make_store()


@pytest.fixture
def record(clock: ManualClock) -> Callable[..., LogRecord]:
    def make(body: str = "hello", age_ms: int = 0, severity: int = 9, **fields: Any) -> LogRecord:
        return LogRecord(clock.now_ms() - age_ms, severity, body, **fields)

    return make


@pytest.fixture
def batch() -> Callable[..., LogBatch]:
    return lambda *records: LogBatch(records)
