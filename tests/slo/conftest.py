"""What the tests of SLOs share: objectives in one line, and a store that counts slowly."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest

from slo.indicators import INDICATORS
from slo.objective import Objective
from slo.window import DAY_MS, Window


def load_oracle(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "oracles" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"oracles_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


COUNTING_STORE = load_oracle("counting_store")


@pytest.fixture(scope="session")
def new_store() -> Callable[[], object]:
    """Makes an empty `CountingStore`."""
    made: Callable[[], object] = COUNTING_STORE.CountingStore
    return made


def make_objective(
    name: str = "availability",
    bad: str = 'requests_total{code="500"}',
    total: str = "requests_total",
    target: str = "0.999",
    days: float = 30,
    **more: object,
) -> Objective:
    return Objective(
        service="shop",
        name=name,
        target=Fraction(target),
        window=Window(int(days * DAY_MS)),
        **{"indicator": INDICATORS["ratio"](bad=bad, total=total), **more},
    )


@pytest.fixture(scope="session")
def objective() -> Callable[..., Objective]:
    """Makes an objective of 99.9 % over 30 days about `requests_total`."""
    return make_objective
