"""Prometheus and tocsin scrape the same changing pages; what they store is compared.

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
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
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

pytestmark = pytest.mark.peer

INTERVAL = "400ms"
PAGES = Path(__file__).parents[1] / "cases" / "expositions"
STALE = "stale"
"""A stale marker, or NaN: promtool's dump shows both alike."""
Story = dict[Labels, dict[int, float | str]]
"""series -> number of the scrape (or own timestamp) -> value."""


class Script:
    """Serves each client's k-th request of a path the k-th answer; the last one for ever."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = answers
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.server = ExpositionServer(self._answer)

    def _answer(self, path: str) -> Answer:
        # the request was noted just before: its headers say who asks
        with self._lock:
            agent = next(h["User-Agent"] for p, h in reversed(self.server.requests) if p == path)
            number = self._asked[agent.partition("/")[0], path]
            self._asked[agent.partition("/")[0], path] += 1
        return self._answers[min(number, len(self._answers) - 1)]

    def is_told(self, agent: str, paths: Sequence[str]) -> bool:
        return all(self._asked[agent, path] > len(self._answers) for path in paths)

    def close(self) -> None:
        self.server.close()


def sections(script: Script, jobs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "job_name": job,
            "metrics_path": f"/{job}",
            "static_configs": [{"targets": [script.server.address]}],
            **fields,
        }
        for job, fields in jobs.items()
    ]


def stored_by_tocsin(
    directory: Path, wanted: list[dict[str, Any]], is_told: Callable[[], bool], **globals_: object
) -> Story:
    clock = SystemClock()
    store = Tsdb.open(directory, clock)
    pool = ScrapePool(store, IngestMetrics(CollectorRegistry()), clock)
    pool.apply(
        [ScrapeConfig.model_validate(one) for one in wanted],
        GlobalConfig.model_validate({"scrape_interval": INTERVAL, **globals_}),
    )

    async def run() -> None:
        running = asyncio.create_task(pool.run())
        async with asyncio.timeout(60):
            while not is_told():
                await asyncio.sleep(0.05)
        pool.close()
        await running

    asyncio.run(run())
    found: Story = {}
    for part in store.select([Matcher("!=", METRIC_NAME, "")], 0, 2**62):
        times = part.timestamps_ms.tolist()
        for labels, row in zip(part.labels, part.values, strict=True):
            missing, bits = is_missing(row).tolist(), row.view("int64").tolist()
            found[labels] = {
                time_ms: STALE if bit == STALE_BITS or value != value else float(value)
                for time_ms, value, gone, bit in zip(times, row, missing, bits, strict=True)
                if not gone
            }
    store.close()
    return found


def stored_by_prometheus(
    directory: Path, wanted: list[dict[str, Any]], is_told: Callable[[], bool]
) -> Story:
    config = {"global": {"scrape_interval": INTERVAL}, "scrape_configs": wanted}
    for section in wanted:
        section.setdefault("scrape_timeout", INTERVAL)
    with run_prometheus(directory, config, "--enable-feature=extra-scrape-metrics"):
        deadline = time.monotonic() + 60
        while not is_told():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    dump = subprocess.run(
        ["promtool", "tsdb", "dump", str(directory / "data")],
        capture_output=True,
        check=True,
        text=True,
    )
    found: Story = {}
    for line in dump.stdout.splitlines():
        labels, value, time_ms = re.fullmatch(r"(\{.*\}) (\S+) (\d+)", line).groups()  # type: ignore[union-attr]
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
        series = Labels((name, unescape(text)) for name, text in pairs)
        for name in ("le", "quantile"):
            # since Prometheus 3 a bound is written as a float: "1.0"
            if name in series:
                series = series.merged({name: normalize_bound(series[name])})
        found.setdefault(series, {})[int(time_ms)] = STALE if value == "NaN" else float(value)
    return found


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


def without_half_read_ends(story: Story) -> Story:
    """The story without stale markers at scrapes that failed half-way, and right after them.

    Prometheus rolls such a scrape's samples back and yet takes the series that it had read for
    present: they are not marked where they end, and are marked a scrape later even where they
    never had a sample. tocsin ends what was there at the scrape that failed.
    """
    up = {one["job"]: found for one, found in story.items() if one.metric_name == "up"}
    half: dict[str, set[int]] = {}
    for labels, samples in story.items():
        if labels.metric_name == "scrape_samples_scraped":
            job = labels["job"]
            failed = {k for k, read in samples.items() if read and not up[job][k]}
            half[job] = failed | {k + 1 for k in failed}
    kept = {
        labels: {
            k: value
            for k, value in samples.items()
            if value != STALE or k not in half[labels["job"]]
        }
        for labels, samples in story.items()
    }
    return {labels: samples for labels, samples in kept.items() if samples}


def compare(tmp_path: Path, answers: Sequence[Answer], jobs: Mapping[str, Any]) -> None:
    paths = [f"/{job}" for job in jobs]
    with closing(Script(answers)) as script:
        wanted = sections(script, jobs)
        theirs: list[Story] = []
        peer = threading.Thread(
            target=lambda: theirs.append(
                stored_by_prometheus(
                    tmp_path / "prometheus",
                    [dict(one) for one in wanted],
                    lambda: script.is_told("Prometheus", paths),
                )
            )
        )
        peer.start()
        ours = stored_by_tocsin(
            tmp_path / "tocsin",
            wanted,
            lambda: script.is_told("tocsin", paths),
            extra_scrape_metrics=True,
        )
        peer.join()
    count = len(answers)
    expected = without_half_read_ends(by_scrape(theirs[0], count))
    found = without_half_read_ends(by_scrape(ours, count))
    differing = {
        str(labels): (expected.get(labels), found.get(labels))
        for labels in {*expected, *found}
        if expected.get(labels) != found.get(labels)
    }
    assert not differing, "\n".join(f"{k}: {v[0]}\n  ours {v[1]}" for k, v in differing.items())
    assert len(expected) > 8 * len(jobs)


def changing_pages(now_ms: int) -> list[Answer]:
    texts = [
        "# TYPE a counter\na 1\nb 2\nc{x=\"1\",y=\"2\"} 3\n",
        "a 2\nc{x=\"1\",y=\"2\"} 3\n",
        "a 3\nb 3\nc{x=\"1\",y=\"2\"} 4\nd 1\n",
        "a 4\nbroken{ 2\nc{x=\"1\",y=\"2\"} 5\n",
        "a 5\nb +Inf\nc{x=\"1\",y=\"2\"} -Inf\n",
        None,
        "a 6\nb 4\nnew{z=\"1\"} 7\n",
        "a 7\na 8\nb 5\n",
        "",
        "a 9\nb 6\n",
        f"a 10\nown 1 {now_ms}\n",
        f"a 11\nown 2 {now_ms + 1}\njob{{zone=\"z\",instance=\"other\"}} 1\n",
        "a 12\n",
        "a 13\nb 7\nc{x=\"1\",y=\"2\"} 8\nd 2\ne 1e-300\n",
        "a 14\n",
    ]  # fmt: skip
    return [Answer(status=500) if text is None else Answer(text.encode()) for text in texts]


def test_changing_pages_leave_the_same_series_values_and_stale_markers(tmp_path: Path) -> None:
    drop = {"source_labels": [METRIC_NAME], "regex": "b", "action": "drop"}
    rename = {"source_labels": ["x"], "target_label": "renamed"}
    jobs = {
        "plain": {},
        "samples": {"sample_limit": 3},
        "labels": {"label_limit": 3},
        "values": {"label_name_length_limit": 8, "label_value_length_limit": 25},
        "untimed": {"honor_timestamps": False},
        "relabelled": {"metric_relabel_configs": [drop, rename], "honor_labels": True},
        "bodies": {"body_size_limit": "45B"},
    }
    compare(tmp_path, changing_pages(int(time.time() * 1000) - 1000), jobs)


def recorded() -> list[Path]:
    return sorted(PAGES.glob("*.txt"))


def test_recorded_pages_of_exporters_are_stored_alike(tmp_path: Path) -> None:
    """What node_exporter, PostgreSQL's, redis's, RabbitMQ's and nginx's exporters said one day."""
    pages = recorded()
    assert len(pages) >= 4
    with closing(Recording({f"/{page.stem}": page.read_bytes() for page in pages})) as script:
        jobs: dict[str, Any] = {page.stem: {} for page in pages}
        paths = [f"/{job}" for job in jobs]
        wanted = sections(script, jobs)  # type: ignore[arg-type]
        told: list[Story] = []
        peer = threading.Thread(
            target=lambda: told.append(
                stored_by_prometheus(
                    tmp_path / "prometheus",
                    [dict(one) for one in wanted],
                    lambda: script.is_told("Prometheus", paths),
                )
            )
        )
        peer.start()
        ours = stored_by_tocsin(
            tmp_path / "tocsin",
            wanted,
            lambda: script.is_told("tocsin", paths),
            extra_scrape_metrics=True,
        )
        peer.join()
    expected, found = by_scrape(told[0], 1), by_scrape(ours, 1)
    assert set(expected) == set(found)
    differing = {
        str(one): (expected[one], found[one]) for one in expected if expected[one] != found[one]
    }
    assert not differing
    assert len(expected) > 500


class Recording(Script):
    """One answer for ever at each path."""

    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self._pages = pages
        super().__init__([Answer()])

    def _answer(self, path: str) -> Answer:
        super()._answer(path)
        return Answer(self._pages[path])
