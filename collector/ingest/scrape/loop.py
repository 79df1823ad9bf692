"""Scrapes one target again and again: wait, fetch, parse, write; a failure is a result too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Literal

from collector.config import ScrapeConfig
from collector.ingest.admission import Admission
from collector.ingest.formats.negotiate import media_type_of, new_parser
from collector.ingest.formats.page import Page, Parser
from collector.ingest.inflate import OversizeError
from collector.ingest.limits import SeriesLimits
from collector.ingest.scrape.fetch import Fetched, Fetcher
from collector.ingest.scrape.page_writer import NOTHING_READ, PageWriter
from collector.ingest.scrape.report import TOO_LARGE, Extras, Report
from collector.ingest.scrape.schedule import Schedule
from collector.ingest.scrape.slots import Slots
from collector.ingest.scrape.target import Target, sample_relabel
from collector.ingest.write import SampleWriter
from collector.model.clock import Clock
from collector.model.errors import InputError, StorageError, TocsinError
from collector.self_metrics import IngestMetrics

Health = Literal["unknown", "up", "down"]
MAX_INLINE_BYTES = 512 * 1024
"""A page that is read in a millisecond is read where it came: the way to another thread and back
costs as much. Larger ones, and those that are not known yet, must not hold up other targets.
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What the last scrape of a target was like; `last_error` of one that is up tells what of it
    was left out."""

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
    slots: Slots


class ScrapeLoop:
    """The life of one target in one scrape section; `refusal` is why it must not be scraped."""

    refusal: TocsinError | None

    def __init__(
        self,
        target: Target,
        config: ScrapeConfig,
        fetcher: Fetcher,
        tools: Tools,
    ) -> None:
        self.status = TargetStatus(target)
        self._target = target
        self._config = config
        self._fetcher = fetcher
        self._tools = tools
        self.refusal = None
        self._formats = config.formats()
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
            track_timestamps=config.track_timestamps_staleness,
            extras=_extras(config, target),
        )
        self._admission = admission
        self._page: Page | None = None
        self._body_bytes = 0
        self._last_ms = 0

    def succeed(self, former: ScrapeLoop) -> None:
        """Take over from the loop of the same target under the old configuration."""
        self.status = replace(former.status, target=self._target)
        self._pages.succeed(former._pages)
        self._last_ms = former._last_ms

    def rediscovered(self, target: Target) -> None:
        """The same target, found with other labels that relabelling did not keep."""
        self.status = replace(self.status, target=target)

    def next_scrape_ms(self) -> int:
        """When the target would be scraped next, going by the last time."""
        return self._last_ms + self._target.interval_ms if self._last_ms else 0

    async def run(self) -> None:
        """Scrape at each time of the target's grid until cancelled."""
        try:
            await self._run()
        finally:
            self._fetcher.close()

    async def _run(self) -> None:
        clock, metrics, slots = self._tools.clock, self._tools.metrics, self._tools.slots
        plan = Schedule(self._target, slots, clock.now_ms(), clock.monotonic_seconds())
        while True:
            await asyncio.sleep(plan.wait_seconds(clock.monotonic_seconds()))
            begin = plan.begin(clock.now_ms(), clock.monotonic_seconds())
            if begin.jumped_ms:
                self._note_jump(begin.jumped_ms)
            await self.scrape(begin.timestamp_ms)
            missed = plan.plan_next(clock.now_ms(), clock.monotonic_seconds())
            metrics.scrapes_missed.inc(missed)

    def _note_jump(self, jumped_ms: int) -> None:
        direction = "forward" if jumped_ms > 0 else "back"
        self._tools.metrics.clock_jumps.labels(direction).inc()
        _log.warning(
            "the machine's clock went %s by %.1f s between two scrapes of %s",
            direction,
            abs(jumped_ms) / 1000,
            self._target.url,
        )

    async def scrape(self, timestamp_ms: int) -> None:
        """One scrape, its samples dated `timestamp_ms`; never raises for what a target did."""
        timestamp_ms = self._in_order(timestamp_ms)
        self._last_ms = timestamp_ms
        start = self._tools.clock.monotonic_seconds()
        self._page, self._body_bytes = None, 0
        try:
            if self.refusal is not None:
                raise self.refusal
            fetched = await self._fetcher.get(self._target.timeout_ms / 1000)
            if self._is_quick(fetched):
                report = self._write(fetched, timestamp_ms, start)
            else:
                report = await self._off_loop(lambda: self._write(fetched, timestamp_ms, start))
        except Exception as error:
            await self._fail(error, timestamp_ms, start)
        else:
            self._succeeded(report, timestamp_ms)
        self._tools.metrics.scrape_seconds.observe(self._seconds_since(start))

    def _in_order(self, timestamp_ms: int) -> int:
        """Not before the sample before; but a clock that was set back further is believed."""
        behind_ms = self._last_ms - timestamp_ms
        return self._last_ms + 1 if 0 <= behind_ms < self._target.interval_ms else timestamp_ms

    def _is_quick(self, fetched: Fetched) -> bool:
        return self.status.health == "up" and len(fetched.body) <= MAX_INLINE_BYTES

    async def _off_loop(self, work: Callable[[], Report | None]) -> Report:
        """Long work must not hold up the other targets.

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
        media_type = media_type_of(fetched.content_type, self._formats.fallback)
        parser = self._parsers.get(media_type)
        if parser is None:
            parser = self._parsers[media_type] = self._formats.parser(media_type)
        self._body_bytes = len(fetched.body)
        try:
            self._page = parser.parse(fetched.body)
        except InputError as error:
            self._page = _page_before(error, media_type, fetched.body)
            raise
        seconds = self._seconds_since(start)
        return self._pages.write(self._page, timestamp_ms, seconds, self._body_bytes)

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
        size = TOO_LARGE if isinstance(error, OversizeError) else self._body_bytes
        try:
            await self._off_loop(lambda: self._write_failure(timestamp_ms, seconds, size))
        except StorageError as storage_error:
            _log.error("can't even note that a scrape failed: %s", storage_error)

    def _write_failure(self, timestamp_ms: int, seconds: float, body_bytes: int) -> None:
        page = self._page
        partial = NOTHING_READ if page is None else self._admission.partial(page.layout)
        self._pages.fail(timestamp_ms, seconds, partial, body_bytes)

    def _succeeded(self, report: Report, timestamp_ms: int) -> None:
        self._tools.metrics.scrapes.labels("success").inc()
        self.status = TargetStatus(
            self._target,
            "up",
            self._pages.warning(),
            timestamp_ms,
            report.duration_seconds,
            report.scraped,
        )

    async def end(self, timestamp_ms: int) -> None:
        """The target is gone: its series end at this time. Not for shutting down."""
        timestamp_ms = self._in_order(timestamp_ms)
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


def _extras(config: ScrapeConfig, target: Target) -> Extras | None:
    if not config.extra_scrape_metrics:
        return None
    return Extras(target.timeout_ms / 1000, config.sample_limit or 0)


def _page_before(error: InputError, media_type: str, body: bytes) -> Page | None:
    """What was right before the line that is wrong: the report counts it."""
    kind, _, number = error.where.field.partition(" ")
    if kind != "line" or not number.isdecimal():
        return None
    lines = [line for line in body.split(b"\n")[: int(number) - 1] if line != b"# EOF"]
    end = b"# EOF\n" if media_type == "application/openmetrics-text" else b""
    try:
        return new_parser(media_type).parse(b"".join(line + b"\n" for line in lines) + end)
    except InputError:
        return None
