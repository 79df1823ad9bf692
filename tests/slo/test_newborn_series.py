"""The first errors of a service are events of its objective, in each format that they can come in.

`code="500"` exists only from the first error on. That its counter began at zero is said by a start
time (OpenMetrics, OTLP); of plain text the store knows it, for it has read the source before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collector.ingest.admission import Admission
from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.formats.page import Parser
from collector.ingest.formats.text import TextParser
from collector.ingest.limits import SeriesLimits
from collector.ingest.otlp_writer import OtlpWriter
from collector.ingest.relabel import compile_rules
from collector.ingest.scrape.page_writer import PageWriter
from collector.ingest.series_gate import SeriesGate
from collector.ingest.stored_totals import StoredTotals
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb
from slo.ledger import Ledger
from tests.oracles.otlp_requests import RequestBuilder

TICK_MS = 15_000
HOUR_SECONDS = 3600.0
NOW = 1_700_000_000
Counts = dict[str, tuple[int, float]]
"""code -> what the counter says, and since when it counts (seconds since 1970)."""


class World:
    """A service whose counters arrive in one format, and the ledger of its objective."""

    def __init__(self, directory: Path, objective: Any, form: str) -> None:
        self.clock = ManualClock(NOW * 1000)
        self.store = Tsdb.open(directory / "store", self.clock)
        metrics = IngestMetrics(CollectorRegistry())
        gate = SeriesGate(self.store, None, self.clock)
        self._writer = SampleWriter(self.store, metrics, form, self.clock, gate)
        self.send = getattr(self, form)
        self._pages: dict[str, PageWriter] = {}
        self._otlp = OtlpWriter(
            self._writer, Promotion(), totals=StoredTotals(self.store, self.clock)
        )
        self.ledger = Ledger([objective], self.store, directory / "ledger", TICK_MS)
        self.ledger.tick(self.clock.now_ms())

    def says(self, counts: Counts, target: str = "a") -> tuple[float, float]:
        """(bad, total) of the objective once this was taken in."""
        self.clock.advance(TICK_MS)
        self.send(counts, target)
        self.ledger.tick(self.clock.now_ms())
        bad, total = self.ledger.totals
        return float(bad[0]), float(total[0])

    def text(self, counts: Counts, target: str) -> None:
        lines = [f'requests_total{{code="{code}"}} {n}' for code, (n, _) in counts.items()]
        self._page(TextParser(), "\n".join(["# TYPE requests_total counter", *lines, ""]), target)

    def openmetrics(self, counts: Counts, target: str) -> None:
        lines = ["# TYPE requests counter"]
        for code, (value, since) in counts.items():
            lines += [f'requests_total{{code="{code}"}} {value}']
            lines += [f'requests_created{{code="{code}"}} {since}']
        self._page(OpenMetricsParser(), "\n".join([*lines, "# EOF", ""]), target)

    def _page(self, parser: Parser, text: str, target: str) -> None:
        if target not in self._pages:
            source = f"scrape/{target}"
            admission = Admission(source, compile_rules([]), SeriesLimits(), self._writer)
            labels = Labels({"instance": target})
            self._pages[target] = PageWriter(source, labels, admission, self._writer)
        self._pages[target].write(parser.parse(text.encode()), self.clock.now_ms(), 0.1)

    def otlp(self, counts: Counts, target: str) -> None:
        request = RequestBuilder(service__name="shop", service__instance__id=target)
        for code, (value, since) in counts.items():
            seconds = self.clock.now_ms() / 1000
            request.sum("requests", value, seconds, start=since, code=code)
        self._otlp.write(request.bytes())


@pytest.fixture
def world(tmp_path: Path, objective: Callable[..., Any]) -> Iterator[Callable[[str], World]]:
    made: list[World] = []

    def make(form: str) -> World:
        made.append(World(tmp_path, objective(), form))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


@pytest.mark.parametrize("form", ["text", "openmetrics", "otlp"])
def test_the_first_errors_of_a_service_that_was_read_before_are_events(
    world: Callable[[str], World], form: str
) -> None:
    seen = world(form)
    began = NOW - 100 * HOUR_SECONDS
    assert seen.says({"200": (7_000, began)}) == (0, 0), "what was before is the baseline"
    assert seen.says({"200": (7_010, began)}) == (0, 10)
    erred = seen.clock.now_ms() / 1000 + 5
    assert seen.says({"200": (7_020, began), "500": (500, erred)}) == (500, 520)
    assert seen.says({"200": (7_020, began), "500": (501, erred)}) == (501, 521)


def test_an_sdk_that_tells_its_own_start_for_every_series_loses_no_error_either(
    world: Callable[[str], World],
) -> None:
    seen = world("otlp")
    began = NOW - 100 * HOUR_SECONDS
    seen.says({"200": (7_000, began)})
    assert seen.says({"200": (7_000, began), "500": (500, began)}) == (500, 500)


@pytest.mark.parametrize(
    ("form", "age_seconds", "counted"),
    [
        ("openmetrics", 30, (500, 507)),
        ("otlp", 30, (500, 507)),
        ("openmetrics", HOUR_SECONDS, (0, 0)),
        ("otlp", HOUR_SECONDS, (0, 0)),
        ("text", 30, (0, 0)),
    ],
)
def test_a_process_that_just_began_brings_the_errors_of_its_start(
    world: Callable[[str], World], form: str, age_seconds: float, counted: tuple[int, int]
) -> None:
    """Plain text can't tell it from one that has long been running and was only not read."""
    seen = world(form)
    seen.says({}, target="another")
    began = seen.clock.now_ms() / 1000 + TICK_MS / 1000 - age_seconds
    assert seen.says({"200": (7, began), "500": (500, began)}, target="b") == counted
    later = (counted[0] + 1, counted[1] + 2)
    assert seen.says({"200": (8, began), "500": (501, began)}, target="b") == later


@pytest.mark.parametrize("form", ["openmetrics", "otlp"])
def test_a_counter_that_began_anew_and_is_past_its_old_value_counts_whole(
    world: Callable[[str], World], form: str
) -> None:
    seen = world(form)
    began = NOW - 100 * HOUR_SECONDS
    seen.says({"200": (7, began), "500": (3, began)})
    anew = seen.clock.now_ms() / 1000 + 5
    assert seen.says({"200": (8, anew), "500": (5, anew)}) == (5, 13)
