"""Prometheus and tocsin scrape the same changing pages; what they store is compared.

The k-th scrape of a client gets the k-th answer of a script, so both see the same story whatever
their timing; samples are compared by the number of the scrape, own timestamps as they are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collector.model.labels import METRIC_NAME
from tests.oracles.exposition_server import Answer
from tests.oracles.scrape_stories import (
    STALE,
    Script,
    Story,
    by_scrape,
    differences,
    told_to_both,
)

pytestmark = pytest.mark.peer

INTERVAL = "400ms"
PAGES = Path(__file__).parents[1] / "cases" / "expositions"


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
    with closing(Script({f"/{job}": answers for job in jobs})) as script:
        told = told_to_both(tmp_path, script, jobs, INTERVAL)
    expected, found = (without_half_read_ends(by_scrape(one, len(answers))) for one in told)
    assert not differences(expected, found)
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


def test_recorded_pages_of_exporters_are_stored_alike(tmp_path: Path) -> None:
    """What node_exporter, PostgreSQL's, redis's, RabbitMQ's and nginx's exporters said one day."""
    pages = {page.stem: Answer(page.read_bytes()) for page in PAGES.glob("*.txt")}
    assert len(pages) >= 4
    with closing(Script({f"/{job}": [page] for job, page in pages.items()})) as script:
        told = told_to_both(tmp_path, script, {job: {} for job in pages}, INTERVAL)
    expected, found = (by_scrape(one, 1) for one in told)
    assert not differences(expected, found)
    assert len(expected) > 500
