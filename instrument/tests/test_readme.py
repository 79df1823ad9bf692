"""What a reader may set or see is in the README."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import tocsin_instrument
from tocsin_instrument.metrics import metrics_of

PACKAGE = Path(tocsin_instrument.__file__).parent
README = (Path(__file__).parents[1] / "README.md").read_text()
DOCUMENTED = set(re.findall(r"[A-Za-z_][A-Za-z_0-9.]*", README))


def test_every_argument_is_documented() -> None:
    arguments = set(inspect.signature(tocsin_instrument.instrument).parameters) - {"app"}
    assert arguments <= DOCUMENTED


def test_every_public_name_is_documented() -> None:
    assert set(tocsin_instrument.__all__) - {"Check"} <= DOCUMENTED | {"Instrumentation"}
    assert len(tocsin_instrument.__all__) <= 10


def test_every_metric_and_label_is_documented() -> None:
    registry = CollectorRegistry()
    metrics_of(registry)
    families = list(registry.collect())
    assert len(families) == 5
    for family in families:
        suffix = "_total" if family.type == "counter" else ""
        assert family.name + suffix in DOCUMENTED


@pytest.mark.parametrize("prefix", ["OTEL_", "TOCSIN_INSTRUMENT_"])
def test_every_environment_variable_is_documented(prefix: str) -> None:
    source = (PACKAGE / "settings.py").read_text()
    variables = set(re.findall(rf'"({prefix}[A-Z_]+)"', source))
    assert variables
    assert variables <= DOCUMENTED
