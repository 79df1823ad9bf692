"""Figures of this machine and of tocsin, each with its course over the last half hour.

A tile whose series does not exist (no host exporter is scraped) is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.errors import TocsinError
from collector.model.samples import is_sample
from collector.query.interface import QueryEngine
from collector.query.values import Matrix
from dashboards.render.charts import sparkline
from dashboards.render.svg import to_svg
from dashboards.units import format_value

SPAN_MS = 30 * 60_000
STEP_MS = 30_000


@dataclass(frozen=True, slots=True)
class Tile:
    """A name, a value, what it means; `picture` is SVG, `exact` the value before it was rounded."""

    name: str
    value: str
    note: str
    tone: str = ""
    picture: str = ""
    exact: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One tile's question; from `warn` on its value is coloured."""

    name: str
    query: str
    unit: str
    note: str
    warn: float = float("inf")
    bad: float = float("inf")


HOST = (
    Measure("CPU busy", '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[1m]))', "percentunit",
            "of all processors", 0.85, 0.97),
    Measure("Memory used", "max(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
            "percentunit", "cannot be given away", 0.85, 0.95),
    Measure("Fullest disk",
            "1 - min(node_filesystem_avail_bytes / (node_filesystem_size_bytes > 0))",
            "percentunit", "of a file system", 0.85, 0.95),
    Measure("Load per CPU", 'sum(node_load1) / count(node_cpu_seconds_total{mode="idle"})',
            "short", "over 1, work waits", 1.0, 2.0),
    Measure("Network", "sum(rate(node_network_receive_bytes_total[1m]))"
            " + sum(rate(node_network_transmit_bytes_total[1m]))", "Bps", "in and out"),
    Measure("Open files", "sum(node_filefd_allocated)", "short", "file handles in use"),
    Measure("Samples", "sum(rate(tocsin_ingest_samples_total[1m]))", "cps", "taken in"),
    Measure("Series", "sum(scrape_samples_scraped)", "short", "in the last scrapes"),
)  # fmt: skip


def host_tiles(engine: QueryEngine, now_ms: int, measures: Sequence[Measure] = HOST) -> list[Tile]:
    """The tiles that have a value now."""
    return [tile for measure in measures if (tile := _tile(engine, measure, now_ms)) is not None]


def _tile(engine: QueryEngine, measure: Measure, now_ms: int) -> Tile | None:
    end_ms = now_ms - now_ms % STEP_MS + STEP_MS
    try:
        answer = engine.range(measure.query, end_ms - SPAN_MS, end_ms, STEP_MS).value
    except TocsinError:
        return None
    if not isinstance(answer, Matrix) or not len(answer.values):
        return None
    values = np.where(is_sample(answer.values[0]), answer.values[0], np.nan)
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    last = float(known[-1])
    tone = "bad" if last >= measure.bad else "warn" if last >= measure.warn else ""
    picture = to_svg(sparkline(values, f"{measure.name}, the last half hour"))
    return Tile(measure.name, format_value(last, measure.unit), measure.note, tone, picture)
