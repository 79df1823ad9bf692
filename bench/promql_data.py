"""What the PromQL bench asks, and of which samples: counters, and what three real boards read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.labels import Labels
from collector.model.samples import Float64s

TABLE = {
    "memory": "sum by (instance, code) (rate(x_total[5m]))",
    "topk": "topk(5, sum by (instance) (rate(x_total[5m])))",
    "ratio": (
        'sum by (instance) (rate(x_total{code=~"20[0-4]"}[5m])) '
        "/ sum by (instance) (rate(x_total[5m]))"
    ),
    "max_over_time": "max by (code) (max_over_time(x_total[10m]))",
    "selector": "count by (code) (x_total > 100)",
}
BOARDS = {
    "node_cpu_busy": (
        '100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))'
    ),
    "node_cpu_modes": (
        "sum by (instance, mode) (irate(node_cpu_seconds_total[5m])) "
        "/ on (instance) group_left () "
        'count by (instance) (count by (instance, cpu) (node_cpu_seconds_total{mode="idle"}))'
    ),
    "node_filesystem_used": (
        "100 - node_filesystem_avail_bytes * 100 / node_filesystem_size_bytes"
    ),
    "node_filesystem_full_in": "predict_linear(node_filesystem_avail_bytes[1h], 14400) < 0",
    "red_rate": "sum by (service) (rate(http_requests_total[5m]))",
    "red_errors": (
        'sum by (service) (rate(http_requests_total{code=~"5.."}[5m])) '
        "/ sum by (service) (rate(http_requests_total[5m]))"
    ),
    "red_p99": (
        "histogram_quantile(0.99, sum by (service, le) "
        "(rate(http_request_duration_seconds_bucket[5m])))"
    ),
    "red_apdex": (
        '(sum by (service) (rate(http_request_duration_seconds_bucket{le="0.25"}[5m])) '
        '+ sum by (service) (rate(http_request_duration_seconds_bucket{le="1"}[5m]))) / 2 '
        '/ sum by (service) (rate(http_request_duration_seconds_bucket{le="+Inf"}[5m]))'
    ),
    "slo_burn_rate": (
        '(sum by (service) (rate(http_requests_total{code=~"5.."}[1h])) '
        "/ sum by (service) (rate(http_requests_total[1h]))) / 0.001"
    ),
    "slo_good_ratio": (
        '1 - sum(increase(http_requests_total{code=~"5.."}[30m])) '
        "/ sum(increase(http_requests_total[30m]))"
    ),
}
RAW = "x_total"
"""Every series of the counters as it is: what the JSON of an answer costs."""
_BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
_MODES = ("idle", "user", "system", "iowait", "irq", "nice", "softirq", "steal")


@dataclass(frozen=True, slots=True)
class Samples:
    """`values` float64[t, n] of series, a row each `interval_ms` up to `end_ms`."""

    labels: list[Labels]
    values: Float64s
    interval_ms: int
    end_ms: int

    @property
    def times_ms(self) -> list[int]:
        """The rows' times."""
        rows = len(self.values)
        return [self.end_ms - (rows - 1 - i) * self.interval_ms for i in range(rows)]


def samples(counters: int, rows: int, interval_ms: int, end_ms: int) -> Samples:
    """`counters` series of `x_total`, and half as many of the boards."""
    dice = np.random.default_rng(1)
    labels = [_counter_labels(i, counters) for i in range(counters)] + _board_labels(counters // 2)
    values = np.cumsum(dice.integers(0, 50, (rows, len(labels))), axis=0).astype(np.float64)
    _accumulate_buckets(labels, values)
    for column, one in enumerate(labels):
        if one.metric_name.startswith("node_filesystem"):
            values[:, column] = 1e9 + values[:, column] * 100
    return Samples(labels, values, interval_ms, end_ms)


def _counter_labels(i: int, count: int) -> Labels:
    return Labels.of(
        "x_total",
        job="bench",
        instance=f"host-{i % 100}:9100",
        code=str(200 + i // 100 % 10),
        path=f"/api/v1/resource/{i // 1000}",
    )


def _board_labels(count: int) -> list[Labels]:
    found: list[Labels] = []
    host = 0
    while len(found) < count:
        instance = f"node-{host}:9100"
        node = {"job": "node", "instance": instance}
        found += [
            Labels.of("node_cpu_seconds_total", cpu=str(cpu), mode=mode, **node)
            for cpu in range(4)
            for mode in _MODES
        ]
        for mount in ("/", "/var", "/home"):
            found.append(Labels.of("node_filesystem_avail_bytes", mountpoint=mount, **node))
            found.append(Labels.of("node_filesystem_size_bytes", mountpoint=mount, **node))
        service = {"job": "shop", "service": f"service-{host % 20}", "instance": instance}
        found += [
            Labels.of("http_requests_total", code=code, method=method, **service)
            for code in ("200", "301", "404", "500", "503")
            for method in ("GET", "POST")
        ]
        found += [
            Labels.of("http_request_duration_seconds_bucket", le=le, **service) for le in _BOUNDS
        ]
        host += 1
    return found


def _accumulate_buckets(labels: list[Labels], values: Float64s) -> None:
    """Classic buckets are cumulative: each holds what the one before it does."""
    first = [i for i, one in enumerate(labels) if one.get("le", "") == _BOUNDS[0]]
    for start in first:
        columns = slice(start, start + len(_BOUNDS))
        values[:, columns] = np.cumsum(values[:, columns], axis=1)
