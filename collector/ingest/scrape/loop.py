"""Scrapes one target again and again: wait, fetch, parse, write; a failure is a result too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Literal

from collector.config import ScrapeConfig
from collector.ingest.formats.negotiate import media_type_of, new_parser
from collector.ingest.formats.page import Parser
from collector.ingest.limits import SeriesLimits
from collector.ingest.scrape.fetch import Fetched, Fetcher
from collector.ingest.scrape.page_writer import PageWriter
from collector.ingest.scrape.report import Report
from collector.ingest.scrape.target import Target, sample_relabel
from collector.ingest.write import Admission, SampleWriter
from collector.model.clock import Clock
from collector.model.errors import StorageError, TocsinError
from collector.self_metrics import IngestMetrics

Health = Literal["unknown", "up", "down"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What the last scrape of a target was like."""

    target: Target
    health: Health = "unknown"
    last_error: str = ""
    last_scrape_ms: int = 0
    last_duration_seconds: float = 0.0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Tools:
    """What every loop of a pool shares."""

    clock: Clock
    metrics: IngestMetrics
    writer: SampleWriter
    executor: Executor


class ScrapeLoop:
    """The life of one target in one scrape section; `refusal` is why it must not be scraped."""

    def __init__(
        self,
        target: Target,
        config: ScrapeConfig,
        fetcher: Fetcher,
        tools: Tools,
        refusal: TocsinError | None = None,
    ) -> None:
        self.status = TargetStatus(target)
        self._target = target
        self._config = config
        self._fetcher = fetcher
        self._tools = tools
        self._refusal = refusal
        self._parsers: dict[str, Parser] = {}
        admission = Admission(
            target.source,
            sample_relabel(config, target.labels),
            _series_limits(config),
            tools.writer,
        )
        self._pages = PageWriter(
            target.source,
            target.labels,
            admission,
            tools.writer,
            honor_timestamps=config.honor_timestamps,
        )
        self._last_ms = 0

    def succeed(self, former: ScrapeLoop) -> None:
        """Take over from the loop of the same target under the old configuration."""
        self.status = replace(former.status, target=self._target)
        self._pages.succeed(former._pages)
        self._last_ms = former._last_ms

    async def run(self) -> None:
        """Scrape at each time of the target's grid until cancelled."""
        try:
            await self._run()
        finally:
            self._fetcher.close()

    async def _run(self) -> None:
        clock, metrics = self._tools.clock, self._tools.metrics
        due_ms = self._target.first_scrape_ms(clock.now_ms())
        while True:
            await asyncio.sleep(max(0, due_ms - clock.now_ms()) / 1000)
            await self.scrape(self._target.sample_time_ms(due_ms, clock.now_ms()))
            following_ms = self._target.next_scrape_ms(max(due_ms, clock.now_ms()))
            missed = (following_ms - due_ms) // self._target.interval_ms - 1
            metrics.scrapes_missed.inc(max(0, missed))
            due_ms = following_ms

    async def scrape(self, timestamp_ms: int) -> None:
        """One scrape, its samples dated `timestamp_ms`; never raises for what a target did."""
        timestamp_ms = max(timestamp_ms, self._last_ms + 1)
        self._last_ms = timestamp_ms
        start = self._tools.clock.monotonic_seconds()
        try:
            if self._refusal is not None:
                raise self._refusal
            fetched = await self._fetcher.get(self._target.timeout_ms / 1000)
            report = await self._off_loop(lambda: self._write(fetched, timestamp_ms, start))
        except Exception as error:
            await self._fail(error, timestamp_ms, start)
        else:
            self._succeeded(report, timestamp_ms)
        self._tools.metrics.scrape_seconds.observe(self._seconds_since(start))

    async def _off_loop(self, work: Callable[[], Report | None]) -> Report:
        """Parsing and the log's fsync must not hold up the other targets.

        Work that has begun is waited for, cancelled or not: a target's rows have one writer.
        """
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(self._tools.executor, work)
        try:
            report = await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise
        return report if report is not None else Report(False, 0.0)

    def _write(self, fetched: Fetched, timestamp_ms: int, start: float) -> Report:
        media_type = media_type_of(fetched.content_type, self._config.fallback_scrape_protocol)
        parser = self._parsers.get(media_type)
        if parser is None:
            parser = self._parsers[media_type] = new_parser(media_type)
        page = parser.parse(fetched.body)
        return self._pages.write(page, timestamp_ms, self._seconds_since(start))

    async def _fail(self, error: Exception, timestamp_ms: int, start: float) -> None:
        if not isinstance(error, TocsinError):
            _log.exception("scraping %s failed in an unforeseen way", self._target.url)
        seconds = self._seconds_since(start)
        self.status = replace(
            self.status,
            health="down",
            last_error=str(error) or type(error).__name__,
            last_scrape_ms=timestamp_ms,
            last_duration_seconds=seconds,
            samples=0,
        )
        self._tools.metrics.scrapes.labels("failure").inc()
        try:
            await self._off_loop(lambda: self._pages.fail(timestamp_ms, seconds))
        except StorageError as storage_error:
            _log.error("can't even note that a scrape failed: %s", storage_error)

    def _succeeded(self, report: Report, timestamp_ms: int) -> None:
        self._tools.metrics.scrapes.labels("success").inc()
        self.status = TargetStatus(
            self._target, "up", "", timestamp_ms, report.duration_seconds, report.scraped
        )

    async def end(self) -> None:
        """The target is gone: mark its series stale. Not for shutting down."""
        timestamp_ms = max(self._tools.clock.now_ms(), self._last_ms + 1)
        try:
            await self._off_loop(lambda: self._pages.end(timestamp_ms))
        except StorageError as error:
            _log.error("can't mark the series of %s as ended: %s", self._target.url, error)

    def _seconds_since(self, start: float) -> float:
        return self._tools.clock.monotonic_seconds() - start


def _series_limits(config: ScrapeConfig) -> SeriesLimits:
    return SeriesLimits(
        sample_limit=config.sample_limit or 0,
        label_limit=config.label_limit or 0,
        label_name_length_limit=config.label_name_length_limit or 0,
        label_value_length_limit=config.label_value_length_limit or 0,
    )
