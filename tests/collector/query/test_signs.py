"""Signs as Prometheus has them: of zero, and of series that only their names tell apart."""

from __future__ import annotations

import importlib
import math

import pytest

from collector.model.errors import EvaluationError
from collector.model.labels import Labels
from collector.query.engine import Engine

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore
MINUTE_MS = 60_000


@pytest.fixture
def engine() -> Engine:
    store = MemoryStore()
    store.add(Labels.of("a", x="1"), [MINUTE_MS], [-0.0])
    store.add(Labels.of("b", x="1"), [20 * MINUTE_MS], [1.0])
    return Engine(store)


def test_the_sign_of_negative_zero_is_negative_zero(engine: Engine) -> None:
    answer = engine.instant("sgn(a)", MINUTE_MS).value
    assert math.copysign(1, answer.values[0]) == -1


def test_a_minus_joins_no_series_that_only_names_tell_apart(engine: Engine) -> None:
    with pytest.raises(EvaluationError, match="same labelset"):
        engine.range('-{__name__=~"a|b"}', MINUTE_MS, 20 * MINUTE_MS, MINUTE_MS)
    both = engine.range('abs({__name__=~"a|b"})', MINUTE_MS, 20 * MINUTE_MS, MINUTE_MS).value
    assert len(both.labels) == 1
