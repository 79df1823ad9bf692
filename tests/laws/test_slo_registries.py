"""Laws of every reader of SLO specs and every indicator."""

from __future__ import annotations

import pytest

from collector.model.errors import ConfigError
from collector.model.yaml_document import read_yaml
from slo.indicators import INDICATORS
from slo.objective import Indicator
from slo.specs import READERS

ARGUMENTS = {
    "ratio": {"bad": "errors_total", "total": "requests_total"},
    "latency": {"histogram": "request_seconds", "threshold_seconds": 0.25},
    "native_latency": {"histogram": "request_seconds", "seconds": 0.25},
    "availability": {"query": "up"},
    "freshness": {"timestamp": "backup_time_seconds", "within_ms": 3_600_000},
    "throughput": {"counter": "orders_total", "at_least": 2.0},
    "saturation": {"gauge": "disk_used_ratio", "operator": "lt", "limit": 0.8},
    "spans": {"rule": "shop/pay", "where": {"service": "shop"}, "bad": {"status": "error"}},
    "logs": {"rule": "shop/pay", "where": {"service": "shop"}, "bad": {"severity": ">= error"}},
    "sampled": {
        "kind": "sampled",
        "query": "up",
        "operator": "gte",
        "threshold": 1,
        "every_ms": 60_000,
    },
}


@pytest.mark.parametrize("version", READERS)
@pytest.mark.parametrize(
    "rest",
    ["", "nonsense: 1", "slos: 3", "slos: [3]", "kind: SLO", "kind: [1]", "metadata: x\nkind: SLO"],
)
def test_every_reader_refuses_a_wrong_document_with_file_and_line(version: str, rest: str) -> None:
    documents = read_yaml(f"version: {version}\n{rest}", "slo.yaml")
    with pytest.raises(ConfigError) as caught:
        READERS[version](documents)
    assert caught.value.where.file == "slo.yaml"
    assert caught.value.where.line > 0


@pytest.mark.parametrize("kind", INDICATORS)
def test_every_indicator_counts_both_sides_and_keeps_its_queries(kind: str) -> None:
    indicator = INDICATORS[kind](**ARGUMENTS[kind])
    assert indicator.kind == kind
    if isinstance(indicator, Indicator):
        assert indicator.bad
        assert indicator.total
    assert all(text for _, text in indicator.queries)
