"""Side-by-side measurements: each part has `measure()`, which returns its figures.

Adding a part adds one module and one line to `PARTS`.
"""

PARTS: tuple[str, ...] = (
    "ingest",
    "scrape",
    "cardinality",
    "remote_write",
    "otlp_http",
    "store",
    "disk",
    "series",
    "growth",
    "promql",
    "slo",
    "anomaly",
    "alerts",
    "instrument",
    "startup",
)
"""Modules of this package, in the order in which they run."""
