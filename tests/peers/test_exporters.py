"""Real exporters' own pages, as they change, taken in by Prometheus and by tocsin: the same series,
the same values bit for bit, in both formats that the exporters speak.

The pages are read once from the exporters and then served to both, for no two readings are alike.
RabbitMQ needs half a minute to start: its page is a recorded one (`test_scrapes.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from collector.model.labels import Labels
from tests.oracles.exporters import EXPORTERS, page, until
from tests.oracles.exposition_server import TEXT, Answer
from tests.oracles.scrape_stories import Script, by_scrape, differences, told_to_both

pytestmark = pytest.mark.peer

PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
ACCEPTED = {"text": TEXT, "protobuf": PROTOBUF}
PAGES = 3


def answers(
    start: Callable[[], AbstractContextManager[str]], expected_series: bytes
) -> dict[str, list[Answer]]:
    """Some pages of an exporter, by format."""
    with start() as url:
        until(lambda: expected_series in page(url, TEXT)[0])
        return {
            form: [
                Answer(body, content_type=content_type)
                for body, content_type in (page(url, accept) for _ in range(PAGES))
            ]
            for form, accept in ACCEPTED.items()
        }


def test_the_pages_of_real_exporters_are_stored_alike(tmp_path: Path) -> None:
    absent, pages = [], dict[str, list[Answer]]()
    for name, (start, expected_series) in EXPORTERS.items():
        try:
            told = answers(start, expected_series)
        except pytest.skip.Exception as reason:
            absent.append(str(reason))
            continue
        assert told["text"][0].body != told["text"][-1].body, f"{name} counts its scrapes"
        assert told["protobuf"][0].content_type == PROTOBUF, name
        pages.update({f"{name}-{form}": some for form, some in told.items()})
    if not pages:
        pytest.skip("; ".join(absent))
    with closing(Script({f"/{job}": some for job, some in pages.items()})) as script:
        both = told_to_both(tmp_path, script, {job: {} for job in pages}, "2s")
    expected, found = (by_scrape(one, PAGES) for one in both)
    assert not differences(expected, found)
    for job in pages:
        name = EXPORTERS[job.partition("-")[0]][1].decode()
        one = next(labels for labels in expected if is_of(labels, name, job))
        assert len(found[one]) == PAGES, "each scrape has it"
    if absent:
        pytest.skip("the others are alike; " + "; ".join(absent))


def is_of(labels: Labels, name: str, job: str) -> bool:
    return labels.metric_name == name and labels["job"] == job
