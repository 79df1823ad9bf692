"""Prometheus and tocsin scrape the same pages; what each stored, told in a way that compares.

The k-th scrape of a client gets the k-th answer of a script, so both see the same story whatever
their timing; samples are compared by the number of the scrape, own timestamps as they are.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.formats.go_float import normalize_bound
from collector.ingest.formats.series_text import unescape
from collector.ingest.scrape.pool import ScrapePool
from collector.model.clock import SystemClock
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.samples import STALE_BITS, is_missing
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb
from tests.oracles.exposition_server import Answer, ExpositionServer
from tests.oracles.prometheus_peer import run_prometheus

STALE, NAN = "stale", "NaN"
Story = dict[Labels, dict[int, float | str]]
"""series -> number of the scrape (or own timestamp) -> value; STALE and NAN by their names."""


class Script:
    """Serves each client's k-th request of a path the k-th answer there; the last one for ever."""

    def __init__(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self._answers = answers
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.server = ExpositionServer(self._answer)

    def _answer(self, path: str) -> Answer:
        client = self.server.asking.headers["User-Agent"].partition("/")[0]
        with self._lock:
            number = self._asked[client, path]
            self._asked[client, path] += 1
        answers = self._answers[path]
        return answers[min(number, len(answers) - 1)]

    def is_told(self, client: str) -> bool:
        """Whether a client has asked for one more of each path than there are."""
        return all(self._asked[client, path] > len(told) for path, told in self._answers.items())

    def close(self) -> None:
        self.server.close()

    def sections(self, jobs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """A scrape section of each job, whose path is its name."""
        target = [{"targets": [self.server.address]}]
        return [
            {"job_name": job, "metrics_path": f"/{job}", "static_configs": target, **fields}
            for job, fields in jobs.items()
        ]


def told_to_both(
    directory: Path, script: Script, jobs: Mapping[str, Mapping[str, Any]], interval: str
) -> tuple[Story, Story]:
    """What Prometheus and what tocsin stored of the script's whole story."""
    sections = script.sections(jobs)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(
            stored_by_prometheus,
            directory / "prometheus",
            sections,
            interval,
            lambda: script.is_told("Prometheus"),
        )
        ours = stored_by_tocsin(
            directory / "tocsin", sections, interval, lambda: script.is_told("tocsin")
        )
        return theirs.result(), ours


def stored_by_tocsin(
    directory: Path, sections: list[dict[str, Any]], interval: str, is_told: Callable[[], bool]
) -> Story:
    """By a pool of scrapes over a store."""
    clock = SystemClock()
    store = Tsdb.open(directory, clock)
    pool = ScrapePool(store, IngestMetrics(CollectorRegistry()), clock)
    settings = {"scrape_interval": interval, "extra_scrape_metrics": True}
    pool.apply(
        [ScrapeConfig.model_validate(one) for one in sections],
        GlobalConfig.model_validate(settings),
    )

    async def run() -> None:
        running = asyncio.create_task(pool.run())
        async with asyncio.timeout(60):
            while not is_told():
                await asyncio.sleep(0.05)
        pool.close()
        await running

    asyncio.run(run())
    found = _content(store)
    store.close()
    return found


def _content(store: Tsdb) -> Story:
    found: Story = {}
    for part in store.select([Matcher("!=", METRIC_NAME, "")], 0, 2**62):
        times = part.timestamps_ms.tolist()
        for labels, row in zip(part.labels, part.values, strict=True):
            missing, bits = is_missing(row).tolist(), row.view("int64").tolist()
            cells = zip(times, row.tolist(), missing, bits, strict=True)
            found[_series(dict(labels.pairs))] = {
                time_ms: STALE if bit == STALE_BITS else NAN if value != value else value
                for time_ms, value, gone, bit in cells
                if not gone
            }
    return found


def stored_by_prometheus(
    directory: Path, sections: list[dict[str, Any]], interval: str, is_told: Callable[[], bool]
) -> Story:
    """By Debian's Prometheus, as `promtool tsdb dump` tells it.

    The dump calls NaN and a stale marker alike; the API shows no stale marker: what it has is NaN.
    """
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": sections,
    }
    with run_prometheus(directory, config, "--enable-feature=extra-scrape-metrics") as peer:
        deadline = time.monotonic() + 60
        while not is_told():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        shown = peer.matrix('{__name__!=""}[10m]', time.time() + 10)
    nans = {
        (_series(one["metric"]), round(seconds * 1000))
        for one in shown
        for seconds, text in one["values"]
        if text == NAN
    }
    dump = subprocess.run(
        ["promtool", "tsdb", "dump", str(directory / "data")],
        capture_output=True,
        check=True,
        text=True,
    )
    found: Story = {}
    for line in dump.stdout.splitlines():
        labels, text, time_ms = re.fullmatch(r"(\{.*\}) (\S+) (\d+)", line).groups()  # type: ignore[union-attr]
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
        series = _series({name: unescape(value) for name, value in pairs})
        is_nan = (series, int(time_ms)) in nans
        value = (NAN if is_nan else STALE) if text == "NaN" else float(text)
        found.setdefault(series, {})[int(time_ms)] = value
    return found


def _series(pairs: Mapping[str, str]) -> Labels:
    """Prometheus 2 leaves bounds as they are, 3 and tocsin write some as floats: "1.0"."""
    bounds = ("le", "quantile")
    return Labels((k, normalize_bound(v) if k in bounds else v) for k, v in pairs.items())


def by_scrape(story: Story, scrapes: int) -> Story:
    """Times of a job's scrapes become their numbers; the duration is nobody's promise."""
    times = {
        labels["job"]: {time_ms: k for k, time_ms in enumerate(sorted(samples))}
        for labels, samples in story.items()
        if labels.metric_name == "up"
    }
    told: Story = {}
    for labels, samples in story.items():
        if labels.metric_name == "scrape_duration_seconds":
            continue
        numbers = times[labels["job"]]
        kept = {numbers.get(time_ms, time_ms): value for time_ms, value in samples.items()}
        kept = {k: v for k, v in kept.items() if k < scrapes or k > 10**9}
        if kept:
            told[labels] = kept
    return told


def differences(expected: Story, found: Story) -> str:
    """A line for each series that is not the same, values compared bit by bit; "" for none."""
    lines = []
    for labels in sorted({*expected, *found}):
        theirs, ours = expected.get(labels, {}), found.get(labels, {})
        if {k: _bits(v) for k, v in theirs.items()} != {k: _bits(v) for k, v in ours.items()}:
            lines.append(f"{labels}: {theirs}\n  ours {ours}")
    return "\n".join(lines)


def _bits(value: float | str) -> str:
    return value if isinstance(value, str) else value.hex()
