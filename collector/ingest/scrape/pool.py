"""Keeps one loop alive for each target that discovery gives; no target waits for another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.discovery import DISCOVERERS
from collector.ingest.http.credentials import Credentials
from collector.ingest.http.tls import TlsContexts
from collector.ingest.relabel import compile_rules
from collector.ingest.scrape.fetch import Fetcher
from collector.ingest.scrape.loop import ScrapeLoop, TargetStatus, Tools
from collector.ingest.scrape.slots import Slots
from collector.ingest.scrape.target import Target, discovered_labels, make_target
from collector.ingest.series_gate import SeriesGate
from collector.ingest.warm_up import warm_up
from collector.ingest.write import SampleWriter
from collector.model.clock import Clock
from collector.model.errors import ConfigError, LimitError, TocsinError
from collector.model.labels import Labels
from collector.self_metrics import IngestMetrics
from collector.store.interface import Appender

PARSER_THREADS = 2
"""Scanners run without the interpreter's lock; more threads would only wait for it elsewhere."""

GONE_AFTER_INTERVALS = 2.1
"""A target that is found again within this time has not been away: its series do not end."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    loop: ScrapeLoop
    task: asyncio.Task[None]


@dataclass(slots=True)
class _Leaving:
    """A target that is gone: its series end unless it comes back soon."""

    loop: ScrapeLoop
    task: asyncio.Task[None]


@dataclass(slots=True)
class _Job:
    """One scrape section at work."""

    config: ScrapeConfig
    tls: TlsContexts
    credentials: Credentials
    found: dict[str, Sequence[Labels]] = field(default_factory=dict)
    dropped: list[Labels] = field(default_factory=list)
    dropped_count: int = 0
    running: dict[Target, _Running] = field(default_factory=dict)
    discoveries: list[asyncio.Task[None]] = field(default_factory=list)


class ScrapePool:
    """Every scrape section at work; `apply` says what is wanted, `run` does it."""

    def __init__(
        self,
        appender: Appender,
        metrics: IngestMetrics,
        clock: Clock,
        gate: SeriesGate | None = None,
    ) -> None:
        self._metrics = metrics
        self._executor = ThreadPoolExecutor(PARSER_THREADS, thread_name_prefix="scrape")
        writer = SampleWriter(appender, metrics, "scrape", clock, gate)
        self._tools = Tools(clock, metrics, writer, self._executor, Slots())
        self._wanted: dict[str, ScrapeConfig] = {}
        self._jobs: dict[str, _Job] = {}
        self._leaving: dict[Labels, _Leaving] = {}
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._closing = False

    def apply(self, configs: Iterable[ScrapeConfig], global_: GlobalConfig) -> None:
        """Want these sections and no others, from any thread; sections that stay are not touched.

        Raises ConfigError when two sections share a name.
        """
        wanted: dict[str, ScrapeConfig] = {}
        for config in configs:
            if config.job_name in wanted:
                raise ConfigError(
                    f"two scrape_configs have the job_name {config.job_name!r}",
                    advice="give each its own",
                )
            wanted[config.job_name] = config.with_defaults(global_)
        self._wanted = wanted
        self._wake()

    async def run(self) -> None:
        """Scrape until `close`; nothing is marked stale by stopping."""
        self._event_loop = asyncio.get_running_loop()
        self._changed.set()
        # the scanners' first compilation must not look like a slow target
        await self._event_loop.run_in_executor(self._executor, warm_up)
        try:
            while not self._closing:
                await self._changed.wait()
                self._changed.clear()
                if not self._closing:
                    await self._reconcile()
        finally:
            await self._stop()

    def close(self) -> None:
        """Let `run` return, from any thread."""
        self._closing = True
        self._wake()

    def _wake(self) -> None:
        if self._event_loop is not None:
            with suppress(RuntimeError):  # the loop is closed: there is nobody to wake
                self._event_loop.call_soon_threadsafe(self._changed.set)

    def targets(self) -> list[TargetStatus]:
        """Every target that is scraped, by job and URL."""
        found = [
            running.loop.status
            for job in list(self._jobs.values())
            for running in list(job.running.values())
        ]
        return sorted(found, key=lambda status: (status.target.job, status.target.url))

    def dropped(self) -> dict[str, list[Labels]]:
        """Discovered labels of the targets that relabelling dropped, by job.

        Of each job only as many as `keep_dropped_targets` allows; `dropped_counts` counts all.
        """
        return {name: list(job.dropped) for name, job in list(self._jobs.items())}

    def dropped_counts(self) -> dict[str, int]:
        """How many targets relabelling dropped, by job."""
        return {name: job.dropped_count for name, job in list(self._jobs.items())}

    def jobs(self) -> list[str]:
        """Names of the scrape sections, sorted."""
        return sorted(self._wanted)

    async def _reconcile(self) -> None:
        for name, job in list(self._jobs.items()):
            if self._wanted.get(name) != job.config:
                await self._halt(job)
                del self._jobs[name]
                for running in job.running.values():
                    self._leave(running.loop)
        for name, config in self._wanted.items():
            if name not in self._jobs:
                await self._start_job(name, config)

    async def _start_job(self, name: str, config: ScrapeConfig) -> None:
        try:
            tls = TlsContexts(config.tls_config, f"job {name!r}")
        except TocsinError as error:
            _log.error("job %s is not scraped: %s", name, error)
            return
        job = _Job(config, tls, Credentials(config, self._tools.clock))
        self._jobs[name] = job
        for key, discoverer in DISCOVERERS.items():
            if not getattr(config, key):
                continue

            def publish(targets: Sequence[Labels], key: str = key) -> None:
                job.found[key] = targets
                self._adjust(job)

            def fail(error: Exception, key: str = key) -> None:
                self._metrics.discovery_failures.labels(key.removesuffix("_configs"), name).inc()
                _log.warning("job %s: %s: targets are kept as they were: %s", name, key, error)

            task = asyncio.create_task(discoverer(config).run(publish, fail))
            task.add_done_callback(_log_failure)
            job.discoveries.append(task)
        await asyncio.sleep(0)

    def _adjust(self, job: _Job) -> None:
        """Start and end loops so that each target which is found now has one."""
        wanted = self._find_targets(job)
        limit = job.config.target_limit or 0
        refusal = _over_target_limit(job.config, len(wanted)) if 0 < limit < len(wanted) else None
        for target in [target for target in job.running if target not in wanted]:
            self._end(job.running.pop(target))
        others = sum(len(other.running) for other in self._jobs.values() if other is not job)
        self._tools.slots.make_room(others + len(wanted))
        for target in wanted.values():
            if target not in job.running:
                job.running[target] = self._start(job, target)
            loop = job.running[target].loop
            loop.refusal = refusal
            loop.rediscovered(target)
        self._metrics.targets.set(sum(len(job.running) for job in self._jobs.values()))

    def _start(self, job: _Job, target: Target) -> _Running:
        fetcher = Fetcher(job.config, job.tls, target.url, job.credentials)
        loop = ScrapeLoop(target, job.config, fetcher, self._tools)
        predecessor = self._leaving.pop(target.labels, None)
        if predecessor is not None:
            predecessor.task.cancel()
            loop.succeed(predecessor.loop)
        task = asyncio.create_task(loop.run(), name=target.source)
        task.add_done_callback(_log_failure)
        return _Running(loop, task)

    def _find_targets(self, job: _Job) -> dict[Target, Target]:
        """Each target once, as it was found last: two may be alike once they are relabelled."""
        relabel = compile_rules(step.rule() for step in job.config.relabel_configs)
        wanted: dict[Target, Target] = {}
        dropped: list[Labels] = []
        for labels in (labels for found in job.found.values() for labels in found):
            try:
                target = make_target(job.config, labels, relabel)
            except TocsinError as error:
                _log.error("a target is not scraped: %s", error)
                continue
            if target is None:
                dropped.append(discovered_labels(job.config, labels))
            else:
                wanted[target] = target
        job.dropped_count = len(dropped)
        job.dropped = dropped[: job.config.keep_dropped_targets or None]
        return wanted

    def _end(self, running: _Running) -> None:
        running.task.cancel()
        self._leave(running.loop)

    def _leave(self, loop: ScrapeLoop) -> None:
        """Its series end when it has not come back for two intervals, as in Prometheus."""
        labels, interval_ms = loop.status.target.labels, loop.status.target.interval_ms
        ends_ms = max(self._tools.clock.now_ms(), loop.next_scrape_ms())

        async def finish() -> None:
            await asyncio.sleep(interval_ms * GONE_AFTER_INTERVALS / 1000)
            self._leaving.pop(labels, None)
            if not self._is_scraped(labels):
                await loop.end(ends_ms)

        former = self._leaving.pop(labels, None)
        if former is not None:
            former.task.cancel()
        task = asyncio.create_task(finish())
        task.add_done_callback(_log_failure)
        self._leaving[labels] = _Leaving(loop, task)

    def _is_scraped(self, labels: Labels) -> bool:
        """Whether another target writes the very same series."""
        return any(target.labels == labels for job in self._jobs.values() for target in job.running)

    async def _halt(self, job: _Job) -> None:
        for discovery in job.discoveries:
            await _cancelled(discovery)
        for running in job.running.values():
            await _cancelled(running.task)

    async def _stop(self) -> None:
        for leaving in list(self._leaving.values()):
            await _cancelled(leaving.task)
        for job in self._jobs.values():
            await self._halt(job)
        self._executor.shutdown(wait=True)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _over_target_limit(config: ScrapeConfig, count: int) -> LimitError:
    return LimitError(
        f"target_limit of {config.target_limit} exceeded: job {config.job_name!r} has {count}",
        advice="raise target_limit or drop targets with relabel_configs",
    )


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("a scrape task ended", exc_info=task.exception())
